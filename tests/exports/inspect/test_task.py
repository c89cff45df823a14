"""The task as Inspect sees it, and what agents read, without a container."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from mlebench.preparation import prepare
from mlebench.registry import Competition, Registry
from tests.cases import Cases
from tests.exports.inspect.scripted import needs_inspect

pytestmark = [needs_inspect, pytest.mark.usefixtures("own_cache")]


def task_of(competition: Competition, **given: Any) -> Any:
    from mlebench.exports.inspect import competitions

    settings = {"data_dir": str(competition.data_dir), "edition": competition.edition.name, "docker_image_name": "some/image"}
    return competitions(ids=competition.id, **{**settings, **given})


def test_inspect_finds_the_task_by_its_name() -> None:
    from inspect_ai._util.registry import registry_lookup

    assert [point.value for point in entry_points(group="inspect_ai", name="mlebench")] == ["mlebench.exports.inspect.task"]
    for kind, name in (("task", "competitions"), ("scorer", "graded"), ("tool", "validate")):
        assert registry_lookup(kind, f"mlebench/{name}") is not None


def test_a_competition_is_a_sample_and_a_seed_an_epoch(wine: Competition) -> None:
    task = task_of(wine, seeds=3, profile="demo")
    [sample] = task.dataset
    assert sample.id == "demo-wine" and task.epochs == 3 and task.time_limit == 300
    assert {
        "competition_id": "demo-wine",
        "split": "demo",
        "edition": "v1",
        "competition_version": 1,
    }.items() <= sample.metadata.items()
    assert task.metadata["profile"] == "demo" and task.metadata["network"] == "none"
    assert sample.sandbox.type == "docker" and Path(sample.sandbox.config).name == "compose.yaml"


def test_agents_read_the_task_and_instructions_that_hold_there(wine: Competition) -> None:
    [sample] = task_of(wine).dataset
    assert sample.input.endswith(wine.description)
    assert "/home/submission/submission.csv" in sample.input and "the tool `validate`" in sample.input
    for absent in ("localhost:5000", "validate_submission.sh", "You get a moment", "v1", "inspect"):
        assert absent not in sample.input.removesuffix(wine.description)


def test_an_obfuscated_sample_names_no_competition(cases: Cases) -> None:
    competition = cases.prepared("spaceship-titanic", "v2")
    [sample] = task_of(competition, obfuscated=True).dataset
    compose = Path(sample.sandbox.config).read_text()
    for text in (sample.input, compose):
        assert "spaceship" not in text.lower() and "kaggle" not in text.lower()
    assert "the tool `validate`" in sample.input and "localhost:5000" not in sample.input


def test_a_key_of_ones_own_is_in_logs_by_its_hash_alone(cases: Cases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLEBENCH_SPLIT_KEY", "a word of my own")
    competition = Registry(tmp_path / "data", "v2", "a word of my own").get_competition("spaceship-titanic")
    prepare(competition, cases.raw("spaceship-titanic"), mock=True)
    task = task_of(competition)
    assert competition.edition.key_hash is not None
    assert task.metadata["split_key_hash"] == competition.edition.key_hash
    [sample] = task.dataset
    assert "a word of my own" not in f"{task.metadata}{sample.metadata}{Path(sample.sandbox.config).read_text()}"


def test_what_a_user_can_mend_is_one_sentence_without_traceback(tmp_path: Path) -> None:
    words = ["eval", "mlebench/competitions", "--model", "mockllm/model", "-T", "ids=demo-wine", "-T", f"data_dir={tmp_path}"]
    command = [str(Path(sys.executable).with_name("inspect")), *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0 and "`mlebench prepare demo-wine" in told and "Traceback" not in told, told


def test_an_error_of_ours_is_one_that_inspect_shows_without_traceback(wine: Competition) -> None:
    from inspect_ai._util.error import PrerequisiteError

    for given in ({"edition": "v3"}, {"profile": "none"}, {"network": "models"}, {"compose_overrides": "text"}):
        with pytest.raises(PrerequisiteError):
            task_of(wine, **given)
