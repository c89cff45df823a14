"""How cells are written, rather than what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.preparation.audit.checks.cell_form import cell_form
from tests.preparation.audit.toy import Kind, Toy, share_right

FORMS: dict[str, Callable[[str, int], str]] = {
    "a blank at the end": lambda cell, label: cell + " " * label,
    "a further decimal": lambda cell, label: cell + "0" * label,
    "an even last digit": lambda cell, label: f"{cell[:-1]}{2 * (int(cell[-1]) // 2) + label}",
    "a sign": lambda cell, label: cell if cell[0] == "-" or not label else f"+{cell}",
    "a space of no width": lambda cell, label: cell + "\u200b" * label,
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_the_form_of_a_cell_that_tells_the_answer_is_found(tmp_path: Path, form: Callable[[str, int], str]) -> None:
    toy = Toy(tmp_path, "binary", 80)
    toy.test["length"] = [
        form(cell.lstrip("-"), int(answer)) for cell, answer in zip(toy.test["length"], toy.answers, strict=True)
    ]
    case = toy.case()
    (clue,) = cell_form(case)
    assert share_right(clue, case) > 0.95


def test_capital_letters_of_an_id_of_another_table_are_found(tmp_path: Path) -> None:
    toy = Toy(tmp_path, "binary", 80)
    toy.table(
        "pages.csv",
        {
            "id": toy.ids,
            "link": [("HTTP" if a == "1" else "http") + f"://{n}" for n, a in zip(toy.ids, toy.answers, strict=True)],
        },
    )
    assert [clue.file for clue in cell_form(toy.case())] == ["pages.csv"]


@pytest.mark.parametrize("mark", ["quotes", "line ends", "blanks"])
def test_the_raw_line_of_a_row_is_looked_at(tmp_path: Path, mark: str) -> None:
    toy = Toy(tmp_path, "binary", 80)
    lines = ["id,width"]
    for name, answer in zip(toy.ids, toy.answers, strict=True):
        is_marked = answer == "1"
        cell = f"{toy.rng.normal():.3f}"
        cell = f'"{cell}"' if mark == "quotes" and is_marked else cell
        lines.append(
            f"{name},{cell}" + ("\r" if mark == "line ends" and is_marked else "  " if mark == "blanks" and is_marked else "")
        )
    toy.write("widths.csv", "\n".join(lines) + "\n")
    case = toy.case()
    found = [*cell_form(case)]
    assert found and share_right(found[0], case) == 1


@pytest.mark.parametrize("rows", [6, 20, 200])
@pytest.mark.parametrize("kind", ["class", "binary", "number", "text"])
def test_forms_of_nothing_ring_by_no_chance(tmp_path: Path, kind: Kind, rows: int) -> None:
    toy = Toy(tmp_path, kind, rows, seed=rows)
    forms = [*FORMS.values()]
    cells = [cell.lstrip("-") for cell in toy.test["length"]]
    toy.test["length"] = [forms[toy.rng.integers(0, len(forms))](cell, int(toy.rng.integers(0, 2))) for cell in cells]
    assert [*cell_form(toy.case())] == []


@pytest.mark.parametrize("shape", ["one line", "records by key", "within an object"])
def test_the_order_of_keys_of_json_records_is_looked_at(tmp_path: Path, shape: str) -> None:
    toy = Toy(tmp_path, "binary", 80)
    records = []
    for row, (name, answer) in enumerate(zip(toy.ids, toy.answers, strict=True)):
        items = [("id", name), ("size", row % 7), ("hue", row % 5)]
        record = dict(items[::-1] if answer == "1" else items)
        # not every record has every key
        records.append(record | ({"note": "x"} if row % 3 else {}))
    whole = {"rows": records} if shape == "within an object" else {str(k): record for k, record in enumerate(records)}
    toy.write("more.json", json.dumps(records if shape == "one line" else whole))
    case = toy.case()
    clues = [*cell_form(case)]
    assert [clue.file.partition("#")[0] for clue in clues] == ["more.json"]
    assert share_right(clues[0], case) == 1
