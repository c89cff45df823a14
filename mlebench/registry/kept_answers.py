"""Answers in a form that is read faster than their csv, in a hidden folder beside the prepared data.

The folder may be removed at any time. A file in it counts only while it was made of just the answers that lie there, by the same
code: it is named after a hash of all of that. Agents never see it, since of a competition's data only `public/` is ever mounted.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from grading import Grader

FOLDER = ".grading"
"""In the folder of a competition's data."""
_SMALLEST = 2**20
"""Bytes of answers that are worth it."""


def read_kept_answers(answers: Path, grader: Grader, folder: Path, edition: str) -> pd.DataFrame:
    """The answers as the grader reads them, from the kept form if there is one; otherwise it is written, where that can be.

    Args:
        answers: the file of the answers.
        grader: reads them.
        folder: of the competition's data.
        edition: that the answers are of; each has one kept form.
    """
    if not _is_worth_it(answers, grader):
        return grader.read(answers)
    from grading.table_file import read_table

    made_of = _made_of(answers, grader)
    path = folder / FOLDER / f"{edition}-{made_of[:32]}.npz"
    table = read_table(path, made_of)
    if table is None:
        table = grader.read(answers)
        # answers that are written at this moment are those of neither hash
        if _made_of(answers, grader) == made_of:
            with contextlib.suppress(OSError):
                _write(path, table, made_of, edition)
    return table


def _is_worth_it(answers: Path, grader: Grader) -> bool:
    from grading.grader import Grader

    # a reader of its own may look at other files, too
    if not isinstance(grader, Grader) or grader.read_answers is not None or grader.tabulate is not None:
        return False
    try:
        return answers.stat().st_size >= _SMALLEST
    except OSError:
        return False


def _made_of(answers: Path, grader: Grader) -> str:
    """A hash of all that determines how the answers are read."""
    with answers.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256("\n".join([content, _code(), *grader.text_of_answers]).encode()).hexdigest()


@functools.cache
def _code() -> str:
    import numpy
    import pandas

    from grading import table, table_file

    files = [Path(str(module.__file__)).read_bytes() for module in (table, table_file)]
    return f"{hashlib.sha256(b''.join(files)).hexdigest()} {pandas.__version__} {numpy.__version__} {table_file.VERSION}"


def _write(path: Path, table: pd.DataFrame, made_of: str, edition: str) -> None:
    from grading.table_file import write_table

    path.parent.mkdir(mode=0o700, exist_ok=True)
    # a temporary file is readable by its owner alone, as answers should be
    descriptor, name = tempfile.mkstemp(prefix=f"{edition}-", suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            is_written = write_table(file, table, made_of)
        if is_written:
            Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    for other in path.parent.glob(f"{edition}-*"):
        if other != path:
            other.unlink(missing_ok=True)
