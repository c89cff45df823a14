"""Grades lists of submissions and writes their aggregate report."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from grading.report import AggregateReport, aggregate_reports
from mlebench._support.files import json_text, numbered_lines, parse_json, read_text, time_in_name, write_new_text
from mlebench._support.steps import Listener, ignore
from mlebench.errors import UsageError
from mlebench.grade.many import grade_many
from mlebench.grade.one import Submission
from mlebench.registry import registry as default_registry

if TYPE_CHECKING:
    from mlebench.registry import Registry


def grade_jsonl(
    path_to_submissions: Path | str,
    output_dir: Path | str,
    registry: Registry | None = None,
    *,
    jobs: int = 1,
    live_thresholds: bool = False,
    listener: Listener = ignore,
) -> AggregateReport:
    """Grade the submissions that a JSON-lines file lists, and write one aggregate report.

    Submissions are graded in separate processes; one that takes too much time or memory is invalid.

    Args:
        path_to_submissions: The file, one object with `competition_id` and `submission_path` per line. Blank lines and those
            that begin with `#` or `//` are ignored.
        output_dir: The folder of the report, created if it is missing.
        registry: The data directory and edition; by default `mlebench.registry.registry`, edition v1 in the default directory.
        jobs: Number of grading processes.
        live_thresholds: Place scores on the refreshed leaderboards instead of the published thresholds.
        listener: Called with a `Step` as submissions are graded; `done` counts them.

    Returns:
        The aggregate: totals, and `competition_reports` in the order of the lines. It is also written to `output_dir` as
        `<timestamp>_grading_report.json`.

    Raises:
        UsageError: A line is not such an object, a competition is unknown or not prepared, or `output_dir` is not writable.
        WorkFailed: No grading process can be started.

    Example:
        >>> mlebench.grade_jsonl("submissions.jsonl", "reports", mlebench.Registry("data")).total_valid_submissions
        1
    """
    folder = _writable(Path(output_dir))
    path, registry = Path(path_to_submissions), registry or default_registry
    numbered = _read_lines(path)
    _check_known({entry.competition_id: number for number, entry in reversed(numbered)}, path, registry)
    entries = [entry for _, entry in numbered]
    reports = grade_many(entries, registry, jobs=jobs, live_thresholds=live_thresholds, listener=listener)
    aggregate = aggregate_reports(reports)
    save_report(aggregate, folder)
    return aggregate


def read_jsonl(path: Path) -> list[Submission]:
    """The submissions that the lines of a file name; relative paths count from the working directory.

    A path that is null or empty stands for a submission that was never made.

    Raises:
        UsageError: the file cannot be read, holds no submission, or a line is not an object with both keys.
    """
    return [entry for _, entry in _read_lines(path)]


def _read_lines(path: Path) -> list[tuple[int, Submission]]:
    """Each submission with the number of its line."""
    text = read_text(path, "give a JSON-lines file, a .csv with `-c ID` or a run group")
    entries = []
    for number, line in numbered_lines(text):
        try:
            entries.append((number, _submission(line)))
        except ValueError as error:
            raise UsageError(
                f"{path}, line {number}: {error}; expected an object with `competition_id` and `submission_path` on each line"
            ) from None
    if not entries:
        raise UsageError(f"{path} names no submission; write an object with `competition_id` and `submission_path` on each line")
    return entries


def _submission(line: str) -> Submission:
    """Raises ValueError with what is wrong about the line."""
    if line.startswith("["):
        raise ValueError("a list begins")
    try:
        content = parse_json(line)
    except json.JSONDecodeError as error:
        if (cause := _cause(line)) is not None:
            raise ValueError(cause) from None
        raise ValueError(f"it is not JSON ({error.msg} at column {error.colno})") from None
    if not isinstance(content, dict):
        raise ValueError(f"it holds {_KINDS.get(type(content), 'a number')} instead of an object")
    if missing := [key for key in ("competition_id", "submission_path") if key not in content]:
        raise ValueError(f"`{missing[0]}` is missing")
    competition_id, submission = content["competition_id"], content["submission_path"]
    if not isinstance(competition_id, str):
        raise ValueError("`competition_id` is not text")
    if not isinstance(submission, str | None):
        raise ValueError(f"`submission_path` is {_KINDS.get(type(submission), 'a number')}, neither a path nor null")
    return Submission(competition_id, Path(submission) if submission else None)


def _cause(line: str) -> str | None:
    """Why a line is not JSON, where that can be told better than by the place of the error."""
    if "\0" in line:
        return "it holds NUL bytes, as after a write that broke off"
    if "\r" in line:
        return "its lines end with carriage returns; end them with line feeds"
    if line.startswith("{") and not line.rstrip(", ").endswith("}"):
        return "the object does not end on its line"
    if line.startswith("{") and line.endswith(","):
        return "a comma follows the object"
    return None


_KINDS: dict[type, str] = {list: "a list", dict: "an object", str: "a text", bool: "true or false", type(None): "null"}


def _check_known(lines: Mapping[str, int], path: Path, registry: Registry) -> None:
    """Refuse competitions that are not there, by the first line that names one."""
    for name in sorted(lines, key=lambda name: lines[name]):
        try:
            registry.get_competition(name)
        except UsageError as error:
            raise UsageError(f"{path}, line {lines[name]}: {error}") from None


def save_report(aggregate: AggregateReport, output_dir: Path) -> Path:
    """Write an aggregate as `<timestamp>_grading_report.json` and return its path; never over another report.

    Raises:
        UsageError: `output_dir` is not a folder that can be written to.
    """
    folder = _writable(output_dir)
    text = json_text(aggregate.to_dict()) + "\n"
    while True:
        target = folder / f"{time_in_name()}-UTC_grading_report.json"
        try:
            write_new_text(target, text)
            return target
        except FileExistsError:
            # two may be written within one second
            time.sleep(0.1)


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write reports to {folder}: {error.strerror}; choose another folder with `-o DIR`") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write reports to {folder}: Permission denied; choose another folder with `-o DIR`")
    return folder
