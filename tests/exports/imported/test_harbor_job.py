"""What is read of a Harbor job: runs with their ends, times, usage and results, whatever is in the folder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mlebench.errors import UsageError
from mlebench.exports.imported.found import End, FoundRun
from mlebench.exports.imported.harbor_job import read_harbor_job
from tests.exports.imported.conftest import Job


def only(job: Job) -> FoundRun:
    found = read_harbor_job(job.folder)
    assert found.problems == ()
    return found.runs[0]


def test_a_trial_tells_agent_model_times_usage_and_result(job: Job) -> None:
    folder = job.trial(submission="id,y\na,1\nb,1\n")
    run = only(job)
    assert (run.name, run.task, run.id) == (folder.name, "mlebench/toy-a", "00000000-0000-0000-0000-000000000001")
    assert (run.agent.name, run.agent.models) == ("claude-code", ("anthropic/opus",))
    assert {key: run.agent.arguments[key] for key in ("model", "max_turns", "version")} == {
        "model": "anthropic/opus", "max_turns": 50, "version": "2.1.0",
    }  # fmt: skip
    assert (run.seconds, run.end, run.seed) == (60.0, End(), None)
    assert run.started_at is not None and run.started_at.isoformat() == "2026-11-01T11:00:30.250000+00:00"
    assert run.usage == {"input_tokens": 1200, "cached_tokens": 200, "output_tokens": 300, "cost_usd": 0.25}
    assert run.stated["score"] == 1.0 and run.stated["bronze_medal"] == 1.0 and run.stated["valid_submission"] == 1.0
    assert run.submission is not None and run.submission.path.read_text() == "id,y\na,1\nb,1\n"


def test_no_secret_is_kept_and_none_sets_runs_apart(job: Job) -> None:
    job.trial()
    other = job.trial()
    content = json.loads((other / "result.json").read_text())
    content["config"]["agent"]["kwargs"]["api_key"] = "sk-2"
    content["config"]["agent"]["env"]["SOME"] = "other value"
    (other / "result.json").write_text(json.dumps(content))
    one, two = read_harbor_job(job.folder).runs
    assert one.agent == two.agent
    assert "sk-" not in repr(one) and "value" not in repr(one.agent)


def test_another_configuration_is_another_agent(job: Job) -> None:
    job.trial()
    other = job.trial()
    content = json.loads((other / "result.json").read_text())
    content["config"]["agent"]["kwargs"]["tools"] = {"web": False}
    (other / "result.json").write_text(json.dumps(content))
    one, two = read_harbor_job(job.folder).runs
    assert one.agent != two.agent and one.agent.name == two.agent.name


@pytest.mark.parametrize(
    ("kind", "state", "reason", "failure"),
    [
        ("bronze", "finished", "exited", None),
        ("timed_out", "timed-out", "timed-out", "agent"),
        ("exit_code", "failed", "exit-code", "agent"),
        ("no_environment", "failed", "grader-error", "infrastructure"),
        ("no_model", "failed", "harness-error", "infrastructure"),
        ("cancelled", "cancelled", "cancelled", None),
        ("no_rewards", "failed", "grader-error", "infrastructure"),
    ],
)
def test_how_a_trial_ended_and_whose_doing_it_was(job: Job, kind: str, state: str, reason: str, failure: str | None) -> None:
    job.trial(kind)
    end = only(job).end
    assert (end.state, end.reason, end.failure_class) == (state, reason, failure)
    assert end.detail is None or "\n" not in end.detail


def test_the_verifiers_own_report_tells_more_and_must_agree(job: Job) -> None:
    for score in (1.0, 2.0):
        verifier = job.trial() / "verifier"
        verifier.mkdir()
        (verifier / "report.json").write_text(
            json.dumps({"competition_id": "toy-a", "score": score, "edition": "v2", "split_key_hash": "abc"})
        )
    found = read_harbor_job(job.folder)
    assert [(run.edition, run.split_key_hash, run.stated["score"]) for run in found.runs] == [("v2", "abc", 1.0)]
    assert found.problems == ("the trial bronze__0000002 cannot be read: it states two values of `score`: 1.0 and 2.0",)


def test_the_version_of_harbor_stands_in_the_jobs_lock(job: Job) -> None:
    job.trial()
    assert read_harbor_job(job.folder).tool_version is None
    (job.folder / "lock.json").write_text(json.dumps({"harbor": {"version": "0.26.0"}}))
    found = read_harbor_job(job.folder)
    assert found.tool_version == "0.26.0"
    assert set(found.files) == {"config.json", "result.json", "lock.json", "bronze__0000001/result.json"}


def test_hidden_folders_and_files_are_no_trials(job: Job) -> None:
    job.trial()
    (job.folder / ".sources").mkdir()
    (job.folder / "job.log").write_text("x")
    assert len(read_harbor_job(job.folder).runs) == 1 and read_harbor_job(job.folder).problems == ()


# folders that are not jobs, and trials that Harbor does not write


def test_a_folder_without_trials_is_no_job(toys: Path) -> None:
    (toys / "empty").mkdir()
    with pytest.raises(UsageError, match="empty contains no trial of a Harbor job; give the folder that `harbor run` wrote"):
        read_harbor_job(toys / "empty")
    with pytest.raises(UsageError, match=r"cannot read .*nowhere: No such file"):
        read_harbor_job(toys / "nowhere")


def test_one_trial_is_no_job(job: Job) -> None:
    with pytest.raises(UsageError, match="is a single trial; give the folder of its job, one level up"):
        read_harbor_job(job.trial())


BAD: dict[str, Any] = {
    "no JSON": ("{", "is no JSON|Expecting"),
    "no object": ("[]", "keys with values"),
    "not a number": ('{"schema_version": NaN}', "NaN, which is not JSON"),
    "a huge number": ('{"schema_version": 1' + "0" * 5000 + "}", "5001 digits"),
    "deep": ("[" * 100_000, "nested too deeply"),
    "a key twice": ('{"id": "a", "id": "b"}', "a key twice"),
    "not UTF-8": (b"\xff\xfe{}", "utf-8"),
    "another schema": ("schema", "schema 7"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_result_is_named_and_the_others_are_read(job: Job, name: str) -> None:
    content, why = BAD[name]
    job.trial()
    bad = job.trial() / "result.json"
    if content == "schema":
        content = json.dumps(json.loads(bad.read_text()) | {"schema_version": 7})
    bad.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = read_harbor_job(job.folder)
    assert [run.name for run in found.runs] == ["bronze__0000001"]
    (problem,) = found.problems
    assert problem.startswith("the trial bronze__0000002 cannot be read: ") and "\n" not in problem and len(problem) < 500
    import re

    assert re.search(why, problem), problem


def test_a_trial_without_a_result_has_not_ended(job: Job) -> None:
    job.trial()
    (job.trial() / "result.json").unlink()
    assert read_harbor_job(job.folder).problems == (
        "the trial bronze__0000002 has no result.json: it is unfinished or not a trial",
    )


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_result_that_is_no_file_is_not_followed_and_not_waited_for(job: Job, kind: str) -> None:
    job.trial()
    bad = job.trial() / "result.json"
    content = bad.read_bytes()
    bad.unlink()
    if kind == "link":
        (job.folder / "elsewhere.json").write_bytes(content)
        bad.symlink_to(job.folder / "elsewhere.json")
    elif kind == "pipe":
        os.mkfifo(bad)
    else:
        bad.mkdir()
    found = read_harbor_job(job.folder)
    assert len(found.runs) == 1
    assert found.problems == (f"the trial bronze__0000002 cannot be read: its result.json is a {kind}",)


def test_a_trial_that_is_a_link_to_elsewhere_is_none(job: Job, toys: Path) -> None:
    job.trial()
    elsewhere = Job(toys / "other").trial()
    (job.folder / "linked").symlink_to(elsewhere)
    assert len(read_harbor_job(job.folder).runs) == 1


def test_a_hostile_name_is_shown_escaped(job: Job) -> None:
    name = "evil\x1b[2J\n../../x"[:8]
    folder = job.folder / name
    folder.mkdir()
    (folder / "result.json").write_text("{")
    (problem,) = read_harbor_job(job.folder).problems
    assert problem.isprintable() and "\\x1b" in problem
