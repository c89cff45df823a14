"""Harbor itself runs tasks in containers: its oracle gets the best rewards, and submissions get the scores that they get here.

A trial's agent is Harbor's oracle, which runs `solution/solve.sh` where agents work; a submission of another kind is handed in
by a script of the test's in its place.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlebench.cli.main import main
from mlebench.exports.harbor.agent_side import LABEL
from mlebench.grade import grade_csv
from mlebench.registry import Competition, Registry
from mlebench.sandbox.docker import images
from tests.exports.harbor.conftest import Exported, Harbor
from tests.exports.loop import held_everywhere, imported, same_as_here

WINE, TITANIC = "demo-wine", "spaceship-titanic"
HAND_IN = "#!/bin/sh\ncat > /home/submission/submission.csv <<'END'\n{}END\n"
UNSEEN = re.compile(r"Could not find the file /logs(/\w+/\.)? in container")
"""Said of folders that Harbor makes in each container."""
LOOK = """#!/bin/sh
exec > /logs/artifacts/seen.txt 2>&1
id -u
ls /home/data
echo x >> /home/data/description.md || echo read-only
test -w /home/submission && echo writable
test -e /home/validate_submission.sh || echo no checker
ls /oracle
env | sort | grep -E '^(TIME_LIMIT_SECS|COMPETITION_ID|DATA_DIR|MLEBENCH_CPUS)='
/opt/venv/bin/python -c 'import sklearn; print("sklearn")'
ln -s /data/demo-wine/prepared/private/answers.csv /home/submission/submission.csv
"""


@dataclass(frozen=True)
class Trials:
    """Jobs of Harbor that are over: `helped`, in which the oracle is given the answers, and `unhelped`."""

    folder: Path
    competitions: dict[str, Competition]

    def trial(self, task: str, job: str = "helped") -> Path:
        [folder] = (self.folder / job).glob(f"{task}__*")
        return folder

    def rewards(self, task: str, job: str = "helped") -> dict[str, float]:
        result: dict[str, Any] = json.loads((self.trial(task, job) / "result.json").read_text())
        assert result["exception_info"] is None, result["exception_info"]
        return dict(result["verifier_result"]["rewards"])


@pytest.fixture(scope="module")
def trials(harbor: Harbor, wheel: Path, base_image: images.Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    folder = tmp_path_factory.mktemp("harbor")
    data = ["--data-dir", str(folder / "data")]
    assert main(["prepare", WINE, "--quiet", *data]) == 0
    assert main(["prepare", TITANIC, "--mock", "--quiet", "--edition", "v2", *data]) == 0
    competitions = {
        WINE: Registry(folder / "data").get_competition(WINE),
        TITANIC: Registry(folder / "data", "v2").get_competition(TITANIC),
    }
    exported = Exported(folder / "tasks")
    images_of = ["--image", base_image.reference, "--wheel", str(wheel)]
    small = ["--profile", "demo", "--profile-set", "network=open"]
    exported.export(WINE, "--with-oracle", *data, *images_of, *small)
    exported.export(TITANIC, "--with-oracle", "--edition", "v2", "--reward", "valid", *data, *images_of, *small)
    solved_by(exported, WINE, "wine-nothing", "#!/bin/sh\n")
    solved_by(exported, WINE, "wine-invalid", HAND_IN.format("id,class_0\n1,2\n"))
    for name, competition in competitions.items():
        sample = competition.sample_submission.read_text()
        solved_by(exported, name, f"{name}-sample", HAND_IN.format(sample))
    solved_by(exported, WINE, "wine-looks", LOOK, folder / "unhelped")
    shutil.copytree(exported.folder / WINE, folder / "unhelped" / WINE)
    script = ["sh", str(exported.folder / "mlebench-volumes.sh")]
    subprocess.run(script, env=dict(harbor.environment), check=True)
    try:
        run(harbor, exported.folder, "helped", "--extra-docker-compose", exported.folder / "mlebench-oracle.yaml")
        run(harbor, folder / "unhelped", "unhelped")
        yield Trials(folder / "jobs", competitions)
    finally:
        subprocess.run([*script, "remove"], env=dict(harbor.environment), check=True)
        # without BuildKit, layers stay that Harbor gave no name
        subprocess.run(
            ["docker", "image", "prune", "--force", "--filter", f"label={LABEL}"], stdout=subprocess.DEVNULL, check=True
        )


def run(harbor: Harbor, tasks: Path, name: str, *words: object) -> None:
    """All tasks of a folder, with the oracle as agent, in the job of this name.

    Docker sometimes unmounts its own view of a container that is running; the trials of such a job are none of the task's, and
    Harbor does not notice.
    """
    jobs = tasks.parent / "jobs"
    job = ["-a", "oracle", "-o", jobs, "--job-name", name, "-n", 2]
    for _ in range(3):
        done = harbor.call("run", "-p", tasks, *job, *words, cwd=tasks.parent)
        assert done.returncode == 0, done.stdout + done.stderr
        if not any(UNSEEN.search(log.read_text(errors="replace")) for log in (jobs / name).glob("*/trial.log")):
            return
        shutil.rmtree(jobs / name)
    pytest.fail("the engine lost sight of its containers in each of three jobs")


def solved_by(exported: Exported, task: str, name: str, script: str, within: Path | None = None) -> None:
    """The same task under another name, with another solution; beside the others, or within another folder."""
    folder = (within or exported.folder) / name
    shutil.copytree(exported.folder / task, folder)
    (folder / "solution" / "solve.sh").write_text(script)
    config = folder / "task.toml"
    config.write_text(config.read_text().replace(f'"mlebench/{task}"', f'"mlebench/{name}"'))


def test_the_oracle_gets_the_best_rewards(trials: Trials) -> None:
    told = trials.rewards(WINE)
    best = {"reward": 1, "any_medal": 1, "gold": 1, "silver": 0, "bronze": 0, "above_median": 1, "valid": 1}
    assert told == {**best, "score": 0.0, "percentile": 100.0}
    # made-up data earns no medal
    told = trials.rewards(TITANIC)
    assert (told["reward"], told["score"], told["any_medal"]) == (1, 1.0, 0)


@pytest.mark.parametrize("name", [WINE, TITANIC])
def test_a_submission_gets_the_score_that_this_harness_gives(name: str, trials: Trials) -> None:
    competition = trials.competitions[name]
    for task, submission in [(name, competition.gold_submission), (f"{name}-sample", competition.sample_submission)]:
        report, told = grade_csv(submission, competition), trials.rewards(task)
        assert report.score is not None and told["score"] == report.score
        assert told.get("percentile") == report.percentile
        flags = {"any_medal": report.any_medal, "above_median": report.above_median, "valid": report.valid_submission}
        assert {flag: bool(told[flag]) for flag in flags} == flags


def test_a_job_comes_back_as_a_run_group(trials: Trials, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is graded here is what Harbor states, and whatever holds results holds it."""
    here = ["--data-dir", trials.competitions[WINE].data_dir, "--runs-dir", tmp_path / "runs", "--regrade"]
    groups = imported(capsys, "harbor-job", trials.folder / "helped", *here)
    assert {group.plan.edition for group in groups} == {"v1", "v2"}
    for group in groups:
        [record] = group.records()
        same_as_here(record, (competition := trials.competitions[record.competition_id]).gold_submission, competition)
        told = trials.rewards(record.competition_id)
        assert record.graded is not None and (record.graded.score, record.agent) == (told["score"], "oracle")
        assert bool(told["any_medal"]) == record.graded.any_medal
    [wine] = (group for group in groups if group.plan.edition == "v1")
    held_everywhere(wine, tmp_path, capsys)


def test_nothing_and_what_is_invalid_get_no_score(trials: Trials) -> None:
    for task in ("wine-nothing", "wine-invalid"):
        told = trials.rewards(task)
        assert "score" not in told and set(told.values()) == {0.0}, task


def test_without_the_answers_the_oracle_hands_in_nothing(trials: Trials) -> None:
    said = (trials.trial(WINE, "unhelped") / "agent" / "oracle.txt").read_text()
    remedy = "run it in the folder of the tasks with --extra-docker-compose mlebench-oracle.yaml"
    assert said.startswith(f"the oracle has no answers; {remedy}")
    assert set(trials.rewards(WINE, "unhelped").values()) == {0.0}


def test_an_agent_sees_what_it_may(trials: Trials) -> None:
    """Of the answers it knows at most where they would be; a link there is not followed."""
    seen = trials.trial("wine-looks", "unhelped") / "artifacts" / "logs" / "artifacts" / "seen.txt"
    lines = seen.read_text().splitlines()
    public = sorted(path.name for path in trials.competitions[WINE].public_dir.iterdir())
    assert lines[: 1 + len(public)] == ["1000", *public]
    rest = lines[1 + len(public) :]
    assert {"read-only", "writable", "no checker", "sklearn"} <= set(rest)
    assert {"TIME_LIMIT_SECS=300", "COMPETITION_ID=demo-wine", "DATA_DIR=/home/data", "MLEBENCH_CPUS=1"} <= set(rest)
    assert any("/oracle" in line and "No such file" in line for line in rest)
    told = trials.rewards("wine-looks", "unhelped")
    assert "score" not in told and told["valid"] == 0
