"""JSON files: the bytes of `json.dump`, and errors that name the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlebench.data.json_files import read_json, write_indented_json
from mlebench.errors import WorkFailed

DOCUMENTS: list[Any] = [
    {},
    [],
    {"images": [], "info": {}},
    {"b": [{"z": 1, "a": 'quote " and\nline, break'}], "a": {"x": [1, {"y": None}], "ä": float("nan")}, "c": 1.5, "d": None},
    [{"name": "Québec, ×", "id": 3}, {"nested": {"deep": [1, 2]}, "list": []}, {}, 7, "text", [1, 2]],
    {"records": [{"flag": True, "value": 1e-7}] * 3, "text": "a\nb"},
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_bytes_are_those_of_json_dump(tmp_path: Path, document: Any) -> None:
    write_indented_json(tmp_path / "out.json", document)
    assert (tmp_path / "out.json").read_text() == json.dumps(document, indent=4, sort_keys=True)


def test_generators_are_written_like_lists(tmp_path: Path) -> None:
    write_indented_json(tmp_path / "out.json", {"b": ({"id": n} for n in range(3)), "a": iter([])})
    expected = {"a": [], "b": [{"id": 0}, {"id": 1}, {"id": 2}]}
    assert (tmp_path / "out.json").read_text() == json.dumps(expected, indent=4, sort_keys=True)


def test_encodings_are_tried_in_order(tmp_path: Path) -> None:
    path = tmp_path / "names.json"
    path.write_bytes('{"name": "née “x”"}'.encode("cp1252"))
    assert read_json(path, ["utf-8", "cp1252"]) == {"name": "née “x”"}
    with pytest.raises(WorkFailed, match=r"names\.json is damaged"):
        read_json(path)


@pytest.mark.parametrize("content", ["", '{"a": [1, 2', "no json"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "cut.json"
    path.write_text(content)
    with pytest.raises(WorkFailed, match=r"cut\.json is damaged"):
        read_json(path)
    with pytest.raises(WorkFailed, match=r"none\.json is missing"):
        read_json(tmp_path / "none.json")
