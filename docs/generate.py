"""Pages generated from the project itself; they are committed, so that links work on a code host, and a test keeps them current.

python docs/generate.py                     # writes all generated pages, and the tables of costs in other pages
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grading.metrics
from docs import api_page
from grading import metric_names as names
from mlebench.registry import Competition, Registry

ROOT = Path(__file__).resolve().parents[1]
SPLIT_TITLES = {"low": "Low", "medium": "Medium", "high": "High", "dev": "Development"}
BUDGET = "--budget usd=10,input_tokens=20m,output_tokens=1m"
COST_SETTINGS = {
    **{f"`{split}`, 3 seeds, `standard`": f"--split {split} --seeds 3 --profile standard {BUDGET}"
       for split in ("low", "medium", "high", "all")},
    "`low`, 1 seed, `gpu`": f"--split low --profile gpu {BUDGET}",
    "`low`, 1 seed, `small`": f"--split low --profile small {BUDGET}",
}  # fmt: skip
"""Rows of the table of costs, with the flags of `mlebench run` that they stand for."""
COSTS = re.compile(r"(<!-- costs: docs/generate.py -->\n).*?(<!-- end of costs -->)", re.DOTALL)
WITH_COSTS = ("README.md", "docs/cost.md")


def competitions_page() -> str:
    """All competitions by split, with modality, task, metric and sizes."""
    parts = [
        "# The competitions",
        "Kaggle's competitions need a Kaggle account whose owner has accepted their rules. The arrow shows whether a higher or a "
        "lower score is better. Test rows are those of the answers in edition v1. GB is the size of the download. A dash marks "
        "a value that is not recorded.",
    ]
    head = ["| id | modality | task | metric | test rows | GB |", "|---|---|---|---|---|---|"]
    for split, title in SPLIT_TITLES.items():
        rows = [_row(competition) for competition in _competitions(split)]
        parts.append("\n".join([f"## {title} ({len(rows)})", "", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def _row(competition: Competition) -> str:
    arrow = "↓" if competition.is_lower_better else "↑"
    size = competition.facts.download_gb
    rows = competition.facts.counts.get(competition.facts.files.answers)
    cells = [
        competition.id,
        competition.modality,
        competition.facts.task,
        f"{competition.metric} {arrow}",
        f"{rows:,}" if rows else "–",
        f"{size:g}" if size else "–",
    ]
    return f"| {' | '.join(cells)} |"


def known_issues() -> str:
    """Every known issue of every competition, from the `issues.yaml` files."""
    parts = [
        "# Editions and known issues",
        "Edition v1 reproduces the 2024 data byte for byte, faults included, so that scores compare with published ones. "
        "Edition v2 fixes the known faults. A *leak* reveals answers. A *fault* is broken or graded wrongly in v1. A *note* "
        "makes no score wrong: it is part of the source data and stays, is a matter of form or chance, or is also fixed in v1.",
    ]
    for split in (*SPLIT_TITLES, "demo", "research"):
        for competition in _competitions(split):
            issues = competition.issues
            rows = [f"| {issue.kind} | {_cell(issue.v1)} | {_cell(issue.v2)} |" for issue in issues]
            table = ["| kind | in v1 | in v2 |", "|---|---|---|", *rows] if rows else ["No issue is known."]
            parts.append("\n".join([f"## {competition.id}", "", *table]))
    return "\n\n".join(parts) + "\n"


def metrics_page() -> str:
    """Every metric with its docstring."""
    parts = [
        "# Metrics",
        "Metrics are pure functions over arrays, in `grading.metrics`. A competition's grader combines them with checks of its "
        "columns.",
        _named_metrics(),
    ]
    for module in pkgutil.iter_modules(grading.metrics.__path__, "grading.metrics."):
        loaded = importlib.import_module(module.name)
        functions = [
            value
            for name, value in inspect.getmembers(loaded, inspect.isfunction)
            if value.__module__ == module.name and not name.startswith("_")
        ]
        if functions:
            parts += [f"## {module.name}", inspect.getdoc(loaded) or ""]
            parts += [_function(function) for function in sorted(functions, key=lambda each: each.__code__.co_firstlineno)]
    return "\n\n".join(parts) + "\n"


def _named_metrics() -> str:
    """The names of metrics, the other names that they go by, their directions and what a submission holds for them."""
    arrows = {"maximize": "higher", "minimize": "lower"}
    rows = [[f"`{metric.name}`", ", ".join(metric.aliases), arrows[metric.direction], metric.submits] for metric in names.NAMES]
    head = ["name", "also known as", "better", "a submission holds"]
    table = "\n".join(f"| {' | '.join(map(_cell, cells))} |" for cells in [head, ["---"] * len(head), *rows])
    return (
        "## Names\n\nCase and punctuation do not matter. K is a number. `mean column-wise` before a metric of one column takes "
        f"the mean over several.\n\n{table}"
    )


def _function(function: Any) -> str:
    names = ", ".join(inspect.signature(function).parameters)
    return f"### {function.__name__}\n\n```text\n{function.__name__}({names})\n\n{inspect.getdoc(function) or ''}\n```"


@functools.cache
def cost_table() -> str:
    """What `mlebench run --dry-run` reports for some settings, the most of each."""
    head = ["setting", "runs", "GPU hours", "download", "output on disk", "input tokens", "output tokens", "USD"]
    rows = [[setting, *_costs(flags)] for setting, flags in COST_SETTINGS.items()]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])


def _costs(flags: str) -> list[str]:
    with tempfile.TemporaryDirectory() as empty:
        words = ["run", "--agent", "aide/gpt", *flags.split(), "--dry-run", "--json", "--data-dir", empty, "--runs-dir", empty]
        # exits with 2, as nothing is prepared there
        ran = subprocess.run([sys.executable, "-m", "mlebench", *words], capture_output=True, text=True, check=False, timeout=300)
    [entry] = json.loads(ran.stdout)
    unknown = sum(size is None for size in entry["downloads"].values())
    downloads = [f"{entry['download_bytes'] / 1e9:,.0f} GB"] if entry["download_bytes"] else []
    downloads += [f"{unknown} of unrecorded size"] if unknown else []
    return [
        str(entry["runs"]),
        f"{entry['gpu_hours']:,.0f}",
        " + ".join(downloads),
        f"{entry['disk_bytes'] / 1e9:,.0f} GB" + (" or more" if unknown else ""),
        *(f"{entry[key] / 1e6:,.4g} M" for key in ("most_input_tokens", "most_output_tokens")),
        f"{entry['most_usd']:,.0f}",
    ]


def with_costs(text: str) -> str:
    """A page's text with the table of costs put in anew."""
    return COSTS.sub(lambda found: f"{found[1]}\n{cost_table()}\n\n{found[2]}", text)


def write_pages() -> None:
    """Write every generated page, and the table of costs where it is shown."""
    for path in (ROOT / name for name in WITH_COSTS):
        path.write_text(with_costs(path.read_text(encoding="utf-8")), encoding="utf-8")
    for name, page in PAGES.items():
        (ROOT / "docs" / name).write_text(page(), encoding="utf-8")


def _competitions(split: str) -> list[Competition]:
    registry = Registry()
    return [registry.get_competition(name) for name in registry.list_competition_ids(split)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _api_page() -> str:
    return api_page.api_page()


def _commands_page() -> str:
    command = [sys.executable, "-m", "mlebench.cli.reference"]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


PAGES: dict[str, Callable[[], str]] = {
    "competitions.md": competitions_page,
    "known-issues.md": known_issues,
    "metrics.md": metrics_page,
    "api.md": _api_page,
    "commands.md": _commands_page,
}
"""File names in docs/, with what writes their content."""


if __name__ == "__main__":
    write_pages()
