"""Arrays: npy, npz and MATLAB files; nothing is unpickled."""

from __future__ import annotations

import io
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from mlebench.preparation.audit.seen.formats.found import Content, Found, distinct, frames_of_rows, text_of_array
from mlebench.preparation.audit.seen.formats.records import tables_within
from mlebench.preparation.audit.seen.window import as_file, pieces

if TYPE_CHECKING:
    import pandas as pd

_WIDEST = 1_000
"""Columns of an array that is a table and not a picture."""
_LARGEST = 2**30
"""Bytes of a file of MATLAB that is read."""


def npy_tables(content: Content) -> Iterator[Found]:
    """The table of an array of one or two dimensions.

    Raises:
        ValueError: it is damaged.
    """
    with content.stream() as stream:
        shape, _, kind = read_header(stream)
    if (found := _of_array("", shape, kind, lambda: _stream_rows(content))) is not None:
        yield found


def npz_tables(content: Content) -> Iterator[Found]:
    """The tables of arrays: those of one dimension and the same length together are one, as their rows belong together.

    Raises:
        ValueError: it is damaged.
    """
    shapes: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
    with content.window() as window, zipfile.ZipFile(as_file(window)) as opened:
        for name in opened.namelist():
            if name.endswith(".npy"):
                with opened.open(name) as member:
                    shape, _, kind = read_header(member)
                shapes[name] = shape, kind
    together: dict[int, list[str]] = defaultdict(list)
    for name, (shape, kind) in shapes.items():
        if len(shape) == 1 and kind.names is None and kind.kind != "O":
            together[shape[0]].append(name)
        elif (found := _of_array(name.removesuffix(".npy"), shape, kind, _rows_of(content, name))) is not None:
            yield found
    for number, names in enumerate(together.values()):
        columns = distinct(name.removesuffix(".npy") for name in names)
        part = "" if len(together) == 1 and len(shapes) == len(names) else f"arrays{number}"
        yield Found(part, columns, _joined(content, names, columns))


def _joined(content: Content, names: list[str], columns: tuple[str, ...]) -> Callable[[int], Iterator[pd.DataFrame]]:
    def frames(rows: int) -> Iterator[pd.DataFrame]:
        import pandas as pd

        arrays = [np.concatenate(list(_rows_of(content, name)())) for name in names]
        for start in range(0, len(arrays[0]), rows):
            cells = {name: text_of_array(array[start : start + rows]) for name, array in zip(columns, arrays, strict=True)}
            yield pd.DataFrame(cells, columns=list(columns), dtype=object)

    return frames


def _rows_of(content: Content, name: str) -> Callable[[], Iterator[np.ndarray]]:
    def rows() -> Iterator[np.ndarray]:
        with content.window() as window, zipfile.ZipFile(as_file(window)) as opened, opened.open(name) as member:
            yield from read_rows(member)

    return rows


def _stream_rows(content: Content) -> Iterator[np.ndarray]:
    with content.stream() as stream:
        yield from read_rows(stream)


def _of_array(part: str, shape: tuple[int, ...], kind: np.dtype[Any], rows: Callable[[], Iterator[np.ndarray]]) -> Found | None:
    if kind.kind == "O" or kind.hasobject:
        return None
    if kind.names is not None and len(shape) == 1:
        return Found(part, distinct(kind.names), lambda count: _frames(rows(), distinct(kind.names or ()), count))
    if kind.names is not None or len(shape) not in (1, 2) or (len(shape) == 2 and not 0 < shape[1] <= _WIDEST):
        return None
    columns = tuple(map(str, range(shape[1] if len(shape) == 2 else 1)))
    return Found(part, columns, lambda count: _frames(rows(), columns, count))


def _frames(stretches: Iterator[np.ndarray], columns: tuple[str, ...], count: int) -> Iterator[pd.DataFrame]:
    import pandas as pd

    for stretch in stretches:
        for start in range(0, len(stretch), count):
            part = stretch[start : start + count]
            if part.dtype.names is not None:
                cells = np.column_stack([text_of_array(part[name]) for name in part.dtype.names])
            else:
                cells = text_of_array(part.reshape(len(part), -1))
            yield pd.DataFrame(cells, columns=list(columns), dtype=object)


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether columns come first, and type of an array in numpy's format.

    Raises:
        ValueError: it is none.
    """
    from numpy.lib import format as npy

    version = npy.read_magic(stream)
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        return reader(stream)
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f"it has no sound header ({error})") from None


_STRETCH = 2**24


def read_rows(stream: IO[bytes]) -> Iterator[np.ndarray]:
    """An array in stretches of rows; in one where columns come first.

    Raises:
        ValueError: it is damaged or holds pickled objects.
    """
    shape, fortran, kind = read_header(stream)
    if kind.hasobject:
        raise ValueError("it contains pickled objects, which are not read")
    each = int(np.prod(shape[1:], dtype=np.int64)) * kind.itemsize
    if fortran and len(shape) > 1:
        content = b"".join(pieces(stream, shape[0] * each))
        yield np.frombuffer(content, kind).reshape(shape[::-1]).T
        return
    left = shape[0] if shape else 1
    while left > 0:
        count = min(left, max(1, _STRETCH // max(1, each)))
        content = b"".join(pieces(stream, count * each))
        if len(content) < count * each:
            raise ValueError("it is cut off")
        yield np.frombuffer(content, kind).reshape((count, *shape[1:]))
        left -= count


def matlab_tables(content: Content) -> Iterator[Found]:
    """The tables of a file of MATLAB before 7.3: lists of structures, vectors of the same length, matrices.

    Raises:
        ValueError: it is damaged.
    """
    for name, value in matlab_values(content).items():
        if isinstance(value, np.ndarray):
            yield from _of_matrix(name, value)
        else:
            yield from tables_within(plain(value), name)


def _of_matrix(name: str, value: np.ndarray) -> Iterator[Found]:
    if value.dtype.kind == "O":
        yield from tables_within(plain(value), name)
    elif value.ndim in (1, 2) and len(value) > 1 and value.size:
        table = value.reshape(len(value), -1)
        if table.shape[1] <= _WIDEST:
            columns = tuple(map(str, range(table.shape[1])))
            yield Found(name, columns, lambda rows: frames_of_rows(text_of_array(table).tolist(), columns, rows))


def matlab_values(content: Content) -> dict[str, Any]:
    """The variables of a file of MATLAB before 7.3, by name; structures are dicts.

    Raises:
        ValueError: it is damaged or too large.
    """
    from scipy.io import loadmat

    if content.size > _LARGEST:
        raise ValueError("it is too large to be read")
    with content.stream() as stream:
        found = loadmat(io.BytesIO(stream.read()), simplify_cells=True)
    return {name: value for name, value in found.items() if not name.startswith("__")}


_MOST_PLAIN = 2_000


def plain(value: Any) -> Any:
    """Nested arrays and structures as lists, dicts and text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "O":
            return [plain(item) for item in value.tolist()]
        return text_of_array(value).tolist() if value.size <= _MOST_PLAIN else str(value.shape)
    return str(value)
