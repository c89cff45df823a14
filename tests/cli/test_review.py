"""`mlebench review` shows what it found and where, keeps the review of a group, and ends with 1 if a run is flagged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.evidence.bundle import make_bundle
from mlebench.evidence.review.finding import Evidence, Level, ReviewFinding
from mlebench.evidence.review.review_file import REVIEW_FILE
from mlebench.evidence.review.reviewed import ReviewedGroup
from mlebench.evidence.review.rules.rule import Rule, RuleOptions
from mlebench.runs.group import Group
from tests.evidence.review.test_review import put_rules
from tests.evidence.toy_group import group, made, root

__all__ = ["group", "made", "root"]


def rule(name: str, level: Level, word: str) -> Rule:
    """Finds the runs in whose logs a word stands."""

    def find(groups: Sequence[ReviewedGroup], options: RuleOptions) -> Iterator[ReviewFinding]:
        for shown in groups:
            for run in shown.runs:
                for text in run.texts("logs"):
                    for number, line in enumerate(text.text.splitlines(), start=1):
                        if word in line:
                            places = (Evidence(text.name, number, line),)
                            yield ReviewFinding(name, level, shown.group.name, (run.run_id,), f"`{word}` was logged", places)

    return Rule(name, "does it?", find)


@pytest.fixture(autouse=True)
def rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rules: `cheats` flags, `oddities` does not."""
    made = {entry.name: entry for entry in (rule("cheats", "violation", "cheat"), rule("oddities", "look", "odd"))}
    put_rules(monkeypatch, made)
    monkeypatch.setenv("COLUMNS", "300")


@pytest.fixture
def cheating(group: Group) -> Group:
    """The group, in which `toy-a_seed1` says that it cheats and `toy-b_seed0` something odd."""
    (group.run_dir("toy-a_seed1") / "logs" / "notes.log").write_text("begin\nI cheat <here>\n")
    (group.run_dir("toy-b_seed0") / "logs" / "notes.log").write_text("odd\n")
    return group


def output(capsys: pytest.CaptureFixture[str], exit_code: int, *words: str | Path) -> str:
    assert main(["review", *map(str, words)]) == exit_code
    return capsys.readouterr().out


def said(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """The one sentence of a refusal."""
    assert main(["review", *map(str, words)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("mlebench review: ")
    return err.removeprefix("mlebench review: ").rstrip()


def test_an_honest_group_ends_with_0(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, 0, "group")
    assert "Review of group: 0 flagged runs of 4, 0 violations and 0 findings to look at by 2 rules." in text
    assert (group.folder / REVIEW_FILE).is_file()


def test_what_is_only_to_look_at_ends_with_0(cheating: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert "`odd` was logged" in output(capsys, 0, "latest", "--rule", "oddities")


def test_a_flagged_run_ends_with_1_and_is_shown_with_its_place(cheating: Group, capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, 1, cheating.folder)
    assert "1 flagged run of 4, 1 violation and 1 finding to look at by 2 rules" in text
    assert "toy-a_seed1/logs/notes.log:2  I cheat <here>" in text
    assert text.index("`cheat` was logged") < text.index("`odd` was logged")
    assert "without flagged runs" in text and "flagged runs as failures" in text


def test_one_document_for_programs(cheating: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "group", "--json"]) == 1
    out, _ = capsys.readouterr()
    (told,) = json.loads(out)["groups"]

    assert (
        told["group"] == "group"
        and told["flagged"] == ["toy-a_seed1"]
        and set(told["runs"]) == {run.run_id for run in cheating.plan.runs}
    )
    assert [(entry["rule"], entry["level"], entry["runs"]) for entry in told["findings"]] == [
        ("cheats", "violation", ["toy-a_seed1"]),
        ("oddities", "look", ["toy-b_seed0"]),
    ]
    (totals,) = told["totals"].values()
    assert (totals["flagged"], totals["with_flagged"]["runs"], totals["without_flagged"]["runs"]) == (1, 4, 3)


def test_a_report_shows_the_review_that_was_kept(cheating: Group, capsys: pytest.CaptureFixture[str]) -> None:
    output(capsys, 1, "group")
    assert main(["report", "group", "--json"]) == 0
    (kept,) = json.loads(capsys.readouterr().out)["review"]["groups"]
    assert kept["flagged"] == ["toy-a_seed1"] and len(kept["findings"]) == 2


def test_a_later_review_takes_the_place_of_an_earlier_one(cheating: Group, capsys: pytest.CaptureFixture[str]) -> None:
    output(capsys, 1, "group")
    output(capsys, 0, "group", "--rule", "oddities")
    kept = json.loads((cheating.folder / REVIEW_FILE).read_text())
    assert kept["rules"] == ["oddities"] and kept["skipped"] == [{"rule": "cheats", "reason": "not requested"}]


def test_a_bundle_is_reviewed_without_touching_it(cheating: Group, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = make_bundle([cheating], root / "b.zip").path
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
    before = set(root.rglob("*"))

    assert "1 flagged run of 4" in output(capsys, 1, bundle, "-o", root / "made" / "review.json")
    document = json.loads((root / "made" / "review.json").read_text())
    assert document["groups"][0]["flagged"] == ["toy-a_seed1"]
    (totals,) = document["groups"][0]["totals"].values()
    assert totals["flagged"] == 1
    assert hashlib.sha256(bundle.read_bytes()).hexdigest() == digest
    assert set(root.rglob("*")) - before == {root / "made", root / "made" / "review.json"}


def test_a_review_enters_no_bundle(cheating: Group, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = make_bundle([cheating], root / "before.zip")
    output(capsys, 1, "group")
    after = make_bundle([cheating], root / "after.zip")
    assert after.sha256 == before.sha256
    assert main(["verify", str(after.path)]) == 0


def test_the_page_of_findings_links_to_the_files_of_a_group(
    cheating: Group, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output(capsys, 1, "group", "--html", root / "pages" / "review.html")
    page = (root / "pages" / "review.html").read_text()
    assert '<a href="../runs/group/toy-a_seed1/logs/notes.log">toy-a_seed1/logs/notes.log:2</a>' in page
    assert "I cheat &lt;here&gt;" in page and "<here>" not in page
    assert "without flagged runs" in page


def test_the_page_of_a_bundle_names_its_files(cheating: Group, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = make_bundle([cheating], root / "b.zip").path
    output(capsys, 1, bundle, "--html", root / "review.html")
    page = (root / "review.html").read_text()
    assert "toy-a_seed1/logs/notes.log:2" in page and "<a href=" not in page.partition("<main>")[2]


def test_several_groups_are_reviewed_together(cheating: Group, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = make_bundle([cheating], root / "b.zip").path
    cheating.folder.rename(cheating.folder.with_name("other"))
    # the same runs under another name
    for record in (root / "runs" / "other").glob("*/run.json"):
        record.write_text(record.read_text().replace('"group": "group"', '"group": "other"'))
    groups = json.loads(output(capsys, 1, "other", bundle, "--json"))["groups"]
    assert [(told["group"], told["flagged"]) for told in groups] == [("other", ["toy-a_seed1"]), ("group", ["toy-a_seed1"])]


def test_options_that_cannot_be_are_told_in_a_sentence(group: Group, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "text").write_text("words")
    for words, sentence in {
        ("nothing",): f"unknown run group `nothing` in {root / 'runs'}; `mlebench runs` lists all run groups",
        ("text",): "text is neither a run group nor a bundle (*.zip)",
        ("-",): "a review takes names: of run groups, their folders or bundles; `mlebench runs` lists the groups",
        ("group", "--rule", "cheat"): "unknown rule `cheat`; did you mean `cheats`?",
        ("group", "--against", "none"): "there is no folder none; `--against` names one",
        ("group", "--starter", "text"): "there is no folder text; `--starter` names one",
        ("group", "--judge-budget", "usd=2"): "`--judge-budget` is of calls to models, and none is asked; name one with "
        "`--judge MODEL`",
        ("group", "--texts", "."): "`--familiarity MODEL` and `--texts FOLDER` go together: the model, and the texts that it may "
        "know",
        ("group", "--judge", "m", "--judge-budget", "5"): "`--judge-budget`: `the whole file`: expected KEY=AMOUNT, such as "
        "`usd=5` or `usd=5,calls=200`, not '5'",
        ("group", "group"): "two of these are groups called group; review them separately",
    }.items():
        assert said(capsys, *words) == sentence


def test_what_is_no_bundle_is_wrong_usage(root: Path, group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "b.zip").write_bytes(b"PK")
    assert said(capsys, "b.zip").startswith("b.zip cannot be reviewed: ")


def test_models_asked_about_a_bundle_need_a_place_for_their_calls(
    group: Group, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = make_bundle([group], root / "b.zip").path
    assert said(capsys, bundle, "--judge", "m").startswith("name a file with `-o FILE`: ")
