"""What edition v2 of the image competitions mends, seen in the prepared files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import py7zr
import pytest
from PIL import Image

from mlebench.data.tfrecord import decode_example, read_tfrecord
from mlebench.preparation import make_mock, prepare
from mlebench.registry import Competition, Registry


def prepared(tmp_path: Path, name: str, edition: str) -> Competition:
    competition = Registry(tmp_path / edition, edition).get_competition(name)
    raw = tmp_path / "raw"
    if not raw.exists():
        make_mock(competition, raw, size=120, seed=4)
    prepare(competition, raw, mock=True)
    return competition


def features(folder: Path) -> set[str]:
    return {name for file in folder.iterdir() for record in read_tfrecord(file) for name in decode_example(record.payload)}


def digests(folder: Path) -> set[str]:
    return {hashlib.md5(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_cassava_test_records_hold_images_without_labels(tmp_path: Path) -> None:
    public = prepared(tmp_path, "cassava-leaf-disease-classification", "v2").public_dir
    assert features(public / "test_tfrecords") == {"image", "image_name"}
    assert features(public / "train_tfrecords") == {"image", "image_name", "target"}
    for part in ("train", "test"):
        records = [record for file in (public / f"{part}_tfrecords").iterdir() for record in read_tfrecord(file)]
        names = {decode_example(record.payload)["image_name"][0].decode() for record in records}
        assert names == {path.name for path in (public / f"{part}_images").iterdir()}


@pytest.mark.parametrize(
    ("name", "train", "test"),
    [
        ("aptos2019-blindness-detection", "train_images", "test_images"),
        ("petfinder-pawpularity-score", "train", "test"),
    ],
)
def test_equal_photos_lie_on_one_side(tmp_path: Path, name: str, train: str, test: str) -> None:
    public = prepared(tmp_path, name, "v2").public_dir
    photos = [path for folder in (train, test) for path in (public / folder).iterdir()]
    assert len(digests(public / train) | digests(public / test)) < len(photos), "the mock has no copies"
    assert not digests(public / train) & digests(public / test)


@pytest.mark.parametrize(("edition", "leaks"), [("v1", True), ("v2", False)])
def test_clean_version_of_a_dirty_test_page_is_not_public(tmp_path: Path, edition: str, leaks: bool) -> None:
    competition = prepared(tmp_path, "denoising-dirty-documents", edition)
    page = competition.answers_table["id"].str.split("_").str[0]
    intensities = competition.answers_table["value"].astype(float).mul(255).round()
    hidden = {tuple(values) for _, values in intensities.groupby(page, sort=False)}
    shown = {tuple(grey_levels(path)) for path in (competition.public_dir / "train_cleaned").iterdir()}
    assert bool(hidden & shown) == leaks


def grey_levels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=float).ravel()


@pytest.mark.parametrize(("edition", "leaks"), [("v1", True), ("v2", False)])
def test_hotel_visits_are_not_divided(tmp_path: Path, edition: str, leaks: bool) -> None:
    competition = prepared(tmp_path, "hotel-id-2021-fgvc8", edition)
    train, test = pd.read_csv(competition.public_dir / "train.csv"), pd.read_csv(competition.private_dir / "test.csv")
    assert bool(len(train.merge(test, on=["hotel_id", "timestamp"]))) == leaks
    assert len(test) == pytest.approx(0.1 * (len(train) + len(test)), abs=6)
    if not leaks:
        assert set(test["hotel_id"]) <= set(train["hotel_id"])


def test_invasive_archives_hold_the_images(tmp_path: Path) -> None:
    public = prepared(tmp_path, "invasive-species-monitoring", "v2").public_dir
    for folder, table in (("train", "train_labels.csv"), ("test", "sample_submission.csv")):
        with py7zr.SevenZipFile(public / f"{folder}.7z") as packed:
            assert set(packed.getnames()) == {f"{folder}/{name}.jpg" for name in pd.read_csv(public / table)["name"]}
    empty = prepared(tmp_path, "invasive-species-monitoring", "v1").public_dir
    with py7zr.SevenZipFile(empty / "test.7z") as packed:
        assert packed.getnames() == ["test"]


def test_catheter_patients_lie_on_one_side_and_all_labels_are_asked_for(tmp_path: Path) -> None:
    competition = prepared(tmp_path, "ranzcr-clip-catheter-line-classification", "v2")
    train, test = pd.read_csv(competition.public_dir / "train.csv"), pd.read_csv(competition.private_dir / "test.csv")
    assert not set(train["PatientID"]) & set(test["PatientID"])
    assert pd.read_csv(competition.sample_submission).shape == (len(test), 12)


@pytest.mark.parametrize("name", ["hotel-id-2021-fgvc8", "paddy-disease-classification", "plant-seedlings-classification"])
def test_test_images_do_not_tell_which_raw_folder_they_come_from(tmp_path: Path, name: str) -> None:
    competition = prepared(tmp_path, name, "v2")
    folder = next(competition.public_dir / name for name in ("test_images", "test") if (competition.public_dir / name).is_dir())
    states = [path.stat() for path in folder.iterdir()]
    assert {state.st_nlink for state in states} == {1}
    assert len({state.st_mtime for state in states}) == 1
