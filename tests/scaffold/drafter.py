"""A drafter for tests of what is around it: it knows one table, and what it writes is a competition that works."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from grading.metric_names import NamedMetric
from mlebench._support.paths import content_dir
from mlebench.scaffold import draft as drafts
from mlebench.scaffold.draft.origin import Origin
from mlebench.scaffold.draft.proposal import Draft, Guess, RawTable, Target

TABLE = "spaceship-titanic"
"""The competition whose raw data is drafted."""
ACCURACY = NamedMetric(
    name="accuracy", direction="maximize", best=1.0, submits="labels", module="classification", function="accuracy"
)


def replace_drafter(monkeypatch: pytest.MonkeyPatch) -> list[Origin]:
    """Replace the drafter; returns the list that will hold what it is asked for."""
    asked: list[Origin] = []

    def draft(raw: Path, origin: Origin) -> Draft:
        asked.append(origin)
        return Draft(
            origin=origin,
            train=RawTable(path="train.csv", columns=("PassengerId", "Transported"), rows=60),
            test=None,
            sample=None,
            ids=("PassengerId",),
            targets=(Target(name="Transported", kind="Boolean()"),),
            form="columns",
            metric=ACCURACY,
            modality="tabular",
            task="binary classification",
            test_size=0.1,
            guesses=(Guess(what="id", why="PassengerId has 60 values\x1b[31m in 60 rows"),),
        )

    monkeypatch.setattr(drafts, "draft", draft)
    monkeypatch.setattr(drafts, "write_draft", _write)
    return asked


def _write(draft: Draft, folder: Path) -> list[Path]:
    shutil.copytree(content_dir("competitions") / TABLE, folder)
    facts = yaml.safe_load((folder / "competition.yaml").read_text())
    for known in ("md5", "counts", "thresholds", "v2"):
        facts.pop(known)
    (folder / "competition.yaml").write_text(yaml.safe_dump(facts | {"id": folder.name, "split": "own"}))
    return sorted(folder.iterdir())
