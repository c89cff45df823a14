"""What edition v2 of the signal, gesture, track and volume competitions fixes, and the effects of odd raw data."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.io import loadmat

from grading import InvalidSubmission
from mlebench.data.archives import read_tar
from mlebench.errors import WorkFailed
from mlebench.preparation import prepare
from mlebench.registry import Registry
from mlebench.registry.edition import EditionName
from tests.cases import Cases

each_edition = pytest.mark.parametrize(("edition", "leaks"), [("v1", True), ("v2", False)])


@each_edition
def test_gestures_are_listed_in_test_recordings_in_v1_alone(cases: Cases, edition: EditionName, leaks: bool) -> None:
    public = cases.prepared("multi-modal-gesture-recognition", edition, 60).public_dir
    raw = {
        entry.name: entry.file.read() for entry in read_tar(cases.raw("multi-modal-gesture-recognition", 60) / "training4.tar.gz")
    }
    shown = {entry.name: entry.file.read() for entry in read_tar(public / "test.tar.gz")}
    assert shown.keys() == raw.keys()
    for name, content in shown.items():
        with zipfile.ZipFile(io.BytesIO(content)) as ours, zipfile.ZipFile(io.BytesIO(raw[name])) as theirs:
            assert ours.namelist() == theirs.namelist()
            (data,) = (member for member in ours.namelist() if member.endswith(".mat"))
            video, original = (loadmat(io.BytesIO(opened.read(data)))["Video"][0, 0] for opened in (ours, theirs))
        assert bool(video["Labels"].size) == leaks
        assert video["NumFrames"] == original["NumFrames"]
        for place in range(3):
            one, other = (mat["Frames"]["Skeleton"][0, place]["WorldPosition"][0, 0] for mat in (video, original))
            assert (one == other).all()


def sides(cases: Path, name: str, edition: EditionName, table: str, group: str) -> tuple[set[str], set[str]]:
    public = cases.prepared(name, edition).public_dir
    train, test = (pd.read_csv(public / f"{part}{table}.csv", dtype=str) for part in ("train", "test"))
    return set(train[group].str.split("_").str[0]), set(test[group].str.split("_").str[0])


@each_edition
def test_the_track_of_test_drives_is_shown_in_v1_alone(cases: Cases, edition: EditionName, leaks: bool) -> None:
    public = cases.prepared("smartphone-decimeter-2022", edition).public_dir
    assert not [*(public / "test").rglob("ground_truth.csv")]
    assert bool([*(public / "test").rglob("*.nmea")]) == leaks
    for part, has_fixes in (("train", True), ("test", leaks)):
        logs = [path.read_text() for path in (public / part).rglob("gnss_log.txt")]
        assert logs
        assert all(("\nFix," in log) == has_fixes and "\nRaw," in log and "# Fix," in log for log in logs)
    assert all("\nFix," in path.read_text() for path in (cases.raw("smartphone-decimeter-2022") / "train").rglob("gnss_log.txt"))


@pytest.mark.parametrize(
    ("name", "table", "group"),
    [
        ("hms-harmful-brain-activity-classification", "", "patient_id"),
        ("nfl-player-contact-detection", "_video_metadata", "game_play"),
    ],
)
def test_groups_lie_on_one_side(cases: Cases, name: str, table: str, group: str) -> None:
    train, test = sides(cases, name, "v1", table, group)
    assert train & test, "the mock has no groups that v1 divides"
    train, test = sides(cases, name, "v2", table, group)
    assert train
    assert test
    assert not train & test


def test_most_studies_of_spines_are_for_training(cases: Cases) -> None:
    parts = {}
    for edition in ("v1", "v2"):
        public = cases.prepared("rsna-2022-cervical-spine-fracture-detection", edition).public_dir
        parts[edition] = len(pd.read_csv(public / "train.csv")), pd.read_csv(public / "test.csv")["StudyInstanceUID"].nunique()
        shown = set(pd.read_csv(public / "train.csv")["StudyInstanceUID"])
        assert {path.stem for path in (public / "segmentations").iterdir()} <= shown
        assert set(pd.read_csv(public / "train_bounding_boxes.csv")["StudyInstanceUID"]) <= shown
    assert parts == {"v1": (12, 108), "v2": (108, 12)}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("ml2021spring-hw2", "timit_11/timit_11/train_11.npy"),
        ("google-research-identify-contrails-reduce-global-warming", "train/*/human_pixel_masks.npy"),
    ],
)
def test_an_empty_array_file_is_named(cases: Cases, tmp_path: Path, name: str, file: str) -> None:
    raw = cases.copied(name, tmp_path)
    for path in raw.glob(file):
        path.write_bytes(b"")
    competition = Registry(tmp_path, "v2").get_competition(name)
    with pytest.raises(WorkFailed, match="download"):
        prepare(competition, raw, mock=True)


def test_an_empty_table_of_molecules_is_named(cases: Cases, tmp_path: Path) -> None:
    raw = cases.copied("stanford-covid-vaccine", tmp_path)
    (raw / "train.json").write_bytes(b"")
    competition = Registry(tmp_path, "v2").get_competition("stanford-covid-vaccine")
    with pytest.raises(WorkFailed, match=r"train\.json is damaged \(it contains no molecules\)"):
        prepare(competition, raw, mock=True)


def test_times_whose_sum_is_infinite_are_refused(cases: Cases) -> None:
    competition = cases.prepared("predict-volcanic-eruptions-ingv-oe")
    answers = competition.answers_table
    with np.errstate(over="ignore"), pytest.raises(InvalidSubmission, match="within"):
        competition.grader.score(answers.assign(time_to_eruption=1e308), answers)


def test_parquet_files_that_are_no_batch_are_left_alone(cases: Cases, tmp_path: Path) -> None:
    raw = cases.copied("icecube-neutrinos-in-deep-ice", tmp_path)
    (raw / "train" / "batch_extra.parquet").write_bytes(b"")
    competition = Registry(tmp_path, "v2").get_competition("icecube-neutrinos-in-deep-ice")
    prepare(competition, raw, mock=True)
    assert not [*competition.public_dir.rglob("batch_extra*")]
