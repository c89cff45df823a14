import wave
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mlebench.data import Edition, extract, link_files, scratch, write_csv
from mlebench.data.groups import same_content, united

from .words import COMMANDS, NOISE

TESTED_NOISE = 0.2
"""Share of each noise that v2 cuts into test clips of silence."""


class Clip(NamedTuple):
    """A sound file and the folder it is in."""

    label: str
    path: Path


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    with scratch(public) as unpacked:
        extract(raw / "train.7z", unpacked)
        audio = unpacked / "train" / "audio"
        found = [Clip(path.parent.name, path) for path in audio.rglob("*.wav")]
        clips = sorted(found, key=lambda clip: f"{clip.label}_{clip.path.name}")
        if edition.is_v1:
            train, test = edition.split(clips, test_size=0.1)
        else:
            train, test = split_speakers(clips, edition, unpacked / "noise")

        target = public / "train" / "audio"
        for label in {clip.label for clip in train}:
            (target / label).mkdir(parents=True)
        link_files(unpacked, target, {inside(clip, unpacked): f"{clip.label}/{clip.path.name}" for clip in train})
        answers = pd.DataFrame(
            {"fname": [f"clip_{number:08d}.wav" for number in range(len(test))], "label": [clip.label for clip in test]}
        )
        new_names = {inside(clip, unpacked): name for clip, name in zip(test, answers["fname"], strict=True)}
        link_files(unpacked, public / "test" / "audio", new_names, hide_origin=True)
    write_csv(answers, private / "test.csv")
    write_csv(answers.assign(label="silence"), public / "sample_submission.csv")


def inside(clip: Clip, folder: Path) -> str:
    return clip.path.relative_to(folder).as_posix()


def split_speakers(clips: Iterable[Clip], edition: Edition, folder: Path) -> tuple[list[Clip], list[Clip]]:
    """Words by speaker, with the labels of the competition for test; and silence cut out of the noises.

    Args:
        clips: all clips.
        edition: the edition, for its randomness.
        folder: where cut sounds are written.
    """
    words = [clip for clip in clips if clip.label != NOISE]
    speakers = [clip.path.name.split("_")[0] for clip in words]
    copies = same_content(clip.path for clip in words)
    train, test = edition.split(words, test_size=0.1, groups=united(speakers, copies))
    test = [clip if clip.label in COMMANDS else clip._replace(label="unknown") for clip in test]
    for clip in clips:
        if clip.label == NOISE:
            rest, silences = cut_noise(clip.path, folder, edition)
            train.append(Clip(NOISE, rest))
            test += [Clip("silence", path) for path in silences]
    order = edition.rng("order").permutation(len(test))
    return train, [test[place] for place in order]


def cut_noise(noise: Path, folder: Path, edition: Edition) -> tuple[Path, list[Path]]:
    """Cut part of a noise into one-second clips; returns the rest and the clips."""
    with wave.open(str(noise)) as sound:
        shape, rate, n_frames = sound.getparams(), sound.getframerate(), sound.getnframes()
        width = sound.getsampwidth() * sound.getnchannels()
        samples = sound.readframes(n_frames)
    n_clips = int(TESTED_NOISE * n_frames) // rate
    start = int(edition.rng(noise.name).integers(n_frames - n_clips * rate + 1))
    bounds = [width * (start + rate * number) for number in range(n_clips + 1)]

    pieces = {folder / noise.name: samples[: bounds[0]] + samples[bounds[-1] :]}
    for number, (first, last) in enumerate(pairwise(bounds)):
        pieces[folder / f"{noise.stem}_silence_{number}.wav"] = samples[first:last]
    folder.mkdir(exist_ok=True)
    for path, content in pieces.items():
        with wave.open(str(path), "wb") as sound:
            sound.setparams(shape)
            sound.writeframes(content)
    rest, *silences = pieces
    return rest, silences
