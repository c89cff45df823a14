"""Toy competitions, prepared by hand, and toy agents made of one shell script: whole runs in a fraction of a second."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench._support.machine import Gpu, Machine
from mlebench.agents import AgentSpec
from mlebench.profiles import Profile
from mlebench.runs import leases, orders
from mlebench.runs.executors.local import LocalExecutor
from mlebench.runs.plan import Plan
from mlebench.runs.settings import RunSettings
from tests.scripted import SUBMIT, scripted_agent

FACTS = """
id: {id}
version: 1
title: Toy
split: demo
modality: tabular
task: regression
metric: {{name: mean absolute error, direction: minimize}}
files:
  answers: private/test.csv
  sample_submission: public/sample_submission.csv
  public: [sample_submission.csv, test.csv]
  private: [test.csv]
thresholds: {{gold: 0.1, silver: 0.5, bronze: 1.0, median: 2.0}}
"""
GRADE = """
from sklearn.metrics import mean_absolute_error

from grading import Grader, Real

grader = Grader(id="id", columns={"y": Real()}, metric=mean_absolute_error)
"""
SLOW_METRIC = """
from pathlib import Path

from grading import Grader, Real


def metric(truth, prediction):
    Path("{folder}/grading").touch()
    while Path("{folder}/hold").exists():
        pass
    return float(abs(truth - prediction).mean())


grader = Grader(id="id", columns={{"y": Real()}}, metric=metric)
"""
"""A `grade.py` that notes that it has begun and goes on as long as there is a file `hold`."""
TOYS = ("toy-a", "toy-b", "toy-c")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that start a cluster run when they are asked for: `-m ray`, or MLEBENCH_REQUIRE_RAY=1; slurm alike."""
    for name in ("ray", "slurm"):
        if name in config.option.markexpr or os.environ.get(f"MLEBENCH_REQUIRE_{name.upper()}") == "1":
            continue
        skip = pytest.mark.skip(reason=f"starts a cluster; `pytest -m {name}` runs it")
        for item in items:
            if item.get_closest_marker(name):
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leases of this test alone: others of this machine hold its cores, too."""
    monkeypatch.setattr(leases, "MACHINE_FOLDER", tmp_path / "machine")
    return tmp_path / "machine"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy harness answers late, and whoever asks it waits for that."""
    monkeypatch.setattr(orders, "_PATIENCE_SECONDS", 300.0)


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three prepared competitions; the sample submission earns bronze. Returns the data directory."""
    for name in TOYS:
        make_toy(tmp_path / "competitions" / name, tmp_path / "data" / name)
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "competitions"))
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MLEBENCH_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path / "data"


def make_toy(folder: Path, data: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "competition.yaml").write_text(FACTS.format(id=folder.name))
    (folder / "grade.py").write_text(GRADE)
    (folder / "description.md").write_text("Predict y of the toy.\n")
    (folder / "description_obfuscated.md").write_text("Predict y.\n")
    public, private = data / "prepared" / "public", data / "prepared" / "private"
    public.mkdir(parents=True)
    private.mkdir(parents=True)
    (public / "test.csv").write_text("id\na\nb\n")
    (public / "sample_submission.csv").write_text("id,y\na,1\nb,1\n")
    (private / "test.csv").write_text("id,y\na,0\nb,2\n")


@pytest.fixture
def agent(tmp_path: Path) -> Callable[..., AgentSpec]:
    """Makes an agent of a script: `agent("exit 3")`, or `agent(SUBMIT, name="other", settings="arguments: {a: 1}")`."""

    def make(script: str = SUBMIT, name: str = "scripted", settings: str = "description: a script") -> AgentSpec:
        return scripted_agent(tmp_path / "agents" / name, script, settings)

    return make


@pytest.fixture
def profile() -> Profile:
    """Of runs that a busy machine keeps waiting for their start or for a test; a tenth of the time is a quick failure, too."""
    return Profile(name="toy", cpus=1, memory=2**20, time_limit=600, grace=1, snapshot_every=0)


@pytest.fixture
def plan(toys: Path, agent: Callable[..., AgentSpec], profile: Profile) -> Callable[..., Plan]:
    """Makes a plan; keywords replace its parts, `script` is the agent's."""

    def make(script: str = SUBMIT, **parts: Any) -> Plan:
        chosen = parts.pop("agent", None) or agent(script)
        limits = profile.model_copy(update=parts.pop("limits", {}))
        content: dict[str, Any] = {
            "agent": chosen,
            "competitions": TOYS,
            "seeds": (0,),
            "profile": limits,
            "sandbox": "local",
            "data_dir": toys,
            "agent_fingerprint": chosen.fingerprint(),
        }
        return Plan(**{**content, **parts})

    return make


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def machine(cpus: int = 4, memory: int = 2**30, gpus: int = 0) -> Machine:
    return Machine("toy", cpus, "toy", memory, tuple(Gpu(str(number), "toy", 2**30) for number in range(gpus)), "toy")


def local_executor(parallel: int | None = None, **parts: int) -> LocalExecutor:
    return LocalExecutor(RunSettings(parallel=parallel), machine(**parts))
