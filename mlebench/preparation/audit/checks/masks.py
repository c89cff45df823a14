"""Pictures and arrays next to test units that are the masks which are asked for as run lengths."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.asked import Asked, asked_of
from mlebench.preparation.audit.checks.files import FileGroup, file_groups
from mlebench.preparation.audit.clue import Guess

PICTURES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".npy", ".pbm", ".pgm", ".png", ".tif", ".tiff", ".webp"})
_RUNS = re.compile(r"\d+ \d+( \d+ \d+)*")
_MOST_BYTES = 2**24
_MOST_PIXELS = 2**24
_MOST_FILES = 2_000
_MOST_VALUES = 8
_TWO_VALUES = 0.98
"""Minimum share of a mask's pixels that are near its darkest or brightest value."""
_LEAST_MASKS = 4
_ALIKE, _UNLIKE = 0.8, 0.5
"""What masks have in common with those that are asked for, as intersection over union in the middle case; other units' less."""

Reading = tuple[str, int]
"""In which order the pixels are counted (`F`: down the columns, `C`: along the rows), and from which number."""


_READINGS: tuple[Reading, ...] = (("F", 1), ("C", 1), ("F", 0), ("C", 0))


@dataclass(frozen=True)
class FoundMasks:
    """Masks of the files of test units."""

    pattern: str
    target: str
    alike: int
    """Files whose masks agree with those that are asked for."""
    of: int
    guess: Guess


def masks_of_units(case: Case) -> Iterator[FoundMasks]:
    """Groups of files whose bright pixels, or pixels of one value, are the target mask."""
    if not any(target.kind != "number" and _is_of_runs(target.values) for target in case.truth.targets):
        return
    for group in file_groups(case):
        if group.files[0].suffix not in PICTURES:
            continue
        pictures = _pictures_of(case, group)
        for question in asked_of(case.truth, group.units, len(group.files)):
            if question.target.kind != "number" and _is_of_runs(question.target.values) and len(pictures) >= _LEAST_MASKS:
                found = _found(group, question, pictures)
                if found is not None:
                    yield found


def _is_of_runs(values: np.ndarray) -> bool:
    said = [str(value) for value in values[:500] if len(str(value)) > 2]
    return bool(said) and sum(_RUNS.fullmatch(text) is not None for text in said) > 0.9 * len(said)


def _pictures_of(case: Case, group: FileGroup) -> dict[int, np.ndarray]:
    """By the place of a file its values, shape (height, width) uint8, if it could be a mask."""
    places = {file.path: place for place, file in enumerate(group.files)}
    found: dict[int, np.ndarray] = {}
    for file, content in case.seen.contents(group.files[:_MOST_FILES], _MOST_BYTES):
        picture = _read(content)
        if picture is not None:
            found[places[file.path]] = picture
        elif len(found) < len(places) / 4 and places[file.path] > 2 * _LEAST_MASKS:
            break
    return found


def _read(content: bytes) -> np.ndarray | None:
    try:
        if content.startswith(b"\x93NUMPY"):
            array = np.load(io.BytesIO(content), allow_pickle=False).squeeze()
        else:
            from PIL import Image

            with Image.open(io.BytesIO(content)) as image:
                if image.width * image.height > _MOST_PIXELS:
                    return None
                array = np.asarray(image if image.mode in ("1", "L", "P", "I", "I;16") else image.convert("L"))
    except (ImportError, OSError, ValueError, SyntaxError, EOFError):
        return None
    if array.ndim != 2 or array.dtype.kind not in "buif" or not np.isfinite(array).all() or not array.size:
        return None
    low, high = float(array.min()), float(array.max())
    if len(np.unique(array)) > _MOST_VALUES:
        scaled = (array - low) / (high - low)
        if (np.minimum(scaled, 1 - scaled) < 1 / 16).mean() < _TWO_VALUES:
            return None
        array = scaled > 0.5
    return np.unique(array, return_inverse=True)[1].reshape(array.shape).astype(np.uint8) + np.uint8(low > 0)


def _found(group: FileGroup, question: Asked, pictures: dict[int, np.ndarray]) -> FoundMasks | None:
    true = [str(value) for value in question.target.values]
    asked = [place for place in pictures if _RUNS.fullmatch(true[place])]
    if len(asked) < _LEAST_MASKS:
        return None
    some = asked[:: max(1, len(asked) // 50)]
    best, found = _ALIKE, None
    for pick in _picks(pictures):
        for reading in _READINGS:
            alike = [_alike(true[place], pick(pictures[place]), reading) for place in some]
            if (middle := float(np.median(alike))) < best:
                continue
            other = [_alike(true[a], pick(pictures[b]), reading) for a, b in zip(some, [*some[1:], some[0]], strict=True)]
            if float(np.median(other)) < _UNLIKE:
                # what is found first stays unless another agrees more
                best, found = np.nextafter(middle, 2), (pick, reading)
    if found is None:
        return None
    pick, reading = found
    return _told(group, question, {place: pick(mask) for place, mask in pictures.items()}, reading)


def _picks(pictures: dict[int, np.ndarray]) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """Ways of taking a mask from values: all but the lowest, or one of them."""
    yield lambda picture: picture > 0
    for value in range(1, 1 + max(int(picture.max()) for picture in pictures.values())):
        yield lambda picture, value=value: picture == value  # type: ignore[misc]


def _told(group: FileGroup, question: Asked, masks: dict[int, np.ndarray], reading: Reading) -> FoundMasks:
    true = [str(value) for value in question.target.values]
    nothing = next((text for text in true if not _RUNS.fullmatch(text) and len(text) <= 2), "")
    values = np.full(len(group.files), None, dtype=object)
    alike = 0
    for place, mask in masks.items():
        values[place] = runs_of(mask, reading) or nothing
        alike += values[place] == true[place] or _alike(true[place], mask, reading) >= _ALIKE
    return FoundMasks(group.pattern, question.target.name, alike, len(masks), question.guess(values))


def _alike(true: str, mask: np.ndarray, reading: Reading) -> float:
    """Intersection over union of run lengths and a mask."""
    numbers = np.array([int(number) for number in true.split()[: 2**20]] if _RUNS.fullmatch(true) else [], dtype=np.int64)
    starts, lengths = numbers[::2] - reading[1], numbers[1::2]
    pixels = mask.ravel(order=reading[0])  # type: ignore[arg-type]
    if len(starts) and (starts.min() < 0 or (starts + lengths).max() > len(pixels)):
        return 0.0
    edges = np.zeros(len(pixels) + 1, dtype=np.int64)
    np.add.at(edges, starts, 1)
    np.add.at(edges, starts + lengths, -1)
    wanted = edges[:-1].cumsum() > 0
    either = int((wanted | pixels).sum())
    return int((wanted & pixels).sum()) / either if either else 1.0


def runs_of(mask: np.ndarray, reading: Reading) -> str:
    """A mask, shape (height, width) bool, as starts and lengths of its runs."""
    pixels = np.concatenate([[False], mask.ravel(order=reading[0]), [False]])  # type: ignore[arg-type]
    edges: Sequence[int] = np.flatnonzero(pixels[1:] != pixels[:-1]).tolist()
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return " ".join(f"{start + reading[1]} {end - start}" for start, end in pairs)
