"""The doctor without an engine, and what it makes of an engine that does not limit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlebench import doctor
from mlebench._support.machine import Gpu
from mlebench.cli.main import main
from mlebench.runs.record import RunRecord, State
from mlebench.runs.standing import is_under_way
from mlebench.sandbox.docker.container import FOLDER_LABEL, RUN_LABEL
from mlebench.sandbox.docker.engine import LABEL
from mlebench.sandbox.docker.traits import Traits


def test_no_engine_is_a_problem_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert main(["doctor", "--json"]) == 1
    findings = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert findings["engine"]["state"] == "problem"
    assert "--sandbox local" in findings["engine"]["mend"]
    assert "limits" not in findings


@pytest.mark.parametrize("limit", ["memory", "CPU", "processes"])
def test_limits_that_the_engine_lacks_are_red(limit: str) -> None:
    finding = doctor._limits(None, Traits(not_enforced=(limit, "swap")))
    assert finding.state == "problem"
    assert finding.what == f"cgroup v2; not enforced: {limit}, swap" and finding.fix


def test_limits_that_the_kernel_ignores_are_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.images, "base_recipe", lambda *_, **__: None)
    monkeypatch.setattr(doctor.images, "find", lambda *_: "image")
    monkeypatch.setattr(doctor, "_try_out", lambda *_: {"memory": False, "CPU": True, "processes": True})
    finding = doctor._limits(None, Traits(cgroup_version="1"))
    assert finding.state == "problem"
    assert "not enforced: memory" in finding.what


def test_missing_seccomp_is_red() -> None:
    assert doctor._confinement({"SecurityOptions": ["name=apparmor"]}).state == "problem"
    assert doctor._confinement({"SecurityOptions": ["name=seccomp,profile=default"]}).state == "ok"


def test_full_disk_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 2**30

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage)
    finding = doctor._disk("data disk", tmp_path / "not" / "there" / "yet")
    assert finding.state == "problem" and "1.0 GiB" in finding.what


def test_credentials_are_found_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert doctor._kaggle().state == "warning"
    (tmp_path / "kaggle.json").write_text("{}")
    assert doctor._kaggle().state == "warning"
    (tmp_path / "kaggle.json").write_text('{"username": "ann", "key": "not-to-be-shown"}')
    assert doctor._kaggle().state == "ok"
    assert "not-to-be-shown" not in str(doctor._kaggle())
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-to-be-shown")
    shown: Any = json.dumps(doctor._model_keys().to_dict())
    assert "OPENAI_API_KEY" in shown
    assert "sk-not-to-be-shown" not in shown


def test_attempts_that_were_given_up_are_told_from_runs_in_progress(tmp_path: Path) -> None:
    """Of four containers that work, one is of an earlier attempt, one of a run that ended, one of a folder that is not here."""
    names = ("of-now", "of-before", "of-the-ended", "of-elsewhere")
    states: tuple[tuple[State, int], ...] = (("running", 2), ("running", 3), ("finished", 2))
    for name, (state, attempt) in zip(names, states, strict=False):
        RunRecord("toy_seed0", "group", "toy", 0, "agent", "v1", state, attempt).write(tmp_path / name)
    labels = [{RUN_LABEL: str(tmp_path / name), LABEL: "group.toy_seed0.2", FOLDER_LABEL: ""} for name in names]
    containers = [SimpleNamespace(name=name, labels=each, status="running") for name, each in zip(names, labels, strict=True)]
    client = SimpleNamespace(containers=SimpleNamespace(list=lambda **_: containers))
    in_progress, given_up = doctor._left_over(client, Traits(), is_under_way)
    assert (in_progress.state, in_progress.what) == ("ok", "2 runs in progress")
    assert given_up.state == "warning" and given_up.what.startswith("2 still running although the run has ended")
    assert given_up.fix == "remove them with `docker rm -f -v of-before of-the-ended`"


def test_gpus_that_the_variable_hides_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = Gpu("0", "H100", 80 * 2**30)
    monkeypatch.setattr(doctor, "find_gpus", lambda: [gpu])
    monkeypatch.setattr(doctor, "usable_gpus", lambda: [])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-mistyped")
    finding = doctor._gpus(None)
    assert finding.state == "warning" and "GPU-mistyped" in finding.what
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(doctor, "usable_gpus", lambda: [gpu, gpu])
    assert doctor._gpus(None).what == "2 × H100"


def test_a_file_of_keys_that_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / ".env").write_bytes(b"OPENAI_API_KEY=\xff\xfe\xfd")
    finding = doctor._model_keys()
    assert finding.state == "problem"
    assert "UTF-8" in finding.what and finding.fix
