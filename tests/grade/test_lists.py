"""Lists of submissions as people and programs write them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from grading.report import aggregate_reports
from mlebench._support.steps import Step
from mlebench.errors import UsageError
from mlebench.grade import grade_jsonl, read_jsonl, save_report
from mlebench.registry import Registry
from tests.reports import toys


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    return Registry(toys.install(tmp_path, monkeypatch))


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    path = tmp_path / "s.csv"
    path.write_text(toys.table(0.25))
    return path


def line(submission: object, competition_id: object = "toy-one") -> str:
    return json.dumps({"competition_id": competition_id, "submission_path": submission}, ensure_ascii=False)


@pytest.mark.parametrize(
    "text",
    ["\ufeff{}", "{}\r\n", "\n\n  {}  \n\n", "# mine\n{}\n#{}", "{}"],
    ids=["mark", "CRLF", "blank lines", "remarks", "no last line end"],
)
def test_marks_line_ends_and_remarks_are_no_fault(registry: Registry, submission: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "list.jsonl").write_text(text.replace("{}", line(str(submission))), encoding="utf-8", newline="")
    (report,) = grade_jsonl(tmp_path / "list.jsonl", tmp_path / "out", registry).competition_reports
    assert report.score == 0.25


@pytest.mark.parametrize("name", ["li\u2028ne.csv", "ne\x85xt.csv", "para\u2029.csv", "form\x0cfeed.csv"])
def test_a_separator_within_a_string_ends_no_line(registry: Registry, submission: Path, tmp_path: Path, name: str) -> None:
    submission = submission.rename(tmp_path / name)
    text = json.dumps({"competition_id": "toy-one", "submission_path": str(submission)}, ensure_ascii=False)
    (tmp_path / "list.jsonl").write_text(text, encoding="utf-8")
    (report,) = grade_jsonl(tmp_path / "list.jsonl", tmp_path / "out", registry).competition_reports
    assert report.score == 0.25


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (None, "no submission was made"),
        ("", "no submission was made"),
        ("gone.csv", "is missing; submit"),
        (".", "is a folder"),
        ("nul\0.csv", r"nul\x00.csv is missing (embedded null byte)"),
        ("x" * 300 + ".csv", "file name too long"),
        ("\ud800.csv", r"\ud800.csv is missing"),
        ("/dev/null", "no regular file"),
    ],
)
def test_a_submission_that_is_not_there_is_a_report_of_its_own(
    registry: Registry, submission: Path, tmp_path: Path, path: str | None, why: str
) -> None:
    lines = [line(str(submission)), json.dumps({"competition_id": "toy-one", "submission_path": path})]
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    graded, missing = grade_jsonl(tmp_path / "list.jsonl", tmp_path / "out", registry).competition_reports

    assert graded.score == 0.25
    assert (missing.submission_exists, missing.valid_submission, missing.score) == (False, False, None)
    assert missing.error is not None and why in missing.error
    assert missing.error.isprintable()
    assert missing.submission_path == (path or "")
    (file,) = (tmp_path / "out").iterdir()
    assert json.loads(file.read_text(encoding="utf-8"))["total_runs_with_submissions"] == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\n[{}]", "line 2: a list begins"),
        ("{},\n{}", "line 1: a comma follows the object"),
        ('{"a": 1,\n"b": 2}', "line 1: the object does not end on its line"),
        ("{}\r{}\r", "line 1: its lines end with carriage returns; end them with line feeds"),
        ("# list\n" + "{}" * 50 + "\0\0", "line 2: it holds NUL bytes, as after a write that broke off"),
        ("{}\n{} {}", "line 2: it is not JSON"),
        ("null", "line 1: it holds null instead of an object"),
        ('"a.csv"', "line 1: it holds a text instead of an object"),
        ('{"competition_id": "toy-one"}', "line 1: `submission_path` is missing"),
        ('{"competition_id": "a", "competition_id": "b", "submission_path": "c"}', "line 1: an object in it has a key twice"),
        ('{"a":' * 100_000, "line 1: it is nested too deeply"),
        ("# nothing\n", "names no submission"),
    ],
)
def test_a_line_that_names_no_submission_is_told_with_its_number(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(text.replace("{}", line("a.csv")))
    with pytest.raises(UsageError, match=re.escape(problem)):
        read_jsonl(path)


@pytest.mark.parametrize("value", [5, 1.5, True, [], ["a.csv"], {}])
def test_a_path_is_a_text_or_null(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(line(None) + "\n" + line(value))
    with pytest.raises(UsageError, match=r"line 2: `submission_path` is .*, neither a path nor null"):
        read_jsonl(path)
    path.write_text(line("a.csv", value))
    with pytest.raises(UsageError, match="line 1: `competition_id` is not text"):
        read_jsonl(path)


def test_an_unknown_competition_is_told_by_its_line(registry: Registry, tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text("\n".join([line(None), "", line(None, "toy-ome")]))
    with pytest.raises(UsageError, match=r"list\.jsonl, line 3: unknown competition `toy-ome`; did you mean `toy-one`"):
        grade_jsonl(path, tmp_path / "out", registry)
    assert not list((tmp_path / "out").iterdir())


def test_utf16_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(line(None), encoding="utf-16")
    with pytest.raises(UsageError, match="is UTF-16 text"):
        read_jsonl(path)


def test_a_place_that_takes_no_report_is_refused_before_anything_is_graded(
    registry: Registry, submission: Path, tmp_path: Path
) -> None:
    (tmp_path / "list.jsonl").write_text(line(str(submission)))
    steps: list[Step] = []
    with pytest.raises(UsageError, match=r"cannot write reports to .*s\.csv.*choose another folder with `-o DIR`"):
        grade_jsonl(tmp_path / "list.jsonl", submission, registry, listener=steps.append)
    assert steps == []


def test_a_report_that_cannot_be_written_leaves_no_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        save_report(aggregate_reports([]), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_name_that_is_not_utf8_is_graded_and_kept_in_the_report(
    registry: Registry, submission: Path, tmp_path: Path
) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/n\xff.csv")
    os.rename(submission, odd)  # noqa: PTH104
    (tmp_path / "list.jsonl").write_text(json.dumps({"competition_id": "toy-one", "submission_path": odd}))
    grade_jsonl(tmp_path / "list.jsonl", tmp_path / "out", registry)
    (file,) = (tmp_path / "out").iterdir()
    (report,) = json.loads(file.read_text(encoding="utf-8"))["competition_reports"]
    assert (report["score"], report["submission_path"]) == (0.25, odd)
