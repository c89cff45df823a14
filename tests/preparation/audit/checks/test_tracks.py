"""Logs of units whose values follow the answers over time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlebench.preparation.audit.checks.answer_cells import answer_cells
from tests.preparation.audit.toy import Toy

UNITS, STEPS = 5, 40
START = 1_630_720_000_000


def drives(folder: Path) -> tuple[Toy, np.ndarray]:
    """A toy whose rows are positions of drives, by the drive and the time in milliseconds; and the positions."""
    toy = Toy(folder, "number", UNITS * STEPS)
    tracks = 37.4 + np.cumsum(toy.rng.normal(0, 1e-4, (UNITS, STEPS)), axis=1)
    toy.ids = [f"drive{unit}_{START + 1_000 * step}" for unit in range(UNITS) for step in range(STEPS)]
    toy.answers = [f"{position:.7f}" for position in tracks.ravel()]
    toy.test["id"] = toy.ids
    return toy, tracks


def clock(seconds: int) -> str:
    return f"{seconds // 3600:02}{seconds // 60 % 60:02}{seconds % 60:02}.00"


def log(form: str, track: np.ndarray, shift: int) -> str:
    """The positions of a drive as a receiver writes them, from some seconds before its first row on."""
    lines = ["# made by a receiver"]
    for step, position in enumerate([*[track[0]] * shift, *track]):
        time = START + 1_000 * (step - shift)
        if form == "nmea":
            degrees = int(position)
            latitude = f"{100 * degrees + (position - degrees) * 60:.6f}"
            lines.append(f"$GPGGA,{clock(time // 1000 % 86_400)},{latitude},N,12205.5,W,4,12,0.8,25.91,M,-32.2,M,,*00")
        else:
            lines.append(f"Fix,GPS,{position:.7f},-122.1,25.9,{time}")
        lines.append(f"Raw,{step},{np.sin(step):.3f},7")
    return "\n".join(lines)


@pytest.mark.parametrize("form", ["nmea", "txt"])
@pytest.mark.parametrize("shift", [0, 9])
def test_positions_in_the_log_of_a_drive_are_found(tmp_path: Path, form: str, shift: int) -> None:
    toy, tracks = drives(tmp_path)
    for unit, track in enumerate(tracks):
        toy.write(f"test/drive{unit}/log.{form}", log(form, track, shift))
    case = toy.case()
    (clue,) = (clue for clue in answer_cells(case) if "follows" in clue.what)
    (target,) = case.truth.targets
    assert clue.file.startswith("test/")
    assert np.abs(clue.guesses[0].values - target.values).max() < 1e-4


@pytest.mark.parametrize("form", ["nmea", "txt"])
def test_other_positions_near_by_are_left_alone(tmp_path: Path, form: str) -> None:
    toy, tracks = drives(tmp_path)
    for unit, track in enumerate(tracks):
        other = track.mean() + np.cumsum(toy.rng.normal(0, 1e-4, STEPS))
        toy.write(f"test/drive{unit}/log.{form}", log(form, other, 0))
    assert [*answer_cells(toy.case())] == []


def test_drives_whose_id_is_made_of_two_folders_are_known(tmp_path: Path) -> None:
    toy, tracks = drives(tmp_path)
    toy.ids = [name.replace("drive", "day-drive") for name in toy.ids]
    toy.test["id"] = toy.ids
    for unit, track in enumerate(tracks):
        toy.write(f"test/day/drive{unit}/log.txt", log("txt", track, 0))
    assert any("follows" in clue.what for clue in answer_cells(toy.case()))
