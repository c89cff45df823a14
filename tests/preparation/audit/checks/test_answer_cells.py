"""Cells that tell answers are found in whatever notation they stand; cells that do not are left alone."""

from __future__ import annotations

import base64
import codecs
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlebench.preparation.audit.checks.answer_cells import answer_cells
from mlebench.preparation.audit.clue import Clue
from tests.preparation.audit.toy import Kind, Toy, share_right


def clues(toy: Toy) -> list[Clue]:
    return [*answer_cells(toy.case())]


CODES: dict[str, Callable[[str], str]] = {
    "as it is": lambda label: label,
    "in capitals with blanks": lambda label: f" {label.upper()} ",
    "behind a word": lambda label: f"label={label}",
    "within a path": lambda label: f"/data/raw/{label}/0001.png",
    "base64": lambda label: base64.b64encode(label.encode()).decode(),
    "hexadecimal": lambda label: label.encode().hex(),
    "rot13": lambda label: codecs.encode(label, "rot13"),
    "backwards": lambda label: label[::-1],
    "md5": lambda label: hashlib.md5(label.encode()).hexdigest(),
    "beginning of sha256": lambda label: hashlib.sha256(label.encode()).hexdigest()[:12],
    "JSON": lambda label: json.dumps({"y": label}),
    "a number for each class": lambda label: str({"cat": 17, "dog": 3, "newt": 9}[label]),
    "code points": lambda label: " ".join(str(ord(letter)) for letter in label),
}


@pytest.mark.parametrize("code", CODES.values(), ids=CODES.keys())
def test_a_column_that_tells_the_class_of_its_row_is_found(tmp_path: Path, code: Callable[[str], str]) -> None:
    toy = Toy(tmp_path)
    toy.test["extra"] = [code(answer) for answer in toy.answers]
    case = toy.case()
    (clue,) = answer_cells(case)
    assert clue.file == "test.csv" and "extra" in clue.what
    assert share_right(clue, case) == 1


FUNCTIONS: dict[str, Callable[[float], str]] = {
    "as it is": str,
    "rounded": lambda number: f"{number:.2f}",
    "a thousand times": lambda number: f"{1000 * number:.4f}",
    "its exponential": lambda number: repr(float(np.exp(number / 1))),
    "with a unit": lambda number: f"{number}kg",
    "a line": lambda number: repr(3 * number - 7),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_a_column_of_which_the_number_follows_is_found(tmp_path: Path, function: Callable[[float], str]) -> None:
    toy = Toy(tmp_path, "number", 80)
    toy.test["extra"] = [function(float(answer)) for answer in toy.answers]
    case = toy.case()
    (clue,) = answer_cells(case)
    assert "extra" in clue.what
    assert share_right(clue, case) > 0.9


TEXTS: dict[str, Callable[[str], str]] = {
    "in capitals": str.upper,
    "with commas": lambda text: text.replace(" ", ", "),
    "as a list": lambda text: json.dumps(text.split()),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "numbers for words": lambda text: " ".join(str(int.from_bytes(word.encode()) % 9973) for word in text.split()),
}


@pytest.mark.parametrize("code", TEXTS.values(), ids=TEXTS.keys())
def test_a_column_that_holds_the_text_is_found(tmp_path: Path, code: Callable[[str], str]) -> None:
    toy = Toy(tmp_path, "text")
    toy.test["extra"] = [code(answer) for answer in toy.answers]
    (clue,) = clues(toy)
    assert "extra" in clue.what and clue.guesses[0].told.all()


def test_half_of_the_answers_are_found_as_well(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    toy.test["extra"] = [answer if row % 2 else "" for row, answer in enumerate(toy.answers)]
    (clue,) = clues(toy)
    assert clue.guesses[0].told.sum() == 30


def test_digests_of_an_id_and_its_label_are_found(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    pairs = [f"{name}_{answer}" for name, answer in zip(toy.ids, toy.answers, strict=True)]
    toy.table("checksums.csv", {"file": toy.ids, "sum": [hashlib.sha1(pair.encode()).hexdigest() for pair in pairs]})
    assert [clue.file for clue in clues(toy)] == ["checksums.csv"]


def test_a_table_in_an_archive_in_an_archive_is_read(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    inner = Toy(tmp_path / "inner")
    inner.archive(
        "inner.zip", {"notes/all.csv": "".join(f"{n};{a}\n" for n, a in zip(toy.ids, toy.answers, strict=True)).encode()}
    )
    toy.archive("extra.zip", {"deep/inner.zip": (inner.public / "inner.zip").read_bytes()})
    (clue,) = clues(toy)
    assert clue.file == "extra.zip!/deep/inner.zip!/notes/all.csv"


SPELLINGS: dict[str, Callable[[str, int], str]] = {
    "in capitals": lambda name, row: name.upper(),
    "without its first letter": lambda name, row: name[1:],
    "behind a folder and a word": lambda name, row: f"img/test_{name}.jpg",
    "md5": lambda name, row: hashlib.md5(name.encode()).hexdigest(),
    "its row": lambda name, row: str(row),
    "its row with zeros, from 1": lambda name, row: f"{row + 1:05d}",
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_table_is_read_by_ids_in_another_spelling(tmp_path: Path, spell: Callable[[str, int], str]) -> None:
    toy = Toy(tmp_path)
    shuffled = toy.rng.permutation(toy.rows)
    columns = {
        "case": [spell(toy.ids[row], row) for row in shuffled],
        "remark": [f"it is a {toy.answers[row]}" for row in shuffled],
    }
    toy.table("remarks.csv", columns)
    case = toy.case()
    clue = next(clue for clue in answer_cells(case) if clue.file == "remarks.csv")
    assert "remark" in clue.what and share_right(clue, case) == 1


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_table_of_other_ids_in_such_a_spelling_is_not(tmp_path: Path, spell: Callable[[str, int], str]) -> None:
    toy = Toy(tmp_path)
    columns = {
        "case": [spell(name, row) for row, name in enumerate(toy.train_ids)],
        "remark": [f"it is a {answer}" for answer in toy.train_answers],
    }
    toy.table("remarks.csv", columns)
    assert clues(toy) == []


@pytest.mark.parametrize("sign", ["|", "; "])
def test_answers_by_the_names_of_a_public_dictionary_are_found(tmp_path: Path, sign: str) -> None:
    toy = Toy(tmp_path, "text")
    numbers = [sorted(toy.rng.choice(np.arange(100, 160), 3, replace=False)) for _ in range(toy.rows)]
    toy.answers[:] = [" ".join(map(str, row)) for row in numbers]
    names = {number: f"culture, {number % 7} of {number * 31 % 1009}" for number in range(100, 160)}
    toy.table("labels.csv", {"number": [*names], "name": [*names.values()]})
    toy.test["tags"] = [sign.join(names[number] for number in row) for row in numbers]
    case = toy.case()
    (clue,) = answer_cells(case)
    assert "tags" in clue.what and share_right(clue, case) == 1


def test_names_of_a_public_dictionary_that_say_other_answers_are_left_alone(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    toy.table("labels.csv", {"label": ["cat", "dog", "newt"], "name": ["Felis", "Canis", "Triturus"]})
    toy.test["seen"] = [str(name) for name in toy.rng.choice(["Felis", "Canis", "Triturus"], toy.rows)]
    assert clues(toy) == []


def test_texts_that_lack_what_all_answers_begin_with_are_found(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "text")
    toy.test["structure"] = [*toy.answers]
    toy.answers[:] = [f"Formula=1/{answer}" for answer in toy.answers]
    case = toy.case()
    (clue,) = answer_cells(case)
    assert "structure" in clue.what and share_right(clue, case) == 1


def test_a_code_for_whether_a_text_is_the_usual_one_is_found(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "text")
    empty = toy.rng.random(toy.rows) < 0.4
    toy.answers[:] = ["-" if none else answer for none, answer in zip(empty, toy.answers, strict=True)]
    toy.test["batch"] = ["q7" if none else str(toy.rng.choice(["q3", "q9"])) for none in empty]
    case = toy.case()
    (clue,) = answer_cells(case)
    assert "batch" in clue.what and (clue.guesses[0].told == empty).all()
    assert share_right(clue, case) == empty.mean()


@pytest.mark.parametrize("backwards", [False, True])
def test_an_array_of_as_many_rows_is_read_by_place(tmp_path: Path, backwards: bool) -> None:
    toy = Toy(tmp_path, "number")
    stream = io.BytesIO()
    values = np.array([float(answer) for answer in toy.answers])
    np.save(stream, values[::-1] if backwards else values)
    toy.write("cache.npy", stream.getvalue())
    case = toy.case()
    (clue,) = answer_cells(case)
    assert clue.file == "cache.npy" and share_right(clue, case) == 1


def test_columns_of_ones_and_noughts_are_read_together(tmp_path: Path) -> None:
    toy = Toy(tmp_path)
    for place, name in enumerate(("newt", "cat", "dog")):
        toy.test[f"c{place}"] = [int(answer == name) for answer in toy.answers]
    case = toy.case()
    (clue,) = answer_cells(case)
    assert share_right(clue, case) == 1


@pytest.mark.parametrize(
    ("ending", "form"),
    [
        (".json", '{"size": 3, "info": {"class": "%s"}}'),
        (".txt", "taken by: me\nclass: %s\n"),
        (".xml", "<a><size>3</size><name>%s</name></a>"),
    ],
)
def test_fields_of_files_beside_the_test_units_are_read(tmp_path: Path, ending: str, form: str) -> None:
    toy = Toy(tmp_path)
    for name, answer in zip(toy.ids, toy.answers, strict=True):
        toy.write(f"test/{name}{ending}", form % answer)
    case = toy.case()
    found = [*answer_cells(case)]
    assert found and all(share_right(clue, case) == 1 for clue in found)


@pytest.mark.parametrize("rows", [6, 20, 200])
@pytest.mark.parametrize("kind", ["class", "binary", "number", "text"])
def test_what_only_looks_like_answers_rings_by_no_chance(tmp_path: Path, kind: Kind, rows: int) -> None:
    toy = Toy(tmp_path, kind, rows, seed=rows)
    other = Toy(tmp_path / "other", kind, rows, seed=rows + 1)
    toy.test["other_answer"] = other.answers
    toy.test["sorted"] = sorted(toy.answers)
    toy.test["constant"] = toy.answers[0]
    toy.test["coin"] = toy.rng.integers(0, 2, rows)
    toy.test["day"] = [f"2020-01-{day:02}" for day in toy.rng.integers(1, 29, rows)]
    toy.test["hash"] = [hashlib.md5(str(name).encode()).hexdigest() for name in toy.ids]
    toy.table("lookup.csv", {"code": range(rows), "label": other.answers})
    assert clues(toy) == []


def test_a_described_feature_that_often_is_the_answer_is_the_task(tmp_path: Path) -> None:
    """As the words before normalisation are those after it, mostly."""
    toy = Toy(tmp_path, "text", 200, description="Normalise `before`, which mostly is `label` already, for each `id`.")
    toy.test["before"] = [answer if row % 15 else "x" for row, answer in enumerate(toy.answers)]
    toy.train["before"] = [answer if row % 15 else "x" for row, answer in enumerate(toy.train_answers)]
    assert clues(toy) == []


@pytest.mark.parametrize("ending", ["json", "xml"])
def test_the_order_of_names_in_the_files_of_units_is_looked_at(tmp_path: Path, ending: str) -> None:
    toy = Toy(tmp_path, "binary", 80)
    for name, answer in zip(toy.ids, toy.answers, strict=True):
        items = [("width", str(toy.rng.integers(9))), ("hue", str(toy.rng.integers(9)))]
        pairs = dict(items[::-1] if answer == "1" else items)
        attributes = " ".join(f'{key}="{value}"' for key, value in pairs.items())
        toy.write(f"test/{name}.{ending}", json.dumps(pairs) if ending == "json" else f"<photo {attributes}/>")
    case = toy.case()
    (clue,) = answer_cells(case)
    assert "order of names" in clue.what and share_right(clue, case) == 1
