"""v2 keeps images, sounds and recordings with equal bytes on one side; v1 divides them, as published.

Twins are planted in the raw data: of two files drawn at random (folders where a row has several), one gets the bytes of the
other.
"""

from __future__ import annotations

import json
import random
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from mlebench._support.checksums import md5
from mlebench.data import Member, extract, write_7z
from mlebench.preparation import prepare
from mlebench.registry import Competition, Registry
from mlebench.registry.edition import EditionName
from tests.cases import Cases
from tests.competitions.folders import module


@dataclass(frozen=True)
class Place:
    """Where the images of a competition lie.

    Attributes:
        raw: what is planted: files, or folders where a row has several, below the raw folder or inside `archive`.
        train: files of the training side below the public folder, folders as a whole, the members of archives.
        test: those of the test side.
        archive: an archive of the raw folder.
        share: of the files, how many become one of a pair; few where pairs unite groups that move together anyway.
    """

    raw: str
    train: str
    test: str
    archive: str | None = None
    share: float = 0.6


PLACES = {
    "aerial-cactus-identification": Place("train/*.jpg", "train.zip", "test.zip", "train.zip"),
    "alaska2-image-steganalysis": Place("Cover/*.jpg", "Cover/*.jpg", "Test/*.jpg"),
    "aptos2019-blindness-detection": Place("train_images/*.png", "train_images/*.png", "test_images/*.png"),
    "bms-molecular-translation": Place("train/**/*.png", "train/**/*.png", "test/**/*.png"),
    "cassava-leaf-disease-classification": Place("train_images/*.jpg", "train_images/*.jpg", "test_images/*.jpg"),
    "denoising-dirty-documents": Place("train/*.png", "train/*.png", "test/*.png", "train.zip"),
    "dog-breed-identification": Place("train/*.jpg", "train/*.jpg", "test/*.jpg"),
    "dogs-vs-cats-redux-kernels-edition": Place("train/*.jpg", "train/*.jpg", "test/*.jpg", "train.zip"),
    "google-research-identify-contrails-reduce-global-warming": Place("train/*", "train/*/band_*.npy", "test/*/band_*.npy"),
    "herbarium-2020-fgvc7": Place("nybg2020/train/**/*.jpg", "nybg2020/train/**/*.jpg", "nybg2020/test/**/*.jpg"),
    "herbarium-2021-fgvc8": Place("train/**/*.jpg", "train/**/*.jpg", "test/**/*.jpg"),
    "herbarium-2022-fgvc9": Place("train_images/**/*.jpg", "train_images/**/*.jpg", "test_images/**/*.jpg"),
    "histopathologic-cancer-detection": Place("train/*.tif", "train/*.tif", "test/*.tif"),
    "hms-harmful-brain-activity-classification": Place("train_eegs/*.parquet", "train_eegs/*", "test_eegs/*", share=0.1),
    "hotel-id-2021-fgvc8": Place("train_images/*/*.jpg", "train_images/*/*.jpg", "test_images/*.jpg", share=0.1),
    "hubmap-kidney-segmentation": Place("train/*.tiff", "train/*.tiff", "test/*.tiff"),
    "imet-2020-fgvc7": Place("train/*.png", "train/*.png", "test/*.png"),
    "inaturalist-2019-fgvc6": Place("**/*.jpg", "train_val2019.tar.gz", "test2019.tar.gz", "train_val2019.tar.gz"),
    "invasive-species-monitoring": Place("train/*.jpg", "train.7z", "test.7z", "train.7z"),
    "iwildcam-2019-fgvc6": Place("*.jpg", "train_images.zip", "test_images.zip", "train_images.zip"),
    "iwildcam-2020-fgvc7": Place("train/*.jpg", "train/*.jpg", "test/*.jpg"),
    "kuzushiji-recognition": Place("*.jpg", "train_images.zip", "test_images.zip", "train_images.zip", share=0.1),
    "nfl-player-contact-detection": Place("train/*_Endzone.mp4", "train/*_Endzone.mp4", "test/*_Endzone.mp4", share=0.1),
    "osic-pulmonary-fibrosis-progression": Place("train/*", "train/*", "test/*"),
    "paddy-disease-classification": Place("train_images/*/*.jpg", "train_images/*/*.jpg", "test_images/*.jpg"),
    "petfinder-pawpularity-score": Place("train/*.jpg", "train/*.jpg", "test/*.jpg"),
    "plant-pathology-2020-fgvc7": Place("images/Train_*.jpg", "images/Train_*.jpg", "images/Test_*.jpg"),
    "plant-pathology-2021-fgvc8": Place("train_images/*.jpg", "train_images/*.jpg", "test_images/*.jpg"),
    "plant-seedlings-classification": Place("train/*/*.png", "train/*/*.png", "test/*.png"),
    "predict-volcanic-eruptions-ingv-oe": Place("train/*.csv", "train/*.csv", "test/*.csv"),
    "ranzcr-clip-catheter-line-classification": Place("train/*.jpg", "train/*.jpg", "test/*.jpg", share=0.1),
    "rsna-2022-cervical-spine-fracture-detection": Place("train_images/*", "train_images/*", "test_images/*"),
    "rsna-breast-cancer-detection": Place("train_images/*/*.dcm", "train_images/*/*.dcm", "test_images/*/*.dcm", share=0.1),
    "rsna-miccai-brain-tumor-radiogenomic-classification": Place("train/*", "train/*", "test/*"),
    "seti-breakthrough-listen": Place("train/*/*.npy", "train/*/*.npy", "test/*/*.npy"),
    "siim-covid19-detection": Place("train/*/*/*.dcm", "train/*/*/*.dcm", "test/*/*/*.dcm"),
    "siim-isic-melanoma-classification": Place("jpeg/train/*.jpg", "jpeg/train/*.jpg", "jpeg/test/*.jpg"),
    "tensorflow-speech-recognition-challenge": Place(
        "train/audio/*/*_nohash_*.wav", "train/**/*.wav", "test/**/*.wav", "train.7z", share=0.1
    ),
    "tgs-salt-identification-challenge": Place(
        "competition_data/train/images/*.png", "train/images/*.png", "test/images/*.png", "competition_data.zip"
    ),
    "the-icml-2013-whale-challenge-right-whale-redux": Place("train2/*.aif", "train2.zip", "test2.zip", "train2.zip"),
    "uw-madison-gi-tract-image-segmentation": Place("train/*/*", "train/*/*", "test/*/*"),
    "vinbigdata-chest-xray-abnormalities-detection": Place("train/*.dicom", "train/*.dicom", "test/*.dicom"),
    "whale-categorization-playground": Place("train/*.jpg", "train/*.jpg", "test/*.jpg"),
}
OTHERWISE = {
    "cdiscount-image-classification-challenge": "products of one file; tested below",
    "leaf-classification": "all images in one folder; tested below",
    "mlsp-2013-birds": "all sounds in one folder; tested below",
    "statoil-iceberg-classifier-challenge": "images of one file; tested below",
    "demo-digits": "a table of pixels without equal rows",
    "ml2021spring-hw2": "frames of one array, of which v2 takes one stretch",
    "research-visual-circuits": "generated from a key",
    "research-concept-neurons": "generated from a key",
    "freesound-audio-tagging-2019": "Kaggle's own division",
    "vesuvius-challenge-ink-detection": "one of three fragments is the test set",
}
"""Image, audio and volume competitions that `PLACES` lacks, and why."""
DIVIDED_IN_V1 = sorted(
    PLACES.keys()
    # the few twins of these happen to fall on one side
    - {
        "hms-harmful-brain-activity-classification",
        "hubmap-kidney-segmentation",
        "osic-pulmonary-fibrosis-progression",
        "ranzcr-clip-catheter-line-classification",
        "tensorflow-speech-recognition-challenge",
        "uw-madison-gi-tract-image-segmentation",
    }
)


def test_every_image_and_audio_competition_is_tested_or_has_a_reason() -> None:
    registry = Registry()
    kinds = {name: registry.get_competition(name).facts.modality for name in registry.list_competition_ids("all")}
    assert {name for name, kind in kinds.items() if kind in ("image", "audio", "volume")} <= PLACES.keys() | OTHERWISE.keys()


def planted(name: str, cases: Cases, folder: Path) -> Path:
    """A copy of a mock's raw folder in which many files have the bytes of others."""
    raw, place = cases.copied(name, folder), PLACES[name]
    if place.archive is None:
        plant(sorted(raw.glob(place.raw)), place.share)
    else:
        unpacked = extract(raw / place.archive, folder / "unpacked")
        plant(sorted(unpacked.glob(place.raw)), place.share)
        pack(unpacked, raw / place.archive)
    return raw


def plant(units: list[Path], share: float) -> None:
    drawn = random.Random(5).sample(units, 2 * max(1, int(share * len(units) / 2)))
    # folders with as many files become equal as a whole
    drawn.sort(key=lambda unit: len(files_of(unit)))
    for original, twin in zip(drawn[::2], drawn[1::2], strict=True):
        old, new = files_of(original), files_of(twin)
        for path in new[len(old) :]:
            path.unlink()
        for source, target in zip(old, new, strict=False):
            target.chmod(0o644)
            target.write_bytes(source.read_bytes())


def files_of(unit: Path) -> list[Path]:
    """The files of a folder but for masks, which are answers; or the file itself."""
    return [unit] if unit.is_file() else sorted(path for path in unit.rglob("*") if path.is_file() and "mask" not in path.name)


def pack(folder: Path, archive: Path) -> None:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if archive.suffix == ".7z":
        write_7z(archive, [Member(path.relative_to(folder).as_posix(), path) for path in files])
    elif archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for path in files:
                packed.write(path, path.relative_to(folder))
    else:
        with tarfile.open(archive, "w:gz") as packed:
            for path in files:
                packed.add(path, path.relative_to(folder))


def prepared(name: str, raw: Path, folder: Path, edition: EditionName) -> Competition:
    competition = Registry(folder, edition).get_competition(name)
    prepare(competition, raw, mock=True)
    return competition


def contents(public: Path, pattern: str) -> set[str]:
    return {digest for path in public.glob(pattern) for digest in digests(path)}


def digests(path: Path) -> Iterator[str]:
    """The identity of a file, of a folder as a whole, or of each member of an archive."""
    if path.suffix in (".zip", ".7z", ".gz"):
        folder = extract(path, path.parent.parent / "seen" / path.name)
        yield from (md5(file) for file in files_of(folder))
        shutil.rmtree(folder)
    else:
        yield " ".join(sorted(md5(file) for file in files_of(path)))


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in PLACES])
def test_files_with_equal_bytes_lie_on_one_side(name: str, cases: Cases, tmp_path: Path) -> None:
    competition = prepared(name, planted(name, cases, tmp_path), tmp_path / "data", "v2")
    train, test = (contents(competition.public_dir, pattern) for pattern in (PLACES[name].train, PLACES[name].test))
    assert train and test
    assert not train & test


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in DIVIDED_IN_V1])
def test_v1_divides_them_and_draws_as_before(name: str, cases: Cases, tmp_path: Path) -> None:
    competition = prepared(name, planted(name, cases, tmp_path), tmp_path / "data", "v1")
    assert competition.answers.read_bytes() == cases.prepared(name, "v1").answers.read_bytes()
    if name != "invasive-species-monitoring":  # whose published archives are empty
        assert contents(competition.public_dir, PLACES[name].train) & contents(competition.public_dir, PLACES[name].test)


def test_copies_of_products_lie_on_one_side(cases: Cases, tmp_path: Path) -> None:
    name = "cdiscount-image-classification-challenge"
    bson_files, raw = module(name, "bson_files"), cases.copied(name, tmp_path)
    documents = list(bson_files.read_bson(raw / "train.bson"))
    photos = [photos_of(document) for document in documents]
    copied = [document.replace(own, first) for document, own, first in zip(documents[:30], photos, photos[30:], strict=False)]
    head = [len(document).to_bytes(4, "little") + document[4:] for document in copied]
    (raw / "train.bson").write_bytes(b"".join([*head, *documents[30:]]))
    for edition, divides in (("v1", True), ("v2", False)):
        public = prepared(name, raw, tmp_path / "data", edition).public_dir
        train, test = ({photos_of(one) for one in bson_files.read_bson(public / f"{part}.bson")} for part in ("train", "test"))
        assert bool(train & test) == divides


def photos_of(document: bytes) -> bytes:
    elements = module("cdiscount-image-classification-challenge", "bson_files").elements(document)
    return next(document[element.value : element.end] for element in elements if element.name == b"imgs")


@pytest.mark.parametrize(
    ("name", "archive", "files"),
    [
        ("leaf-classification", "images.zip", "images/*.jpg"),
        ("mlsp-2013-birds", "mlsp_contest_dataset.zip", "mlsp_contest_dataset/essential_data/src_wavs/*.wav"),
    ],
)
def test_copies_in_one_folder_lie_on_one_side_of_the_table(
    cases: Cases, tmp_path: Path, name: str, archive: str, files: str
) -> None:
    raw = cases.copied(name, tmp_path)
    unpacked = extract(raw / archive, tmp_path / "unpacked")
    plant(sorted(unpacked.glob(files)), 0.6)
    pack(unpacked, raw / archive)
    for edition, divides in (("v1", True), ("v2", False)):
        competition = prepared(name, raw, tmp_path / "data", edition)
        tested = files_in_test(competition)
        shown = {path.name: md5(path) for path in competition.public_dir.rglob(Path(files).name) if path.suffix != ".bmp"}
        train, test = ({shown[file] for file in shown if (file in tested) == side} for side in (False, True))
        assert test and bool(train & test) == divides


def files_in_test(competition: Competition) -> set[str]:
    if competition.id == "leaf-classification":
        return {f"{number}.jpg" for number in competition.answers_table["id"]}
    names = pd.read_csv(competition.public_dir / "essential_data" / "rec_id2filename.txt").set_index("rec_id")["filename"]
    folds = pd.read_csv(competition.public_dir / "essential_data" / "CVfolds_2.txt").set_index("rec_id")["fold"]
    return {f"{names[number]}.wav" for number in folds.index[folds == 1]}


def test_radar_images_with_equal_bands_lie_on_one_side(cases: Cases, tmp_path: Path) -> None:
    name = "statoil-iceberg-classifier-challenge"
    raw = cases.copied(name, tmp_path)
    unpacked = extract(raw / "train.json.7z", tmp_path / "unpacked")
    (table,) = unpacked.rglob("train.json")
    images = json.loads(table.read_text())
    for image, twin in zip(images[:10], images[10:20], strict=True):
        twin["band_1"], twin["band_2"] = image["band_1"], image["band_2"]
    table.write_text(json.dumps(images))
    pack(unpacked, raw / "train.json.7z")
    public = prepared(name, raw, tmp_path / "data", "v2").public_dir
    seen = []
    for part in ("train", "test"):
        (file,) = extract(public / f"{part}.json.7z", tmp_path / "seen").rglob(f"{part}.json")
        seen.append({json.dumps(image["band_1"]) for image in json.loads(file.read_text())})
    assert not seen[0] & seen[1]
