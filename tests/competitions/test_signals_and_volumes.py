"""What edition v2 of the signal, track, volume and mask competitions mends, and what odd raw data of theirs leads to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grading import InvalidSubmission
from mlebench.errors import WorkFailed
from mlebench.preparation import make_mock, prepare
from mlebench.registry import Competition, Registry


def mocked(tmp_path: Path, name: str, edition: str = "v2", size: int = 120) -> Competition:
    competition = Registry(tmp_path / edition, edition).get_competition(name)
    if not (tmp_path / "raw").exists():
        make_mock(competition, tmp_path / "raw", size=size, seed=4)
    return competition


def prepared(tmp_path: Path, name: str, edition: str = "v2", size: int = 120) -> Competition:
    competition = mocked(tmp_path, name, edition, size)
    prepare(competition, tmp_path / "raw", mock=True)
    return competition


def sides(tmp_path: Path, name: str, edition: str, table: str, group: str) -> tuple[set[str], set[str]]:
    public = prepared(tmp_path, name, edition).public_dir
    train, test = (pd.read_csv(public / f"{part}{table}.csv", dtype=str) for part in ("train", "test"))
    return set(train[group].str.split("_").str[0]), set(test[group].str.split("_").str[0])


@pytest.mark.parametrize(("edition", "leaks"), [("v1", True), ("v2", False)])
def test_the_track_of_test_drives_is_shown_in_v1_alone(tmp_path: Path, edition: str, leaks: bool) -> None:
    public = prepared(tmp_path, "smartphone-decimeter-2022", edition).public_dir
    assert not [*(public / "test").rglob("ground_truth.csv")]
    assert bool([*(public / "test").rglob("*.nmea")]) == leaks
    for part, has_fixes in (("train", True), ("test", leaks)):
        logs = [path.read_text() for path in (public / part).rglob("gnss_log.txt")]
        assert logs
        assert all(("\nFix," in log) == has_fixes and "\nRaw," in log and "# Fix," in log for log in logs)
    assert all("\nFix," in path.read_text() for path in (tmp_path / "raw" / "train").rglob("gnss_log.txt"))


@pytest.mark.parametrize(
    ("name", "table", "group"),
    [
        ("hms-harmful-brain-activity-classification", "", "patient_id"),
        ("nfl-player-contact-detection", "_video_metadata", "game_play"),
    ],
)
def test_groups_lie_on_one_side(tmp_path: Path, name: str, table: str, group: str) -> None:
    train, test = sides(tmp_path, name, "v1", table, group)
    assert train & test, "the mock has no groups that v1 divides"
    train, test = sides(tmp_path, name, "v2", table, group)
    assert train
    assert test
    assert not train & test


@pytest.mark.parametrize(("edition", "leaks"), [("v1", True), ("v2", False)])
def test_outlines_of_test_glomeruli_are_shown_in_v1_alone(tmp_path: Path, edition: str, leaks: bool) -> None:
    folder = prepared(tmp_path, "hubmap-kidney-segmentation", edition).public_dir / "test"
    names = {json.loads(path.read_text())[0]["properties"]["classification"]["name"] for path in folder.glob("*.json")}
    assert names == ({"Cortex", "glomerulus"} if leaks else {"Cortex"})


def test_most_studies_of_spines_are_for_training(tmp_path: Path) -> None:
    parts = {}
    for edition in ("v1", "v2"):
        public = prepared(tmp_path, "rsna-2022-cervical-spine-fracture-detection", edition).public_dir
        parts[edition] = len(pd.read_csv(public / "train.csv")), pd.read_csv(public / "test.csv")["StudyInstanceUID"].nunique()
        shown = set(pd.read_csv(public / "train.csv")["StudyInstanceUID"])
        assert {path.stem for path in (public / "segmentations").iterdir()} <= shown
        assert set(pd.read_csv(public / "train_bounding_boxes.csv")["StudyInstanceUID"]) <= shown
    assert parts == {"v1": (12, 108), "v2": (108, 12)}


def test_speech_frames_of_the_test_are_not_in_the_context_of_training_rows(tmp_path: Path) -> None:
    public = prepared(tmp_path, "ml2021spring-hw2").public_dir / "timit_11" / "timit_11"
    train, test = np.load(public / "train_11.npy"), np.load(public / "test_11.npy")
    frames = [{frame.tobytes() for row in rows for frame in row.reshape(11, -1)} for rows in (train, test)]
    assert not frames[0] & frames[1]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ml2021spring-hw2", "timit_11/timit_11/train_11.npy"),
        ("google-research-identify-contrails-reduce-global-warming", "train/*/human_pixel_masks.npy"),
    ],
)
def test_an_empty_array_file_is_named(tmp_path: Path, name: str, file: str) -> None:
    competition = mocked(tmp_path, name)
    for path in (tmp_path / "raw").glob(file):
        path.write_bytes(b"")
    with pytest.raises(WorkFailed, match="download"):
        prepare(competition, tmp_path / "raw", mock=True)


def test_an_empty_table_of_molecules_is_named(tmp_path: Path) -> None:
    competition = mocked(tmp_path, "stanford-covid-vaccine")
    (tmp_path / "raw" / "train.json").write_bytes(b"")
    with pytest.raises(WorkFailed, match=r"train\.json is damaged \(it holds no molecules\)"):
        prepare(competition, tmp_path / "raw", mock=True)


def test_times_whose_sum_is_infinite_are_refused(tmp_path: Path) -> None:
    competition = prepared(tmp_path, "predict-volcanic-eruptions-ingv-oe")
    answers = competition.answers_table
    with np.errstate(over="ignore"), pytest.raises(InvalidSubmission, match="within"):
        competition.grader(answers.assign(time_to_eruption=1e308), answers)


def test_parquet_files_that_are_no_batch_are_left_alone(tmp_path: Path) -> None:
    competition = mocked(tmp_path, "icecube-neutrinos-in-deep-ice")
    (tmp_path / "raw" / "train" / "batch_extra.parquet").write_bytes(b"")
    prepare(competition, tmp_path / "raw", mock=True)
    assert not [*competition.public_dir.rglob("batch_extra*")]


def test_wrong_classes_of_slices_are_taken_by_place_in_v1_alone(tmp_path: Path) -> None:
    for edition in ("v1", "v2"):
        competition = prepared(tmp_path, "uw-madison-gi-tract-image-segmentation", edition)
        answers = competition.answers_table
        right = competition.grader.perfect_submission(answers)
        wrong = right.assign(**{"class": "stomach"})
        if edition == "v1":
            assert competition.grader(wrong, answers) == competition.grader(right, answers)
        else:
            with pytest.raises(InvalidSubmission, match="once"):
                competition.grader(wrong, answers)
