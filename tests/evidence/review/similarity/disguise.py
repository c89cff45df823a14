"""What a copyist does to code so that it is not known again, done by a program."""

from __future__ import annotations

import ast
import builtins
import json
import random
from collections.abc import Iterable, Mapping

_LIBRARY_NAMES = frozenset(("fit", "transform", "predict", "forward", "train", "eval", "self"))
"""Names that a library calls by, so that they cannot be changed."""


def disguised(text: str, rng: random.Random) -> str:
    """The same program with all its own names and all constants changed, imports and functions moved, remarks added."""
    tree = ast.parse(without_magics(text))
    names = _own_names(tree)
    tree = _Changed({name: f"{rng.choice('abcdef')}_{place}" for place, name in enumerate(sorted(names))}).visit(tree)
    return _with_remarks(ast.unparse(ast.fix_missing_locations(_moved(tree, rng))), rng)


def with_statements_between(text: str, rng: random.Random, share: float = 0.1) -> str:
    """The same program with statements that do nothing put before a share of its own."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            idle = ("spare = dict(a=1)", "assert True", "counter = 3")
            node.body = [  # type: ignore[attr-defined]
                part
                for statement in body
                for part in ([*ast.parse(rng.choice(idle)).body, statement] if rng.random() < share else [statement])
            ]
    return ast.unparse(ast.fix_missing_locations(tree))


def split_into_files(text: str) -> dict[str, str]:
    """Functions and classes in two modules of their own, the rest in a third that imports them."""
    tree = ast.parse(text)
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    made = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    rest = [node for node in tree.body if node not in (*imports, *made)]
    loads = ast.parse("from first import *\nfrom second import *").body
    bodies = {"first.py": [*imports, *made[::2]], "second.py": [*imports, *made[1::2]], "run.py": [*imports, *loads, *rest]}
    return {name: ast.unparse(ast.Module(body, [])) for name, body in bodies.items()}


def as_notebook(text: str) -> str:
    """A notebook with a cell for every few statements, magics and text in between."""
    statements = ast.parse(text).body
    cells = [_cell("markdown", "## What I did\nimport this"), _cell("code", "%matplotlib inline\n!pip install lightgbm")]
    for start in range(0, len(statements), 4):
        cells.append(_cell("code", ast.unparse(ast.Module(statements[start : start + 4], []))))
        cells.append(_cell("code", "%%time\n!nvidia-smi"))
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def notebook_of(cells: str) -> str:
    """A notebook of cells that begin with `# %%`."""
    sources = cells.removeprefix("# %%\n").split("\n# %%\n")
    return json.dumps({"cells": [_cell("code", source) for source in sources], "metadata": {}, "nbformat": 4})


def without_magics(text: str) -> str:
    """A notebook's cells as a script."""
    return "\n".join(line for line in text.split("\n") if not line.startswith(("%", "!")))


def _cell(kind: str, source: str) -> Mapping[str, object]:
    return {"cell_type": kind, "source": source.splitlines(keepends=True), "metadata": {}, "outputs": []}


def _own_names(tree: ast.Module) -> set[str]:
    imported: set[str] = set()
    own: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import() | ast.ImportFrom():
                imported.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
            case ast.FunctionDef() | ast.ClassDef():
                own.add(node.name)
            case ast.Name(ctx=ast.Store()):
                own.add(node.id)
            case ast.arg():
                own.add(node.arg)
            case ast.Attribute(value=ast.Name(id="self"), ctx=ast.Store()):
                own.add(node.attr)
    return {name for name in own - imported - _LIBRARY_NAMES if not name.startswith("__") and not hasattr(builtins, name)}


class _Changed(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def _renamed(self, name: str) -> str:
        return self._names.get(name, name)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(self._renamed(node.id), node.ctx)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(self._renamed(node.arg), None)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.name, node.returns = self._renamed(node.name), None
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.name = self._renamed(node.name)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            node.attr = self._renamed(node.attr)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant("said otherwise")

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        match node.value:
            case bool() | None:
                return node
            case int() | float():
                return ast.Constant(type(node.value)(3 * node.value + 1))
            case str():
                return ast.Constant(f"other {node.value[::-1]}")
        return node


def _moved(tree: ast.Module, rng: random.Random) -> ast.Module:
    first, imports, made, rest = _sorted(tree.body)
    for definition in made:
        if isinstance(definition, ast.ClassDef):
            rng.shuffle(definition.body)
    rng.shuffle(imports)
    rng.shuffle(made)
    return ast.Module([*first, *imports, *made, *rest], [])


def _sorted(body: Iterable[ast.stmt]) -> tuple[list[ast.stmt], list[ast.stmt], list[ast.stmt], list[ast.stmt]]:
    kinds: tuple[list[ast.stmt], list[ast.stmt], list[ast.stmt], list[ast.stmt]] = ([], [], [], [])
    for node in body:
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        is_import, is_made = isinstance(node, ast.Import | ast.ImportFrom), isinstance(node, ast.FunctionDef | ast.ClassDef)
        kinds[0 if is_future else 1 if is_import else 2 if is_made else 3].append(node)
    return kinds


def _with_remarks(text: str, rng: random.Random) -> str:
    lines: list[str] = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        if rng.random() < 0.2:
            lines.append(f"{indent}# remark {rng.random()}")
        if rng.random() < 0.15:
            lines.append("")
        lines.append(line)
    return "\n".join(lines)
