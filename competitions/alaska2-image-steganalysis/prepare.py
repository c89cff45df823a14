import hashlib
import random
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mlebench.data import Edition, link_files, test_count, write_csv
from mlebench.data.groups import same_content

from .kinds import ALGORITHMS, KINDS


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    pictures = sorted(path.name for path in (raw / "Cover").glob("*.jpg"))
    copies = None if edition.is_v1 else same_content(raw / "Cover" / name for name in pictures)
    train, test = edition.split(pictures, test_size=test_count(len(pictures), 5000), v1_seed=42, v2_groups=copies)
    shown = draw_by_seed(test) if edition.is_v1 else draw_by_content(test, raw, edition)

    answers = pd.DataFrame(
        {"Id": [f"{number:04d}.jpg" for number in range(1, len(shown) + 1)], "Label": [int(k != "Cover") for k, _ in shown]}
    )
    write_csv(answers, private / "test.csv")
    write_csv(answers.assign(Label=0), public / "sample_submission.csv")

    numbered = {name: f"{number:05d}.jpg" for number, name in enumerate(train, start=1)}
    for kind in KINDS:
        link_files(raw / kind, public / kind, numbered)
    new_names = {f"{kind}/{name}": new for (kind, name), new in zip(shown, answers["Id"], strict=True)}
    link_files(raw, public / "Test", new_names, hide_origin=True)


def draw_by_seed(test: Sequence[str]) -> list[tuple[str, str]]:
    """The published order and kind of the test pictures; they depend only on the seed."""
    rng = random.Random(0)
    names = list(test)
    rng.shuffle(names)
    return [("Cover" if rng.choice([True, False]) else rng.choice(ALGORITHMS), name) for name in names]


def draw_by_content(test: Sequence[str], raw: Path, edition: Edition) -> list[tuple[str, str]]:
    """Order and kind from a digest over all four versions of each picture, of which only one is shown.

    Half of the pictures are covers, and the other half is divided evenly among the algorithms.
    """
    digests = {name: digest(name, raw, edition.seed("kinds")) for name in test}
    by_kind = sorted(test, key=lambda name: digests[name][:16])
    n_covers = len(test) // 2
    kinds = {name: ALGORITHMS[k % 3] if k < len(test) - n_covers else "Cover" for k, name in enumerate(by_kind)}
    return [(kinds[name], name) for name in sorted(test, key=lambda name: digests[name][16:])]


def digest(name: str, raw: Path, seed: int) -> bytes:
    found = hashlib.sha256(seed.to_bytes(16))
    for kind in KINDS:
        found.update((raw / kind / name).read_bytes())
    return found.digest()
