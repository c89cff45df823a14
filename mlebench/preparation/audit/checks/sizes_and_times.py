"""`sizes-and-times`: a file's entry in a listing (size, time, mode), and the dimensions of its image or sound."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from grading.printable import printable
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.asked import Asked, asked_of
from mlebench.preparation.audit.checks.comparing import Comparer
from mlebench.preparation.audit.checks.files import FileGroup, file_groups
from mlebench.preparation.audit.checks.predicting import Bounds, predicted
from mlebench.preparation.audit.checks.statistics import Family
from mlebench.preparation.audit.checks.tags import EXTENTS, tags_of
from mlebench.preparation.audit.clue import Clue, Guess
from mlebench.preparation.audit.seen.listing import BETWEEN, SeenFile

NAME = "sizes-and-times"
_WEAK = Bounds(auc=0.8, r2=0.3)
"""Sizes and extents honestly depend on content a little."""
_STRONG = Bounds()


def sizes_and_times(case: Case) -> Iterator[Clue]:
    """Each group of files by itself: exact codes first, then predictions by times and places, then by sizes and extents."""
    comparer, family = Comparer(), Family()
    for place, group in enumerate(file_groups(case)):
        entries = _entries(case, group)
        for question in asked_of(case.truth, group.units, len(group.files)):
            clue = _exact(group, entries, question, comparer) or _by_times(group, question, family)
            clue = clue or _by_sizes(case, place, question, family)
            if clue is not None:
                yield clue


def _exact(group: FileGroup, entries: Mapping[str, np.ndarray], question: Asked, comparer: Comparer) -> Clue | None:
    for what, cells in {**_texts(group.files), **entries}.items():
        if len({*cells}) > 1 and (told := comparer.best(cells, question.target)) is not None:
            sentence = f"{what} {told.how} {printable(question.target.name, 40)} in {told.right:,} of {told.of:,} cases"
            return Clue(NAME, group.pattern, sentence, (question.guess(told.values),))
    return None


def _texts(files: Sequence[SeenFile]) -> Mapping[str, np.ndarray]:
    """What can hold a code, by name, each shape (files,), object."""
    read: dict[str, Callable[[SeenFile], str | None]] = {
        "the file's size": lambda file: str(file.size),
        "the file's time in seconds": lambda file: None if file.modified is None else str(math.floor(file.modified)),
        "the minute of the file's time": lambda file: None if file.modified is None else str(math.floor(file.modified) // 60),
        "the second of the file's time": lambda file: None if file.modified is None else str(math.floor(file.modified) % 60),
        "the hour of the file's time": lambda file: (
            None if file.modified is None else str(math.floor(file.modified) // 3600 % 24)
        ),
        "the day of the file's time": lambda file: None if file.modified is None else str(math.floor(file.modified) // 86400),
        "the part of a second of the file's time": _part_of_second,
        "the file's permissions": lambda file: oct(file.mode),
        "the comment beside the file": lambda file: file.comment or None,
        "the link's target": lambda file: file.link,
    }
    return {what: np.array([function(file) for file in files], dtype=object) for what, function in read.items()}


def _entries(case: Case, group: FileGroup) -> Mapping[str, np.ndarray]:
    """What a zip archive says about how it holds the files, by name, each shape (files,), object; nothing of other files."""
    archives = {file.archive for file in group.files}
    (archive,) = archives if len(archives) == 1 else (None,)
    if archive is None or BETWEEN in archive:
        return {}
    try:
        with zipfile.ZipFile(case.seen.public / archive) as opened:
            held = {entry.filename: entry for entry in opened.infolist()}
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return {}
    found = [held.get(file.path.removeprefix(f"{archive}{BETWEEN}")) for file in group.files]
    read: dict[str, Callable[[zipfile.ZipInfo], int]] = {
        "how the file is compressed": lambda entry: entry.compress_type,
        "the file's flags": lambda entry: entry.flag_bits,
        "the system in the file's entry": lambda entry: entry.create_system,
        "the version in the file's entry": lambda entry: entry.create_version,
        "the attributes in the file's entry": lambda entry: entry.external_attr,
        "the length of the file's extra fields": lambda entry: len(entry.extra),
    }
    return {
        what: np.array([None if entry is None else str(function(entry)) for entry in found], dtype=object)
        for what, function in read.items()
    }


def _part_of_second(file: SeenFile) -> str | None:
    if file.modified is None or file.modified == math.floor(file.modified):
        return None
    return f"{round((file.modified - math.floor(file.modified)) * 1e6):06d}"


def _by_times(group: FileGroup, question: Asked, family: Family) -> Clue | None:
    modified = np.array([math.nan if file.modified is None else file.modified for file in group.files])
    with np.errstate(invalid="ignore"):
        features = np.stack([modified, modified % 60, modified % 86400, modified % 1], axis=1)
    found = predicted(features, question, family, _STRONG)
    if found is not None:
        return _clue(group, question, "the file's time", found.quality, found.guess)
    return None


def _by_sizes(case: Case, place: int, question: Asked, family: Family) -> Clue | None:
    group = file_groups(case)[place]
    sizes = np.array([file.size for file in group.files], dtype=np.float64)[:, None]
    found = predicted(np.concatenate([sizes, sizes % 2, sizes % 10, sizes % 256], axis=1), question, family, _WEAK)
    if found is not None:
        return _clue(group, question, "the file's size", f"{found.quality}, which may be due to the content", found.guess)
    if case.quick:
        return None
    extents = _extents(case, place)
    if extents is None:
        return None
    found = predicted(extents, question, family, _WEAK)
    if found is not None:
        quality = f"{found.quality}, which may be due to the content"
        return _clue(group, question, "the extent of the image or sound", quality, found.guess)
    return None


def _extents(case: Case, place: int) -> np.ndarray | None:
    """Extents and codings, shape (files, features); texts as the places of their sorted values."""
    found = [cells for name, cells in tags_of(case, place).items() if name.startswith(EXTENTS)]
    return np.stack([as_numbers(np.where(cells == None, "", cells)) for cells in found], axis=1) if found else None  # noqa: E711


def as_numbers(cells: np.ndarray) -> np.ndarray:
    """Numbers for texts, shape (cells,) float64: what they are, or else the places of their sorted values."""
    import pandas as pd

    numbers = pd.to_numeric(pd.Series(cells), errors="coerce").to_numpy(dtype=np.float64)
    texts = np.array([str(cell) for cell in cells])
    if np.isnan(numbers[texts != ""]).mean() <= 0.1 if (texts != "").any() else True:
        return np.asarray(numbers)
    return np.unique(texts, return_inverse=True)[1].reshape(-1).astype(np.float64)


def _clue(group: FileGroup, question: Asked, what: str, quality: str, guess: Guess) -> Clue:
    return Clue(NAME, group.pattern, f"{what} predicts {printable(question.target.name, 40)} {quality}", (guess,))
