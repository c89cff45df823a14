"""Parts of mock downloads: ids, words, and tiny files of real formats."""

from __future__ import annotations

import io
import math
import shutil
import struct
import wave
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from mlebench.data.archives import Member, tar_entries, write_7z, write_tar, write_zip
from mlebench.registry.edition import Edition

WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven", "islet", "juniper", "kelp", "lumen",
    "marsh", "north", "opal", "prairie", "quartz", "ridge", "sierra", "tundra", "umber", "vale", "willow", "yarrow",
    "zephyr,", "said", "the", "river;", '"stones"', "don't", "sing", "–", "naïve", "café", "東京",
)  # fmt: skip
"""Words with commas, quotes and letters beyond ASCII among them."""

MISSING_LOOKING = ("NA", "null", "None", "nan", "N/A", "NULL")
"""Words that a careless reader takes for missing values."""


def hex_ids(rng: np.random.Generator, count: int, length: int) -> list[str]:
    """Distinct ids of `length` lower-case hex digits, each with at least one letter so that none reads as a number."""
    digits = np.array(list("0123456789abcdef"))
    ids: dict[str, None] = {}
    while len(ids) < count:
        rows = rng.choice(digits, size=(count, length))
        rows[:, 0] = rng.choice(digits[10:], size=count)
        ids.update(dict.fromkeys(map("".join, rows)))
    return list(ids)[:count]


def codes(
    rng: np.random.Generator, count: int, *parts: str | tuple[str, int] | tuple[str, int, int], distinct: bool = False
) -> list[str]:
    """Made-up codes: fixed text and random letters one after another, as in `codes(rng, 9, "A-", (digits, 4), ".jpg")`.

    Args:
        rng: the source of all letters.
        count: number of codes.
        parts: fixed text, or an alphabet with a length or with the shortest and the longest length.
        distinct: whether no code may occur twice; there must be far more than `count` of them.
    """
    made: list[str] = []
    while len(made) < count:
        columns = [
            [part] * count if isinstance(part, str) else _random_letters(rng, count, part[0], part[1], part[-1]) for part in parts
        ]
        made += map("".join, zip(*columns, strict=True))
        made = list(dict.fromkeys(made)) if distinct else made
    return made[:count]


def _random_letters(rng: np.random.Generator, count: int, alphabet: str, low: int, high: int) -> list[str]:
    letters = rng.choice(list(alphabet), size=(count, high))
    return ["".join(row[:length]) for row, length in zip(letters, rng.integers(low, high + 1, count), strict=True)]


def moments(rng: np.random.Generator, count: int, first: str, last: str, form: str) -> list[str]:
    """Dates, or times of a day, between two of them.

    Args:
        rng: the source of all.
        count: number of dates.
        first: the earliest, such as `2019-01-31`, or `2019-01-31T12:30:00` for times to the second.
        last: the latest, as precise as `first`.
        form: how they are written, in the codes of `strftime`.
    """
    start, end = np.datetime64(first), np.datetime64(last)
    drawn = start + rng.integers(0, (end - start).astype(np.int64) + 1, count)
    return [moment.item().strftime(form) for moment in drawn]


def phrases(rng: np.random.Generator, count: int, low: int, high: int) -> list[str]:
    """Runs of `low` to `high` words, none of which reads as a missing value."""
    return [" ".join(rng.choice(WORDS, size=int(length))) for length in rng.integers(low, high + 1, size=count)]


def sentences(rng: np.random.Generator, count: int, low: int = 3, high: int = 12) -> list[str]:
    """Sentences of `low` to `high` words; some hold quotes, commas, line breaks, and one in fifty is a missing-looking word."""
    texts = phrases(rng, count, low, high)
    for position in np.flatnonzero(rng.random(count) < 0.02):
        texts[position] = str(rng.choice(MISSING_LOOKING))
    for position in np.flatnonzero(rng.random(count) < 0.1):
        texts[position] = texts[position].replace(" ", "\n", 1)
    return texts


def with_gaps(rng: np.random.Generator, values: Sequence[object] | np.ndarray, share: float = 0.05) -> list[object]:
    """The same values with about `share` of them missing, never all."""
    missing = rng.random(len(values)) < share
    missing[0] = False
    return [None if gap else value for value, gap in zip(values, missing, strict=True)]


def cycle(choices: Sequence[object], rng: np.random.Generator, count: int) -> list[object]:
    """`count` values in random order in which every choice occurs as evenly as possible."""
    repeated = list(choices) * math.ceil(count / len(choices))
    return [repeated[position] for position in rng.permutation(count)]


def in_rounds(choices: Sequence[object], rng: np.random.Generator, count: int) -> list[object]:
    """`count` values of which each round of `len(choices)` neighbours has every choice once, in random order."""
    rounds = math.ceil(count / len(choices))
    return [choices[position] for _ in range(rounds) for position in rng.permutation(len(choices))][:count]


def cycle_in_test(
    choices: Sequence[object], rng: np.random.Generator, count: int, competition_id: str, test_size: float | int
) -> list[object]:
    """Like `cycle`, and every choice is also in the test part of either edition, as the area under a curve needs it.

    Args:
        choices: the values, few enough to fit into the test part.
        count: number of rows.
        competition_id: the competition whose rows are split.
        test_size: as in `Edition.split`.
    """
    tests = [Edition(name, competition_id).split(np.arange(count), test_size=test_size)[1] for name in ("v1", "v2")]
    while True:
        values = cycle(choices, rng, count)
        if all({values[row] for row in test} == set(choices) for test in tests):
            return values


def image_bytes(rng: np.random.Generator, kind: str = "JPEG", size: tuple[int, int] = (8, 8), mode: str = "RGB") -> bytes:
    """A small decodable image.

    Args:
        kind: a Pillow format name: JPEG, PNG, TIFF, BMP.
        size: width and height in pixels.
        mode: a Pillow mode: RGB, L, RGBA.
    """
    from PIL import Image

    channels = len(mode)
    shape = (size[1], size[0], channels) if channels > 1 else (size[1], size[0])
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, size=shape, dtype=np.uint8), mode).save(buffer, kind)
    return buffer.getvalue()


def write_files(folder: Path, names: Iterable[str], content: Callable[[], bytes]) -> None:
    """Write one file per name below `folder`, each with fresh content."""
    made: set[str] = set()
    for name in names:
        inner = name.rpartition("/")[0]
        if inner not in made:
            (folder / inner).mkdir(parents=True, exist_ok=True)
            made.add(inner)
        (folder / name).write_bytes(content())


def dicoms(rng: np.random.Generator, size: tuple[int, int] = (8, 8), **tags: object) -> Callable[[], bytes]:
    """Content for a great many DICOM files, each with its own pixels; their headers are of a few, as making one takes long."""
    pixels = size[0] * size[1]
    heads = [dicom_bytes(rng, size, **tags)[: -2 * pixels] for _ in range(20)]
    return lambda: heads[rng.integers(len(heads))] + rng.integers(0, 4096, pixels, dtype=np.uint16).tobytes()


def zip_folder(folder: Path, archive: Path, *, inside: str = "") -> None:
    """Pack a folder into a zip in name order and remove the folder; names start with `inside`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    write_zip(archive, (Member(f"{inside}{path.relative_to(folder).as_posix()}", path) for path in files))
    shutil.rmtree(folder)


def pack_7z(folder: Path, archive: Path) -> None:
    """Pack a folder into a 7z in name order, names below the folder, and remove the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    write_7z(archive, (Member(path.relative_to(folder).as_posix(), path) for path in files))
    shutil.rmtree(folder)


def tar_folder(folder: Path, archive: Path) -> None:
    """Pack a folder into a gzipped tar in name order, names below the folder, and remove the folder."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    write_tar(archive, tar_entries(folder, names), gzipped=True)
    shutil.rmtree(folder)


def long_tail(rng: np.random.Generator, size: int, smallest: int = 1) -> np.ndarray:
    """Class numbers of `size` items in random order: one class for each count from `smallest` to 6, then ever larger ones.

    Args:
        size: at least 30.
        smallest: items of the smallest class.
    """
    counts = list(range(smallest, 7))
    while sum(counts) < size:
        counts.append(min(2 * counts[-1], size - sum(counts)))
    if counts[-1] < smallest:
        counts[-2] += counts.pop()
    return rng.permutation(np.repeat(np.arange(len(counts)), counts))


def gapped_ids(rng: np.random.Generator, count: int, highest: int) -> list[int]:
    """`count` ascending ids from 0 up with gaps between them; the last is `highest`."""
    return [*np.sort(rng.choice(highest, count - 1, replace=False)).tolist(), highest]


def blob_mask(rng: np.random.Generator, shape: tuple[int, int], largest: int = 1_000) -> np.ndarray:
    """A boolean mask of shape (height, width) that holds one ellipse, never empty, with half axes of at most `largest` pixels."""
    height, width = shape
    row, column = rng.integers(height), rng.integers(width)
    half_height, half_width = rng.uniform(0.5, [max(1, min(height / 3, largest)), max(1, min(width / 3, largest))])
    rows, columns = np.ogrid[:height, :width]
    return np.asarray(((rows - row) / half_height) ** 2 + ((columns - column) / half_width) ** 2 <= 1)


def dicom_bytes(rng: np.random.Generator, size: tuple[int, int] = (8, 8), **tags: object) -> bytes:
    """A small DICOM file of 16-bit grey values, uncompressed.

    Args:
        size: width and height in pixels.
        tags: further elements by keyword, such as `PatientID="ID_1"`.
    """
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

    uid = UID("1.2.826.0.1." + ".".join(map(str, rng.integers(1, 10**9, 3))))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(io.BytesIO(), {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, uid
    dataset.Columns, dataset.Rows = size
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.PixelData = rng.integers(0, 4096, size[0] * size[1], dtype=np.uint16).tobytes()
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def labels_in_every_part(rng: np.random.Generator, size: int, classes: int, *, test_size: float) -> np.ndarray:
    """Class numbers from 0, drawn evenly, such that v1's random test rows and its training rows hold every class.

    For competitions whose metric is undefined where a class is missing from the answers.
    """
    numbers = np.array(cycle(range(classes), rng, size))
    order = np.random.RandomState(0).permutation(size)
    numbers[order[:classes]] = range(classes)
    numbers[order[-classes:]] = range(classes)
    if math.ceil(test_size * size) < classes:
        raise ValueError(f"{size} rows give too few test rows for {classes} classes")
    return numbers


def nifti_bytes(voxels: np.ndarray) -> bytes:
    """A NIfTI-1 file (`.nii`) of a 3-D array of small whole numbers, with voxels of 1 mm."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *voxels.shape, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)
    struct.pack_into("<8f", header, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into("<f", header, 108, 352)
    header[344:348] = b"n+1\0"
    return bytes(header) + voxels.astype(np.uint8).tobytes(order="F")


def wav_bytes(rng: np.random.Generator, rate: int, seconds: float) -> bytes:
    """A WAV file of noise: mono, 16 bit.

    Args:
        rate: samples per second.
        seconds: length.
    """
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(rng.integers(-(2**15), 2**15, int(rate * seconds), dtype=np.int16).tobytes())
    return buffer.getvalue()


def aiff_bytes(rng: np.random.Generator, rate: int, seconds: float) -> bytes:
    """An AIFF file of noise: mono, 16 bit.

    Args:
        rate: samples per second, a positive whole number.
        seconds: length.
    """
    samples = rng.integers(-(2**15), 2**15, int(rate * seconds), dtype=np.int16).astype(">i2").tobytes()
    exponent = rate.bit_length() - 1
    extended = struct.pack(">HQ", 16_383 + exponent, rate << (63 - exponent))
    common = b"COMM" + struct.pack(">IhIh", 18, 1, len(samples) // 2, 16) + extended
    sound = b"SSND" + struct.pack(">III", len(samples) + 8, 0, 0) + samples
    return b"FORM" + struct.pack(">I", 4 + len(common) + len(sound)) + b"AIFF" + common + sound


def array_bytes(rng: np.random.Generator, shape: tuple[int, ...]) -> bytes:
    """A `.npy` file of numbers from 0 to 1 in an array of that shape."""
    buffer = io.BytesIO()
    np.save(buffer, rng.random(shape))
    return buffer.getvalue()
