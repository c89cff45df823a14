"""Pages made from the project itself; mkdocs calls this as a hook, so that they are never out of date.

python docs/generate.py                     # writes the table of competitions into README.md
python docs/generate.py runs/A runs/B       # and draws docs/demo.svg from run groups
"""

from __future__ import annotations

import importlib
import inspect
import io
import pkgutil
import re
import sys
from pathlib import Path
from typing import Any

import grading.metrics
from mlebench.registry import Competition, Registry

ROOT = Path(__file__).resolve().parents[1]
START, END = "<!-- competitions: made by docs/generate.py -->", "<!-- end of competitions -->"
SPLIT_TITLES = {"low": "Low", "medium": "Medium", "high": "High", "dev": "Development"}


def competitions_table() -> str:
    """All competitions by split, with modality, task, metric and sizes."""
    head = ["| id | modality | task | metric | test rows | GB |", "|---|---|---|---|---|---|"]
    parts = []
    for split, title in SPLIT_TITLES.items():
        rows = [_row(competition) for competition in _competitions(split)]
        parts.append("\n".join([f"### {title} ({len(rows)})", "", *head, *rows]))
    return "\n\n".join(parts)


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
        "Edition v1 is the data of 2024, to the byte, faults included, so that scores compare with published ones. "
        "Edition v2 fixes what is known to be wrong. A *leak* tells about answers; a *fault* is broken or graded wrongly in "
        "v1 as it is made here; a *note* makes no score wrong: it lies in the source of the data and stays, is a matter of form "
        "or chance, or is fixed in v1, too.",
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
        "Metrics are pure functions over arrays, in `grading.metrics`. A competition's grader puts them together "
        "with the checks of its columns.",
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


def _function(function: Any) -> str:
    names = ", ".join(inspect.signature(function).parameters)
    return f"### {function.__name__}\n\n```text\n{function.__name__}({names})\n\n{inspect.getdoc(function) or ''}\n```"


def readme_with_table(readme: str) -> str:
    """README.md with the table of competitions put in anew."""
    block = f"{START}\n\n{competitions_table()}\n\n{END}"
    return re.sub(f"{re.escape(START)}.*{re.escape(END)}", lambda _: block, readme, flags=re.DOTALL)


def draw_report(groups: list[str], target: Path) -> None:
    """Draw what `mlebench report` prints for run groups as an SVG picture."""
    from rich.console import Console

    from mlebench.reports.document import make_report
    from mlebench.reports.terminal import print_document

    console = Console(record=True, width=150, file=io.StringIO())
    print_document(make_report(groups, splits=["demo"]), console=console)
    console.save_svg(str(target), title="mlebench report")


def on_files(files: Any, config: Any) -> Any:
    """Mkdocs hook: add the generated pages."""
    from mkdocs.structure.files import File

    pages = {
        "competitions.md": f"# The competitions\n\n{competitions_table()}\n",
        "known-issues.md": known_issues(),
        "metrics.md": metrics_page(),
    }
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def _competitions(split: str) -> list[Competition]:
    registry = Registry()
    return [registry.get_competition(name) for name in registry.list_competition_ids(split)]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(readme_with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
    if len(sys.argv) > 1:
        draw_report(sys.argv[1:], ROOT / "docs" / "demo.svg")
