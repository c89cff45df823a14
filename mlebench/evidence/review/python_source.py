"""Python that an agent ran or left, parsed as far as it can be: notebooks and scripts with magics as well."""

from __future__ import annotations

import ast
import functools
import itertools
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlebench.evidence.review.commands import Action, actions_of
from mlebench.evidence.review.reviewed import ReviewedRun

LARGEST_PARSED = 2**20
"""Characters of a source that is parsed; a tree takes hundreds of times as much memory."""
_LONGEST_LINE = 10_000
_MAGIC = re.compile(r"^([ \t]*)(?:[!%?].*|%%.*)$", re.MULTILINE)
_CELL = re.compile(r"^# ?%%.*$", re.MULTILINE)


@dataclass(frozen=True)
class PythonSource:
    """A source."""

    action: Action
    tree: ast.Module | None
    """None if it is too long or not Python; of notebooks, the cells that are Python."""

    @property
    def text(self) -> str:
        """All of it."""
        return self.action.text

    def line_of(self, node: ast.AST) -> int | None:
        """The position of a node in the file; for a transcript, the position of the call."""
        line = getattr(node, "lineno", None)
        return self.line_at(line)

    def line_at(self, line: int | None) -> int | None:
        """Where a line of the source (from 1) is in the file."""
        if self.action.ran or line is None:
            return self.action.line
        return (self.action.line or 1) + line - 1

    def words_of(self, node: ast.AST) -> str:
        """The source of a node, or its beginning."""
        start, end = getattr(node, "lineno", 1), getattr(node, "end_lineno", None) or 1
        return "\n".join(line[:_LONGEST_LINE] for line in self._lines[start - 1 : min(end, start + 20)])

    @functools.cached_property
    def nodes(self) -> Sequence[ast.AST]:
        """All nodes of the tree, as `ast.walk` gives them; none if there is no tree."""
        return () if self.tree is None else tuple(ast.walk(self.tree))

    @functools.cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")


def sources_of(run: ReviewedRun) -> Sequence[PythonSource]:
    """All Python of a run, each source once."""
    found: list[PythonSource] | None = run.memo.get("sources")
    if found is None:
        found = run.memo["sources"] = python_sources(actions_of(run))
    return found


def python_sources(actions: Sequence[Action]) -> list[PythonSource]:
    """The Python among actions."""
    return [PythonSource(action, parsed(action.text)) for action in actions if action.kind == "python"]


def parsed(text: str) -> ast.Module | None:
    """The tree of a source; notebook magics are ignored, and cells with syntax errors are omitted."""
    if len(text) > LARGEST_PARSED:
        return None
    text = _MAGIC.sub(r"\1pass", text)
    if (tree := _tree(text)) is not None:
        return tree
    cells = [module for module in (_tree(cell) for cell in _cells(text)) if module is not None]
    return ast.Module([statement for cell in cells for statement in cell.body], []) if cells else None


def _cells(text: str) -> Iterator[str]:
    """The cells of a notebook, each behind as many empty lines as keep its place."""
    marks = [0, *(found.start() for found in _CELL.finditer(text)), len(text)]
    for start, end in itertools.pairwise(marks):
        if text[start:end].strip():
            yield "\n" * text.count("\n", 0, start) + text[start:end]


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            # odd escapes in foreign strings
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def dotted(node: ast.AST) -> str:
    """`pd.read_csv` of such an expression; of a call in between, what is called; empty of anything else."""
    parts: list[str] = []
    for _ in range(30):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Subscript):
            node = node.value
        else:
            break
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts))


def calls_in(source: PythonSource) -> Iterator[ast.Call]:
    """All calls."""
    return (node for node in source.nodes if isinstance(node, ast.Call))


def string_in(node: ast.AST | None, deepest: int = 20) -> str:
    """The constant text of an expression, as far as it is constant; of f-strings, without what is put in.

    Args:
        node: the expression.
        deepest: how far it is followed to the right.
    """
    ends: list[str] = []
    # long sums lean to the left
    while isinstance(node, ast.BinOp) and deepest:
        ends.append(string_in(node.right, deepest - 1))
        node = node.left
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        ends.append(node.value)
    elif isinstance(node, ast.JoinedStr):
        ends.append("".join(string_in(part, 0) if isinstance(part, ast.Constant) else "{}" for part in node.values))
    return "".join(reversed(ends))


_UNKNOWN = "$_"
_JOINS = re.compile(r"(?:^|\.)(?:join|joinpath|Path|PurePath|PosixPath)$")
_MOST_PARTS = 50


def path_in(node: ast.AST) -> str:
    """A path that an expression joins of parts: `a / "b"`, `os.path.join(a, "b")`, `Path("a", "b")`; parts that are not constant
    are `$_`. Empty of any other expression, and of one without a constant.
    """
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        parts: list[ast.AST] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and len(parts) < _MOST_PARTS:
            parts.append(node.right)
            node = node.left
        parts = [node, *reversed(parts)]
    elif isinstance(node, ast.Call) and _JOINS.search(dotted(node.func)) and len(node.args) > 1 - _is_method(node):
        parts = [*([node.func.value] if _is_method(node) and isinstance(node.func, ast.Attribute) else []), *node.args]
    else:
        return ""
    words = [_part(part) for part in parts[: 2 * _MOST_PARTS]]
    return re.sub(r"/{2,}", "/", "/".join(words)) if any(word != _UNKNOWN for word in words) else ""


def _is_method(call: ast.Call) -> bool:
    """Whether a path is what is joined to: `path.joinpath("b")`."""
    return dotted(call.func).endswith(".joinpath")


def _part(node: ast.AST) -> str:
    if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in ("Path", "PurePath", "str") and node.args:
        node = node.args[0]
    return string_in(node) or _UNKNOWN
