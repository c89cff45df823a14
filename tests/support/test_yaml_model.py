"""What is wrong with a YAML file is said in the file's own words."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, field_validator

from mlebench._support.yaml_model import faults, read_model, read_yaml, refusal
from mlebench.errors import UsageError


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    time_limit: float = 1.0


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seeds: int
    parts: list[Part] = []
    named: dict[str, Part] | None = None

    @field_validator("seeds")
    @classmethod
    def _few(cls, value: int) -> int:
        if value > 9:
            raise ValueError("at most nine seeds")
        return value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seeds: 1\nseed: 3", "unknown key `seed`; did you mean `seeds`?"),
        ("seeds: 1\nparts: [{time: 1h}]", "unknown key `parts.0.time`; did you mean `time_limit`?"),
        ("seeds: 1\nnamed: {a: {timelimit: 1}}", "did you mean `time_limit`?"),
        ("seeds: 1\nqqq: 1", "unknown key `qqq`; choose `seeds`, `parts` or `named`"),
        ("parts: []", "`seeds` is missing"),
        ("seeds: many", "`seeds`: expected a valid integer"),
        ("seeds: 12", "`seeds`: at most nine seeds"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_what_was_expected(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as refused:
        read_model(path, Whole)
    assert problem in str(refused.value)
    for raw in ("extra inputs", "field required", "value error", "input should"):
        assert raw not in str(refused.value).lower()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# seeds\n\nseeds: many\n", ", line 3: `seeds`: "),
        ("seeds: 1\nparts:\n  - time_limit: 1\n  - {time_limit: 1h}\n", ", line 4: `parts.1.time_limit`: "),
        ("seeds: 1\nnamed:\n  a:\n    time_limit: 1\n  b:\n    timelimit: 2\n", ", line 6: unknown key `named.b.timelimit`"),
        # what is missing is missing in the part that begins there
        ("parts: []", ": `seeds` is missing"),
        ("seeds: x\nparts:\n  - &one {time: 1}\n  - *one\n", ", line 1: `seeds`: expected a valid integer, not `x`"),
        (
            "seeds: 1\nparts:\n  - &one {time: 1}\n  - *one\n",
            ", line 3: unknown key `parts.0.time`; did you mean `time_limit`? line 3: ",
        ),
        ("a: &a {time: 1}\nseeds: 1\nnamed:\n  b:\n    <<: *a\n", "line 4: unknown key `named.b.time`"),
        ('seeds: "\\ud800"\n', ", line 1: `seeds`: "),
        ("seeds: 1\r\nparts: 5\r\n", ", line 2: `parts`: "),
    ],
)
def test_the_line_of_a_wrong_key_is_told(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(text.encode())
    with pytest.raises(UsageError) as refused:
        read_model(path, Whole)
    assert said in str(refused.value) and str(refused.value).startswith(str(path))


def test_a_place_in_a_file_that_was_read_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("one:\n  two: 5\n  three:\n  - four\n")
    for place, line in ((("one", "two"), ", line 2"), (("one", "three", 0), ", line 4"), (("one", "gone"), ", line 1"), ((), "")):
        assert str(refusal(path, place, "no")) == f"{path}{line}: no"


def test_a_file_whose_top_is_a_list_has_lines_too(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("- time_limit: 1\n- time_limit: 1\n  other: 2\n")
    with pytest.raises(ValidationError) as wrong:
        TypeAdapter(list[Part]).validate_python(read_yaml(path))
    assert str(faults(path, wrong.value)) == f"{path}, line 3: unknown key `1.other`"


def test_marks_and_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfseeds: 1\r\n")
    assert read_yaml(path) == {"seeds": 1}
    path.write_bytes("seeds: 1\n".encode("utf-16"))
    with pytest.raises(UsageError, match="UTF-16"):
        read_yaml(path)


def test_a_key_that_stands_twice_is_refused_as_one_value_would_be_lost(tmp_path: Path) -> None:
    file = tmp_path / "whole.yaml"
    file.write_text("seeds: 1\nparts: []\nseeds: 2\n")
    with pytest.raises(UsageError, match=r"the key `seeds` appears twice.*line 1"):
        read_yaml(file)


def test_aliases_that_stand_for_more_than_a_memory_holds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    levels = "".join(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 9))
    path.write_text(f"a0: &a0 [x, x]\n{levels}")
    with pytest.raises(UsageError, match="its aliases stand for more than 1,000,000 values"):
        read_yaml(path)
    path.write_text("a: &a [*a]\n")
    with pytest.raises(UsageError, match="its aliases stand for"):
        read_yaml(path)
    path.write_text("a: &a {x: [1, 2]}\nb: *a\nc: {<<: *a, y: 'not an *alias'}\n")
    assert read_yaml(path) == {"a": {"x": [1, 2]}, "b": {"x": [1, 2]}, "c": {"x": [1, 2], "y": "not an *alias"}}
