"""Reports in a Python program: a document with its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support import paths
from mlebench._support.files import json_text
from mlebench._support.frames import typed_frame
from mlebench.errors import WorkFailed
from mlebench.reports.document import Document, make_report
from mlebench.reports.page import make_page, write_page
from mlebench.reports.tables import CSV_COLUMNS, run_rows, to_csv, to_markdown
from mlebench.runs.group_report import GroupResult

if TYPE_CHECKING:
    import pandas as pd

Source = GroupResult | Path | str
_NUMBERS = (
    "score", "normalized_score", "gold_threshold", "silver_threshold", "bronze_threshold", "median_threshold",
    "best_snapshot_score", "hours", "gpu_hours", "cost_usd",
)  # fmt: skip
_COUNTS = (
    "competition_version", "seed", "rank", "leaderboard_size", "calls", "failed_calls", "refused_calls", "input_tokens",
    "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "checks", "refused_checks", "checked_files",
)  # fmt: skip
_FLAGS = ("above_median", "submission_was_checked")
_DTYPES = {**dict.fromkeys(_NUMBERS, "float64"), **dict.fromkeys(_COUNTS, "Int64"), **dict.fromkeys(_FLAGS, "boolean")}
COLUMNS = {name: _DTYPES.get(name, "string") for name in CSV_COLUMNS}
"""The columns of `Report.to_frame` in their order, with the dtype of each."""


class Report(Document):
    """A report on runs: `main`, `entries`, `comparisons`, `budgets`, `published`, and its outputs."""

    def to_frame(self) -> pd.DataFrame:
        """The runs of all results as a table.

        Returns:
            One row per run with the columns of `mlebench report --csv`: float64 for scores, thresholds, hours and cost, Int64
            for counts, boolean for flags, string for all others.
        """
        return typed_frame(run_rows(self), COLUMNS)

    def to_json(self, path: Path | str | None = None) -> str:
        """The document of `mlebench report --json` as text, also written to `path` if one is given.

        Raises:
            WorkFailed: The file cannot be written.
        """
        text = json_text(self.to_dict())
        if path is not None:
            _write(Path(path), text + "\n")
        return text

    def to_csv(self) -> str:
        """One csv row per run."""
        return to_csv(self)

    def to_markdown(self) -> str:
        """A leaderboard row per result, in Markdown."""
        return to_markdown(self)

    def to_html(self) -> str:
        """The page as text; its links to logs are relative to the working directory."""
        return make_page(self, Path.cwd())

    def save_html(self, path: Path | str) -> Path:
        """Write the page, one self-contained file whose links to logs are relative to it; return its path.

        Raises:
            WorkFailed: The file cannot be written.
        """
        target = Path(path).expanduser()
        try:
            write_page(self, target)
        except OSError as error:
            raise WorkFailed(f"cannot write {target}: {error.strerror or error}") from None
        return target


def report(
    sources: Source | Sequence[Source],
    *,
    splits: Sequence[str] = (),
    competition_ids: Sequence[str] = (),
    compare_with: Sequence[Source] = (),
    pad_missing: bool = False,
    agent: str | None = None,
    models: str | None = None,
    hours: float | None = None,
    runs_dir: Path | str | None = None,
) -> Report:
    """Aggregate graded runs into the figures that people publish.

    Runs under different conditions are never averaged but compared with the first ones.

    Args:
        sources: Run groups, from `run` or `load_group` or by name, folder or `latest`; bundles, grading reports, folders that
            hold such, or globs.
        splits: Splits, or text files with one id per line, to report on; by default the splits that were run.
        competition_ids: Single competitions to report on.
        compare_with: Sources to compare with; `published` stands for the public leaderboard.
        pad_missing: Count missing reports as failures instead of refusing them.
        agent: Name of the agent, if the sources do not say.
        models: Names of its models, separated by commas, if the sources do not say.
        hours: Time limit of a run in hours, if the sources do not say.
        runs_dir: The folder of run groups; by default `MLEBENCH_RUNS_DIR`, else `runs` in the working directory.

    Returns:
        The report: `main.figures` (medal rates with standard errors and intervals, in percent), `to_frame()`, `to_json()`,
        `to_csv()`, `to_markdown()`, `save_html(path)`.

    Raises:
        UsageError: Nothing was found, a source cannot be read, or results are incomplete.

    Example:
        >>> mlebench.report("latest").to_frame()[["competition_id", "seed", "outcome"]]
          competition_id  seed outcome
        0      demo-wine     0   valid
    """
    document = make_report(
        _places(sources),
        splits=splits,
        competition_ids=competition_ids,
        compare_with=_places(compare_with),
        pad_missing=pad_missing,
        agent=agent,
        models=models,
        hours=hours,
        runs_dir=paths.runs_dir(runs_dir),
    )
    return Report(document.entries, document.comparisons, document.budgets, document.published)


def _places(sources: Source | Sequence[Source]) -> list[str | Path]:
    given = [sources] if isinstance(sources, GroupResult | Path | str) else sources
    return [source.folder if isinstance(source, GroupResult) else source for source in given]


def _write(path: Path, text: str) -> None:
    from mlebench._support.files import write_text

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    except OSError as error:
        raise WorkFailed(f"cannot write {path}: {error.strerror or error}") from None
