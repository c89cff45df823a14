"""Samples from start to end: a scripted model works in a container through Inspect, and the score is the harness's own."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlebench.errors import WorkFailed
from mlebench.exports.inspect.taking import copied, taken_out
from mlebench.grade import grade_csv
from mlebench.registry import Competition, Registry
from mlebench.sandbox.docker import engine, images
from tests.exports.inspect.scripted import Call, answers_of_tools, evaluated, needs_inspect, run, write
from tests.exports.loop import OF_ITS_TIME_AND_PLACE, held_everywhere, imported, same_as_here
from tests.sandbox.docker.conftest import base_image, client
from tests.waiting import wait_until

__all__ = ["base_image", "client"]
pytestmark = [needs_inspect, pytest.mark.usefixtures("inspect_ready")]

SUBMISSION = "/home/submission/submission.csv"
SUBMIT_SAMPLE = run(f"cp /home/data/sample_submission.csv {SUBMISSION}")
CHECK: Call = ("validate", {})
LARGE = 120 * 2**20
"""Bytes; Inspect itself reads no file that is larger than 100 MiB."""


def evaluate(competition: Competition, folder: Path, *calls: Call, seeds: int = 1) -> Any:
    """The log of the task on one competition."""
    from mlebench.exports.inspect import competitions

    where = {"data_dir": str(competition.data_dir), "edition": competition.edition.name}
    task = competitions(ids=competition.id, profile="demo", seeds=seeds, **where)
    return evaluated(task, *calls, log_dir=str(folder / "logs"), epochs=seeds)


def score_of(log: Any) -> Any:
    assert log.status == "success", log.error
    [sample] = log.samples
    return sample.scores["graded"]


def judged(report: dict[str, Any]) -> dict[str, Any]:
    """What a report says of a submission, wherever it lay."""
    return {key: value for key, value in report.items() if key not in OF_ITS_TIME_AND_PLACE}


def test_a_submission_is_graded_as_the_harness_grades_it(wine: Competition, tmp_path: Path) -> None:
    log = evaluate(wine, tmp_path, write(wine.gold_submission.read_text()), CHECK)
    score = score_of(log)
    assert judged(score.metadata) == judged(grade_csv(wine.gold_submission, wine).to_dict())
    assert score.metadata["submission_sha256"] == hashlib.sha256(wine.gold_submission.read_bytes()).hexdigest()
    assert score.value == {"any_medal": 1, "gold": 1, "silver": 0, "bronze": 0, "above_median": 1, "valid": 1}
    assert score.answer == "gold" and score.explanation == "score 0, rank 1 of 72: gold medal, above the median"
    assert answers_of_tools(log.samples[0])[1] == "valid: Submission is valid."
    assert {each.name: each.metrics["mean"].value for each in log.results.scores} == score.value


def test_the_container_is_closed_and_holds_no_answer(wine: Competition, tmp_path: Path) -> None:
    looks = "id -u; touch /home/data/x; ls /home/data; grep CapEff /proc/self/status; grep -c : /proc/net/dev"
    memory = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null"
    search = run(f"find / -name 'answers*' -not -path '/proc/*' 2>/dev/null; {memory}")
    log = evaluate(wine, tmp_path, run(looks), search)
    looked, found = (answer.split() for answer in answers_of_tools(log.samples[0])[:2])
    assert {"1000", "Read-only", "description.md", "train.csv", "0" * 16} <= set(looked)
    # the loopback device alone
    assert looked[-1] == "1"
    assert found == [str(2 * 2**30)]


def test_what_is_not_valid_is_said_to_the_agent_and_in_the_score(wine: Competition, tmp_path: Path) -> None:
    (tmp_path / "submission.csv").write_text("id,cultivar_0\n54,2\n")
    log = evaluate(wine, tmp_path, write("id,cultivar_0\n54,2\n"), CHECK)
    score = score_of(log)
    assert judged(score.metadata) == judged(grade_csv(tmp_path / "submission.csv", wine).to_dict())
    assert set(score.value.values()) == {0} and score.metadata["error_kind"] == "invalid"
    assert score.explanation == f"no score: {score.metadata['error']}"
    assert answers_of_tools(log.samples[0])[1] == f"not valid: {score.metadata['error']}"


def test_no_submission_is_explained_by_what_there_is_instead(wine: Competition, tmp_path: Path) -> None:
    for number, (calls, said, kind) in enumerate(
        (
            ([CHECK], "submission/ is empty", "missing"),
            ([run("ln -s /home/data/sample_submission.csv /home/submission/submission.csv"), CHECK], "a link", "missing"),
            ([run("mkfifo /home/submission/submission.csv"), CHECK], "a device or pipe|a pipe", "missing"),
            ([run("mkdir /home/submission/submission.csv"), CHECK], "a folder", "missing"),
            ([run("cp /home/data/sample_submission.csv /home/submission/Submission.CSV"), CHECK], "in lower case", "missing"),
        )
    ):
        log = evaluate(wine, tmp_path / str(number), *calls)
        score = score_of(log)
        assert set(score.value.values()) == {0} and score.metadata["error_kind"] == kind, said
        assert score.metadata["submission_exists"] is False and score.metadata["submission_sha256"] is None
        assert any(word in score.explanation for word in said.split("|")), score.explanation
        assert answers_of_tools(log.samples[0])[len(calls) - 1].startswith("not valid: ")


def test_a_submission_that_inspect_would_not_read_is_taken_out_whole(wine: Competition, tmp_path: Path) -> None:
    written = f"with open('{SUBMISSION}', 'w') as f:\n    f.write('id\\n')\n    f.write('1' * {LARGE})"
    log = evaluate(wine, tmp_path, ("python", {"code": written}))
    content = b"id\n" + b"1" * LARGE
    score = score_of(log)
    assert score.metadata["submission_sha256"] == hashlib.sha256(content).hexdigest(), (score, answers_of_tools(log.samples[0]))
    (tmp_path / "submission.csv").write_bytes(content)
    assert judged(score.metadata) == judged(grade_csv(tmp_path / "submission.csv", wine).to_dict())


def test_a_container_that_its_agent_ended_is_graded_all_the_same(wine: Competition, tmp_path: Path) -> None:
    # the last process of its own user keeps the container alive
    log = evaluate(wine, tmp_path, run(f"cp /home/data/sample_submission.csv {SUBMISSION} && kill -9 -1"))
    [sample] = log.samples
    assert sample.scores is not None and sample.scores["graded"].value["valid"] == 1


def test_a_background_process_that_writes_on_does_no_harm(wine: Competition, tmp_path: Path) -> None:
    rows = "while true; do cat /home/data/sample_submission.csv > /home/submission/submission.csv; done"
    begun = run(f"until test -e {SUBMISSION}; do sleep 0.05; done")
    score = score_of(evaluate(wine, tmp_path, run(f"nohup sh -c '{rows}' >/dev/null 2>&1 &"), begun))
    assert score.metadata["error_kind"] in (None, "invalid")


def test_each_seed_is_an_epoch_with_a_container_of_its_own(wine: Competition, tmp_path: Path) -> None:
    log = evaluate(wine, tmp_path, run("ls /home/submission"), SUBMIT_SAMPLE, seeds=2)
    assert log.status == "success" and [sample.epoch for sample in log.samples] == [1, 2]
    assert [answers_of_tools(sample)[0].strip() for sample in log.samples] == ["", ""]
    assert [sample.scores["graded"].metadata["seed"] for sample in log.samples] == [0, 1]


def test_a_grader_that_fails_is_an_error_and_no_score(wine: Competition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(wine.root, tmp_path / "data" / "demo-wine")
    shutil.copytree(wine.folder, tmp_path / "own" / "demo-wine")
    grader = tmp_path / "own" / "demo-wine" / "grade.py"
    grader.write_text(
        "from grading import Grader\nfrom grading.rows import probability_per_class\n\n\n"
        "def broken(truth, predicted):\n    raise RuntimeError('a fault of ours')\n\n\n"
        'grader = Grader(id="id", columns=probability_per_class("id"), metric=broken)\n'
    )
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "own"))
    log = evaluate(Registry(tmp_path / "data").get_competition("demo-wine"), tmp_path, SUBMIT_SAMPLE)
    assert log.status == "error" and "demo-wine could not be graded" in log.error.message
    assert all(not sample.scores for sample in log.samples or [])


def test_a_container_that_is_gone_is_an_error_and_no_missing_submission(base_image: images.Image) -> None:
    made = engine.connect().containers.create(base_image.reference)
    made.remove()
    with pytest.raises(WorkFailed, match="was removed before its submission was copied"), taken_out(made.id):
        pass
    with pytest.raises(WorkFailed, match="was removed before"), copied(made.id, "submission/submission.csv"):
        pass


def test_a_container_that_its_engine_does_not_see_is_ended_and_its_submission_taken_out(base_image: images.Image) -> None:
    docker = engine.connect()
    if os.geteuid() or not engine.is_on_this_machine(docker):
        pytest.skip("only root unmounts what an engine of this machine sees")
    made = docker.containers.run(
        base_image.reference,
        ["sh", "-c", "printf 'id\\n1\\n' > /home/submission/submission.csv; exec sleep 600"],
        entrypoint="",
        detach=True,
    )
    try:
        wait_until(lambda: made.exec_run("test -s /home/submission/submission.csv").exit_code == 0)
        seen = docker.api.inspect_container(made.id)["GraphDriver"]["Data"]["MergedDir"]
        subprocess.run(["umount", "-l", seen], check=True)
        with copied(made.id, "submission/submission.csv") as (path, reason):
            assert path is None and "the engine does not see" in reason
        with taken_out(made.id) as taken:
            assert taken.submission.read_text() == "id\n1\n"
    finally:
        made.remove(force=True)


def test_a_log_comes_back_as_a_run_group(wine: Competition, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score_of(evaluate(wine, tmp_path, SUBMIT_SAMPLE)).value["valid"] == 1
    [log] = (tmp_path / "logs").iterdir()
    [group] = imported(capsys, "inspect-log", log, "--data-dir", wine.data_dir, "--runs-dir", tmp_path / "runs")
    [record] = group.records()
    same_as_here(record, wine.sample_submission, wine)
    held_everywhere(group, tmp_path, capsys)


def test_the_command_line_any_solver_and_a_run_of_ours_agree(wine: Competition, tmp_path: Path) -> None:
    environment = {**os.environ, "MLEBENCH_AGENTS_PATH": str(tmp_path / "agents")}
    agent = tmp_path / "agents" / "copier"
    agent.mkdir(parents=True)
    (agent / "agent.yaml").write_text("description: submits the sample submission\n")
    (agent / "start.sh").write_text(f"#!/bin/sh\ncp /home/data/sample_submission.csv {SUBMISSION}\n")
    programs = Path(sys.executable).parent
    solver = f"{Path(__file__).with_name('copier.py')}@copier"
    words: list[list[object]] = [
        [programs / "inspect", "eval", "mlebench/competitions", "-T", "ids=demo-wine", "-T", "profile=demo",
         "-T", f"data_dir={wine.data_dir}", "--solver", solver, "--model", "mockllm/model", "--log-format", "json",
         "--log-dir", tmp_path / "logs", "--display", "none"],
        [programs / "mlebench", "run", "--agent", "copier", "-c", "demo-wine", "--profile", "demo", "--sandbox", "docker",
         "--data-dir", wine.data_dir, "--runs-dir", tmp_path / "runs", "--quiet"],
    ]  # fmt: skip
    for command in words:
        done = subprocess.run(list(map(str, command)), env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    [log] = (tmp_path / "logs").glob("*.json")
    [sample] = json.loads(log.read_text())["samples"]
    [record] = (tmp_path / "runs").glob("*/demo-wine_seed0/run.json")
    of_a_run = json.loads(record.read_text())["report"]
    assert judged(sample["scores"]["graded"]["metadata"]) == judged(of_a_run)
    assert of_a_run["score"] == grade_csv(wine.sample_submission, wine).score
