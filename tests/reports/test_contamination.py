"""Memory or skill: named competitions against their obfuscated twins and the research suite."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from grading.report import CompetitionReport
from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.registry import Registry
from mlebench.reports.contamination import familiarity
from mlebench.reports.report_file import layers_of
from mlebench.reports.results import Results, with_data_of
from mlebench.reports.statistics import bootstrap_difference
from mlebench.runs.conditions import Conditions
from tests.reports.builders import report, write_aggregate

KAGGLE = Registry().list_competition_ids("low")[:6]
RESEARCH = Registry().list_competition_ids("research")[:2]


def runs(
    reports: Sequence[CompetitionReport], *, obfuscated: bool = False, agent: str = "ours", sandbox: str = "docker"
) -> Results:
    conditions = Conditions(agent, sandbox=sandbox, task_text="obfuscated" if obfuscated else "plain")
    return Results(with_data_of(conditions, [("file", report) for report in reports]), layers_of(reports), ("file",))


def named(outcomes: Sequence[str]) -> list[CompetitionReport]:
    return [report(name, outcome) for name, outcome in zip(KAGGLE, outcomes, strict=True)]


def test_an_agent_that_remembers_loses_on_the_twins() -> None:
    plain = runs(named(["gold"] * 5 + ["above"]))
    twins = runs(named(["none"] * 5 + ["above"]), obfuscated=True)
    (found,) = familiarity([plain, twins])

    assert [(figure.kind, figure.competitions, figure.runs) for figure in found.figures] == [
        ("kaggle", 6, 6),
        ("obfuscated", 6, 6),
    ]
    assert found.figures[0].mean == pytest.approx((5 * 1 + 0.25) / 6)
    (gap,) = found.gaps
    assert gap.paired
    assert gap.difference == pytest.approx(5 / 6)
    assert gap.interval.lower > 0
    assert gap.sign_test is not None and (gap.sign_test.wins, gap.sign_test.ties) == (5, 1)


def test_research_runs_stand_in_the_same_group_as_kaggle_runs() -> None:
    (found,) = familiarity([runs([*named(["gold"] * 6), *(report(name, "none") for name in RESEARCH)])])
    (gap,) = found.gaps
    assert (gap.other, gap.competitions, gap.paired) == ("research", len(RESEARCH), False)
    assert gap.difference == pytest.approx(1)
    assert gap.sign_test is None


def test_failures_count_as_0_unless_the_harness_is_to_blame() -> None:
    broken = [report(KAGGLE[0], "missing", error_kind="grader_error"), *named(["gold"] * 6)[1:]]
    twins = runs([report(KAGGLE[1], "missing")], obfuscated=True)
    (found,) = familiarity([runs(broken), twins])
    by_kind = {figure.kind: figure for figure in found.figures}
    assert (by_kind["kaggle"].competitions, by_kind["kaggle"].mean) == (5, pytest.approx(1))
    assert by_kind["obfuscated"].mean == 0


def test_agents_are_kept_apart() -> None:
    entries = [runs(named(["gold"] * 6)), runs(named(["none"] * 6), obfuscated=True, agent="theirs")]
    with pytest.raises(UsageError, match="--obfuscated"):
        familiarity(entries)


def test_runs_that_differ_in_more_than_the_task_text_are_not_compared() -> None:
    plain, twins = runs(named(["gold"] * 6)), runs(named(["none"] * 6), obfuscated=True, sandbox="plain")
    with pytest.raises(UsageError, match=r"these runs of ours differ in sandbox \(docker → plain\)"):
        familiarity([plain, twins])

    found = familiarity([plain, runs(named(["none"] * 6), obfuscated=True), twins, runs(named(["gold"] * 6), sandbox="plain")])
    assert [(entry.agent, entry.gaps[0].difference) for entry in found] == [("ours (docker)", 1), ("ours (plain)", 1)]


def test_instances_of_different_keys_are_not_averaged() -> None:
    reports = [report(RESEARCH[0], "gold", instance_hash=key) for key in ("a", "b")]
    with pytest.raises(UsageError, match=r"differs from those before it in keys of generated data \(.* a → b\)"):
        runs(reports)


def test_difference_of_independent_means() -> None:
    lower, upper = bootstrap_difference([1.0] * 10, [0.0, 0.2] * 5)
    assert lower < 0.9 < upper
    assert bootstrap_difference([1.0, 1.0], [0.25, 0.25]) == (0.75, 0.75)


def test_command_line(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:  # type: ignore[no-untyped-def]
    path = write_aggregate(tmp_path / "x.json", [*named(["gold"] * 6), *(report(name, "none") for name in RESEARCH)])
    assert main(["report", str(path), "--contamination", "--json"]) == 0
    (agent,) = json.loads(capsys.readouterr().out)["contamination"]
    assert agent["gaps"][0]["ci_lower"] == 1
    assert main(["report", str(path), "--contamination"]) == 0
    assert "kaggle − research: +1.000" in capsys.readouterr().out
    assert main(["report", str(path), "--contamination", "--csv"]) == 2


def test_a_report_says_which_instance(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert replace(report("a", "gold"), instance_hash="x").to_dict()["instance_hash"] == "x"
