"""Pickles, without ever creating objects: their instructions are interpreted only for plain values.

What a pickle would import or call becomes a list of what it would be called with, so that the values within data frames, arrays
and objects are found without their code.
"""

from __future__ import annotations

import io
import pickletools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from mlebench.preparation.audit.seen.formats.found import Content, Found, cell, frames_of_rows

_LARGEST = 2**28
_MOST_VALUES = 20_000_000
_FEWEST = 3
"""Items of a list that is a column."""
_MARK = object()
_SIMPLE = (str, bytes, bytearray, int, float, bool, type(None))


class Opaque(list[Any]):
    """What a pickle would call or build, with what it would be given."""


def tables(content: Content) -> Iterator[Found]:
    """Lists of plain values and dicts of them; those of the same length are columns of one table.

    Raises:
        ValueError: it is damaged or too large.
    """
    if content.size > _LARGEST:
        raise ValueError("it is too large a pickle to be read")
    with content.stream() as stream:
        value = followed(stream.read())
    columns: dict[int, list[list[str]]] = defaultdict(list)
    for column in _columns(value):
        columns[len(column)].append(column)
    for length, found in columns.items():
        yield _table(f"{length} rows", found)


def _table(part: str, columns: list[list[str]]) -> Found:
    names = tuple(map(str, range(len(columns))))
    return Found(part, names, lambda rows: frames_of_rows(zip(*columns, strict=True), names, rows))


def _columns(value: Any) -> Iterator[list[str]]:
    """Lists of plain values within a value; keys and values of dicts are two."""
    waiting, known = [value], set()
    while waiting:
        value = waiting.pop()
        if id(value) in known or isinstance(value, _SIMPLE):
            continue
        known.add(id(value))
        if isinstance(value, dict):
            items: list[Any] = list(value.values())
            if len(value) >= _FEWEST and all(isinstance(item, _SIMPLE) for item in items):
                yield [cell(key) for key in value]
            waiting += reversed(items)
        else:
            items = list(value)
            if isinstance(value, Opaque):
                yield from _array(items)
                # what is given to a function or an object is a list of different things
                waiting += [each for item in items[::-1] for each in (item[::-1] if isinstance(item, tuple) else [item])]
                continue
            waiting += reversed(items)
        if len(items) >= _FEWEST and all(isinstance(item, _SIMPLE) for item in items):
            yield [cell(item) for item in items]


def _array(items: list[Any]) -> Iterator[list[str]]:
    """Columns of an array: of its state (version, shape, type, order, content), or made of content, type, shape and order."""
    import numpy as np

    from mlebench.preparation.audit.seen.formats.found import text_of_array

    for state in items:
        if not isinstance(state, tuple):
            continue
        if len(state) == 4 and isinstance(state[2], tuple):
            content, kind, shape, fortran = state[0], state[1], state[2], state[3] == "F"
        elif len(state) == 5 and isinstance(state[1], tuple):
            _, shape, kind, fortran, content = state
        else:
            continue
        name = next((item[0] for item in kind if isinstance(item, tuple) and item), None) if isinstance(kind, Opaque) else None
        if not (isinstance(name, str) and len(shape) in (1, 2) and all(isinstance(size, int) for size in shape)):
            continue
        try:
            array = np.array(content, dtype=object) if isinstance(content, list) else np.frombuffer(content, np.dtype(name))
            array = array.reshape(shape, order="F" if fortran else "C")
        except (ValueError, TypeError):
            continue
        if array.ndim == 1 and len(array) >= _FEWEST:
            yield list(text_of_array(array))
        elif array.ndim == 2 and max(shape) >= _FEWEST:
            # blocks of data frames hold a column in each row
            yield from (list(text_of_array(row)) for row in (array if shape[0] <= shape[1] else array.T)[:1_000])


def followed(content: bytes) -> Any:
    """The plain values that a pickle holds; whatever it would call is `Opaque`.

    Raises:
        ValueError: it is not a pickle, or is damaged.
    """
    machine = _Machine()
    try:
        for code, argument, _ in pickletools.genops(io.BytesIO(content)):
            machine.take(code.name, argument)
    except (IndexError, KeyError, TypeError, AttributeError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"it is a damaged pickle ({type(error).__name__})") from None
    if not machine.stack:
        raise ValueError("it is an empty pickle")
    return machine.stack[-1]


class _Machine:
    """The stack on which a pickle's instructions work."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._values = 0

    def take(self, name: str, argument: Any) -> None:
        """Follow one instruction."""
        self._values += 1
        if self._values > _MOST_VALUES:
            raise ValueError("it is too large a pickle to be read")
        stack = self.stack
        if name in _PUSHED or (argument is not None and name in _WITH_ARGUMENT):
            stack.append(_PUSHED[name]() if name in _PUSHED else argument)
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self._memo[int(argument)])
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[int(argument)] = stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = stack[-1]
        elif name in _GATHERING:
            self._gather(name, self._to_mark())
        elif name in ("APPEND", "SETITEM", "TUPLE1", "TUPLE2", "TUPLE3"):
            self._join(name)
        elif name in ("REDUCE", "NEWOBJ", "BUILD", "STACK_GLOBAL", "NEWOBJ_EX"):
            count = 3 if name == "NEWOBJ_EX" else 2
            parts = stack[-count:]
            del stack[-count:]
            self._call(name, parts)
        elif name in ("GLOBAL", "PERSID", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER"):
            stack.append(Opaque())
        elif name == "BINPERSID":
            stack[-1] = Opaque([stack[-1]])
        elif name == "POP":
            stack.pop()
        elif name == "DUP":
            stack.append(stack[-1])

    def _call(self, name: str, parts: list[Any]) -> None:
        if name == "BUILD" and isinstance(parts[0], Opaque):
            parts[0].append(parts[1])
            self.stack.append(parts[0])
        else:
            self.stack.append(Opaque() if name == "STACK_GLOBAL" else Opaque(parts[1:]))

    def _join(self, name: str) -> None:
        stack = self.stack
        if name == "APPEND":
            item = stack.pop()
            _extend(stack[-1], [item])
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            _update(stack[-1], [key, value])
        else:
            count = int(name[-1])
            made = tuple(stack[-count:])
            del stack[-count:]
            stack.append(made)

    def _to_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _gather(self, name: str, items: list[Any]) -> None:
        stack = self.stack
        if name == "TUPLE":
            stack.append(tuple(items))
        elif name in ("LIST", "FROZENSET"):
            stack.append(items)
        elif name == "DICT":
            stack.append({})
            _update(stack[-1], items)
        elif name in ("APPENDS", "ADDITEMS"):
            _extend(stack[-1], items)
        elif name == "SETITEMS":
            _update(stack[-1], items)
        elif name in ("OBJ", "INST"):
            stack.append(Opaque(items))


def _extend(target: Any, items: list[Any]) -> None:
    if isinstance(target, list):
        target.extend(items)


def _update(target: Any, items: list[Any]) -> None:
    pairs = zip(items[::2], items[1::2], strict=False)
    if isinstance(target, dict):
        target.update((_hashable(key), value) for key, value in pairs)
    elif isinstance(target, Opaque):
        target.append({_hashable(key): value for key, value in pairs})


def _hashable(key: Any) -> Any:
    return key if isinstance(key, _SIMPLE) else str(key)[:200]


_PUSHED: dict[str, Any] = {
    "MARK": lambda: _MARK,
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_SET": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
_WITH_ARGUMENT = frozenset(
    """
    INT BININT BININT1 BININT2 LONG LONG1 LONG4 STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8
    BYTEARRAY8 UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8 FLOAT BINFLOAT
    """.split()  # noqa: SIM905  # a list of words
)
_GATHERING = frozenset(["TUPLE", "LIST", "DICT", "FROZENSET", "APPENDS", "ADDITEMS", "SETITEMS", "OBJ", "INST"])
