"""Reads who imports whom out of the source, without running it: late imports, relative ones and names given to importlib, too."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class Import(NamedTuple):
    """One file names another module of the project.

    `by_name` marks an import through `importlib.import_module("…")` or a table of a lazy face; `imported` is the module or the
    package that the statement ends at, `name` what is taken from it (empty: the module itself).
    """

    importer: str
    imported: str
    name: str
    line: int
    by_name: bool = False

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}{f' ({self.name})' if self.name else ''}"


def module_name(path: Path, root: Path) -> str:
    """`mlebench/runs/plan.py` is `mlebench.runs.plan`; a package's `__init__.py` bears the package's name."""
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def source_files(root: Path, folders: Iterable[str]) -> dict[str, Path]:
    """Every Python file below the folders, by module name."""
    return {module_name(path, root): path for folder in folders for path in sorted((root / folder).rglob("*.py"))}


def read_imports(modules: dict[str, Path]) -> list[Import]:
    """Every import of a module of `modules` by another one, at whatever place of the file it stands."""
    return [found for name, path in modules.items() for found in _imports_of(name, path, modules) if found.imported != name]


def _imports_of(importer: str, path: Path, modules: dict[str, Path]) -> Iterator[Import]:
    package = importer if path.name == "__init__.py" else importer.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if imported := _known(alias.name, modules):
                    yield Import(importer, imported, "", node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            for alias in node.names:
                if (whole := f"{base}.{alias.name}") in modules:
                    yield Import(importer, whole, "", node.lineno)
                elif imported := _known(base, modules):
                    yield Import(importer, imported, alias.name, node.lineno)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # a dotted name that is a module's stands there to be imported; `grading` alone may be a word
            imported, _, name = node.value.partition(":")
            if "." in imported and imported in modules:
                yield Import(importer, imported, name, node.lineno, by_name=True)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")[: len(package.split(".")) - (node.level - 1)]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _known(name: str, modules: dict[str, Path]) -> str | None:
    """The longest part of a dotted name that is a module of the project."""
    while name:
        if name in modules:
            return name
        name = name.rpartition(".")[0]
    return None


def circles(arrows: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The groups of nodes that reach each other along the arrows, each sorted (strongly connected components of two or more)."""
    following: dict[str, set[str]] = {}
    for start, end in arrows:
        following.setdefault(start, set()).add(end)
    reached = {start: _reached(start, following) for start in following}
    groups = {frozenset(end for end in ends if start in reached.get(end, ())) for start, ends in reached.items()}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def _reached(start: str, following: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for end in following.get(waiting.pop(), set()) - seen:
            seen.add(end)
            waiting.append(end)
    return seen
