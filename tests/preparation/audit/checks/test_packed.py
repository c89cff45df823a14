"""Answers that stand within cells: in fields of JSON, encoded, in comments, brackets or behind a frame."""

from __future__ import annotations

import base64
import gzip
import json
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.preparation.audit.checks.answer_cells import answer_cells
from tests.preparation.audit.toy import Kind, Toy, share_right


def record(name: str, answer: str) -> str:
    return json.dumps({"id": name, "n": len(answer), "detail": {"a": answer}})


PACKED: dict[str, Callable[[str, str], str]] = {
    "JSON": record,
    "base64 of JSON": lambda name, answer: base64.b64encode(record(name, answer).encode()).decode(),
    "base64 without its end": lambda name, answer: base64.urlsafe_b64encode(record(name, answer).encode()).decode().rstrip("="),
    "base64 of gzip": lambda name, answer: base64.b64encode(gzip.compress(record(name, answer).encode())).decode(),
    "hexadecimal": lambda name, answer: record(name, answer).encode().hex(),
    "percent signs": lambda name, answer: urllib.parse.quote(record(name, answer)),
    "a query": lambda name, answer: f"id={name}&v=2&a={answer}",
    "markup": lambda name, answer: f"<r id='{name}'><a>{answer}</a></r>",
    "base64 of base64": lambda name, answer: base64.b64encode(base64.b64encode(record(name, answer).encode())).decode(),
}
FRAMED: dict[str, Callable[[str, str], str]] = {
    "a comment": lambda text, answer: f"<p>{text}</p><!-- {answer} -->",
    "brackets": lambda text, answer: f"{text} [{answer}]",
    "a sign": lambda text, answer: f"{text} || {answer}",
    "a sign and an end": lambda text, answer: f"{text} ## {answer} ##",
    "the last line": lambda text, answer: f"{text}\n\n{answer}",
}


@pytest.mark.parametrize("kind", ["class", "binary"])
@pytest.mark.parametrize("pack", PACKED.values(), ids=PACKED.keys())
def test_a_field_within_a_cell_is_found(tmp_path: Path, pack: Callable[[str, str], str], kind: Kind) -> None:
    toy = Toy(tmp_path, kind, 80)
    toy.test["meta"] = [pack(f"{name}-{k}", answer) for k, (name, answer) in enumerate(zip(toy.ids, toy.answers, strict=True))]
    case = toy.case()
    (clue,) = answer_cells(case)
    assert "meta" in clue.what and share_right(clue, case) == 1


@pytest.mark.parametrize("kind", ["class", "text"])
@pytest.mark.parametrize("frame", FRAMED.values(), ids=FRAMED.keys())
def test_an_answer_behind_a_text_is_found(tmp_path: Path, frame: Callable[[str, str], str], kind: Kind) -> None:
    toy = Toy(tmp_path, kind, 80)
    words = [" ".join(toy.rng.choice(["stone", "river", "cloud", "light", "house"], 40)) for _ in toy.ids]
    toy.test["body"] = [frame(text, answer) for text, answer in zip(words, toy.answers, strict=True)]
    case = toy.case()
    (clue,) = answer_cells(case)
    assert "body" in clue.what and clue.guesses[0].told.all()


def test_a_described_field_that_is_as_often_right_in_training_rows_is_the_task(tmp_path: Path) -> None:
    toy = Toy(tmp_path, rows=200, description="Predict `label`. The column `meta` has what `length` is and what users think.")
    toy.test["meta"] = [record(name, opinion(toy, answer)) for name, answer in zip(toy.ids, toy.answers, strict=True)]
    toy.train["meta"] = [
        record(name, opinion(toy, answer)) for name, answer in zip(toy.train_ids, toy.train_answers, strict=True)
    ]
    assert [*answer_cells(toy.case())] == []


def opinion(toy: Toy, answer: str) -> str:
    """The answer, in nine of ten cases."""
    return answer if toy.rng.random() < 0.93 else "cat"


def test_fields_of_noise_are_left_alone(tmp_path: Path) -> None:
    toy = Toy(tmp_path, rows=80)
    toy.test["meta"] = [record(name, str(toy.rng.choice(["cat", "dog", "newt"]))) for name in toy.ids]
    assert [*answer_cells(toy.case())] == []
