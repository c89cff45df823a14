"""`mlebench fresh`: competitions that ended recently, through the real client."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime
from typing import Any

import pytest

from mlebench.cli.main import main
from mlebench.kaggle import candidates
from mlebench.kaggle.candidates import months_before
from tests.kaggle.conftest import IMAGES, TABLE, WHALES, mock_zip
from tests.kaggle.loopback import Contest, Fault, LoopbackKaggle

TODAY = datetime(2026, 7, 15, 12, tzinfo=UTC)


@pytest.fixture
def year(kaggle: LoopbackKaggle, monkeypatch: pytest.MonkeyPatch) -> LoopbackKaggle:
    """Competitions around the year before a fixed day."""
    monkeypatch.setattr(candidates, "now", lambda: TODAY)
    for name in (TABLE, IMAGES, WHALES):
        kaggle.contests[name].deadline = "2020-01-31T23:59:00Z"
    lamps = {"tags": ["tabular"], "teams": 900, "archive": mock_zip(TABLE), "metric": "Categorization Accuracy"}
    kaggle.contests |= {
        "lamps-in-june": Contest(deadline="2026-06-30T23:59:00Z", title="Lamps", awards_points=True, **lamps),
        "odd-in-may": Contest(deadline="2026-05-31T23:59:00Z", metric="Custom Metric 2", teams=20, is_code=True, accepted=False),
        "old": Contest(deadline="2025-06-30T23:59:00Z", **lamps),
        "still-open": Contest(deadline="2026-08-30T23:59:00Z", **lamps),
        "not-joined": Contest(deadline="2026-04-30T23:59:00Z", entered=False, **lamps),
        "endless": Contest(deadline=None, **lamps),
    }
    return kaggle


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert main(["fresh", "--json", *words]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["competitions"]
    return found


def names(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["id"] for entry in entries]


def test_those_that_the_account_entered_and_that_ended_within_a_year(
    year: LoopbackKaggle, capsys: pytest.CaptureFixture[str]
) -> None:
    lamps, odd = listed(capsys)
    assert (lamps["id"], lamps["title"], lamps["deadline"][:10]) == ("lamps-in-june", "Lamps", "2026-06-30")
    assert lamps["size_bytes"] == len(mock_zip(TABLE)) and lamps["modality"] == "tabular"
    assert (lamps["kaggle_metric"], lamps["metric_supported"]) == ("Categorization Accuracy", True)
    assert (lamps["teams"], lamps["board"], lamps["is_code_competition"]) == (900, "medals", False)
    assert (odd["id"], odd["metric"], odd["metric_supported"]) == ("odd-in-may", None, False)
    assert (odd["board"], odd["is_code_competition"]) == ("no medals", True)


def test_a_size_needs_accepted_rules_and_one_request_each(year: LoopbackKaggle, capsys: pytest.CaptureFixture[str]) -> None:
    entries = {entry["id"]: entry for entry in listed(capsys, "--all")}
    assert (entries["odd-in-may"]["size_bytes"], entries["odd-in-may"]["rules_accepted"]) == (None, False)
    assert (entries["not-joined"]["size_bytes"], entries["not-joined"]["rules_accepted"]) == (None, None)
    asked = [request.body["competitionName"] for request in year.requests("DownloadDataFiles")]
    assert sorted(asked) == ["lamps-in-june", "odd-in-may"]
    assert year.requests("GetCompetition") == year.requests("ListDataFiles") == []


def test_months_and_metric_narrow_the_list_and_all_widens_it(year: LoopbackKaggle, capsys: pytest.CaptureFixture[str]) -> None:
    assert names(listed(capsys, "--months", "1")) == ["lamps-in-june"]
    assert names(listed(capsys, "--months", "13")) == ["lamps-in-june", "odd-in-may", "old"]
    assert names(listed(capsys, "--metric-supported")) == ["lamps-in-june"]
    assert names(listed(capsys, "--all")) == ["lamps-in-june", "odd-in-may", "not-joined"]


def test_all_pages_are_read_but_not_those_before_the_months(
    year: LoopbackKaggle, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    year.rows_per_page = 2
    assert names(listed(capsys)) == ["lamps-in-june", "odd-in-may"]
    monkeypatch.setattr(candidates, "_LATE_IN_A_ROW", 2)
    year.contests |= {f"ancient-{number:03d}": Contest(deadline="2011-01-01T00:00:00Z") for number in range(30)}
    year.seen.clear()
    assert names(listed(capsys, "--all")) == ["lamps-in-june", "odd-in-may", "not-joined"]
    assert len(year.requests("ListCompetitions")) < 6


def test_the_table_offers_the_next_command(year: LoopbackKaggle, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fresh"]) == 0
    shown = capsys.readouterr()
    assert "2 competitions ended since 2025-07-15" in shown.out and "lamps-in-june" in shown.out
    (line,) = [line for line in shown.err.splitlines() if line.startswith("next: ")]
    assert shlex.split(re.findall("`([^`]+)`", line)[0]) == ["mlebench", "new-competition", "lamps-in-june", "--from-kaggle"]


def test_an_empty_list_says_where_to_look(year: LoopbackKaggle, capsys: pytest.CaptureFixture[str]) -> None:
    for contest in year.contests.values():
        contest.entered = False
    assert main(["fresh", "--months", "2"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "" and "ended since 2026-05-15" in shown.err
    assert "`mlebench fresh --all`" in shown.err and "`mlebench fresh --months 4`" in shown.err


def test_a_title_cannot_write_on_the_terminal(year: LoopbackKaggle, capsys: pytest.CaptureFixture[str]) -> None:
    year.contests["lamps-in-june"].title = "\x1b[31mLamps\nin red"
    assert main(["fresh"]) == 0
    assert "\x1b[31m" not in capsys.readouterr().out


def test_kaggle_may_ask_to_wait(year: LoopbackKaggle, capsys: pytest.CaptureFixture[str]) -> None:
    year.fail("ListCompetitions", Fault(status=429, retry_after="0.01"), Fault(status=503))
    assert names(listed(capsys)) == ["lamps-in-june", "odd-in-may"]


def test_no_account_is_one_sentence(
    year: LoopbackKaggle, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_KEY")
    assert main(["fresh"]) == 2
    assert "no Kaggle credentials found" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["0", "-1", "x", "1.5"])
def test_months_are_a_whole_number(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fresh", f"--months={word}"]) == 2
    assert "--months" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("months", "day"), [(1, "2026-02-28"), (12, "2025-03-31"), (25, "2024-02-29"), (3, "2025-12-31"), (10**6, "0001-01-31")]
)
def test_months_go_by_the_calendar(months: int, day: str) -> None:
    assert f"{months_before(datetime(2026, 3, 31, tzinfo=UTC), months):%Y-%m-%d}".rjust(10, "0") == day
