"""What becomes of the runs of another harness: groups that are whole or not there, with what is not known left open."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import mlebench
from mlebench._support.steps import Step
from mlebench.errors import UsageError
from mlebench.exports.imported.groups import Made, Options, Outcome, import_runs
from mlebench.exports.imported.harbor_job import read_harbor_job
from mlebench.registry import Registry
from mlebench.runs.cancel import cancel_group, cancel_run
from mlebench.runs.conditions import Conditions
from mlebench.runs.group import Group, list_groups
from mlebench.runs.plan import UNKNOWN_LIMITS
from mlebench.runs.regrade import regrade_group
from tests.exports.imported.conftest import RESULTS, Job
from tests.sound_steps import assert_sound

SUBMISSION = "id,y\na,1\nb,1\n"
"""Scores 1, which is bronze."""
SILVER = {"reward": 1.0, "score": 0.3, "any_medal": 1, "gold": 0, "silver": 1, "bronze": 0, "above_median": 1, "valid": 1}


def imported(job: Job, registry: Registry, **options: object) -> Outcome:
    steps: list[Step] = []
    where = Options(job.folder.parent / "runs", registry, **options)  # type: ignore[arg-type]
    outcome = import_runs([read_harbor_job(job.folder)], where, steps.append)
    assert_sound(steps, phases=["importing"])
    return outcome


def only(outcome: Outcome) -> Made:
    (made,) = outcome.made
    assert outcome.problems == ()
    return made


def test_attempts_at_a_task_are_seeds_in_the_order_of_time(job: Job, registry: Registry) -> None:
    job.trial(started_at="2026-11-01T09:00:00Z")
    job.trial(task_name="toy-b")
    job.trial(rewards=SILVER)
    made = only(imported(job, registry))
    assert made.group.folder == job.folder.parent / "runs" / "job"
    assert [run.run_id for run in made.group.plan.runs] == ["toy-a_seed0", "toy-b_seed0", "toy-a_seed1"]
    assert [record.graded.score for record in made.group.records() if record.graded] == [1.0, 1.0, 0.3]
    assert made.results == 3 and made.graded == 0


def test_a_group_is_read_again_as_it_was_made(job: Job, registry: Registry) -> None:
    job.trial()
    made = only(imported(job, registry)).group
    read = Group.open(made.folder)
    assert (read.plan, read.conditions, read.plan.sha256) == (made.plan, made.conditions, made.plan.sha256)
    assert read.plan.profile == UNKNOWN_LIMITS and read.plan.sandbox is None and not read.plan.has_known_limits
    assert "profile: null" in (made.folder / "group.yaml").read_text()
    assert read.imported is not None and read.imported.source == "job" and read.imported.tool == "Harbor"
    assert read.imported.runs["toy-a_seed0"].stated["bronze_medal"] is True
    assert set(read.imported.files) == {"config.json", "result.json", "bronze__0000001/result.json"}


def test_what_is_not_known_is_null_and_keeps_imported_runs_apart_from_own_ones(job: Job, registry: Registry) -> None:
    job.trial()
    conditions = only(imported(job, registry)).group.conditions
    assert (conditions.limits, conditions.sandbox, conditions.network, conditions.agent_fingerprint) == (None,) * 4
    assert conditions.harness == "Harbor" and conditions.competition_versions == {"toy-a": None}
    known = Conditions.from_dict({**conditions.to_dict(), "sandbox": "docker", "network": "none", "harness": "0.1"})
    assert conditions.differences(known) == ["harness (Harbor → 0.1)", "sandbox, network (unknown on one side)"]


def test_a_group_that_is_not_imported_must_say_its_limits(job: Job, registry: Registry) -> None:
    job.trial()
    file = only(imported(job, registry)).group.folder / "group.yaml"
    text = file.read_text()
    start = text.index("manifest:")
    file.write_text(text[:start] + "manifest: {}\n")
    with pytest.raises(UsageError, match="it has neither limits nor the mark of an imported group"):
        Group.open(file.parent)


def test_agents_of_different_configurations_have_groups_of_their_own(job: Job, registry: Registry) -> None:
    job.trial()
    job.trial(agent_info={"name": "codex", "version": "1", "model_info": {"name": "gpt", "provider": None}})
    outcome = imported(job, registry)
    assert [made.group.name for made in outcome.made] == ["job_claude-code-anthropic-opus", "job_codex-gpt"]


def test_what_a_run_left_is_where_readers_look_for_it(job: Job, registry: Registry) -> None:
    trial = job.trial(submission=SUBMISSION)
    code = trial / "artifacts" / "home" / "code" / "src"
    code.mkdir(parents=True)
    (code / "model.py").write_text("print(1)\n")
    made = only(imported(job, registry))
    run_dir = made.group.run_dir("toy-a_seed0")
    found = {path.relative_to(run_dir).as_posix() for path in run_dir.rglob("*") if path.is_file()}
    assert found == {"run.json", "submission/submission.csv", "logs/agent/log.txt", "logs/trial.log", "code/src/model.py"}
    assert made.group.records()[0].submission_sha256 is not None


@pytest.mark.parametrize(
    "name", ["toy-a", "mlebench/toy-a", "mle-bench/toy-a", "org/mlebench-toy-a", "mlebench__toy-a", "toy-a-v1"]
)
def test_tasks_are_known_by_the_competitions_id(job: Job, registry: Registry, name: str) -> None:
    job.trial(task_name=name)
    assert only(imported(job, registry)).group.plan.competitions == ("toy-a",)


def test_runs_that_cannot_be_imported_are_named_and_kept_with_the_group(job: Job, registry: Registry) -> None:
    job.trial()
    job.trial(task_name="terminal-bench/hello")
    job.trial(rewards={"reward": 1.0})
    job.trial(rewards={"reward": 1.0, "any_medal": 0.5})
    job.trial(rewards={"reward": 1.0, "any_medal": 1, "gold": 1, "silver": 1, "bronze": 0, "valid": 1})
    outcome = imported(job, registry)
    assert len(outcome.problems) == 4
    for problem, words in zip(
        outcome.problems,
        [
            "not a known competition",
            "neither a score nor",
            "`any_medal` is 0.5, not true or false",
            "gold and silver at once",
        ],
        strict=True,
    ):
        assert words in problem
    group = outcome.made[0].group
    assert group.imported is not None and group.imported.left_out == outcome.problems
    assert [run.run_id for run in group.plan.runs] == ["toy-a_seed0"]


def test_without_any_run_nothing_is_made(job: Job, registry: Registry) -> None:
    job.trial(task_name="hello")
    with pytest.raises(UsageError, match=r"no run there can be imported .*hello is not a known competition"):
        imported(job, registry)
    assert not (job.folder.parent / "runs").exists()


def test_runs_are_imported_once_unless_another_name_is_given(job: Job, registry: Registry) -> None:
    job.trial()
    imported(job, registry)
    with pytest.raises(UsageError, match="1 run of these is imported already, in job"):
        imported(job, registry)
    assert only(imported(job, registry, name="again")).group.name == "again"
    with pytest.raises(UsageError, match=r"again exists; choose another name with `--name`"):
        imported(job, registry, name="again")
    assert [group.name for group in list_groups(job.folder.parent / "runs")] == ["job", "again"]


def test_a_copy_of_a_trial_counts_once(job: Job, registry: Registry) -> None:
    job.trial(id="one")
    job.trial(id="one")
    outcome = imported(job, registry)
    assert outcome.problems == ("bronze__0000002 is left out: it is a copy of another one",)


def test_what_fails_half_way_leaves_nothing(job: Job, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    job.trial(submission=SUBMISSION)
    (registry.data_dir / "toy-a" / "prepared" / "private" / "test.csv").unlink()
    with pytest.raises(UsageError, match="prepare"):
        imported(job, registry, regrade=True)
    assert list((job.folder.parent / "runs").iterdir()) == []


def test_a_job_of_a_hostile_name_gives_a_group_of_a_harmless_one(toys: Path, registry: Registry) -> None:
    job = Job(toys / "-..\x1b[2J evil")
    job.trial()
    made = only(imported(job, registry))
    assert made.group.folder.parent == toys / "runs" and made.group.name == "x1b-2J-evil"


def test_links_of_a_run_are_left_out_and_named(job: Job, registry: Registry) -> None:
    trial = job.trial()
    secret = job.folder.parent / "secret"
    secret.write_text("secret")
    (trial / "agent" / "link.txt").symlink_to(secret)
    kept = trial / "artifacts" / "home" / "submission"
    kept.mkdir(parents=True)
    (kept / "submission.csv").symlink_to(secret)
    os.mkfifo(trial / "agent" / "pipe")
    made = only(imported(job, registry))
    assert sorted(made.notes) == [
        "bronze__0000001: logs/agent/link.txt is left out: a link",
        "bronze__0000001: logs/agent/pipe is left out: a pipe",
        "bronze__0000001: submission/submission.csv is left out: a link",
    ]
    assert not any("secret" in path.read_text() for path in made.group.folder.rglob("*") if path.is_file())


# what is stated, and what grading here makes of it


def test_a_stated_result_has_the_thresholds_here_where_they_agree(job: Job, registry: Registry) -> None:
    job.trial()
    report = only(imported(job, registry)).group.records()[0].graded
    assert report is not None and report.medal == "bronze" and report.bronze_threshold == 1.0
    assert (report.competition_version, report.data, report.submission_path) == (None, None, "")


def test_a_stated_medal_that_the_score_does_not_earn_is_told(job: Job, registry: Registry) -> None:
    job.trial(rewards={**SILVER, "score": 5.0})
    made = only(imported(job, registry))
    report = made.group.records()[0].graded
    assert report is not None and report.medal == "silver" and report.gold_threshold is None
    assert made.notes == (
        "bronze__0000001: any_medal, silver_medal, above_median stated by Harbor do not follow from its score and the thresholds "
        "here",
    )


def test_an_invalid_submission_earns_nothing_whatever_else_is_stated(job: Job, registry: Registry) -> None:
    job.trial(rewards={**SILVER, "valid": 0})
    made = only(imported(job, registry))
    record = made.group.records()[0]
    assert record.graded is not None and not record.graded.any_medal and record.graded.score is None
    assert (record.reason, record.failure_class) == ("no-submission", "agent")
    assert "medal" in made.notes[0]


def test_grading_here_tells_where_a_result_differs(job: Job, registry: Registry) -> None:
    job.trial(submission=SUBMISSION)
    job.trial(submission=SUBMISSION, rewards=SILVER)
    job.trial("no_rewards", submission=SUBMISSION)
    job.trial()
    made = only(imported(job, registry, regrade=True))
    assert made.differences == (
        "bronze__0000002: its result here differs from the stated one: score 0.3 → 1.0, silver_medal True → False, "
        "bronze_medal False → True",
    )
    assert (made.results, made.graded) == (4, 3)
    reports = [record.graded for record in made.group.records()]
    assert [report.score for report in reports if report is not None] == [1.0, 1.0, 1.0, 1.0]
    assert made.group.conditions.competition_versions == {"toy-a": 1} and "toy-a" in made.group.manifest["data"]


def test_grading_again_later_keeps_what_has_no_submission(job: Job, registry: Registry) -> None:
    job.trial(submission=SUBMISSION)
    job.trial(rewards=SILVER)
    group = only(imported(job, registry)).group
    assert regrade_group(group.folder).total_runs == 1
    assert [record.graded.score for record in group.records() if record.graded] == [1.0, 0.3]


def test_a_group_without_submissions_cannot_be_graded_again(job: Job, registry: Registry) -> None:
    job.trial()
    group = only(imported(job, registry)).group
    with pytest.raises(UsageError, match="was imported without submissions"):
        regrade_group(group.folder)
    assert group.records()[0].has_valid_submission


def test_data_from_another_key_is_not_graded_on(job: Job, registry: Registry) -> None:
    verifier = job.trial(submission=SUBMISSION) / "verifier"
    verifier.mkdir()
    (verifier / "report.json").write_text('{"competition_id": "toy-a", "split_key_hash": "abc", "score": 1.0}')
    with pytest.raises(UsageError, match="from another split key than the data here"):
        imported(job, registry, regrade=True)
    group = only(imported(job, registry)).group
    assert group.plan.split_key_hash == "abc" and group.records()[0].graded is not None


# what cannot be done with such a group


def test_imported_runs_are_neither_resumed_nor_cancelled(job: Job, registry: Registry) -> None:
    job.trial()
    group = only(imported(job, registry)).group
    for refused in (
        lambda: mlebench.run(resume="job"),
        lambda: cancel_group(group),
        lambda: cancel_run(group, "toy-a_seed0"),
    ):
        with pytest.raises(UsageError, match=r"job was imported from the Harbor job job and cannot be (resumed|cancelled)"):
            refused()


def test_the_golden_results_have_every_kind_of_end() -> None:
    assert {RESULTS[name]["reward_valid"] for name in RESULTS if name not in ("config", "result")} == {True, False}
