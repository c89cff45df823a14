from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Member, write_7z, write_csv
from mlebench.data.mocking import cycle, hex_ids, pack_7z, wav_bytes, write_files

from .words import NOISE

WORDS = (
    "bed", "bird", "cat", "dog", "down", "eight", "five", "four", "go", "happy", "house", "left", "marvin", "nine", "no", "off",
    "on", "one", "right", "seven", "sheila", "six", "stop", "three", "tree", "two", "up", "wow", "yes", "zero",
)  # fmt: skip
NOISES = ("doing_the_dishes", "dude_miaowing", "exercise_bike", "pink_noise", "running_tap", "white_noise")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    folder = raw / "packing"
    clip = partial(wav_bytes, rng, 16_000, 0.01)
    write_files(folder / "train" / "audio", word_files(rng, size), clip)
    # long enough that a fifth contains a second
    noises = [f"{name}.wav" for name in NOISES]
    write_files(folder / "train" / "audio" / NOISE, noises, lambda: wav_bytes(rng, 16_000, 6.2))
    write_files(folder / "train" / "audio" / NOISE, ["README.md"], lambda: "Noise – “née”".encode())
    write_files(folder / "train", ["LICENSE", "testing_list.txt", "validation_list.txt"], lambda: b"bed/0c40e715_nohash_0.wav\n")
    pack_7z(folder, raw / "train.7z")
    tests = [f"clip_{number:09x}.wav" for number in range(3)]
    write_files(folder / "test" / "audio", tests, clip)
    pack_7z(folder, raw / "test.7z")
    write_csv(pd.DataFrame({"fname": tests, "label": "silence"}), raw / "packing.csv")
    write_7z(raw / "sample_submission.7z", [Member("sample_submission.csv", raw / "packing.csv")])
    (raw / "packing.csv").unlink()
    (raw / "link_to_gcp_credits_form.txt").write_text("https://example.org\n")


def word_files(rng: np.random.Generator, size: int) -> list[str]:
    """Speakers say several words, some of them more than once; a name occurs in several folders."""
    speakers = hex_ids(rng, max(10, size // 8), 8)
    said: dict[tuple[str, str], int] = {}
    files = []
    for word in cycle(WORDS, rng, size):
        speaker = str(rng.choice(speakers))
        times = said.get((word, speaker), 0)
        said[word, speaker] = times + 1
        files.append(f"{word}/{speaker}_nohash_{times}.wav")
    return files
