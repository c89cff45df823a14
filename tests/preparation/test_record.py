"""A record is taken as it was written without pydantic where that would take it as it is, too."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from mlebench.preparation import record as records
from mlebench.preparation.record import PreparationRecord
from mlebench.registry.competition import PREPARED_RECORD

RECORD = PreparationRecord(
    competition_id="a", edition="v1", split_key_hash=None, verified=True, mock=False, harness_version="0.1.0",
    prepared_at="2026-01-01T00:00:00+00:00", odd_counts=["x"], checksums={"public/a": "0"}, competition_version=2,
    states={"public/a": "1 2"},
)  # fmt: skip
WHOLE = asdict(RECORD)
OTHERS: list[Any] = [None, 1, 1.0, 0, True, "1", "yes", [], ["a"], [1], {}, {"a": "b"}, {"a": 1}, {"a": None}]


def read(content: Any, folder: Path) -> PreparationRecord | None:
    (folder / PREPARED_RECORD).write_text(json.dumps(content))
    return PreparationRecord.read(folder)


def by_pydantic(content: Any) -> PreparationRecord | None:
    try:
        return TypeAdapter(PreparationRecord).validate_python(content)
    except ValidationError:
        return None


@pytest.mark.parametrize("name", WHOLE)
def test_any_value_of_a_key_is_taken_as_pydantic_takes_it(name: str, tmp_path: Path) -> None:
    for value in OTHERS:
        content = WHOLE | {name: value}
        assert repr(read(content, tmp_path)) == repr(by_pydantic(content))


@pytest.mark.parametrize(
    "content", [*OTHERS, WHOLE | {"newer": 1}, *({k: v for k, v in WHOLE.items() if k != gone} for gone in WHOLE)]
)
def test_keys_that_lack_and_keys_of_a_newer_harness(content: Any, tmp_path: Path) -> None:
    assert repr(read(content, tmp_path)) == repr(by_pydantic(content))


def test_what_this_version_writes_needs_no_pydantic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_adapter", lambda: pytest.fail("it asked pydantic"))
    RECORD.write(tmp_path)
    assert PreparationRecord.read(tmp_path) == RECORD
