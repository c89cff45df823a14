"""Every public error stands in one tree, which the docstring of `mlebench.errors` draws."""

from __future__ import annotations

import ast
import builtins
import re
from pathlib import Path

import grading
from mlebench import errors

ROOT = Path(__file__).parents[1]


def drawn() -> dict[str, str | None]:
    """The parent of each error in the drawing."""
    parents: dict[str, str | None] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"([│├└─\s]*)([A-Z]\w+)  +\S", line):
            depth = len(found[1]) // 4
            above[depth:] = [found[2]]
            parents[found[2]] = above[depth - 1] if depth else None
    return parents


def test_the_drawing_is_the_tree() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    parents = {kind.__name__: kind.__mro__[1].__name__ for kind in classes}
    assert drawn() == {name: None if parent == "Exception" else parent for name, parent in parents.items()}


def test_the_error_of_a_bad_submission_is_the_one_of_grading() -> None:
    assert errors.InvalidSubmission is grading.InvalidSubmission


def test_errors_that_leave_their_package_are_defined_in_one_place() -> None:
    known = {name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)}
    known |= set(drawn())
    sources = {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for folder in ("mlebench", "grading", "competitions")
        for path in (ROOT / folder).rglob("*.py")
    }
    elsewhere = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path, tree in sources.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).rpartition(".")[2] in known for base in node.bases)
        and path not in (ROOT / "mlebench" / "errors.py", ROOT / "grading" / "invalid.py")
        and any(node.name in imported(other) for file, other in sources.items() if file.parent != path.parent)
    ]
    assert elsewhere == []


def imported(tree: ast.Module) -> set[str]:
    """The names that a module takes from others."""
    return {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
