"""What edition v2 mends in the competitions of archives, metadata and sound, seen in the prepared files."""

from __future__ import annotations

import io
import json
import tarfile
import wave
import zipfile
from collections import Counter
from pathlib import Path

import pandas as pd
import py7zr
import pytest
from scipy.io import loadmat

from mlebench.data.archives import read_tar
from mlebench.data.tfrecord import decode_example, read_tfrecord
from mlebench.errors import UsageError, WorkFailed
from mlebench.preparation import make_mock, prepare
from mlebench.registry import Competition, Registry

EDITIONS = pytest.mark.parametrize(("edition", "leaks"), [("v1", True), ("v2", False)])


def mocked(tmp_path: Path, name: str, edition: str, size: int = 120) -> Competition:
    competition = Registry(tmp_path / edition, edition).get_competition(name)
    if not (tmp_path / "raw").exists():
        make_mock(competition, tmp_path / "raw", size=size, seed=4)
    return competition


def prepared(tmp_path: Path, name: str, edition: str, size: int = 120) -> Competition:
    competition = mocked(tmp_path, name, edition, size)
    prepare(competition, tmp_path / "raw", mock=True)
    return competition


@EDITIONS
def test_melanoma_records_of_the_test_images_hold_labels_in_v1_alone(tmp_path: Path, edition: str, leaks: bool) -> None:
    public = prepared(tmp_path, "siim-isic-melanoma-classification", edition).public_dir
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


@EDITIONS
def test_gestures_are_listed_in_test_recordings_in_v1_alone(tmp_path: Path, edition: str, leaks: bool) -> None:
    public = prepared(tmp_path, "multi-modal-gesture-recognition", edition, 30).public_dir
    raw = {entry.name: entry.file.read() for entry in read_tar(tmp_path / "raw" / "training4.tar.gz")}
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


def test_speech_speakers_are_on_one_side_and_silence_is_cut_out_of_the_noise(tmp_path: Path) -> None:
    competition = prepared(tmp_path, "tensorflow-speech-recognition-challenge", "v2")
    train = competition.public_dir / "train" / "audio"
    raw = tmp_path / "unpacked"
    with py7zr.SevenZipFile(tmp_path / "raw" / "train.7z") as archive:
        archive.extractall(raw)
    everyone = [path.name.split("_")[0] for path in (raw / "train" / "audio").rglob("*_nohash_*.wav")]
    kept = Counter(path.name.split("_")[0] for path in train.rglob("*_nohash_*.wav"))
    assert all(Counter(everyone)[speaker] == count for speaker, count in kept.items())

    answers = competition.answers_table
    commands = {"yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"}
    assert set(answers["label"]) <= {*commands, "unknown", "silence"}
    silences = answers.loc[answers["label"] == "silence", "fname"]
    assert len(silences) == 6
    rests = {path.name: frames(path) for path in (train / "_background_noise_").iterdir()}
    noises = {name: frames(raw / "train" / "audio" / "_background_noise_" / name) for name in rests}
    for clip in silences:
        cut = frames(competition.public_dir / "test" / "audio" / clip)
        assert len(cut) == 2 * 16_000
        assert any(cut in noise for noise in noises.values())
        assert not any(cut in rest for rest in rests.values())


def frames(path: Path) -> bytes:
    with wave.open(str(path)) as sound:
        return sound.readframes(sound.getnframes())


def test_species_archives_open_with_tar_and_hold_what_the_files_list(tmp_path: Path) -> None:
    public = prepared(tmp_path, "inaturalist-2019-fgvc6", "v2").public_dir
    listed = {name: json.loads((public / f"{name}2019.json").read_text())["images"] for name in ("train", "val", "test")}
    for archive, images in (("train_val2019", listed["train"] + listed["val"]), ("test2019", listed["test"])):
        with tarfile.open(public / f"{archive}.tar.gz", "r:gz") as packed:
            assert sorted(packed.getnames()) == sorted(image["file_name"] for image in images)
    assert not any("rights_holder" in image for image in listed["test"])
    ids = [image["id"] for images in listed.values() for image in images]
    assert len(set(ids)) == len(ids)


def test_species_archive_that_lacks_an_image_is_refused(tmp_path: Path) -> None:
    competition = mocked(tmp_path, "inaturalist-2019-fgvc6", "v1", 30)
    table = tmp_path / "raw" / "train2019.json"
    gone = json.loads(table.read_text())["images"][7]["file_name"]
    table.write_text(table.read_text().replace(gone, "train_val2019/Birds/1/gone.jpg"))
    with pytest.raises(WorkFailed, match=r"gone\.jpg"):
        prepare(competition, tmp_path / "raw", mock=True)
    assert not competition.prepared_dir.exists()


@pytest.mark.parametrize("edition", ["v1", "v2"])
def test_species_archive_may_be_unpacked_already(tmp_path: Path, edition: str) -> None:
    name, raw = "inaturalist-2019-fgvc6", tmp_path / "raw"
    packed = contents(prepared(tmp_path, name, edition).public_dir)
    with tarfile.open(raw / "train_val2019.tar.gz") as archive:
        archive.extractall(raw, filter="data")
    (raw / "train_val2019.tar.gz").unlink()
    competition = Registry(tmp_path / "unpacked", edition).get_competition(name)
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


def test_hidden_message_labels_need_the_images(tmp_path: Path) -> None:
    name = "alaska2-image-steganalysis"
    published = prepared(tmp_path, name, "v1").answers_table["Label"]
    mended = prepared(tmp_path, name, "v2").answers_table["Label"]
    assert mended.astype(int).sum() == len(mended) / 2
    for path in (tmp_path / "raw").rglob("*.jpg"):
        path.write_bytes(path.read_bytes() + b"\0")
    assert (prepared(tmp_path, name, "v1").answers_table["Label"] == published).all()
    assert (prepared(tmp_path, name, "v2").answers_table["Label"] != mended).any()


def test_hidden_message_kinds_are_shared_evenly(tmp_path: Path) -> None:
    competition = prepared(tmp_path, "alaska2-image-steganalysis", "v2")
    kind_of = {path.read_bytes(): path.parent.name for path in (tmp_path / "raw").rglob("*.jpg") if path.parent.name != "Test"}
    kinds = Counter(kind_of[path.read_bytes()] for path in (competition.public_dir / "Test").iterdir())
    assert kinds == {"Cover": 12, "JMiPOD": 4, "JUNIWARD": 4, "UERD": 4}


def test_radar_images_of_one_angle_are_on_one_side(tmp_path: Path) -> None:
    public = prepared(tmp_path, "statoil-iceberg-classifier-challenge", "v2").public_dir
    angles = []
    for part in ("train", "test"):
        with py7zr.SevenZipFile(public / f"{part}.json.7z") as archive:
            archive.extractall(tmp_path / "unpacked")
        images = json.loads((tmp_path / "unpacked" / f"{part}.json").read_text())
        assert ("is_iceberg" in images[0]) == (part == "train")
        angles.append({image["inc_angle"] for image in images} - {"na"})
    assert not angles[0] & angles[1]


@EDITIONS
def test_bird_supplements_keep_their_headers_and_hide_marked_test_recordings(tmp_path: Path, edition: str, leaks: bool) -> None:
    public = prepared(tmp_path, "mlsp-2013-birds", edition).public_dir
    headers = {name: (public / "supplemental_data" / name).read_text().splitlines()[0] for name in (
        "histogram_of_segments.txt", "segment_features.txt", "segment_rectangles.txt"
    )}  # fmt: skip
    assert (len(set(headers.values())) == 1) == leaks
    folds = pd.read_csv(public / "essential_data" / "CVfolds_2.txt")
    names = pd.read_csv(public / "essential_data" / "rec_id2filename.txt").merge(folds)
    marked = {path.stem for path in (public / "supplemental_data" / "segmentation_examples").iterdir()}
    assert marked
    assert bool(marked & set(names.loc[names["fold"] == 1, "filename"])) == leaks


def test_whale_clips_are_numbered_by_time(tmp_path: Path) -> None:
    public = prepared(tmp_path, "the-icml-2013-whale-challenge-right-whale-redux", "v2").public_dir
    clips = pd.read_csv(public / "sampleSubmission.csv")["clip"]
    parts = clips.str.extract(r"(\d+)_(\d+)_(\d+)s(\d+)ms_Test(\d+)\.aif").astype(int)
    assert parts[4].tolist() == list(range(len(clips)))
    assert parts.sort_values([0, 1, 2, 3]).index.equals(parts.index)


def test_species_of_the_herbarium_have_at_most_ten_test_images(tmp_path: Path) -> None:
    competition = prepared(tmp_path, "herbarium-2021-fgvc8", "v2", 400)
    assert competition.answers_table["Predicted"].value_counts().max() == 10
    images = json.loads((competition.public_dir / "test" / "metadata.json").read_text())["images"]
    assert [image["id"] for image in images] == list(range(len(images)))


def test_garbled_names_are_read_right(tmp_path: Path) -> None:
    texts = {
        edition: (prepared(tmp_path, "herbarium-2020-fgvc7", edition).public_dir / "nybg2020/train/metadata.json").read_text()
        for edition in ("v1", "v2")
    }
    assert json.loads(texts["v2"])["categories"][0]["name"].startswith("Salvia ×née“")
    assert "“" not in json.loads(texts["v1"])["categories"][0]["name"]


def test_troubled_scans_stay_in_train(tmp_path: Path) -> None:
    public = prepared(tmp_path, "rsna-miccai-brain-tumor-radiogenomic-classification", "v2").public_dir
    train = {path.name for path in (public / "train").iterdir()}
    assert {"00109", "00123", "00709"} <= train
    labels = pd.read_csv(public / "train_labels.csv", dtype=str)
    assert set(labels["BraTS21ID"]) == train


def test_camera_trap_photo_with_several_animals_gets_one_row() -> None:
    from mlebench.registry.content import load_module

    folder = Registry().get_competition("iwildcam-2020-fgvc7").folder
    answers = pd.DataFrame({"Id": ["b", "a", "b", "b", "c", "c"], "Category": [2, 1, 7, 7, 5, 4]})
    rows = load_module(folder / "prepare.py").one_row_per_image(answers)
    assert rows.to_numpy().tolist() == [["a", 1], ["b", 7], ["c", 5]]


def test_sound_tags_without_the_released_labels_say_where_to_get_them(tmp_path: Path) -> None:
    competition = mocked(tmp_path, "freesound-audio-tagging-2019", "v1", 30)
    (tmp_path / "raw" / "FSDKaggle2019.meta.zip").unlink()
    with pytest.raises(UsageError, match="get it from https://zenodo"):
        prepare(competition, tmp_path / "raw", mock=True)
