"""The compose file of a sample: public data read-only, limits, GPUs, and nothing of the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlebench.exports.inspect.compose import merged, write_compose
from mlebench.profiles import Profile, get_profile
from mlebench.registry import Competition

pytestmark = pytest.mark.usefixtures("own_cache")


def written(public_dir: Path, profile: Profile | None = None, over: dict[str, Any] | None = None, text: str = "the task") -> Path:
    limits = (profile or get_profile("demo")).model_copy(update={"network": "none"})
    return write_compose(public_dir, text, "demo-wine", limits, "mlebench/base:light", "nvidia", over or {})


def service(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text())["services"]["default"])


def test_public_data_is_mounted_read_only_and_answers_are_nowhere(wine: Competition) -> None:
    path = written(wine.public_dir)
    volumes = service(path)["volumes"]
    assert {each["target"]: each["source"] for each in volumes}["/home/data"] == str(wine.public_dir)
    assert all(each["read_only"] and each["bind"] == {"create_host_path": False} for each in volumes)
    [description] = [Path(each["source"]) for each in volumes if each["target"] == "/home/data/description.md"]
    assert description.read_text() == "the task"
    assert str(wine.private_dir) not in path.read_text()


def test_a_folder_without_a_description_is_mounted_file_by_file(tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.mkdir()
    (public / "train.csv").touch()
    targets = [each["target"] for each in service(written(public))["volumes"]]
    assert targets == ["/home/data/train.csv", "/home/data/description.md"]


def test_limits_of_the_profile_hold(tmp_path: Path) -> None:
    found = service(written(tmp_path))
    assert found["deploy"]["resources"] == {"limits": {"cpus": "1.0", "memory": str(2 * 2**30), "pids": 4096}}
    assert found["memswap_limit"] == 2 * 2**30 and found["shm_size"] == 64 * 2**20
    assert found["network_mode"] == "none" and found["cap_drop"] == ["ALL"] and found["user"] == "1000:1000"
    assert found["environment"]["TIME_LIMIT_SECS"] == "300" and found["environment"]["OMP_NUM_THREADS"] == "1"


def test_gpus_are_reserved(tmp_path: Path) -> None:
    found = service(written(tmp_path, get_profile("gpu").changed({"gpus": 2})))
    [device] = found["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 2, "capabilities": ["gpu"]}


def test_overrides_lie_over_the_file(tmp_path: Path) -> None:
    over = {"services": {"default": {"shm_size": "1g", "environment": {"A": "${HOME}"}}}, "x-more": True}
    path = written(tmp_path, over=over)
    found = service(path)
    assert (
        found["shm_size"] == "1g" and found["environment"]["A"] == "${HOME}" and found["environment"]["DATA_DIR"] == "/home/data"
    )
    assert yaml.safe_load(path.read_text())["x-more"] is True


def test_mappings_are_merged_and_all_else_is_replaced() -> None:
    assert merged({"a": {"b": 1, "c": [1]}}, {"a": {"c": [2]}, "d": 3}) == {"a": {"b": 1, "c": [2]}, "d": 3}


def test_a_path_is_no_variable(tmp_path: Path) -> None:
    folder = tmp_path / "my$HOME"
    folder.mkdir()
    (folder / "a.csv").touch()
    assert service(written(folder))["volumes"][0]["source"] == str(folder / "a.csv").replace("$", "$$")


def test_the_same_settings_give_the_same_file_and_others_another(tmp_path: Path) -> None:
    first = written(tmp_path)
    assert written(tmp_path) == first
    assert len({first, written(tmp_path, text="another task"), written(tmp_path, get_profile("small"))}) == 3
