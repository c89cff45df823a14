"""Sounds as a few numbers that loudness, rate of samples and a cut hardly change."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Bands = npt.NDArray[np.float32]

READ = ("wav", "aif", "aiff", "aifc")
"""Endings of formats whose samples are read."""
ENDINGS = (*READ, "flac", "mp3", "ogg", "m4a", "opus")
BANDS = 32
PRINT_SIZE = 2 * BANDS
_FRAME, _HOP = 0.1, 0.05
"""Seconds of a stretch whose energies are taken, and from one to the next."""
_LOWEST = 50.0
"""Hertz."""
_MOST_SECONDS = 60
_FEWEST_FRAMES = 8
_OVERLAP = 0.5
"""Two sounds are compared where at least this share of the shorter one is on the other."""


@dataclass(frozen=True)
class Sound:
    """The samples of one channel, or of the mean of all."""

    rate: float
    """Samples in a second."""
    samples: Samples
    """Shape (samples,), -1 to 1."""


def read_sound(content: bytes) -> Sound | None:
    """The samples of a WAV or AIFF file, of its first minute; None if it is not such a file or is compressed by a codec."""
    try:
        if content[:4] in (b"RIFF", b"RIFX") and content[8:12] == b"WAVE":
            return _of_wav(content)
        if content[:4] == b"FORM" and content[8:12] in (b"AIFF", b"AIFC"):
            return _of_aiff(content)
    except (struct.error, ValueError, LookupError, OverflowError):
        return None
    return None


def _chunks(content: bytes, order: str) -> Iterator[tuple[bytes, bytes]]:
    place = 12
    while place + 8 <= len(content):
        name = content[place : place + 4]
        (size,) = struct.unpack_from(f"{order}I", content, place + 4)
        yield name, content[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _of_wav(content: bytes) -> Sound | None:
    order = "<" if content[:4] == b"RIFF" else ">"
    chunks = dict(_chunks(content, order))
    form, channels, rate, _, _, bits = struct.unpack_from(f"{order}HHIIHH", chunks[b"fmt "])
    if form == 0xFFFE:
        (form,) = struct.unpack_from(f"{order}H", chunks[b"fmt "], 24)
    if form not in (1, 3) or rate <= 0:
        return None
    return _sound(chunks[b"data"], rate, channels, bits, order, is_float=form == 3, is_offset=bits == 8)


def _of_aiff(content: bytes) -> Sound | None:
    chunks = dict(_chunks(content, ">"))
    channels, _, bits = struct.unpack_from(">hIh", chunks[b"COMM"])
    exponent, mantissa = struct.unpack_from(">HQ", chunks[b"COMM"], 8)
    rate = mantissa * 2.0 ** (exponent - 16383 - 63)
    kind = chunks[b"COMM"][18:22] if content[8:12] == b"AIFC" else b"NONE"
    order = "<" if kind == b"sowt" else ">"
    if kind not in (b"NONE", b"sowt", b"fl32", b"FL32", b"twos") or rate <= 0:
        return None
    (offset,) = struct.unpack_from(">I", chunks[b"SSND"])
    return _sound(chunks[b"SSND"][8 + offset :], rate, channels, bits, order, is_float=kind.lower() == b"fl32", is_offset=False)


def _sound(data: bytes, rate: float, channels: int, bits: int, order: str, *, is_float: bool, is_offset: bool) -> Sound | None:
    width = (bits + 7) // 8
    most = int(rate * _MOST_SECONDS) * max(channels, 1)
    data = data[: min(len(data), most * width) // (width * max(channels, 1)) * width * max(channels, 1)]
    if is_float:
        samples: Samples = np.frombuffer(data, dtype=f"{order}f{width}").astype(np.float32)
    elif width == 3:
        octets = np.frombuffer(data, dtype=np.uint8).reshape(-1, 3).astype(np.int32)
        low, high = (0, 2) if order == "<" else (2, 0)
        joined = octets[:, low] | octets[:, 1] << 8 | octets[:, high] << 16
        samples = ((joined ^ 0x800000) - 0x800000).astype(np.float32) / np.float32(2**23)
    elif is_offset:
        samples = (np.frombuffer(data, dtype=np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
    else:
        samples = np.frombuffer(data, dtype=f"{order}i{width}").astype(np.float32) / np.float32(2 ** (8 * width - 1))
    mixed = np.nan_to_num(samples.reshape(-1, max(channels, 1)).mean(axis=1))
    return Sound(rate, mixed.astype(np.float32)) if len(mixed) else None


def band_energies(sound: Sound, highest: float) -> Bands | None:
    """How loud each band of frequencies is, over time.

    Args:
        sound: any.
        highest: where the bands end, in hertz, below half the rate of all sounds that are compared.

    Returns:
        Shape (BANDS, stretches), decibels; None if the sound is too short or silent.
    """
    width, hop = int(sound.rate * _FRAME), max(1, round(sound.rate * _HOP))
    count = (len(sound.samples) - width) // hop + 1
    if width < 16 or count < _FEWEST_FRAMES or sound.samples.std() < 1e-5:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(sound.samples, width)[::hop][:count]
    power = np.abs(np.fft.rfft(frames * np.hanning(width).astype(np.float32), axis=1)) ** 2
    hertz = np.fft.rfftfreq(width, 1 / sound.rate)
    edges = np.linspace(_LOWEST, highest, BANDS + 1)
    place = np.searchsorted(edges, hertz, side="right") - 1
    bands = np.stack([power[:, place == band].sum(axis=1) for band in range(BANDS)])
    floor = max(float(bands.max()) * 1e-7, 1e-12)
    return (10 * np.log10(bands + floor)).astype(np.float32)


def print_of(bands: Bands) -> npt.NDArray[np.float32]:
    """Loudness and liveliness of each band, shape (PRINT_SIZE,), without how loud the whole is."""
    means, spreads = bands.mean(axis=1), bands.std(axis=1)
    flat: npt.NDArray[np.float32] = np.concatenate([means - means.mean(), spreads - spreads.mean()]).astype(np.float32)
    return flat


def prints_of(contents: Sequence[bytes], highest: float) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.bool_]]:
    """The prints of some files, shape (files, PRINT_SIZE), and which have one."""
    found = np.zeros((len(contents), PRINT_SIZE), dtype=np.float16)
    good = np.zeros(len(contents), dtype=bool)
    for place, content in enumerate(contents):
        bands = bands_of(content, highest)
        if bands is not None:
            found[place] = print_of(bands)
            good[place] = True
    return found, good


def bands_of(content: bytes, highest: float) -> Bands | None:
    """`band_energies` of a file."""
    sound = read_sound(content)
    return None if sound is None else band_energies(sound, highest)


def likeness(one: Bands, other: Bands) -> float:
    """How alike two sounds are, wherever one begins in the other, -1 to 1."""
    left, right = (_lively(bands) for bands in (one, other))
    if left.shape[1] > right.shape[1]:
        left, right = right, left
    short, long = left.shape[1], right.shape[1]
    size = 1 << int(np.ceil(np.log2(short + long)))
    spectrum = np.conj(np.fft.rfft(left, size, axis=1)) * np.fft.rfft(right, size, axis=1)
    shared = np.fft.irfft(spectrum.sum(axis=0), size)
    best = -1.0
    for lag in range(-int(short * (1 - _OVERLAP)), long - int(np.ceil(short * _OVERLAP)) + 1):
        start, end = max(0, lag), min(long, lag + short)
        energy = _energy(left[:, start - lag : end - lag]) * _energy(right[:, start:end])
        best = max(best, float(shared[lag % size]) / energy) if energy > 0 else best
    return best


def _lively(bands: Bands) -> Bands:
    """Each band without its mean, and each stretch without its own: the rest does not depend on loudness or room acoustics."""
    flat: Bands = bands - bands.mean(axis=1, keepdims=True)
    flat -= flat.mean(axis=0, keepdims=True)
    return flat


def _energy(bands: Bands) -> float:
    return float(np.linalg.norm(bands))


def flac_samples_md5(content: bytes) -> bytes | None:
    """The checksum of its samples that a FLAC file holds; None if it holds none."""
    if content[:4] != b"fLaC" or content[4] & 0x7F != 0 or len(content) < 42:
        return None
    found = content[26:42]
    return found if any(found) else None
