"""Python as streams of tokens from its syntax tree, so that layout, comments and brackets do not count.

Parts that a copyist can add, drop or move without changing a program are omitted: imports, annotations, docstrings, statements
that only print something. Each function has a separate stream, wherever it is defined.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mlebench.evidence.review.similarity.plain_tokens import plain_stream
from mlebench.evidence.review.similarity.token_stream import NAME, VALUE, TokenStream
from mlebench.evidence.review.texts import CELL

Parts = Iterable[ast.AST | str]

_MOST_REPAIRS = 40
_MOST_REPARSED = 4 * 2**20
"""Characters parsed again for faults in one text."""
_SHOWN = frozenset(("print", "display"))
_SHOWING = frozenset(("debug", "info", "warning", "error", "exception", "head", "tail", "describe", "show", "summary"))
_OMITTED = (ast.Import, ast.ImportFrom, ast.Pass, ast.Global, ast.Nonlocal)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_AT_MARGIN = re.compile(r"[^\s#)\]}]")
_CONTINUED = re.compile(r"(?:else|elif|except|finally)\b")
_MAGIC = re.compile(r"^([ \t]*)(?:[%!?]|print\b(?![ \t]*[(=])).*$", re.MULTILINE)
_TIMED = re.compile(r"^([ \t]*)%%?(?:time|timeit)[ \t]+(?=\S)", re.MULTILINE)
_MAGIC_VALUE = re.compile(r"^([ \t]*)[^=(\n]*=[ \t]*[!%].*$", re.MULTILINE)
_OTHER_CELL = re.compile(r"%%(?:bash|sh|script|html|HTML|javascript|js|latex|svg|R|perl|ruby|cython|sql|markdown)\b")
_OLD_EXCEPT = re.compile(r"^([ \t]*except[ \t]+[\w.()]+),[ \t]*(\w+)[ \t]*:", re.MULTILINE)


def python_streams(text: str) -> list[TokenStream]:
    """The streams of a Python file, or of a notebook's cells, each after a line `# %%`.

    Magics and shell commands are omitted. A block that does not parse is tokenised without parsing, and the rest is compared as
    usual; if most of the text does not parse, it is another language, and all of it is tokenised without parsing.
    """
    text = text.replace("\0", "")
    tree, broken = _parsed(text)
    if sum(piece.count("\n") + 1 for _, piece in broken) * 2 > text.count("\n") + 1:
        return [plain_stream(text)]
    return [*_streams(tree), *(plain_stream(piece, first=first) for first, piece in broken)]


def _parsed(text: str) -> tuple[ast.Module, list[tuple[int, str]]]:
    """The tree of what parses, and the blocks that do not, each with its first line."""
    try:
        return _tree(text), []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        lines = _without_shell(text).split("\n")
    broken: list[tuple[int, str]] = []
    for _ in range(min(_MOST_REPAIRS, 1 + _MOST_REPARSED // len(text))):
        try:
            return _tree("\n".join(lines)), broken
        except SyntaxError as error:
            start, end = _block_around(lines, error.lineno or 1)
        except (ValueError, RecursionError, MemoryError):
            break
        broken.append((start + 1, "\n".join(lines[start:end])))
        lines[start:end] = [""] * (end - start)
    return ast.Module([], []), [*broken, (1, "\n".join(lines))]


def _tree(text: str) -> ast.Module:
    with warnings.catch_warnings():
        # odd escapes in foreign strings
        warnings.simplefilter("ignore")
        return ast.parse(text)


def _without_shell(text: str) -> str:
    """The same lines without IPython syntax, and with the most common Python 2 syntax converted to Python 3."""
    cells = text.split(f"\n{CELL}")
    for place, cell in enumerate(cells):
        if _OTHER_CELL.match(cell.removeprefix(CELL).lstrip()):
            cells[place] = "\n" * cell.count("\n")
    text = _TIMED.sub(r"\1", f"\n{CELL}".join(cells))
    return _OLD_EXCEPT.sub(r"\1 as \2:", _MAGIC.sub(r"\1pass", _MAGIC_VALUE.sub(r"\1pass", text)))


def _block_around(lines: Sequence[str], number: int) -> tuple[int, int]:
    """The block that contains a faulty line (from 1): from one unindented line to the next."""

    def begins(line: str) -> bool:
        return bool(_AT_MARGIN.match(line)) and not _CONTINUED.match(line)

    # a fault at the end of the text, or after an omitted block, belongs to the preceding block
    place = next((line for line in range(min(number, len(lines)) - 1, 0, -1) if lines[line].strip()), 0)
    start = next((line for line in range(place, 0, -1) if begins(lines[line])), 0)
    return start, next((line for line in range(place + 1, len(lines)) if begins(lines[line])), len(lines))


def _streams(tree: ast.Module) -> Iterator[TokenStream]:
    """The stream outside functions, and each function's; trees may be deeper than calls may be nested."""
    tops: list[ast.AST] = [tree]
    while tops:
        top = tops.pop()
        stream, line = TokenStream(), getattr(top, "lineno", 1)
        todo = [*_opened(top)][::-1]
        while todo:
            part = todo.pop()
            if isinstance(part, str):
                stream.add(part, line)
                continue
            line = getattr(part, "lineno", line)
            if isinstance(part, _FUNCTIONS):
                tops.append(part)
            else:
                todo += [*_PARTS.get(type(part), _by_kind)(part)][::-1]
        yield stream


def _opened(top: Any) -> Parts:
    if isinstance(top, ast.Module):
        return _body(top.body)
    return ["def", *top.decorator_list, top.args, *_body(top.body)]


def _by_kind(node: ast.AST) -> Parts:
    return [type(node).__name__, *_below(node)]


def _below(node: ast.AST) -> list[ast.AST]:
    found: list[ast.AST] = []
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif isinstance(value, list):
            found += _body(value)
    return found


def _body(nodes: Sequence[Any]) -> list[ast.AST]:
    return [node for node in nodes if isinstance(node, ast.AST) and not _is_omitted(node)]


def _literal(node: ast.AST) -> Parts:
    return [VALUE] if _is_value(node) else _by_kind(node)


def _operation(node: Any) -> Parts:
    if isinstance(node, ast.UnaryOp) and _is_value(node):
        return [VALUE]
    return [type(node.op).__name__, *(part for part in _below(node) if part is not node.op)]


def _call(node: Any) -> Parts:
    return ["call", node.func, *node.args, *sorted(node.keywords, key=lambda word: word.arg or "")]


def _condition(node: Any) -> Parts:
    test = node.test
    is_main = isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"
    return _body(node.body) if is_main else _by_kind(node)


def _annotated(node: Any) -> Parts:
    return [] if node.value is None else ["Assign", node.target, node.value]


_PARTS: dict[type[ast.AST], Callable[[Any], Parts]] = {
    ast.Constant: lambda node: [VALUE],
    ast.JoinedStr: lambda node: [VALUE],
    ast.List: _literal,
    ast.Tuple: _literal,
    ast.Set: _literal,
    ast.Dict: _literal,
    ast.Name: lambda node: [NAME],
    ast.Attribute: lambda node: [".", node.value],
    ast.Call: _call,
    ast.keyword: lambda node: ["=", node.value],
    ast.AnnAssign: _annotated,
    ast.AugAssign: lambda node: ["Assign", node.target, type(node.op).__name__, node.target, node.value],
    ast.BinOp: _operation,
    ast.UnaryOp: _operation,
    ast.BoolOp: _operation,
    ast.arg: lambda node: ["arg"],
    ast.Load: lambda node: [],
    ast.Store: lambda node: [],
    ast.Del: lambda node: [],
    ast.ClassDef: lambda node: ["class", *node.bases, *_body(node.body)],
    ast.Lambda: lambda node: ["lambda", node.args, node.body],
    ast.arguments: _below,
    ast.Expr: _below,
    ast.withitem: _below,
    ast.If: _condition,
}
"""What each kind of node is read as: tokens and the nodes below it, in order; others are their kind and what is below them."""


def _is_omitted(node: ast.AST) -> bool:
    if not isinstance(node, ast.Expr):
        return isinstance(node, _OMITTED)
    value = node.value
    if isinstance(value, ast.Call):
        called = value.func
        is_shown = isinstance(called, ast.Name) and called.id in _SHOWN
        return is_shown or (isinstance(called, ast.Attribute) and called.attr in _SHOWING)
    return isinstance(value, ast.Constant | ast.Name | ast.Attribute | ast.Subscript | ast.JoinedStr)


def _is_value(node: ast.AST) -> bool:
    """Whether it consists only of numbers and strings."""
    todo: list[ast.AST | None] = [node]
    while todo:
        part = todo.pop()
        match part:
            case ast.Constant() | ast.JoinedStr() | None:
                pass
            case ast.List() | ast.Tuple() | ast.Set():
                todo += part.elts
            case ast.Dict():
                todo += [*part.keys, *part.values]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                todo.append(part.operand)
            case _:
                return False
    return True
