"""A constant stands once in a competition's folder: class names, column lists, sizes, the cells of a sample submission."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlebench.registry import Registry

FOLDERS = sorted(path.parent for path in Registry().get_competitions_dir().glob("*/competition.yaml"))

Constant = frozenset[str] | tuple[str, object] | str | float


def constants(tree: ast.Module) -> Iterator[tuple[Constant, int]]:
    """Constants that nobody writes twice by chance, with their lines; lone names of files and columns are not among them."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant):
            yield (node.targets[0].id, node.value.value), node.lineno
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            items = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            if len(items) == len(node.elts) and len({item for item in items if isinstance(item, str)}) > 2:
                yield frozenset(map(str, items)), node.lineno
        elif isinstance(node, ast.Constant) and id(node) not in documentation and is_telling(node.value):
            yield node.value, node.lineno  # type: ignore[misc]


def is_telling(value: object) -> bool:
    """Text of five words or more, an integer of three digits or more, a fraction of four or more; closing zeros do not count."""
    if isinstance(value, str):
        return len(value.split()) > 4
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    digits = f"{abs(value):.15e}".partition("e")[0].replace(".", "").rstrip("0")
    return len(digits) > (2 if isinstance(value, int) else 3)


def repeated(folder: Path) -> list[str]:
    files = {path.name: list(constants(ast.parse(path.read_text(encoding="utf-8")))) for path in sorted(folder.glob("*.py"))}
    return [
        f"{first}, line {line}, and {second}, line {other_line}: {shown(value)}"
        for (first, of_first), (second, of_second) in itertools.combinations(files.items(), 2)
        for (value, line), (other, other_line) in itertools.product(of_first, of_second)
        if value == other
    ]


def shown(value: Constant) -> str:
    return ", ".join(sorted(value)) if isinstance(value, frozenset) else str(value)


@pytest.mark.parametrize("folder", [pytest.param(folder, id=folder.name) for folder in FOLDERS])
def test_no_constant_is_in_two_files(folder: Path) -> None:
    assert not repeated(folder), "move it to a module of the folder that is named for what it holds"


def test_repeats_are_found_in_any_order_and_kind(tmp_path: Path) -> None:
    (tmp_path / "grade.py").write_text(
        '"""One two three."""\nLABELS = ("a", "b", "c")\nSIDE = 101\nGUESS = "1 0 0 1 1"\nsize = 5000\nKINDS = 3\n'
    )
    (tmp_path / "mock.py").write_text(
        '"""One two three."""\nlabels = ["c", "b", "a"]\nside = 101\nguess = "1 0 0 1 1"\nmost = 5000\nKINDS = 3\n'
    )
    found = {fault.rpartition(": ")[2] for fault in repeated(tmp_path)}
    assert found == {"('KINDS', 3)", "a, b, c", "101", "1 0 0 1 1"}
