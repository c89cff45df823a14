"""A group's review in its reports: one section where it still holds, a note where it does not, nothing where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlebench.cli.main import main
from mlebench.evidence.review.finding import Evidence, Level, ReviewFinding
from mlebench.evidence.review.outcome import GroupReview, Skipped
from mlebench.evidence.review.review_file import REVIEW_FILE, state_of, write_review
from mlebench.runs.group import Group
from mlebench.runs.record import now
from mlebench.runs.regrade import regrade_group
from tests.browser import open_browser
from tests.reports.toys import make_group

GOLD, NONE = 0.05, 0.9
"""Errors that earn gold and nothing."""


def finding(run_id: str, level: Level = "violation", **changes: Any) -> ReviewFinding:
    places = (Evidence(f"{run_id}/run.log", 1, "done"), Evidence("agent/start.sh", 3, "curl"), Evidence("../outside", 1))
    fields = {"rule": "edited-by-hand", "level": level, "group": "group", "runs": (run_id,), "text": "12 cells were edited"}
    return ReviewFinding(**{**fields, "evidence": places, **changes})


def review_of(group: Group, *findings: ReviewFinding, **changes: Any) -> GroupReview:
    states = {record.run_id: state_of(record) for record in group.records()}
    skipped = (Skipped("answers-in-code", "the answers of toy-two are not prepared here"),)
    fields = {"group": group.name, "reviewed_at": now(), "states": states, "rules": ("edited-by-hand",), "skipped": skipped}
    return GroupReview(**{**fields, "findings": findings, **changes})


@pytest.fixture
def graded(toys: Path, tmp_path: Path) -> Group:
    """Two seeds of two competitions: gold in all but `toy-two_seed1`."""
    group = make_group(tmp_path / "runs", toys, {"toy-one": [GOLD, GOLD], "toy-two": [GOLD, NONE]})
    regrade_group(group.folder)
    return group


@pytest.fixture
def reviewed(graded: Group) -> Group:
    """The same, `toy-one_seed1` flagged and `toy-two_seed0` to look at."""
    write_review(graded, review_of(graded, finding("toy-one_seed1"), finding("toy-two_seed0", "look", text="a|b <i>*c*</i>")))
    return graded


def output(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    assert main(["report", *map(str, words)]) == 0
    return capsys.readouterr().out


def means(totals: dict[str, Any]) -> dict[str, float]:
    return {way: totals[way]["metrics"]["any_medal_percentage"]["mean"] for way in totals if way != "flagged"}


def test_without_a_review_nothing_changes(graded: Group, capsys: pytest.CaptureFixture[str]) -> None:
    before = json.loads(output(capsys, graded.folder, "--json"))
    shown = output(capsys, graded.folder), output(capsys, graded.folder, "--markdown")
    assert "review" not in before and not any("eview" in text for text in shown)

    write_review(graded, review_of(graded, finding("toy-one_seed1")))
    after = json.loads(output(capsys, graded.folder, "--json"))
    assert {key: value for key, value in after.items() if key != "review"} == before
    assert output(capsys, graded.folder, "--markdown").startswith(shown[1])


def test_totals_stand_side_by_side(reviewed: Group, capsys: pytest.CaptureFixture[str]) -> None:
    review = json.loads(output(capsys, reviewed.folder, "--json"))["review"]

    (totals,) = review["totals"].values()
    # seed 0: 2 of 2; seed 1: 1 of 2, 0 of the 1 that is left, 0 of 2
    assert means(totals) == {"with_flagged": 75, "without_flagged": 50, "flagged_as_failures": 50}
    assert totals["flagged"] == 1
    assert [totals[way]["runs"] for way in ("with_flagged", "without_flagged", "flagged_as_failures")] == [4, 3, 4]
    assert totals["with_flagged"]["metrics"]["valid_submissions_percentage"]["mean"] == 100
    assert totals["flagged_as_failures"]["metrics"]["valid_submissions_percentage"]["mean"] == 75
    relative = {way: totals[way]["mean_normalized_score"] for way in ("with_flagged", "without_flagged")}
    gold, none = (0.05 - 0.5) / (0.1 - 0.5), (0.9 - 0.5) / (0.1 - 0.5)
    assert relative == pytest.approx({"with_flagged": (3 * gold + none) / 4, "without_flagged": (2 * gold + none) / 3})


def test_where_every_run_is_flagged_none_is_left(graded: Group, capsys: pytest.CaptureFixture[str]) -> None:
    every = tuple(run.run_id for run in graded.plan.runs)
    write_review(graded, review_of(graded, finding(every[0], runs=every)))

    (totals,) = json.loads(output(capsys, graded.folder, "--json"))["review"]["totals"].values()
    assert totals["without_flagged"] == {"runs": 0, "metrics": {}, "mean_normalized_score": None}
    assert totals["flagged_as_failures"]["metrics"]["any_medal_percentage"]["mean"] == 0
    assert "all 4 runs" in output(capsys, graded.folder)


def test_json_holds_each_finding_with_its_places(reviewed: Group, capsys: pytest.CaptureFixture[str]) -> None:
    (group,) = json.loads(output(capsys, reviewed.folder, "--json"))["review"]["groups"]

    assert (group["folder"], group["flagged"], group["rules"]) == (str(reviewed.folder), ["toy-one_seed1"], ["edited-by-hand"])
    assert [entry["level"] for entry in group["findings"]] == ["violation", "look"]
    assert group["findings"][0]["evidence"][0] == {"file": "toy-one_seed1/run.log", "line": 1, "quote": "done"}
    assert group["skipped"][0]["reason"] == "the answers of toy-two are not prepared here"


def test_a_terminal_shows_findings_and_totals(reviewed: Group, capsys: pytest.CaptureFixture[str], wide: None) -> None:
    text = output(capsys, reviewed.folder)

    assert "Review of group: 1 flagged run of 4, 1 violation and 1 finding to look at by 1 rule." in text
    assert "toy-one_seed1/run.log:1" in text and "12 cells were edited" in text
    assert "Not reviewed: answers-in-code: the answers of toy-two are not prepared here" in text
    assert all(way in text for way in ("all runs", "without flagged runs", "flagged runs as failures"))


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that folds no cell."""
    monkeypatch.setenv("COLUMNS", "300")


def test_markdown_shows_findings_as_they_are(reviewed: Group, capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, reviewed.folder, "--markdown")

    assert "## Review of tree/big" in text
    assert "| violation | edited-by-hand | toy-one\\_seed1 | 12 cells were edited |" in text
    assert "a\\|b \\<i\\>\\*c\\*\\</i\\>" in text
    assert "| selection | without flagged runs | 3 | 50.00 ± " in text


def test_many_findings_are_shortened_in_a_terminal(graded: Group, capsys: pytest.CaptureFixture[str], wide: None) -> None:
    many = [finding("toy-one_seed1", text=f"finding {number:03}") for number in range(40)]
    write_review(graded, review_of(graded, *many))

    short, whole = output(capsys, graded.folder), output(capsys, graded.folder, "--details")
    assert "15 more findings; add --details to list them." in short and "finding 030" not in short
    assert "finding 039" in whole


def test_what_judges_agree_on_and_left_open_is_told(graded: Group, capsys: pytest.CaptureFixture[str], wide: None) -> None:
    kappa = [
        {"judges": ["one", "two"], "question": "by_hand", "runs": 4, "kappa": 0.5, "reason": None, "both_yes": 1},
        {"judges": ["one", "two"], "question": None, "runs": 0, "kappa": None, "reason": "no run was judged by both"},
    ]
    judgements = {
        "judges": ["one", "two"],
        "unanswered": ["3 of 9 questions have no answer"],
        "kappa": kappa,
        "usage": {"calls": 9},
    }
    write_review(graded, review_of(graded, judgements=judgements))

    expected = (
        "Judges, incomplete: 3 of 9 questions have no answer",
        "Judges, kappa of one and two over the question by_hand, 4 verdicts: 0.50",
        "Judges, kappa of one and two over all questions, 0 verdicts: undefined, as no run was judged by both",
    )
    text = output(capsys, graded.folder)
    assert all(line in text for line in expected)
    assert expected[0] in output(capsys, graded.folder, "--markdown")
    (kept,) = json.loads(output(capsys, graded.folder, "--json"))["review"]["groups"]
    assert kept["judgements"] == judgements


def test_scores_are_drawn_over_familiarity(graded: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str], wide: None) -> None:
    points = [{"competition": name, "measure": place / 10, "score": place / 5} for place, name in enumerate(("a", "<b>", "c"))]
    relation = {
        "points": points,
        "pearson": {"value": 1.0, "interval": [0.5, 1.0], "reason": None},
        "spearman": {"value": None, "interval": None, "reason": "both are the same"},
    }
    familiarity = {"model": "m", "unanswered": [], "against_scores": relation, "usage": {"calls": 3}}
    write_review(graded, review_of(graded, familiarity=familiarity))

    path = tmp_path / "report.html"
    text = output(capsys, graded.folder, "--html", path)
    assert "Pearson correlation of scores with the familiarity of m with 3 competitions: 1.00 (95 % 0.50 … 1.00)" in text
    assert "Spearman correlation of scores with the familiarity of m with 3 competitions: undefined, as both are the same" in text
    with open_browser(tmp_path / "profile") as page:
        page.resize(1280, 900)
        page.open(path)
        drawn = page.run(
            "[...document.querySelectorAll('#review circle')].map((dot) => [dot.getBoundingClientRect().x, "
            "dot.getBoundingClientRect().y, dot.parentNode.querySelector('title').textContent.split(':')[0]])"
        )
        assert page.errors == []
    assert [name for _, _, name in drawn] == ["a", "<b>", "c"]
    assert drawn[0][0] < drawn[1][0] < drawn[2][0] and drawn[0][1] > drawn[1][1] > drawn[2][1]
    (kept,) = json.loads(output(capsys, graded.folder, "--json"))["review"]["groups"]
    assert kept["familiarity"] == familiarity


@pytest.mark.parametrize("change", ["another attempt", "another end", "another submission"])
def test_a_review_of_runs_as_they_were_is_left_out(reviewed: Group, change: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = reviewed.plan.runs[0]
    record = reviewed.record(run)
    if change == "another attempt":
        record.attempt += 1
    elif change == "another end":
        record.ended_at = now()
    else:
        record.submission_sha256 = "0" * 64
    record.write(reviewed.run_dir(run.run_id))

    document = json.loads(output(capsys, reviewed.folder, "--json"))
    assert "review" not in document
    (note,) = [note for note in document["notes"] if "review" in note]
    assert note.startswith(f"the review of group is outdated and ignored: 1 run changed since ({run.run_id}); `mlebench review")


def test_grading_anew_leaves_a_review_as_it_is(reviewed: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", str(reviewed.folder)]) == 0
    capsys.readouterr()
    assert "review" in json.loads(output(capsys, reviewed.folder, "--json"))


def test_a_review_of_another_group_is_none_of_this(reviewed: Group, capsys: pytest.CaptureFixture[str]) -> None:
    moved = reviewed.folder.rename(reviewed.folder.with_name("other"))
    document = json.loads(output(capsys, moved, "--json"))
    assert "review" not in document and any("outdated" in note for note in document["notes"])


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"group": 1}', "[" * 100_000, '{"group": NaN}', "\0", '{"group": "group", "reviewed_at": "never"}'],
    ids=("empty", "a list", "no keys", "a number", "nested", "no number", "binary", "no time"),
)
def test_a_damaged_review_is_left_out_with_a_note(reviewed: Group, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    (reviewed.folder / REVIEW_FILE).write_text(content)
    document = json.loads(output(capsys, reviewed.folder, "--json"))
    assert "review" not in document
    (note,) = [note for note in document["notes"] if "review" in note]
    assert "is damaged and ignored" in note and "\n" not in note


def test_groups_that_were_not_reviewed_are_told(reviewed: Group, toys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = make_group(reviewed.folder.parent, toys, {"toy-one": [GOLD], "toy-two": [GOLD]}, name="other")
    regrade_group(other.folder)

    document = json.loads(output(capsys, reviewed.folder, other.folder, "--json"))
    (totals,) = document["review"]["totals"].values()
    assert document["review"]["unreviewed_runs"] == 2
    assert (totals["with_flagged"]["runs"], totals["without_flagged"]["runs"]) == (6, 5)
    assert "2 runs of this report not reviewed" in output(capsys, reviewed.folder, other.folder)


def test_the_page_links_to_what_shows_it(reviewed: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pages" / "report.html"
    output(capsys, reviewed.folder, "--html", path)

    with open_browser(tmp_path / "profile") as page:
        page.resize(1280, 900)
        page.open(path)
        links = page.run("[...document.querySelectorAll('#review a')].map((link) => link.getAttribute('href'))")
        rows = page.run(
            "[...document.querySelectorAll('#review table')].map((table) => "
            "[...table.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent)))"
        )
        assert page.errors == [] and set(page.requests) <= {path.as_uri(), "data:,"}
        fits = page.run(
            "[...document.querySelectorAll('#review .scroll')].map((table) => table.scrollWidth <= table.clientWidth)"
        )
        page.run("document.querySelectorAll('#review thead button')[0].click()")

    # the agent's folder and what lies outside the group's are named, not linked
    assert [(path.parent / link).resolve() for link in links] == [
        (reviewed.folder / f"{run_id}/run.log").resolve() for run_id in ("toy-one_seed1", "toy-two_seed0")
    ]
    assert fits[1], "findings are read without scrolling sideways"
    totals, findings = rows
    assert [row[1] for row in totals] == ["all runs", "without flagged runs", "flagged runs as failures"]
    assert [row[:3] for row in findings] == [
        ["violation", "edited-by-hand", "toy-one_seed1"],
        ["look", "edited-by-hand", "toy-two_seed0"],
    ]
    assert findings[0][4] == "toy-one_seed1/run.log:1 agent/start.sh:3 ../outside:1"
    assert findings[1][3] == "a|b <i>*c*</i>"


def test_a_page_without_a_review_has_no_such_section(graded: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output(capsys, graded.folder, "--html", tmp_path / "report.html")
    assert 'id="review"' not in (tmp_path / "report.html").read_text()
