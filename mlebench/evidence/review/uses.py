"""Where programs put their constants: into a table or a file, or nowhere relevant."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from mlebench.evidence.review.python_source import PythonSource, dotted

_PUTS = re.compile(
    r"(?:^|\.)(?:DataFrame|Series|assign|insert|concat|writerows?|write|writelines|write_text|to_csv|savetxt|put|fill_?|full"
    r"|where|copyto|update)$"
)
_STEPS = 4
"""Maximum chain of names through which a constant is followed."""

_CONSTANTS = (ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Call)


def names_put(sources: Iterable[PythonSource]) -> frozenset[str]:
    """Names of variables whose values go into columns, tables or files, directly or by way of other variables."""
    put: set[str] = set()
    passed: dict[str, set[str]] = {}
    for source in sources:
        for node in source.nodes:
            put |= _names_in(sink for sink in sinks_of(node))
            for name, value in _assigned(node):
                passed.setdefault(name, set()).update(_names_in([value]))
    for _ in range(_STEPS):
        further = {inner for name in put for inner in passed.get(name, ())}
        if further <= put:
            break
        put |= further
    return frozenset(put)


def sinks_of(node: ast.AST) -> Iterator[ast.AST]:
    """What a node puts into a column, a table or a file."""
    if isinstance(node, ast.Assign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(_is_place(target) for target in targets):
            yield node.value
    elif isinstance(node, ast.Call) and _PUTS.search(dotted(node.func)):
        yield from node.args
        yield from (word.value for word in node.keywords)
    elif isinstance(node, ast.For):
        # rows that are written one by one
        inner = (one for statement in node.body for one in ast.walk(statement))
        if any(isinstance(one, ast.Call) and _PUTS.search(dotted(one.func)) for one in inner):
            yield node.iter


def _is_place(target: ast.AST) -> bool:
    """Whether a target is a column or a cell: `t["y"]`, `t.y`; of several targets, one of them."""
    if isinstance(target, ast.Tuple):
        return any(map(_is_place, target.elts))
    is_own = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id in ("self", "cls")
    return isinstance(target, ast.Subscript | ast.Attribute) and not is_own


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from ((one.id, node.value) for one in ast.walk(target) if isinstance(one, ast.Name))
    elif isinstance(node, ast.AnnAssign) and node.value is not None and isinstance(node.target, ast.Name):
        yield node.target.id, node.value
    elif isinstance(node, ast.For | ast.comprehension):
        yield from ((one.id, node.iter) for one in ast.walk(node.target) if isinstance(one, ast.Name))


def _names_in(nodes: Iterable[ast.AST]) -> set[str]:
    return {one.id for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}


def places_of(source: PythonSource) -> dict[int, tuple[str, ...]]:
    """For each constant within an assignment, the names that get it; `=` where it goes straight into a column or a file.

    Returns:
        by `id` of the node.
    """
    found: dict[int, tuple[str, ...]] = {}
    for node in source.nodes:
        for name, value in (*_assigned(node), *(("=", sink) for sink in sinks_of(node))):
            for inner in ast.walk(value):
                if isinstance(inner, _CONSTANTS) and name not in (known := found.get(id(inner), ())):
                    found[id(inner)] = (*known, name)
    return found
