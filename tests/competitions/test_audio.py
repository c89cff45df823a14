"""What edition v2 of the audio competitions fixes, as seen in the prepared files."""

from __future__ import annotations

import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import py7zr
import pytest

from mlebench.errors import UsageError
from mlebench.preparation import prepare
from mlebench.registry import Registry
from mlebench.registry.edition import EditionName
from tests.cases import Cases


def test_speech_speakers_are_on_one_side_and_silence_is_cut_out_of_the_noise(cases: Cases, tmp_path: Path) -> None:
    competition = cases.prepared("tensorflow-speech-recognition-challenge", "v2")
    train = competition.public_dir / "train" / "audio"
    raw = tmp_path / "unpacked"
    with py7zr.SevenZipFile(cases.raw("tensorflow-speech-recognition-challenge") / "train.7z") as archive:
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


@pytest.mark.parametrize(("edition", "leaks"), [("v1", True), ("v2", False)])
def test_bird_supplements_keep_their_headers_and_hide_marked_test_recordings(
    cases: Cases, edition: EditionName, leaks: bool
) -> None:
    public = cases.prepared("mlsp-2013-birds", edition).public_dir
    headers = {name: (public / "supplemental_data" / name).read_text().splitlines()[0] for name in (
        "histogram_of_segments.txt", "segment_features.txt", "segment_rectangles.txt"
    )}  # fmt: skip
    assert (len(set(headers.values())) == 1) == leaks
    folds = pd.read_csv(public / "essential_data" / "CVfolds_2.txt")
    names = pd.read_csv(public / "essential_data" / "rec_id2filename.txt").merge(folds)
    marked = {path.stem for path in (public / "supplemental_data" / "segmentation_examples").iterdir()}
    assert marked
    assert bool(marked & set(names.loc[names["fold"] == 1, "filename"])) == leaks


def test_whale_clips_are_numbered_by_time(cases: Cases) -> None:
    public = cases.prepared("the-icml-2013-whale-challenge-right-whale-redux", "v2").public_dir
    clips = pd.read_csv(public / "sampleSubmission.csv")["clip"]
    parts = clips.str.extract(r"(\d+)_(\d+)_(\d+)s(\d+)ms_Test(\d+)\.aif").astype(int)
    assert parts[4].tolist() == list(range(len(clips)))
    assert parts.sort_values([0, 1, 2, 3]).index.equals(parts.index)


def test_sound_tags_without_the_released_labels_say_where_to_get_them(cases: Cases, tmp_path: Path) -> None:
    raw = cases.copied("freesound-audio-tagging-2019", tmp_path, 30)
    (raw / "FSDKaggle2019.meta.zip").unlink()
    competition = Registry(tmp_path).get_competition("freesound-audio-tagging-2019")
    with pytest.raises(UsageError, match="get it from https://zenodo"):
        prepare(competition, raw, mock=True)


def test_speech_frames_of_the_test_are_not_in_the_context_of_training_rows(cases: Cases) -> None:
    public = cases.prepared("ml2021spring-hw2").public_dir / "timit_11" / "timit_11"
    train, test = np.load(public / "train_11.npy"), np.load(public / "test_11.npy")
    frames = [{frame.tobytes() for row in rows for frame in row.reshape(11, -1)} for rows in (train, test)]
    assert not frames[0] & frames[1]
