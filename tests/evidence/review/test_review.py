"""A review takes its rules one by one: what one of them cannot bear is said, and hides nothing that others find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from mlebench.agents import AgentSpec
from mlebench.errors import UsageError
from mlebench.evidence.bundle import make_bundle
from mlebench.evidence.review import looked
from mlebench.evidence.review import review as module
from mlebench.evidence.review.finding import Evidence, Level, ReviewFinding
from mlebench.evidence.review.outcome import GroupReview, Skipped
from mlebench.evidence.review.review import ReviewOptions, review
from mlebench.evidence.review.review_file import changed_since, read_review, review_from_dict, write_review
from mlebench.evidence.review.reviewed import ReviewedGroup
from mlebench.evidence.review.rules.rule import Rule, RuleOptions
from mlebench.runs.group import Group
from tests.evidence.toy_group import group, made, root

__all__ = ["group", "made", "root"]

Find = Callable[[Sequence[ReviewedGroup], RuleOptions], Iterator[ReviewFinding]]


def found(name: str, group: str, *runs: str, level: Level = "violation", text: str = "it does") -> ReviewFinding:
    return ReviewFinding(name, level, group, runs, text, (Evidence(f"{runs[0]}/run.log", 1, "at work"),))


def put_rules(monkeypatch: pytest.MonkeyPatch, rules: Mapping[str, Rule]) -> None:
    """Rules in the place of the true ones, and of the comparison of code."""
    for place in (module, looked):
        monkeypatch.setattr(place, "RULES", rules)
    monkeypatch.setattr(module, "LOOKED_AT", tuple(rules))


def each_run(groups: Sequence[ReviewedGroup], options: RuleOptions) -> Iterator[ReviewFinding]:
    """A finding of each run that it is shown."""
    for shown in groups:
        yield from (found("each-run", shown.group.name, run.run_id) for run in shown.runs)


def all_at_once(groups: Sequence[ReviewedGroup], options: RuleOptions) -> Iterator[ReviewFinding]:
    """A finding of all runs of a group that it is shown together."""
    for shown in groups:
        yield found("all-at-once", shown.group.name, *(run.run_id for run in shown.runs), level="look")


def agents_folder(groups: Sequence[ReviewedGroup], options: RuleOptions) -> Iterator[ReviewFinding]:
    """Finds the same of every run that it is shown."""
    for shown in groups:
        places = (Evidence("agent/start.sh", 1, "toy-b"),)
        yield from (ReviewFinding("agents-folder", "violation", "group", (run.run_id,), "named", places) for run in shown.runs)


def fails_at_the_second_run(groups: Sequence[ReviewedGroup], options: RuleOptions) -> Iterator[ReviewFinding]:
    for shown in groups:
        for run in shown.runs:
            if run.run_id == "toy-a_seed1":
                raise RecursionError("too deep\nfor me")
            yield found("odd", shown.group.name, run.run_id)


@pytest.fixture
def with_rules(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts rules in the place of the true ones."""

    def put(**rules: Find) -> None:
        made = {
            name.replace("_", "-"): Rule(name.replace("_", "-"), "does it?", find, compares=find is all_at_once)
            for name, find in rules.items()
        }
        put_rules(monkeypatch, made)

    return put


def of_one(folder: Path, *rules: str) -> GroupReview:
    [kept] = review([folder], ReviewOptions(rules=rules)).groups
    return kept


def test_every_run_is_looked_at_and_flagged_by_its_violations(group: Group, with_rules: Callable[..., None]) -> None:
    with_rules(each_run=each_run, all_at_once=all_at_once)
    kept = of_one(group.folder)

    runs = tuple(run.run_id for run in group.plan.runs)
    assert len(runs) == 4
    assert kept.flagged == runs and tuple(kept.states) == runs
    assert [(finding.rule, finding.runs) for finding in kept.findings] == [
        *(("each-run", (run_id,)) for run_id in runs),
        ("all-at-once", runs),
    ]
    assert (kept.rules, kept.skipped) == (("each-run", "all-at-once"), ())


def test_what_is_only_to_look_at_flags_nothing(group: Group, with_rules: Callable[..., None]) -> None:
    with_rules(all_at_once=all_at_once)
    whole = review([group.folder])
    assert len(whole.findings) == 1 and whole.groups[0].flagged == () and whole.holds


def test_what_is_found_alike_of_several_runs_is_found_once(group: Group, with_rules: Callable[..., None]) -> None:
    with_rules(agents_folder=agents_folder)
    (finding,) = of_one(group.folder).findings
    assert finding.runs == tuple(run.run_id for run in group.plan.runs)


def test_a_rule_that_fails_ends_neither_the_review_nor_what_it_finds_elsewhere(
    group: Group, with_rules: Callable[..., None]
) -> None:
    with_rules(odd=fails_at_the_second_run, all_at_once=all_at_once)
    kept = of_one(group.folder)

    assert kept.skipped == (Skipped("odd", "it failed on toy-a_seed1: RecursionError: too deep\\nfor me"),)
    assert [finding.runs for finding in kept.findings if finding.rule == "odd"] == [
        ("toy-a_seed0",),
        ("toy-b_seed0",),
        ("toy-b_seed1",),
    ]
    assert any(finding.rule == "all-at-once" for finding in kept.findings)


def test_what_a_rule_lacks_is_said(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Rule("each-run", "does it?", each_run, lacks=lambda groups: f"the answers of {groups[0].runs[0].run_id} are elsewhere")
    put_rules(monkeypatch, {"each-run": rule})
    assert of_one(group.folder).skipped == (Skipped("each-run", "the answers of toy-a_seed0 are elsewhere"),)


def test_rules_that_were_not_chosen_are_named(group: Group, with_rules: Callable[..., None]) -> None:
    with_rules(each_run=each_run, all_at_once=all_at_once)
    kept = of_one(group.folder, "all-at-once")
    assert (kept.rules, kept.skipped) == (("all-at-once",), (Skipped("each-run", "not requested"),))


def test_a_rule_that_is_not_there_is_wrong_usage(group: Group, with_rules: Callable[..., None]) -> None:
    with_rules(each_run=each_run)
    with pytest.raises(UsageError, match=r"unknown rule `each-runs`; did you mean `each-run`\?"):
        review([group.folder], ReviewOptions(rules=("each-runs",)))
    with pytest.raises(UsageError, match="unknown rule `x`; choose `each-run`"):
        review([group.folder], ReviewOptions(rules=("x",)))


def test_a_bundle_is_reviewed_as_its_group_is(group: Group, tmp_path: Path, with_rules: Callable[..., None]) -> None:
    with_rules(each_run=each_run, all_at_once=all_at_once)
    bundle = make_bundle([group], tmp_path / "b.zip").path
    content = bundle.read_bytes()

    from_folder, from_bundle = of_one(group.folder), of_one(bundle)
    assert from_bundle.findings == from_folder.findings and from_bundle.states == from_folder.states
    assert bundle.read_bytes() == content


def test_what_a_bundle_holds_by_hash_alone_is_named(group: Group, tmp_path: Path, with_rules: Callable[..., None]) -> None:
    with_rules(each_run=each_run)
    bundle = make_bundle([group], tmp_path / "b.zip", leave_out=frozenset({"logs", "agent"})).path
    by_hash, folder = of_one(bundle).skipped
    assert (by_hash.rule, folder.rule) == ("every rule", "every rule")
    # of each of four runs: training.log and run.log, a copy of the data in code, a file beside the submission
    assert "logs: 8" in by_hash.reason and "competition data: 4" in by_hash.reason and "not submitted: 4" in by_hash.reason
    assert folder.reason == "the agent's folder has changed since the group was created"


def test_an_agents_folder_that_was_changed_since_is_named(
    group: Group, monkeypatch: pytest.MonkeyPatch, with_rules: Callable[..., None]
) -> None:
    with_rules(each_run=each_run)
    assert of_one(group.folder).skipped == ()
    monkeypatch.setattr(AgentSpec, "fingerprint", lambda agent: "0" * 64)
    assert of_one(group.folder).skipped == (Skipped("every rule", "the agent's folder has changed since the group was created"),)


def test_two_groups_of_one_name_are_reviewed_one_after_the_other(
    group: Group, tmp_path: Path, with_rules: Callable[..., None]
) -> None:
    with_rules(each_run=each_run)
    bundle = make_bundle([group], tmp_path / "b.zip").path
    with pytest.raises(UsageError, match="two of these are groups called group; review them separately"):
        review([group.folder, bundle])


def test_a_kept_review_reads_as_it_was_written(group: Group, with_rules: Callable[..., None]) -> None:
    with_rules(each_run=each_run, odd=fails_at_the_second_run)
    kept = of_one(group.folder)
    write_review(group, kept)

    assert read_review(group) == kept
    assert changed_since(kept, group) == ()
    assert review_from_dict(kept.to_dict()) == kept


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("level",), "crime"),
        (("runs",), "toy-a_seed0"),
        (("runs",), [1]),
        (("evidence",), [{"file": "a", "line": 0}]),
        (("evidence",), [{"file": "a"}] * 1001),
        (("rule",), ""),
        (("text",), None),
        (("group",), "g" * 5000),
    ],
)
def test_what_no_review_writes_is_refused(
    group: Group, place: tuple[str, ...], value: object, with_rules: Callable[..., None]
) -> None:
    with_rules(each_run=each_run)
    content = of_one(group.folder).to_dict()
    content["findings"][0][place[0]] = value
    with pytest.raises(ValueError, match="findings") as caught:
        review_from_dict(content)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1200


def test_texts_of_a_kept_review_are_printable_and_short(group: Group, with_rules: Callable[..., None]) -> None:
    with_rules(each_run=each_run)
    content = of_one(group.folder).to_dict()
    content["findings"][0] |= {"text": "\x1b[31m" * 1000, "evidence": [{"file": "a", "quote": "\n" * 1000}]}
    finding = review_from_dict(content).findings[0]
    assert finding.text.isprintable() and finding.evidence[0].quote.isprintable()
    assert len(finding.text) < 5000 and len(finding.evidence[0].quote) < 1300
