"""A reader sees the old content or the new one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlebench._support import files


def test_content_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"é": 1})
    reader = path.open(encoding="utf-8")
    files.write_json(path, {"b": 2})
    with reader:
        assert json.load(reader) == {"é": 1}
    assert json.loads(path.read_text(encoding="utf-8")) == {"b": 2}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_failed_write_leaves_the_old_content_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space"):
            files.write_text(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_numbers_that_other_readers_refuse_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", float("nan"))
    assert not (tmp_path / "a.json").exists()


def test_yaml_keeps_the_order_and_letters(tmp_path: Path) -> None:
    files.write_yaml(tmp_path / "a.yaml", {"z": "ü", "a": [1, 2]})
    assert (tmp_path / "a.yaml").read_text(encoding="utf-8") == "z: ü\na:\n- 1\n- 2\n"
