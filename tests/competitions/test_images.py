"""What edition v2 of the image competitions fixes, as seen in the prepared files, and the effects of odd raw data."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import py7zr
import pytest
from PIL import Image

from grading import InvalidSubmission
from mlebench.data.tfrecord import decode_example, read_tfrecord
from mlebench.errors import WorkFailed
from mlebench.preparation import prepare
from mlebench.registry import Registry
from mlebench.registry.edition import EditionName
from tests.cases import Cases
from tests.competitions import folders

each_edition = pytest.mark.parametrize(("edition", "leaks"), [("v1", True), ("v2", False)])


def features(folder: Path) -> set[str]:
    return {name for file in folder.iterdir() for record in read_tfrecord(file) for name in decode_example(record.payload)}


def digests(folder: Path) -> set[str]:
    return {hashlib.md5(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_cassava_test_records_hold_images_without_labels(cases: Cases) -> None:
    public = cases.prepared("cassava-leaf-disease-classification", "v2").public_dir
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
def test_equal_photos_lie_on_one_side(cases: Cases, name: str, train: str, test: str) -> None:
    public = cases.prepared(name, "v2").public_dir
    photos = [path for folder in (train, test) for path in (public / folder).iterdir()]
    assert len(digests(public / train) | digests(public / test)) < len(photos), "the mock has no copies"
    assert not digests(public / train) & digests(public / test)


@each_edition
def test_clean_version_of_a_dirty_test_page_is_not_public(cases: Cases, edition: EditionName, leaks: bool) -> None:
    competition = cases.prepared("denoising-dirty-documents", edition)
    page = competition.answers_table["id"].str.split("_").str[0]
    intensities = competition.answers_table["value"].astype(float).mul(255).round()
    hidden = {tuple(values) for _, values in intensities.groupby(page, sort=False)}
    shown = {tuple(grey_levels(path)) for path in (competition.public_dir / "train_cleaned").iterdir()}
    assert bool(hidden & shown) == leaks


def grey_levels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"), dtype=float).ravel()


@each_edition
def test_hotel_visits_are_not_divided(cases: Cases, edition: EditionName, leaks: bool) -> None:
    competition = cases.prepared("hotel-id-2021-fgvc8", edition)
    train, test = pd.read_csv(competition.public_dir / "train.csv"), pd.read_csv(competition.private_dir / "test.csv")
    assert bool(len(train.merge(test, on=["hotel_id", "timestamp"]))) == leaks
    assert len(test) == pytest.approx(0.1 * (len(train) + len(test)), abs=6)
    if not leaks:
        assert set(test["hotel_id"]) <= set(train["hotel_id"])


def test_invasive_archives_hold_the_images(cases: Cases) -> None:
    public = cases.prepared("invasive-species-monitoring", "v2").public_dir
    for folder, table in (("train", "train_labels.csv"), ("test", "sample_submission.csv")):
        with py7zr.SevenZipFile(public / f"{folder}.7z") as packed:
            assert set(packed.getnames()) == {f"{folder}/{name}.jpg" for name in pd.read_csv(public / table)["name"]}
    empty = cases.prepared("invasive-species-monitoring", "v1").public_dir
    with py7zr.SevenZipFile(empty / "test.7z") as packed:
        assert packed.getnames() == ["test"]


def test_catheter_patients_lie_on_one_side_and_all_labels_are_asked_for(cases: Cases) -> None:
    competition = cases.prepared("ranzcr-clip-catheter-line-classification", "v2")
    train, test = pd.read_csv(competition.public_dir / "train.csv"), pd.read_csv(competition.private_dir / "test.csv")
    assert not set(train["PatientID"]) & set(test["PatientID"])
    assert pd.read_csv(competition.sample_submission).shape == (len(test), 12)


@pytest.mark.parametrize("name", ["hotel-id-2021-fgvc8", "paddy-disease-classification", "plant-seedlings-classification"])
def test_test_images_do_not_tell_which_raw_folder_they_come_from(cases: Cases, name: str) -> None:
    competition = cases.prepared(name, "v2")
    folder = next(competition.public_dir / name for name in ("test_images", "test") if (competition.public_dir / name).is_dir())
    states = [path.stat() for path in folder.iterdir()]
    assert {state.st_nlink for state in states} == {1}
    assert len({state.st_mtime for state in states}) == 1


@each_edition
def test_melanoma_records_of_the_test_images_hold_labels_in_v1_alone(cases: Cases, edition: EditionName, leaks: bool) -> None:
    public = cases.prepared("siim-isic-melanoma-classification", edition).public_dir
    names: dict[str, list[str]] = {"train": [], "test": []}
    told: dict[str, set[str]] = {"train": set(), "test": set()}
    for file in (public / "tfrecords").iterdir():
        records = [decode_example(record.payload) for record in read_tfrecord(file)]
        assert int(file.stem.split("-")[1]) == len(records)
        names[file.stem[:-2].rstrip("0123456789-")] += [record["image_name"][0].decode() for record in records]
        told[file.stem[:-2].rstrip("0123456789-")].update(*records)
    assert ({"target", "diagnosis"} & told["test"] != set()) == leaks
    assert {"target", "image"} <= told["train"]
    for part in ("train", "test"):
        table = pd.read_csv(public / f"{part}.csv")
        assert sorted(names[part]) == sorted(table["image_name"])
    patients = [set(pd.read_csv(public / f"{part}.csv")["patient_id"]) for part in ("train", "test")]
    assert bool(patients[0] & patients[1]) == leaks


def test_species_archives_open_with_tar_and_hold_what_the_files_list(cases: Cases) -> None:
    public = cases.prepared("inaturalist-2019-fgvc6", "v2").public_dir
    listed = {name: json.loads((public / f"{name}2019.json").read_text())["images"] for name in ("train", "val", "test")}
    for archive, images in (("train_val2019", listed["train"] + listed["val"]), ("test2019", listed["test"])):
        with tarfile.open(public / f"{archive}.tar.gz", "r:gz") as packed:
            assert sorted(packed.getnames()) == sorted(image["file_name"] for image in images)
    assert not any("rights_holder" in image for image in listed["test"])
    ids = [image["id"] for images in listed.values() for image in images]
    assert len(set(ids)) == len(ids)


def test_species_archive_that_lacks_an_image_is_refused(cases: Cases, tmp_path: Path) -> None:
    raw = cases.copied("inaturalist-2019-fgvc6", tmp_path, 30)
    table = raw / "train2019.json"
    gone = json.loads(table.read_text())["images"][7]["file_name"]
    table.write_text(table.read_text().replace(gone, "train_val2019/Birds/1/gone.jpg"))
    competition = Registry(tmp_path).get_competition("inaturalist-2019-fgvc6")
    with pytest.raises(WorkFailed, match=r"gone\.jpg"):
        prepare(competition, raw, mock=True)
    assert not competition.prepared_dir.exists()


@pytest.mark.parametrize("edition", ["v1", "v2"])
def test_species_archive_may_be_unpacked_already(cases: Cases, tmp_path: Path, edition: EditionName) -> None:
    name = "inaturalist-2019-fgvc6"
    packed = contents(cases.prepared(name, edition).public_dir)
    raw = cases.copied(name, tmp_path)
    with tarfile.open(raw / "train_val2019.tar.gz") as archive:
        archive.extractall(raw, filter="data")
    (raw / "train_val2019.tar.gz").unlink()
    competition = Registry(tmp_path, edition).get_competition(name)
    prepare(competition, raw, mock=True)
    assert contents(competition.public_dir) == packed


def contents(folder: Path) -> dict[str, object]:
    """What the files hold, archives by member."""
    found: dict[str, object] = {}
    for path in folder.iterdir():
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                members = [member for member in archive if member.isfile()]
                found[path.name] = {member.name: archive.extractfile(member).read() for member in members}
        else:
            found[path.name] = path.read_bytes()
    return found


def test_hidden_message_labels_need_the_images(cases: Cases, tmp_path: Path) -> None:
    name = "alaska2-image-steganalysis"
    published, mended = (cases.prepared(name, edition).answers_table["Label"] for edition in ("v1", "v2"))
    assert mended.astype(int).sum() == len(mended) / 2
    raw = cases.copied(name, tmp_path)
    for path in raw.rglob("*.jpg"):
        path.write_bytes(path.read_bytes() + b"\0")
    changed = {}
    for edition in ("v1", "v2"):
        competition = Registry(tmp_path, edition).get_competition(name)
        prepare(competition, raw, mock=True)
        changed[edition] = competition.answers_table["Label"]
    assert (changed["v1"] == published).all()
    assert (changed["v2"] != mended).any()


def test_hidden_message_kinds_are_shared_evenly(cases: Cases) -> None:
    competition, raw = cases.prepared("alaska2-image-steganalysis", "v2"), cases.raw("alaska2-image-steganalysis")
    kind_of = {path.read_bytes(): path.parent.name for path in raw.rglob("*.jpg") if path.parent.name != "Test"}
    kinds = Counter(kind_of[path.read_bytes()] for path in (competition.public_dir / "Test").iterdir())
    assert kinds == {"Cover": 12, "JMiPOD": 4, "JUNIWARD": 4, "UERD": 4}


def test_radar_images_of_one_angle_are_on_one_side(cases: Cases, tmp_path: Path) -> None:
    public = cases.prepared("statoil-iceberg-classifier-challenge", "v2").public_dir
    angles = []
    for part in ("train", "test"):
        with py7zr.SevenZipFile(public / f"{part}.json.7z") as archive:
            archive.extractall(tmp_path / "unpacked")
        images = json.loads((tmp_path / "unpacked" / f"{part}.json").read_text())
        assert ("is_iceberg" in images[0]) == (part == "train")
        angles.append({image["inc_angle"] for image in images} - {"na"})
    assert not angles[0] & angles[1]


def test_species_of_the_herbarium_have_at_most_ten_test_images(cases: Cases) -> None:
    competition = cases.prepared("herbarium-2021-fgvc8", "v2", 400)
    assert competition.answers_table["Predicted"].value_counts().max() == 10
    images = json.loads((competition.public_dir / "test" / "metadata.json").read_text())["images"]
    assert [image["id"] for image in images] == list(range(len(images)))


def test_garbled_names_are_read_right(cases: Cases) -> None:
    texts = {
        edition: (cases.prepared("herbarium-2020-fgvc7", edition).public_dir / "nybg2020/train/metadata.json").read_text()
        for edition in ("v1", "v2")
    }
    assert json.loads(texts["v2"])["categories"][0]["name"].startswith("Salvia ×née“")
    assert "“" not in json.loads(texts["v1"])["categories"][0]["name"]


def test_troubled_scans_stay_in_train(cases: Cases) -> None:
    public = cases.prepared("rsna-miccai-brain-tumor-radiogenomic-classification", "v2").public_dir
    train = {path.name for path in (public / "train").iterdir()}
    assert {"00109", "00123", "00709"} <= train
    labels = pd.read_csv(public / "train_labels.csv", dtype=str)
    assert set(labels["BraTS21ID"]) == train


def test_camera_trap_photo_with_several_animals_gets_one_row() -> None:
    answers = pd.DataFrame({"Id": ["b", "a", "b", "b", "c", "c"], "Category": [2, 1, 7, 7, 5, 4]})
    rows = folders.module("iwildcam-2020-fgvc7", "prepare").one_row_per_image(answers)
    assert rows.to_numpy().tolist() == [["a", 1], ["b", 7], ["c", 5]]


@each_edition
def test_outlines_of_test_glomeruli_are_shown_in_v1_alone(cases: Cases, edition: EditionName, leaks: bool) -> None:
    folder = cases.prepared("hubmap-kidney-segmentation", edition).public_dir / "test"
    names = {json.loads(path.read_text())[0]["properties"]["classification"]["name"] for path in folder.glob("*.json")}
    assert names == ({"Cortex", "glomerulus"} if leaks else {"Cortex"})


def test_wrong_classes_of_slices_are_taken_by_place_in_v1_alone(cases: Cases) -> None:
    for edition in ("v1", "v2"):
        competition = cases.prepared("uw-madison-gi-tract-image-segmentation", edition)
        answers = competition.answers_table
        right = competition.grader.perfect_submission(answers)
        wrong = right.assign(**{"class": "stomach"})
        if edition == "v1":
            assert competition.grader.score(wrong, answers) == competition.grader.score(right, answers)
        else:
            with pytest.raises(InvalidSubmission, match="once"):
                competition.grader.score(wrong, answers)
