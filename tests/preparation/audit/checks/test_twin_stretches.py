"""Windows cut from one recording, some for train and some for test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.twin_stretches import twin_stretches
from tests.preparation.audit.checks.planted import case_of, clues, told

FRAMES, WINDOW, NUMBERS = 300, 5, 13


def windows(rng: np.random.Generator) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Each frame with those around it, and what is said in it."""
    frames = rng.normal(size=(FRAMES + WINDOW - 1, NUMBERS)).astype(np.float32)
    around = np.stack([frames[place : place + WINDOW].ravel() for place in range(FRAMES)])
    return around, np.repeat(np.arange(FRAMES // 10), 10)


def split(public: Path, test: npt.NDArray[np.bool_], rng: np.random.Generator) -> Case:
    cells, said = windows(rng)
    np.save(public / "test_5.npy", cells[test])
    np.save(public / "train_5.npy", cells[~test])
    np.save(public / "train_label_5.npy", said[~test].astype(str))
    return case_of(public, pd.DataFrame({"Id": range(int(test.sum())), "ClassId": said[test]}))


def test_frames_split_at_random_are_placed_beside_those_of_train(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    case = split(tmp_path, rng.random(FRAMES) < 0.3, rng)
    (clue,) = clues(twin_stretches, case)
    right = [value == case.truth.perfect["ClassId"][int(name)] for name, value in told(clue, case).items()]
    assert clue.rows == case.truth.rows == len(right)
    assert np.mean(right) > 0.85


def test_a_stretch_of_frames_with_a_gap_shares_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cells, said = windows(rng)
    np.save(tmp_path / "test_5.npy", cells[:60])
    np.save(tmp_path / "train_5.npy", cells[60 + WINDOW :])
    assert clues(twin_stretches, case_of(tmp_path, pd.DataFrame({"Id": range(60), "ClassId": said[:60]}))) == []


def test_padding_is_no_shared_stretch(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for side, rows in (("test", 60), ("train", 200)):
        cells = rng.normal(size=(rows, 80)).astype(np.float32)
        cells[:, :30] = 0
        np.save(tmp_path / f"{side}.npy", cells)
    assert clues(twin_stretches, case_of(tmp_path, pd.DataFrame({"Id": range(60), "ClassId": rng.integers(0, 3, 60)}))) == []
