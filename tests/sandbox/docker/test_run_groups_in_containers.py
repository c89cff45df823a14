"""A harness that is killed in the middle of a group of container runs, and what resuming makes of it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from mlebench.agents import get_agent
from mlebench.registry import Registry
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord
from mlebench.sandbox.docker import engine
from mlebench.sandbox.docker.container import RUN_LABEL
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
COMPETITIONS = ("spaceship-titanic", "nomad2018-predict-transparent-conductors", "demo-wine")
START = """#!/bin/bash
echo begun
[ "$MLEBENCH_SEED" -lt 2 ] || until [ -e /tmp/go ]; do sleep 0.1; done
cp /home/data/sample_submission.csv /home/submission/submission.csv
"""


@pytest.fixture
def slow_agent(tmp_path: Path) -> Path:
    """Submits the sample: at once with the first two seeds, with the others when it is let go."""
    folder = tmp_path / "slow"
    folder.mkdir()
    (folder / "agent.yaml").write_text("description: submits the sample after a while\n")
    (folder / "Dockerfile").write_text((get_agent("dummy").directory / "Dockerfile").read_text())
    (folder / "start.sh").write_text(START)
    return folder


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from mlebench.preparation import PreparationOptions, prepare_all

    folder = tmp_path / "data"
    registry = Registry(folder)
    prepare_all([registry.get_competition(name) for name in COMPETITIONS], PreparationOptions(mock=True), tell=print)
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(folder))
    monkeypatch.setenv("MLEBENCH_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return folder


def containers(runs_dir: Path) -> list[Any]:
    found = engine.connect().containers.list(all=True, ignore_removed=True, filters={"label": engine.LABEL})
    return [each for each in found if each.labels.get(RUN_LABEL, "").startswith(str(runs_dir))]


@pytest.fixture
def nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    left = containers(tmp_path / "runs")
    for container in left:
        container.remove(force=True, v=True)
    assert not left, "containers are left over"


def harness(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mlebench.cli.main", "run", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))


def wait_for_states(folder: Path, finished: int, at_work: int) -> list[RunRecord]:
    def reached() -> list[RunRecord]:
        records = Group.open(folder).records() if (folder / "group.yaml").exists() else []
        begun = sum(record.state == "running" and record.started_at is not None for record in records)
        return records if sum(record.state == "finished" for record in records) >= finished and begun >= at_work else []

    return wait_until(reached, seconds=180, every=0.1)


@pytest.mark.usefixtures("base_image", "data", "nothing_left")
def test_killed_harness_reattaches_to_its_containers(slow_agent: Path, tmp_path: Path, client: Any) -> None:
    """Twelve runs, four at a time; killed when some have ended, four are at work and some wait."""
    group_dir = tmp_path / "runs" / "group"
    chosen = [word for name in COMPETITIONS for word in ("-c", name)]
    first = harness(
        "--agent", str(slow_agent), *chosen, "--seeds", "4", "--name", "group", "--profile", "demo",
        "--profile-set", "cpus=0.25", "--profile-set", "memory=128m", "--parallel", "4",
    )  # fmt: skip
    wait_for_states(group_dir, finished=3, at_work=4)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    before = {record.run_id: record for record in Group.open(group_dir).records()}
    alive = {container.id for container in containers(tmp_path / "runs") if container.status == "running"}
    assert alive

    second = harness("--resume", "group", "--parallel", "4")
    logs = [group_dir / record.run_id / "run.log" for record in before.values() if record.state == "running"]

    def is_back() -> bool:
        assert second.poll() is None, second.communicate()
        return all("the harness is back" in log.read_text() for log in logs)

    wait_until(is_back, seconds=180, every=0.1)
    seen = set()

    def has_ended() -> bool:
        for container in containers(tmp_path / "runs"):
            seen.add(container.id)
            # it may not run yet, or not any more
            with contextlib.suppress(APIError):
                container.exec_run(["touch", "/tmp/go"])
        return second.poll() is not None

    wait_until(has_ended, seconds=400, every=0.3)
    _, errors = second.communicate()
    assert second.returncode == 0, errors
    records = Group.open(group_dir).records()
    assert len(records) == 12
    assert all(record.has_valid_submission and record.attempt == 1 for record in records), errors
    for record in records:
        log = (group_dir / record.run_id / "run.log").read_text()
        assert log.count("begun\n") == 1, log
        earlier = before[record.run_id]
        if earlier.state == "finished":
            assert record == earlier
        elif earlier.started_at is not None:
            assert record.started_at == earlier.started_at
    started_by_second = sum(record.state == "pending" for record in before.values())
    assert len(seen - alive) <= started_by_second + sum(record.started_at is None for record in before.values())
