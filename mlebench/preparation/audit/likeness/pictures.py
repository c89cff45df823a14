"""Pictures as a few numbers that brightness, size, format and compression hardly change."""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.float32]

ENDINGS = ("jpg", "jpeg", "jfif", "png", "bmp", "gif", "tif", "tiff", "webp", "ppm", "pgm", "dcm", "dicom", "npy")
FREQUENCIES = 8
"""A print has so many frequencies of each direction."""
PRINT_SIZE = FREQUENCIES * FREQUENCIES
THUMB = 96
"""Pixels of the side of what two pictures are compared by."""
ORIENTATIONS = 8
"""Four turns, each plain and mirrored."""
FLATTEST = 3.0
"""Standard deviation of grey levels (0 to 255) below which a picture is blank."""
FEWEST_PIXELS = 16
"""Pixels of the shorter side below which pictures are alike by chance."""
ALIKE = 0.8
"""Likeness from which two pictures are one."""
_SURE = 0.97
"""The same where many pairs come close."""
_ALL_ALIKE = 0.9
"""If different pictures are this similar, similarity is uninformative."""
_SIDE = 32
_FAINTEST = 1.0
"""Standard deviation of grey levels of the details of a picture below which it has none."""
_MOST_PIXELS = 400_000_000
_SAMPLED = 4_000_000
"""Pixels above which a picture is thinned before it is made small."""


def is_blank(content: bytes) -> bool:
    """Whether a picture can be read and shows nothing."""
    square = grey(content, _SIDE, fewest=1)
    return square is not None and float(square.std()) < FLATTEST


def grey(content: bytes, side: int, fewest: int = FEWEST_PIXELS) -> Grey | None:
    """A picture as square of grey levels.

    Args:
        content: a file in any format that Pillow reads, or uncompressed DICOM.
        side: pixels of the square.
        fewest: pixels of the shorter side of a picture that is read.

    Returns:
        Shape (side, side), 0 to 255; None if it is too small or cannot be read.
    """
    try:
        from PIL import Image
    except ImportError:
        return None
    if content[128:132] == b"DICM":
        return _of_dicom(content, side, fewest)
    if content.startswith(b"\x93NUMPY"):
        return _of_npy(content, side, fewest)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content)) as image:
                if image.width * image.height > _MOST_PIXELS or min(image.size) < fewest:
                    return None
                image.draft("L", (4 * side, 4 * side))
                if image.mode.startswith(("I", "F")):
                    return of_array(np.asarray(image, dtype=np.float32), side, fewest)
                small = image.convert("RGB").convert("L") if image.mode in ("P", "RGBA", "LA", "1") else image.convert("L")
                return np.asarray(small.resize((side, side), Image.Resampling.BOX), dtype=np.float32)
    except (OSError, ValueError, SyntaxError, OverflowError, EOFError, Image.DecompressionBombError, MemoryError):
        return None


def _of_dicom(content: bytes, side: int, fewest: int) -> Grey | None:
    try:
        import pydicom
    except ImportError:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = pydicom.dcmread(io.BytesIO(content)).pixel_array
    except Exception:
        # pydicom raises whatever the codec or a damaged header makes it
        return None
    return of_array(np.asarray(pixels, dtype=np.float32), side, fewest)


def _of_npy(content: bytes, side: int, fewest: int) -> Grey | None:
    try:
        values = np.load(io.BytesIO(content), allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, MemoryError):
        return None
    return of_array(values, side, fewest) if values.dtype.kind in "biuf" else None


def of_array(values: npt.NDArray[np.generic], side: int, fewest: int = FEWEST_PIXELS) -> Grey | None:
    """Numbers of any range as a square of grey levels; of a stack its middle picture, of channels their mean.

    Returns:
        Shape (side, side), 0 to 255; None if they are not a picture or have fewer pixels per side than `fewest`.
    """
    from PIL import Image

    while values.ndim > 2:
        channels = values.shape[-1] <= 4
        values = np.asarray(values, dtype=np.float32).mean(axis=-1) if channels else values[len(values) // 2]
    if values.ndim != 2 or min(values.shape) < fewest:
        return None
    step = max(1, int(np.sqrt(values.size / _SAMPLED)))
    numbers = np.nan_to_num(np.asarray(values[::step, ::step], dtype=np.float32))
    low, high = np.percentile(numbers, [1, 99])
    if not high > low:
        return np.zeros((side, side), dtype=np.float32)
    levels = np.clip((numbers - low) / (high - low) * 255, 0, 255).astype(np.float32)
    return np.asarray(Image.fromarray(levels).resize((side, side), Image.Resampling.BOX), dtype=np.float32)


def prints_of(contents: Sequence[bytes | str]) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.bool_]]:
    """The prints of some pictures.

    Args:
        contents: each the content of a file, or its path.

    Returns:
        Shape (pictures, PRINT_SIZE), their low frequencies without the mean, of length 1; and which have one: neither blank nor
        unreadable.
    """
    found = np.zeros((len(contents), PRINT_SIZE), dtype=np.float16)
    good = np.zeros(len(contents), dtype=bool)
    for place, content in enumerate(contents):
        square = grey(content if isinstance(content, bytes) else _read(content), _SIDE)
        if square is not None and square.std() >= FLATTEST:
            found[place] = print_of(square)
            good[place] = True
    return found, good


def _read(path: str) -> bytes:
    from pathlib import Path

    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def print_of(square: Grey) -> npt.NDArray[np.float32]:
    """The low frequencies of a square of grey levels, shape (PRINT_SIZE,), of length 1; the first, the mean, is 0."""
    waves = _waves(len(square))
    low = waves @ square @ waves.T
    low[0, 0] = 0
    flat: npt.NDArray[np.float32] = (low / max(float(np.linalg.norm(low)), 1e-6)).astype(np.float32).ravel()
    return flat


@functools.cache
def _waves(side: int) -> npt.NDArray[np.float32]:
    """The first rows of the discrete cosine transform, shape (FREQUENCIES, side)."""
    middle = (np.arange(side) + 0.5) * np.pi / side
    waves: npt.NDArray[np.float32] = np.cos(np.outer(np.arange(FREQUENCIES), middle)).astype(np.float32) / np.float32(side)
    return waves


def turned_prints(prints: npt.NDArray[np.float16], orientation: int) -> npt.NDArray[np.float16]:
    """What the prints would be of the pictures turned as `turned` does; no picture needs to be read for it."""
    blocks = prints.reshape(-1, FREQUENCIES, FREQUENCIES)
    signs = np.where(np.arange(FREQUENCIES) % 2, -1, 1).astype(np.float16)
    if orientation & 1:
        blocks = blocks * signs[None, None, :]
    if orientation & 2:
        blocks = blocks * signs[None, :, None]
    if orientation & 4:
        blocks = blocks.transpose(0, 2, 1)
    return np.ascontiguousarray(blocks).reshape(-1, PRINT_SIZE)


def turned(square: Grey, orientation: int) -> Grey:
    """A square mirrored left to right (1), upside down (2) and at its diagonal (4); together these are all turns."""
    if orientation & 1:
        square = square[:, ::-1]
    if orientation & 2:
        square = square[::-1]
    return square.T if orientation & 4 else square


def views(square: Grey) -> npt.NDArray[np.float32]:
    """The details of a picture and of parts of it, from a twentieth to a fifth smaller, at its corners, sides and middle.

    Args:
        square: shape (THUMB, THUMB).

    Returns:
        Shape (views, pixels), each of length 1, the whole picture first; zeros where there are no details.
    """
    from PIL import Image

    side = len(square)
    image = Image.fromarray(np.ascontiguousarray(square))
    parts = [(0, 0, side)]
    for share in (0.95, 0.9, 0.85, 0.8):
        width = round(side * share)
        places = (0, (side - width) // 2, side - width)
        parts += [(left, top, width) for top in places for left in places]
    boxes = [(left, top, left + width, top + width) for left, top, width in parts]
    small = [np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX, box), np.float32) for box in boxes]
    details = _details(np.stack(small)).reshape(len(parts), -1)
    details -= details.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(details, axis=1, keepdims=True)
    scaled: npt.NDArray[np.float32] = np.where(lengths > _FAINTEST * _SIDE, details / np.maximum(lengths, 1e-6), 0)
    return scaled


def likeness(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """How alike two pictures are beyond their large shapes, -1 to 1, where one may be a part of the other; of their `views`."""
    return float(max((one @ other[0]).max(), (other @ one[0]).max()))


def least_likeness(found: np.ndarray, chance: np.ndarray) -> float:
    """From which likeness on pictures are one: above what unlike ones reach, with a gap below.

    Args:
        found: shape (pairs,), the likeness of candidates.
        chance: shape (controls,), that of pictures drawn at random.
    """
    usual = float(np.quantile(chance, 0.99))
    if usual > _ALL_ALIKE:
        return np.inf
    least = max(ALIKE, 1 - 0.4 * (1 - usual))
    close = int(((found >= least - 0.15) & (found < least)).sum())
    return max(least, _SURE) if close > 3 * int((found >= least).sum()) + 5 else least


def _details(small: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Pictures, shape (pictures, side, side), without their large shapes: what differs from the mean of the pixels around."""
    width = 9
    padded = np.pad(small, ((0, 0), (width // 2, width // 2), (width // 2, width // 2)), mode="reflect")
    sums = np.pad(padded.cumsum(1, dtype=np.float64).cumsum(2), ((0, 0), (1, 0), (1, 0)))
    means = sums[:, width:, width:] - sums[:, :-width, width:] - sums[:, width:, :-width] + sums[:, :-width, :-width]
    details: npt.NDArray[np.float32] = (small - means / width**2).astype(np.float32)
    return details


def thumbs_of(contents: Sequence[bytes | str]) -> list[npt.NDArray[np.uint8] | None]:
    """Each picture as a square of THUMB pixels a side; None if it cannot be read."""
    squares = [grey(content if isinstance(content, bytes) else _read(content), THUMB) for content in contents]
    return [None if square is None else square.astype(np.uint8) for square in squares]
