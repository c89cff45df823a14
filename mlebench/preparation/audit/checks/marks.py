"""`marks`: a pixel in a corner of a picture, or a byte at the beginning or end of another file, reveals the answer."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import numpy as np

from grading.printable import printable
from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks import statistics
from mlebench.preparation.audit.checks.asked import Asked, asked_of
from mlebench.preparation.audit.checks.comparing import Told, classes_of, learnt_code
from mlebench.preparation.audit.checks.files import FileGroup, file_groups
from mlebench.preparation.audit.checks.predicting import Bounds, predicted
from mlebench.preparation.audit.checks.statistics import Family
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.seen.listing import SeenFile

NAME = "marks"
PICTURES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_MOST_FILES = 4_000
_MOST_BYTES = 2**23
_LARGEST_PICTURE = 2**26
_LIFT = 0.9
_BOUNDS = Bounds(auc=0.98, r2=0.9)
_BEGINNING, _END = 128, 16
_STEPS = (1, 2, 16)


def marks(case: Case) -> Iterator[Clue]:
    """Every position that all files of a group have: whether its value encodes a class or determines a number."""
    family = Family()
    for group in file_groups(case) if not case.quick else ():
        rows = statistics.drawn(len(group.files), _MOST_FILES)
        features = _features(case, [group.files[row] for row in rows])
        if features is None:
            continue
        whole = np.full((len(group.files), features.shape[1]), np.nan)
        whole[rows] = features
        for question in asked_of(case.truth, group.units, len(group.files)):
            clue = _stands_for(group, whole, question, family) or _predicts(group, whole, question, family)
            if clue is not None:
                yield clue


def _stands_for(group: FileGroup, features: np.ndarray, question: Asked, family: Family) -> Clue | None:
    if question.target.kind != "class":
        return None
    answers = classes_of(question.target)
    best: Told | None = None
    for values in features.T:
        for step in _STEPS if not np.isnan(values).any() else ():
            for codes in (values // step, values % (2 * step)):
                family.tried += 1
                told = learnt_code("", codes.astype(np.int64), answers, question.target, _LIFT)
                if told is not None and (best is None or told.right > best.right) and family.improbable(told.log_p, 10_000):
                    best = told
    if best is None:
        return None
    what = f"{_place(group)} stands for {printable(question.target.name, 40)} in {best.right:,} of {best.of:,} files"
    return Clue(NAME, group.pattern, what, (question.guess(best.values),))


def _predicts(group: FileGroup, features: np.ndarray, question: Asked, family: Family) -> Clue | None:
    if question.target.kind != "number" or np.isnan(features).any():
        return None
    found = predicted(features, question, family, _BOUNDS)
    if found is None:
        return None
    return Clue(
        NAME, group.pattern, f"{_place(group)} predicts {printable(question.target.name, 40)} {found.quality}", (found.guess,)
    )


def _place(group: FileGroup) -> str:
    return "a pixel in a corner" if group.files[0].suffix in PICTURES else "a byte at the beginning or end"


def _features(case: Case, files: Sequence[SeenFile]) -> np.ndarray | None:
    """Values at the same places of all files, shape (files, places) float64, NaN where a file cannot be read."""
    places = {file.path: row for row, file in enumerate(files)}
    found: list[np.ndarray | None] = [None] * len(files)
    for file, content in case.seen.contents(files, _MOST_BYTES):
        found[places[file.path]] = _corners(content) if file.suffix in PICTURES else _ends(content, file.size)
    lengths = [len(values) for values in found if values is not None]
    if not lengths:
        return None
    result = np.full((len(files), min(lengths)), np.nan)
    for row, values in enumerate(found):
        if values is not None:
            result[row] = values[: result.shape[1]]
    kept = [column for column in range(result.shape[1]) if len(np.unique(result[:, column])) > 1]
    return result[:, kept] if kept else None


def _corners(content: bytes) -> np.ndarray | None:
    """The values of the pixels in the corners, and of those next to them."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ModuleNotFoundError:
        return None
    try:
        with Image.open(io.BytesIO(content)) as picture:
            if picture.width * picture.height > _LARGEST_PICTURE:
                return None
            pixels = np.asarray(picture.convert("RGB"), dtype=np.float64)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    if min(pixels.shape[:2]) < 2:
        return None
    return np.concatenate([pixels[row, column] for row in (0, 1, -2, -1) for column in (0, 1, -2, -1)])


def _ends(content: bytes, size: int) -> np.ndarray | None:
    if len(content) < _BEGINNING + _END or len(content) < min(size, _MOST_BYTES):
        return None
    whole = content if len(content) == size else content[:_BEGINNING]
    ends = np.frombuffer(content[:_BEGINNING] + (whole[-_END:] if whole is content else b""), dtype=np.uint8)
    return ends.astype(np.float64)
