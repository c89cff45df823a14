"""A small competition whose public folder a test fills with leaks, or with what only looks like them."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.labels import read_labels
from mlebench.preparation.audit.seen.listing import Seen
from mlebench.preparation.audit.truth import read_truth
from mlebench.registry import Competition, Registry

Kind = Literal["class", "binary", "number", "text"]

_GRADERS = {
    "class": """
from grading import Grader, Label
from grading.metrics.classification import accuracy

grader = Grader(id="id", columns={"label": Label(("cat", "dog", "newt"))}, metric=accuracy)
""",
    "binary": """
from grading import Grader, Probability
from grading.metrics.classification import roc_auc

grader = Grader(id="id", columns={"label": Probability()}, metric=roc_auc)
""",
    "number": """
from grading import Grader, Real
from grading.metrics.regression import rmse

grader = Grader(id="id", columns={"label": Real()}, metric=rmse)
""",
    "text": """
import numpy as np

from grading import Grader, Text

grader = Grader(id="id", columns={"label": Text()}, metric=lambda true, said: float(np.mean(true["label"] == said["label"])))
""",
}
_FACTS = """
id: toy
version: 1
title: Toy
split: own
modality: tabular
task: a toy
metric: {name: score, direction: DIRECTION, best: BEST}
files:
  answers: private/answers.csv
  sample_submission: public/sample_submission.csv
  public: [sample_submission.csv, test.csv, train.csv]
  private: [answers.csv]
"""


@dataclass
class Toy:
    """A prepared competition of `rows` test rows and twice as many training rows, with a described feature of pure noise.

    Attributes:
        folder: an empty folder.
        kind: what is asked for: one of three classes, 0 or 1, a number, or a few words.
        rows: test rows.
        seed: of ids, answers and noise.
        description: the task text.
    """

    folder: Path
    kind: Kind = "class"
    rows: int = 60
    seed: int = 0
    description: str = "Predict `label` for each `id`. The column `length` is the length in metres."
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.public = self.folder / "data" / "toy" / "prepared" / "public"
        self.private = self.public.parent / "private"
        self.public.mkdir(parents=True)
        self.private.mkdir()
        names = self.rng.permutation(np.arange(10**6, 10**6 + 9 * self.rows, 3))
        self.ids = [f"x{name:x}" for name in names[: self.rows]]
        self.train_ids = [f"x{name:x}" for name in names[self.rows : 3 * self.rows]]
        self.answers = self._answers(self.rows)
        self.train_answers = self._answers(2 * self.rows)
        self.test = pd.DataFrame({"id": self.ids, "length": self._noise(self.rows)})
        self.train = pd.DataFrame({"id": self.train_ids, "length": self._noise(2 * self.rows), "label": self.train_answers})

    def _answers(self, rows: int) -> list[str]:
        if self.kind == "class":
            return [str(name) for name in self.rng.choice(["cat", "dog", "newt"], rows)]
        if self.kind == "binary":
            return [str(number) for number in self.rng.integers(0, 2, rows)]
        if self.kind == "number":
            return [str(round(float(number), 6)) for number in self.rng.normal(50, 20, rows)]
        words = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath"]
        return [" ".join(self.rng.choice(words, int(self.rng.integers(3, 7)))) for _ in range(rows)]

    def _noise(self, rows: int) -> list[str]:
        return [f"{number:.3f}" for number in self.rng.normal(0, 1, rows)]

    def write(self, path: str, content: bytes | str) -> Path:
        """Put a public file into place."""
        file = self.public / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(file, (1_600_000_000, 1_600_000_000))
        return file

    def table(self, path: str, columns: Mapping[str, Sequence[object]]) -> None:
        """Put a public table of comma-separated values into place."""
        self.write(path, pd.DataFrame(columns).to_csv(index=False))

    def image(self, size: tuple[int, int] = (8, 8)) -> bytes:
        """A picture of noise, as PNG."""
        from PIL import Image

        stream = io.BytesIO()
        Image.fromarray(self.rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(stream, "PNG")
        return stream.getvalue()

    def sound(self, samples: int = 64) -> bytes:
        """A sound of noise, as WAV."""
        import wave

        stream = io.BytesIO()
        with wave.open(stream, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(self.rng.integers(-999, 999, samples, dtype=np.int16).tobytes())
        return stream.getvalue()

    def archive(self, path: str, members: Mapping[str, bytes], order: Sequence[str] | None = None) -> None:
        """Put a zip archive into place, its members of one date."""
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name in order or sorted(members):
                archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), members[name])
        self.write(path, stream.getvalue())

    def competition(self) -> Competition:
        """The competition with everything that was put into it."""
        self.table("test.csv", self.test.to_dict("list"))
        self.table("train.csv", self.train.to_dict("list"))
        usual = {"class": "cat", "binary": "0.5", "number": "50", "text": "amber"}[self.kind]
        self.table("sample_submission.csv", {"id": self.ids, "label": [usual] * self.rows})
        pd.DataFrame({"id": self.ids, "label": self.answers}).to_csv(self.private / "answers.csv", index=False)
        own = self.folder / "toy"
        own.mkdir(exist_ok=True)
        lower = self.kind == "number"
        facts = _FACTS.replace("DIRECTION", "minimize" if lower else "maximize").replace("BEST", "0.0" if lower else "1.0")
        (own / "competition.yaml").write_text(facts.lstrip())
        (own / "grade.py").write_text(_GRADERS[self.kind].lstrip())
        (own / "description.md").write_text(self.description)
        return Registry(self.folder / "data").load(own)

    def case(self) -> Case:
        """What a check gets of it."""
        competition = self.competition()
        truth, seen = read_truth(competition), Seen(competition.public_dir)
        return Case(competition, seen, truth, read_labels(seen, truth, "sample_submission.csv"))


def share_right(clue: Clue, case: Case) -> float:
    """The share of all test rows that the guesses of a clue answer rightly; numbers within a hundredth of their spread."""
    (guess,) = clue.guesses
    (target,) = case.truth.targets
    if target.kind == "number":
        return float(np.mean(np.abs(guess.values - target.values) < 0.01 * np.std(target.values)))
    return float(np.mean([said == true for said, true in zip(guess.values, target.values, strict=True)]))
