"""What runs asked the submission checker, from real ledgers in run folders to figures, ticks and words."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlebench._support import ledger as ledger_module
from mlebench._support.ledger import Ledger
from mlebench.cli.main import main
from mlebench.reports import charts
from mlebench.reports.checks import CheckFigures, check_figures, checks_of
from mlebench.reports.document import Document, ResultsDocument, make_report
from mlebench.reports.page import make_page
from mlebench.reports.results import Checks, GradedRun, RunDetails
from mlebench.reports.scaling import RunCurve, call_times
from mlebench.reports.tables import to_csv
from mlebench.runs.claims import check_seconds, checker_calls
from mlebench.runs.group import Group
from mlebench.runs.ledgers import ledger_path
from mlebench.runs.plan import PlannedRun
from mlebench.runs.record import RunRecord
from mlebench.runs.regrade import regrade_group
from mlebench.sandbox.checker_call import LEDGER, CheckerCall
from tests.reports.toys import keep_snapshot, make_group

START = datetime(2026, 3, 1, tzinfo=UTC)
FIRST, SECOND = PlannedRun("toy-one", 0), PlannedRun("toy-two", 0)
ONE, OTHER = "1" * 64, "2" * 64
REFUSED = CheckerCall("refused", 429, message="wait 5 seconds")


class Clock(datetime):
    """The ledger's clock, which a test sets."""

    moment = START

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return cls.moment


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Clock]]:
    monkeypatch.setattr(ledger_module, "datetime", Clock)
    yield Clock
    Clock.moment = START


@pytest.fixture
def group(toys: Path, tmp_path: Path) -> Group:
    """Two runs of an hour whose submissions were graded."""
    return graded(make_group(tmp_path / "runs", toys, {"toy-one": [0.05], "toy-two": [0.9]}))


def graded(group: Group) -> Group:
    """With each submission's hash in its run's record, as the end of a run leaves it, and reports."""
    for planned in group.plan.runs:
        folder = group.run_dir(planned.run_id)
        submission = folder / "submission" / "submission.csv"
        if submission.exists():
            record = RunRecord.read(folder)
            record.submission_sha256 = hashlib.sha256(submission.read_bytes()).hexdigest()
            record.write(folder)
    regrade_group(group.folder)
    return group


def checked(digest: str | None = ONE, *, valid: bool = True, message: str = "") -> CheckerCall:
    return CheckerCall("checked", 200, valid, message=message, sha256=digest, bytes=10, rows=1)


def ask(group: Group, run: PlannedRun, clock: type[Clock], *calls: tuple[float, CheckerCall]) -> None:
    """Let the run ask the checker, each call so many seconds after the run's start, and take that into its record."""
    folder = group.run_dir(run.run_id)
    ledger = Ledger(ledger_path(folder, LEDGER))
    for seconds, call in calls:
        clock.moment = START + timedelta(seconds=seconds)
        ledger.append(call.to_entry())
    ledger.close()
    record = RunRecord.read(folder)
    record.checker_calls, record.refused_checks = checker_calls(folder, lambda sentence: None)
    record.write(folder)


def submission_of(group: Group, run: PlannedRun) -> str:
    digest = RunRecord.read(group.run_dir(run.run_id)).submission_sha256
    assert digest is not None
    return digest


def document_of(group: Group) -> Document:
    return make_report([group.folder])


def row_of(entry: ResultsDocument, run: PlannedRun) -> Any:
    (found,) = (row for row in entry.competitions if row.info.competition_id == run.competition_id)
    return found.runs[run.seed]


def told(row: Any) -> tuple[int | None, int | None, int | None, bool | None]:
    return row.checks, row.refused_checks, row.checked_files, row.submission_was_checked


def test_verdicts_refusals_and_different_files_are_counted_and_the_graded_file_is_looked_for(
    group: Group, clock: type[Clock]
) -> None:
    own = submission_of(group, FIRST)
    ask(group, FIRST, clock, (10, checked(ONE)), (20, checked(ONE, valid=False)), (21, REFUSED), (30, checked(own)))
    ask(group, SECOND, clock, (10, checked(OTHER)), (11, REFUSED), (12, REFUSED))

    entry = document_of(group).main

    assert told(row_of(entry, FIRST)) == (3, 1, 2, True)
    assert told(row_of(entry, SECOND)) == (1, 2, 1, False)
    assert entry.checks == CheckFigures(2, 4, 3, 2.0, 2, 1, 50.0)
    assert entry.checks.sentence == (
        "4 verdicts in 2 runs (2.0 per run), 3 rejected; 1 of 2 graded files (50.0 %) had been checked before"
    )


def test_a_run_that_never_asked_is_known_not_to_have_asked(group: Group) -> None:
    entry = document_of(group).main

    assert told(row_of(entry, FIRST)) == (0, 0, 0, False)
    assert entry.checks is not None
    assert (entry.checks.verdicts, entry.checks.submission_checked_percentage) == (0, 0.0)


def test_a_refused_upload_of_the_graded_file_is_no_verdict_on_it(group: Group, clock: type[Clock]) -> None:
    ask(group, FIRST, clock, (10, replace(REFUSED, sha256=submission_of(group, FIRST))))

    assert told(row_of(document_of(group).main, FIRST)) == (0, 1, 0, False)


def test_without_a_graded_file_nobody_knows_whether_it_was_checked(toys: Path, tmp_path: Path, clock: type[Clock]) -> None:
    group = graded(make_group(tmp_path / "runs", toys, {"toy-one": [None], "toy-two": [0.9]}))
    ask(group, FIRST, clock, (10, checked(ONE)))

    entry = document_of(group).main

    assert told(row_of(entry, FIRST)) == (1, 0, 1, None)
    assert entry.checks is not None and entry.checks.with_submission == 1


def test_records_of_an_earlier_harness_kept_no_hashes_and_had_another_ledger(group: Group) -> None:
    folder = group.run_dir(FIRST.run_id)
    lines = [{"at": (START + timedelta(minutes=5)).isoformat(), "valid": True}, {"at": "later", "valid": False}]
    ledger_path(folder, LEDGER).write_text("".join(json.dumps(line) + "\n" for line in lines))
    content = json.loads((folder / "run.json").read_text())
    for key in ("refused_checks", "ledgers"):
        content.pop(key, None)
    (folder / "run.json").write_text(json.dumps({**content, "checker_calls": lines}))

    entry = document_of(group).main

    assert told(row_of(entry, FIRST)) == (2, 0, None, None)
    assert [(curve.competition_id, curve.checks.hours) for curve in entry.run_curves] == [("toy-one", [pytest.approx(1 / 12)])]
    assert entry.checks is not None and (entry.checks.runs, entry.checks.with_submission) == (2, 1)


def test_reports_without_run_folders_say_nothing_of_checks() -> None:
    assert check_figures([GradedRun(None), GradedRun(None, RunDetails(Path("x")))]) is None
    of_old = CheckFigures(1, 3, 0, 3.0, 0, 0, None)
    assert check_figures([GradedRun(None, RunDetails(Path("x"), checks=Checks(3, 0, None, None)))]) == of_old
    assert of_old.sentence == "3 verdicts in 1 run (3.0 per run), 0 rejected; 0 of 0 graded files (–) had been checked before"


@pytest.mark.parametrize("calls", [[], [{"at": "x", "valid": True, "sha256": None}], [{}, {"sha256": ONE}]])
def test_one_verdict_without_a_hash_makes_files_unknown(calls: list[dict[str, Any]]) -> None:
    record = RunRecord("r", "g", "c", 0, "a", "v1", checker_calls=calls, submission_sha256=ONE)
    assert checks_of(record) == (Checks(len(calls), 0, None, None) if calls else Checks(0, 0, 0, False))


def test_calls_are_ticks_at_their_hours_with_refused_ones(group: Group, clock: type[Clock]) -> None:
    ask(group, FIRST, clock, (0, checked()), (1800, REFUSED), (3600, checked()))

    (curve,) = document_of(group).main.run_curves

    assert (curve.competition_id, curve.checks.calls, curve.checks.outside) == ("toy-one", 3, 0)
    assert curve.checks.hours == [0, 0.5, 1]


def test_more_than_200_calls_are_thinned_over_their_whole_span() -> None:
    times = call_times([float(second) for second in range(3600)], 1)
    assert (times.calls, len(times.hours), times.outside) == (3600, 200, 0)
    assert (times.hours[0], times.hours[-1]) == (0, 3599 / 3600)
    assert list(times.hours) == sorted(set(times.hours))

    for count in (0, 1, 2, 199, 200, 201):
        times = call_times([float(second) for second in range(count)], 1)
        assert len(set(times.hours)) == min(count, 200)
        assert count == 0 or (times.hours[0], times.hours[-1]) == (0, (count - 1) / 3600)


def test_calls_dated_outside_the_runs_time_have_no_tick_and_are_told(group: Group, clock: type[Clock]) -> None:
    long_ago, far_off = -3e10, 1e11
    ask(group, FIRST, clock, (long_ago, checked()), (60, checked()), (3600 + 59, checked()), (far_off, checked()))

    document = document_of(group)

    (curve,) = document.main.run_curves
    assert (curve.checks.calls, curve.checks.outside) == (4, 2)
    assert curve.checks.hours == pytest.approx([1 / 60, 3659 / 3600])
    assert "4 calls of the submission checker; without 2 calls dated outside the run's time" in text_of(document)


def test_all_calls_outside_still_make_a_page(group: Group, clock: type[Clock]) -> None:
    ask(group, FIRST, clock, (-3e10, checked()))
    assert "1 call of the submission checker; without 1 call dated outside" in text_of(document_of(group))


def test_of_a_run_without_an_end_calls_lie_within_the_time_limit(group: Group, clock: type[Clock]) -> None:
    ask(group, FIRST, clock, (60, checked()), (2 * 3600, checked()), (3 * 3600, checked()))
    path = group.run_dir(FIRST.run_id) / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "wall_seconds": None, "ended_at": None}))

    (curve,) = document_of(group).main.run_curves

    assert (curve.checks.hours, curve.checks.outside) == ([pytest.approx(1 / 60), 2.0], 1)


def test_ticks_stand_below_the_scores_over_hours_and_nowhere_else() -> None:
    curve = RunCurve("c", 0, [(0.5, 0.3), (1.0, 0.7)], usd=[0.1, 0.2], tokens=[1, 2], checks=call_times([60, 120], 1))
    assert rows_of(charts.scores_of_competition([curve])) == 1
    assert rows_of(charts.scores_of_competition([curve], "usd")) == 0
    assert rows_of(charts.scores_of_competition([replace(curve, checks=call_times([], 1))])) == 0

    lowest = min(y for _, y in drawn(charts.scores_of_competition([curve]), ticks=True))
    deepest = max(y for _, y in drawn(charts.scores_of_competition([curve]), ticks=False))
    assert lowest > deepest, "y grows downwards"


def test_every_run_and_kind_has_a_row_in_its_runs_colour() -> None:
    times = call_times([60.0], 1)
    curves = [RunCurve("c", seed, [(0.5, 0.3), (1.0, 0.7)], checks=times, model_calls=times) for seed in range(8)]
    svg = charts.scores_of_competition(curves)

    classes = re.findall(rf"{SERIES}>", svg)
    assert len(classes) == 24
    # the style sheet knows six colours
    assert all(int(color) == int(place) % 8 % 6 for place, color, _ in classes)
    assert [bool(ticks) for *_, ticks in classes] == [False] * 8 + [True] * 16


@pytest.mark.parametrize("scores", [(None, None), (0.0, 0.0), (5.0, 5.0), (-1e12, 1e12), (None, 3.0)])
def test_ticks_are_drawn_whatever_the_scores(scores: tuple[float | None, float | None]) -> None:
    curve = RunCurve("c", 0, [(0.5, scores[0]), (1.0, scores[1])], checks=call_times([60, 120], 1))
    assert len(drawn(charts.scores_of_competition([curve]), ticks=True)) == 6


def test_without_snapshots_calls_have_a_chart_of_their_own(group: Group, clock: type[Clock]) -> None:
    ask(group, FIRST, clock, (60, checked()), (1800, checked()))

    page = make_page(document_of(group), group.folder)

    assert "<h3>Calls of each run</h3>" in page and "<h3>Scores of each run</h3>" not in page
    time = page[page.index('<section id="time">') : page.index('<section id="runs">')]
    assert re.findall(r"<summary>(.*?)</summary>", time) == ["toy-one"]
    assert "Ticks, a row per seed: 2 calls of the submission checker." in time
    assert "seed 0: checks" in time and rows_of(time) == 1


def test_with_snapshots_they_stand_below_the_scores(group: Group, clock: type[Clock]) -> None:
    keep_snapshot(group, FIRST, "001000", 0.9)
    regrade_group(group.folder)
    ask(group, FIRST, clock, *((second, checked()) for second in range(0, 3600, 10)))

    page = make_page(document_of(group), group.folder)

    assert "<h3>Scores of each run</h3>" in page
    assert (
        "Ticks, a row per seed: 360 calls of the submission checker; runs with more than 200 of a kind show "
        "an evenly spaced selection." in text_of(document_of(group))
    )
    assert rows_of(page) == 1


def test_without_calls_and_snapshots_nothing_is_drawn_over_time(group: Group) -> None:
    document = document_of(group)
    assert document.main.run_curves == []
    assert '<section id="time">' not in make_page(document, group.folder)


def test_every_output_says_it(group: Group, clock: type[Clock]) -> None:
    ask(group, FIRST, clock, (10, checked(submission_of(group, FIRST))), (20, REFUSED))
    ask(group, SECOND, clock, (10, checked(ONE)))
    document = document_of(group)

    rows = list(csv.DictReader(io.StringIO(to_csv(document))))
    columns = ("checks", "refused_checks", "checked_files", "submission_was_checked")
    assert [[row[name] for name in columns] for row in rows] == [["1", "1", "1", "True"], ["1", "0", "1", "False"]]

    page = make_page(document, group.folder)
    runs = page[page.index('<section id="runs">') :]
    told = [re.findall(r"<dt>Graded file checked</dt><dd>(yes|no)</dd>", row) for row in runs.split("<tr>")[2:4]]
    assert told == [["yes"], ["no"]]
    assert "Submission checker: 2 verdicts in 2 runs (1.0 per run), 1 rejected; 1 of 2 graded files (50.0 %)" in runs


def test_the_command_says_it_too(group: Group, clock: type[Clock], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(group.folder)]) == 0
    assert "Submission checker" not in capsys.readouterr().out, "nobody asked"
    ask(group, FIRST, clock, (1800, checked(submission_of(group, FIRST))), (1801, REFUSED))
    capsys.readouterr()

    assert main(["report", str(group.folder)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert main(["report", str(group.folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)

    assert "Submission checker: 1 verdict in 2 runs (0.5 per run), 1 rejected; 1 of 2 graded files (50.0 %)" in printed
    assert (document["checks"]["verdicts"], document["checks"]["submission_checked"]) == (1, 1)
    first, second = (row["runs"][0] for row in document["competitions"])
    assert (first["checks"], first["refused_checks"], first["submission_was_checked"]) == (1, 1, True)
    assert (second["checks"], second["refused_checks"], second["submission_was_checked"]) == (0, 0, False)
    (curve,) = document["scaling"]["runs"]
    assert curve["checks"] == {"calls": 2, "hours": [0.5, pytest.approx(1801 / 3600)], "outside": 0}


HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e=cmd"


def test_texts_of_a_hostile_ledger_and_record_reach_no_output(group: Group) -> None:
    folder = group.run_dir(FIRST.run_id)
    at = (START + timedelta(minutes=5)).isoformat()
    lines: list[Any] = [
        {"at": at, "outcome": "checked", "valid": True, "status": 200, "message": HOSTILE, "header": HOSTILE, "sha256": HOSTILE},
        {"at": HOSTILE, "outcome": "checked", "valid": True, "sha256": ONE},
        {"at": [HOSTILE], "outcome": "refused", "status": HOSTILE},
        {"at": at, "outcome": HOSTILE, "valid": HOSTILE},
        {"at": "9999-12-31T23:59:59+00:00", "outcome": "refused"},
        {"at": "2026-03-01T00:05:00", "valid": True},
        [],
        7,
        None,
    ]
    ledger_path(folder, LEDGER).write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"at": "torn')
    path = folder / "run.json"
    calls = [{"at": HOSTILE, "valid": HOSTILE, "sha256": HOSTILE}, {HOSTILE: HOSTILE}, {"sha256": [HOSTILE]}]
    path.write_text(json.dumps({**json.loads(path.read_text()), "checker_calls": calls[:2]}))

    document = document_of(group)
    page = make_page(document, group.folder)

    assert check_seconds(folder, START.isoformat())[0] == 300
    (curve,) = document.main.run_curves
    assert curve.checks.hours == [pytest.approx(1 / 12)] * curve.checks.calls or curve.checks.outside
    for text in (page, to_csv(document)):
        assert "alert(1)" not in text and "\x1b" not in text and "\u202e" not in text
    path.write_text(json.dumps({**json.loads(path.read_text()), "checker_calls": calls}))
    assert "alert(1)</script>" not in make_page(document_of(group), group.folder)


@pytest.mark.parametrize("place", ["folder", "link", "pipe"])
def test_what_lies_in_the_ledgers_place_is_not_followed(group: Group, tmp_path: Path, place: str) -> None:
    path = ledger_path(group.run_dir(FIRST.run_id), LEDGER)
    elsewhere = tmp_path / "elsewhere.jsonl"
    elsewhere.write_text(json.dumps({"at": START.isoformat(), "valid": True}) + "\n")
    {"folder": path.mkdir, "link": lambda: path.symlink_to(elsewhere), "pipe": lambda: os.mkfifo(path)}[place]()

    assert document_of(group).main.run_curves == []


SERIES = r'<g class="series serie-(\d+) color-(\d+)( ticks)?"'
"""The beginning of a line; the overlay that pygal draws for its script has empty ones."""


def text_of(document: Document) -> str:
    return make_page(document, Path("/")).replace("&#x27;", "'")


def rows_of(page: str) -> int:
    """How many rows of ticks are drawn."""
    return sum(bool(ticks) for *_, ticks in re.findall(rf"{SERIES}><path", page))


def drawn(svg: str, *, ticks: bool) -> list[tuple[float, float]]:
    """The points of all rows of ticks, or of all lines of scores, in pixels."""
    points: list[tuple[float, float]] = []
    for *_, is_ticks, path in re.findall(rf'{SERIES}><path d="([^"]*)"', svg):
        if bool(is_ticks) == ticks:
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
            points += zip(numbers[::2], numbers[1::2], strict=True)
    return points
