"""Level 7 names each thing that keeps a result from a row, with its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench.evidence.levels.rules import rules_level
from mlebench.evidence.rules import Rules
from mlebench.evidence.verdict import LEVELS, Finding, Level
from mlebench.gateway.models import Model
from tests.evidence.stated import StatedBundle, StatedGroup, opened, stated_group
from tests.runs.conftest import TOYS, make_toy

RULES = Rules(
    name="toy",
    split=("toy-a", "toy-b"),
    seeds=3,
    models="named",
    network=("none", "models"),
    medals=("submission", "code", "ledgers"),
)
HOLDING = tuple(Level(name, "holds", "") for name in LEVELS if name != "rules")
PLAN = "groups/group/group.yaml"


@pytest.fixture(autouse=True)
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TOYS:
        make_toy(tmp_path / "competitions" / name, tmp_path / "data" / name)
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "competitions"))
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., StatedGroup]:
    return lambda name="group", **parts: stated_group(tmp_path, name, **parts)


def judged(*groups: StatedGroup, levels: tuple[Level, ...] = HOLDING, without: set[str] | None = None, **rules: Any) -> Level:
    bundle = opened(Path("/nowhere"), *groups, without=without or set())
    return rules_level(bundle, Rules.model_validate({**RULES.model_dump(), **rules}), levels)


def only(level: Level) -> Finding:
    assert level.state == "fails"
    (finding,) = level.findings
    return finding


def test_without_rules_nothing_is_claimed(make: Callable[..., StatedGroup]) -> None:
    found = rules_level(opened(Path("/nowhere"), make()), None, HOLDING)
    assert found.state == "not claimed" and "--rules standard" in found.summary


def test_what_satisfies_them_holds(make: Callable[..., StatedGroup]) -> None:
    found = judged(make())
    assert (found.state, found.summary) == ("holds", "nothing keeps it from a row under the rules toy")


class TestPlan:
    @pytest.mark.parametrize(
        ("parts", "rules", "said"),
        [
            ({"edition": "v2"}, {"editions": ["v1"]}, "its edition is v2; the rules require v1"),
            ({"profile": {"network": "open"}}, {}, "its network is open; the rules require none or models"),
            ({"sandbox": "plain"}, {}, "its sandbox is plain; the rules require docker"),
            ({"sandbox": "local"}, {"sandbox": ["bubblewrap"]}, "its sandbox is plain; the rules require bubblewrap"),
            ({"obfuscated": True}, {"task_text": ["plain"]}, "its task text is obfuscated"),
            ({"profile": {"time_limit": 7200}}, {"limits": {"time_limit": "1h"}}, "time_limit 2 h"),
            ({"profile": {"gpus": 2}}, {"profile": "standard"}, "gpus 2"),
            ({"profile": {"network": "models", "allow": ["pypi.org"]}}, {}, "open hosts that the rules do not have: pypi.org"),
            (
                {"profile": {"network": "models", "grants": ["files"]}},
                {},
                "grants of the gateway that the rules do not have: files",
            ),
            ({"settings": "description: no model"}, {}, "it states no model"),
        ],
    )
    def test_what_was_allowed_beyond_the_rules(
        self, make: Callable[..., StatedGroup], parts: dict[str, Any], rules: dict[str, Any], said: str
    ) -> None:
        finding = only(judged(make(**parts), **rules))
        assert finding.file == PLAN and said in finding.message

    def test_what_the_rules_name_is_allowed(self, make: Callable[..., StatedGroup]) -> None:
        group = make(profile={"network": "models", "allow": ["pypi.org"], "grants": ["files"], "time_limit": 60})
        assert judged(group, allow=["pypi.org"], grants=["files"], limits={"time_limit": "1m"}).state == "holds"

    def test_a_model_that_is_not_in_the_plan(self, make: Callable[..., StatedGroup]) -> None:
        model = Model(name="gpt-5", served="g", provider="p", dialects=("chat",), base_url="https://m.example.org")
        group = make(profile={"network": "models"}, models={"gpt-5": model})
        call = {"outcome": "answered", "status": 200, "action": "generate"}
        group.ledger("model_calls", {**call, "model": "gpt-5"}, {**call, "model": "other"})
        finding = only(judged(group, medals=[]))
        assert (finding.file.rpartition("/")[2], finding.line) == ("model_calls.jsonl", 2)
        assert judged(group, medals=[], models="any").state == "holds"


class TestRuns:
    def test_competitions_that_are_missing(self, make: Callable[..., StatedGroup]) -> None:
        finding = only(judged(make(competitions=["toy-a"])))
        assert finding.message == "1 of 2 competitions of the rules' list are not in its plan: toy-b"

    def test_more_competitions_do_no_harm(self, make: Callable[..., StatedGroup]) -> None:
        assert judged(make(competitions=TOYS)).state == "holds"

    def test_too_few_seeds(self, make: Callable[..., StatedGroup]) -> None:
        finding = only(judged(make(seeds=[0, 1])))
        assert finding.message == "2 competitions have fewer than 3 seeds with a result: toy-a (2), toy-b (2)"

    @pytest.mark.parametrize("change", [{"state": "running"}, {"state": "cancelled"}, {"report": None}])
    def test_a_run_without_result(self, make: Callable[..., StatedGroup], change: dict[str, Any]) -> None:
        group = make(seeds=range(4))
        vars(group.record()).update(change)
        finding = only(judged(group))
        assert finding.file == "groups/group/toy-a_seed0/run.json" and "this run of the plan" in finding.message
        assert judged(group, missing_runs=1).state == "holds"

    def test_a_planned_run_without_record(self, make: Callable[..., StatedGroup]) -> None:
        group = make(seeds=range(4))
        del group.records["toy-b_seed3"]
        assert only(judged(group)).file == "groups/group/toy-b_seed3/run.json"

    def test_a_missing_run_counts_as_no_seed(self, make: Callable[..., StatedGroup]) -> None:
        group = make()
        del group.records["toy-b_seed2"]
        assert [finding.file for finding in judged(group).findings] == [PLAN, "groups/group/toy-b_seed2/run.json"]

    def test_failures_of_the_infrastructure(self, make: Callable[..., StatedGroup]) -> None:
        group = make(seeds=range(4))
        group.record().failure_class, group.record().report, group.record().reason = "infrastructure", None, "lost\x1b"
        finding = only(judged(group))
        assert "infrastructure failed this run" in finding.message and finding.message.isprintable()
        assert judged(group, infrastructure_failures=1).state == "holds"

    def test_a_failure_of_the_agent_is_a_result(self, make: Callable[..., StatedGroup]) -> None:
        group = make()
        group.record().state, group.record().failure_class = "failed", "agent"
        assert judged(group).state == "holds"

    def test_attempts_that_were_run_again(self, make: Callable[..., StatedGroup]) -> None:
        group = make()
        group.record().attempts = [{"attempt": 1, "state": "failed", "failure_class": "infrastructure"}]
        assert judged(group).state == "holds"
        group.record().attempts += [{"attempt": 2, "state": "finished\x1b", "failure_class": "agent"}]
        finding = only(judged(group))
        assert finding.file == "groups/group/toy-a_seed0/run.json" and finding.message.isprintable()
        assert "was followed by another one" in finding.message
        assert judged(group, repeated_attempts=1).state == "holds"

    def test_mock_data(self, make: Callable[..., StatedGroup]) -> None:
        group = make()
        group.conditions(data={"toy-a": "real", "toy-b": "mock"})
        assert only(judged(group)).message == "toy-b was run on mock data"
        assert judged(group, mock_data="allow").state == "holds"

    def test_mock_data_of_one_report(self, make: Callable[..., StatedGroup]) -> None:
        group = make()
        assert group.record().report is not None
        group.record().report["data"] = "mock"  # type: ignore[index]
        assert only(judged(group)).message == "toy-a was run on mock data"

    def test_many_of_a_kind_are_counted(self, make: Callable[..., StatedGroup]) -> None:
        group = make(seeds=range(60))
        for record in list(group.records.values())[:100]:
            record.failure_class = "infrastructure"
        found = judged(group).findings
        assert len(found) == 20 and found[-1].message.endswith("and 80 more of this kind")


class TestSeveralGroups:
    def test_they_continue_each_others_seeds(self, make: Callable[..., StatedGroup]) -> None:
        first, second = make("first", seeds=[0, 1]), make("second", seeds=[2])
        assert judged(first, second).state == "holds"
        assert judged(first).state == judged(second).state == "fails"

    def test_and_each_others_competitions(self, make: Callable[..., StatedGroup]) -> None:
        assert judged(make("first", competitions=["toy-a"]), make("second", competitions=["toy-b"])).state == "holds"

    def test_not_under_other_conditions(self, make: Callable[..., StatedGroup]) -> None:
        second = make("second", seeds=[2])
        second.conditions(network="models")
        assert judged(make("first", seeds=[0, 1]), second).state == "fails"

    def test_a_seed_that_was_run_twice(self, make: Callable[..., StatedGroup]) -> None:
        found = judged(make("first"), make("second", competitions=["toy-a"], seeds=[1]))
        assert only(found).text == (
            "groups/second/group.yaml: seed 1 of toy-a was run 2 times under equal conditions; a result has each only once"
        )

    def test_each_result_must_satisfy_them(self, make: Callable[..., StatedGroup]) -> None:
        other = make("other", seeds=[7])
        other.conditions(arguments={"model": "gpt-4"})
        assert {finding.file for finding in judged(make("first"), other).findings} == {"groups/other/group.yaml"}

    def test_a_bundle_without_groups_is_no_row(self) -> None:
        assert judged().state == "fails"


class TestLevels:
    @pytest.mark.parametrize("state", ["fails", "not claimed"])
    def test_a_level_that_must_hold(self, make: Callable[..., StatedGroup], state: Any) -> None:
        levels = tuple(Level("scores", state, "why") if level.name == "scores" else level for level in HOLDING)
        finding = only(_with_levels(make(), levels))
        assert "level 5, scores, must hold" in finding.message and "(why)" in finding.message

    def test_one_that_is_merely_shown(self, make: Callable[..., StatedGroup]) -> None:
        levels = tuple(Level(level.name, "not claimed", "") if level.name == "signature" else level for level in HOLDING)
        assert _with_levels(make(), levels).state == "holds"


def _with_levels(group: StatedGroup, levels: tuple[Level, ...]) -> Level:
    rules = RULES.model_copy(update={"levels": ("files", "plan", "ledgers", "scores", "sealed")})
    return rules_level(opened(Path("/nowhere"), group), rules, levels)


class TestMedals:
    """Each run in these groups has a medal."""

    @pytest.mark.parametrize(("kind", "name"), [("submission", "submission/submission.csv"), ("code", "code/model.py")])
    def test_what_a_medal_needs(self, make: Callable[..., StatedGroup], kind: str, name: str) -> None:
        group = make()
        finding = only(judged(group, without={f"groups/group/toy-b_seed1/{name}"}))
        assert finding.file == "groups/group/toy-b_seed1/run.json" and f"the bundle has no {kind}" in finding.message

    def test_a_ledger_with_lines_must_be_there(self, make: Callable[..., StatedGroup]) -> None:
        group = make()
        group.record().ledgers = {"checker_calls": {"lines": 3, "head": "0" * 64}}
        assert "the bundle has no ledgers" in only(judged(group)).message
        group.record().ledgers = {}
        assert "the bundle has no ledgers" in only(judged(group)).message

    def test_a_run_without_medal_needs_nothing(self, make: Callable[..., StatedGroup]) -> None:
        group = make(score=lambda competition, seed: 5.0)
        names = {subject.name for subject in StatedBundle(Path(), (group,)).statement.subjects}
        assert judged(group, without=names).state == "holds"


class TestTooGood:
    """Lower is better here; the best row is 0.2."""

    @pytest.fixture(autouse=True)
    def board(self, tmp_path: Path) -> None:
        (tmp_path / "data" / "toy-a" / "leaderboard.csv").write_text("score\n0.2\n0.9\n1.5\n")

    def group(self, make: Callable[..., StatedGroup], score: float) -> StatedGroup:
        return make(score=lambda competition, seed: score if (competition, seed) == ("toy-a", 1) else 0.8)

    def test_a_score_beyond_the_best_row_is_flagged(self, make: Callable[..., StatedGroup]) -> None:
        found = judged(self.group(make, 0.1))
        assert found.state == "holds"
        assert found.flags[0].text == (
            "groups/group/toy-a_seed1/run.json: its score 0.1 is beyond the best row of the private board, 0.2"
        )

    def test_or_refused(self, make: Callable[..., StatedGroup]) -> None:
        assert "beyond the best row" in only(judged(self.group(make, 0.1), too_good="refuse")).message

    def test_or_ignored(self, make: Callable[..., StatedGroup]) -> None:
        assert judged(self.group(make, 0.1), too_good="ignore").flags == ()

    def test_the_best_row_itself_is_not_beyond(self, make: Callable[..., StatedGroup]) -> None:
        assert not any("beyond the best row of the private" in flag.message for flag in judged(self.group(make, 0.2)).flags)

    def test_boards_that_are_not_here_are_named(self, make: Callable[..., StatedGroup]) -> None:
        (flag,) = judged(self.group(make, 0.3)).flags
        assert (
            "the board of toy-b is not available here" in flag.message and "mlebench leaderboard toy-b --refresh" in flag.message
        )
