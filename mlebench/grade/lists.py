"""Grades lists of submissions and writes their aggregate report."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from grading.report import AggregateReport, aggregate_reports
from mlebench._support.files import write_json
from mlebench.errors import UsageError
from mlebench.grade.many import Submission, grade_many
from mlebench.registry import registry as default_registry
from mlebench.utils import get_timestamp, is_comment

if TYPE_CHECKING:
    from mlebench.registry import Registry


def grade_jsonl(
    path_to_submissions: Path | str,
    output_dir: Path | str,
    registry: Registry | None = None,
    *,
    jobs: int = 1,
    live_thresholds: bool = False,
    progress: Callable[[int], object] | None = None,
) -> AggregateReport:
    """Grade every line of a JSON-lines file (`competition_id`, `submission_path`) and write one aggregate report.

    Args:
        path_to_submissions: the file; blank lines and those that begin with `#` or `//` are left out.
        output_dir: where the report is written.
        registry: says which data directory and edition; by default the default ones.
        jobs: worker processes.
        live_thresholds: place scores on the refreshed leaderboards instead of the published thresholds.
        progress: called with the number of submissions that were just graded.

    Returns:
        The aggregate, in the order of the lines; it also lies in `output_dir` as `<timestamp>_grading_report.json`.

    Raises:
        UsageError: if a line is not such an object, naming the line, or a competition is not known or not prepared.
    """
    entries = [Submission(competition_id, submission) for competition_id, submission in read_jsonl(Path(path_to_submissions))]
    reports = grade_many(entries, registry or default_registry, jobs=jobs, live_thresholds=live_thresholds, progress=progress)
    aggregate = aggregate_reports(reports)
    save_report(aggregate, Path(output_dir))
    return aggregate


def read_jsonl(path: Path) -> list[tuple[str, Path]]:
    """The competition id and submission path of each line; relative paths count from the working directory.

    Raises:
        UsageError: if the file cannot be read or a line is not an object with both keys.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}; give a JSON-lines file, a .csv with `-c ID` or a run group"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text; give a JSON-lines file") from None
    entries = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or is_comment(line):
            continue
        try:
            content = json.loads(line)
            entries.append((str(content["competition_id"]), Path(content["submission_path"] or "")))
        except (ValueError, KeyError, TypeError):
            raise UsageError(f"{path}, line {number}: expected an object with `competition_id` and `submission_path`") from None
    return entries


def save_report(aggregate: AggregateReport, output_dir: Path) -> Path:
    """Write an aggregate as `<timestamp>_grading_report.json` and return its path; never over another report."""
    output_dir.mkdir(parents=True, exist_ok=True)
    while True:
        target = output_dir / f"{get_timestamp()}_grading_report.json"
        try:
            # claims the name, as two may be written within one second
            target.touch(exist_ok=False)
        except FileExistsError:
            time.sleep(0.1)
        else:
            break
    write_json(target, aggregate.to_dict())
    return target
