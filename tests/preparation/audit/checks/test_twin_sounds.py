"""Sounds of test that are in train, too, as they are or changed; and sounds that are noise."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.signal import resample_poly

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.twin_sounds import twin_sounds
from tests.preparation.audit.checks.planted import case_of, clues, told

RATE, SECONDS = 8000, 3
TRAIN, TEST, TWINS = 40, 16, 5
Samples = npt.NDArray[np.float64]


def song(rng: np.random.Generator) -> Samples:
    """Notes and pauses."""
    parts = []
    for _ in range(12):
        time = np.arange(RATE * SECONDS // 12) / RATE
        parts.append(np.sin(2 * np.pi * rng.uniform(200, 3000) * time) * rng.uniform(0, 1) * np.hanning(len(time)))
    return np.concatenate(parts) * 0.5 + rng.normal(0, 0.01, RATE * SECONDS // 12 * 12)


def noise(rng: np.random.Generator) -> Samples:
    return rng.normal(0, 0.1, RATE * SECONDS)


def hum(rng: np.random.Generator) -> Samples:
    """What a machine in the background sounds like in all recordings."""
    time = np.arange(RATE * SECONDS) / RATE
    return 0.3 * np.sin(2 * np.pi * 120 * time) + rng.normal(0, 0.05, len(time))


def wav(samples: Samples, rate: int = RATE) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return content.getvalue()


def with_another_header(content: bytes) -> bytes:
    note = b"LIST" + struct.pack("<I", 16) + b"INFOISFT\x04\x00\x00\x00abc\x00"
    whole = content[:12] + note + content[12:]
    return whole[:4] + struct.pack("<I", len(whole) - 8) + whole[8:]


def aiff(samples: Samples) -> bytes:
    data = (samples * 32767).astype(">i2").tobytes()
    rate = struct.pack(">HQ", 16383 + 12, RATE << (63 - 12))
    common = b"COMM" + struct.pack(">IhIh", 18, 1, len(samples), 16) + rate
    sound = b"SSND" + struct.pack(">III", len(data) + 8, 0, 0) + data
    return b"FORM" + struct.pack(">I", 4 + len(common) + len(sound)) + b"AIFF" + common + sound


def halved(samples: Samples) -> Samples:
    return np.asarray(resample_poly(samples, 1, 2))


CHANGES: dict[str, Callable[[Samples], bytes]] = {
    "the same bytes": wav,
    "another header": lambda samples: with_another_header(wav(samples)),
    "another format": aiff,
    "softer": lambda samples: wav(samples * 0.3),
    "cut at both ends": lambda samples: wav(samples[2111:-3007]),
    "with fewer samples a second": lambda samples: wav(halved(samples), RATE // 2),
    "with some noise": lambda samples: wav(samples + np.random.default_rng(9).normal(0, 0.01, len(samples))),
}


def case(public: Path) -> Case:
    labels = {"fname": [f"tr{row:03}.wav" for row in range(TRAIN)], "label": [f"word{row % 7}" for row in range(TRAIN)]}
    pd.DataFrame(labels).to_csv(public / "train.csv", index=False)
    answers = {"fname": [f"te{row:03}.wav" for row in range(TEST)], "label": [f"word{row % 3}" for row in range(TEST)]}
    return case_of(public, pd.DataFrame(answers))


def written(public: Path, train: list[bytes], test: list[bytes]) -> None:
    for side, contents in (("train", train), ("test", test)):
        (public / side).mkdir()
        for row, content in enumerate(contents):
            ending = "aif" if content.startswith(b"FORM") else "wav"
            (public / side / f"{side[:2]}{row:03}.{ending}").write_bytes(content)


def sounds(make: Callable[[np.random.Generator], Samples], count: int, seed: int) -> list[Samples]:
    rng = np.random.default_rng(seed)
    return [make(rng) for _ in range(count)]


@pytest.mark.parametrize("change", CHANGES)
def test_copies_tell_the_answers_of_their_training_sounds(tmp_path: Path, change: str) -> None:
    train, test = sounds(song, TRAIN, 0), [wav(samples) for samples in sounds(song, TEST, 1)]
    test[:TWINS] = [CHANGES[change](samples) for samples in train[20 : 20 + TWINS]]
    written(tmp_path, [wav(samples) for samples in train], test)

    (clue,) = clues(twin_sounds, case(tmp_path))

    assert told(clue, case(tmp_path)) == {f"te{row:03}.wav": f"word{(20 + row) % 7}" for row in range(TWINS)}
    assert clue.file == "test/*"


@pytest.mark.parametrize("make", [song, noise, hum])
def test_sounds_of_their_own_are_no_twins(tmp_path: Path, make: Callable[[np.random.Generator], Samples]) -> None:
    written(tmp_path, *([wav(one) for one in sounds(make, count, seed)] for count, seed in ((TRAIN, 0), (TEST, 1))))
    assert clues(twin_sounds, case(tmp_path)) == []


def test_silence_is_no_twin(tmp_path: Path) -> None:
    train, test = ([wav(one) for one in sounds(song, count, seed)] for count, seed in ((TRAIN, 0), (TEST, 1)))
    test[:4] = [wav(np.zeros(RATE * SECONDS))] * 4
    train[:4] = [wav(np.zeros(RATE * SECONDS))] * 4
    written(tmp_path, train, test)
    assert clues(twin_sounds, case(tmp_path)) == []
