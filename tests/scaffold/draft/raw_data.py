"""Made-up raw data of the usual layouts, and what becomes of it: drafted, prepared and graded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from grading import Grader
from mlebench.data import write_csv
from mlebench.preparation import prepare
from mlebench.registry import Competition, Registry
from mlebench.registry.edition import EditionName
from mlebench.scaffold.draft import draft, write_draft
from mlebench.scaffold.draft.origin import Origin
from mlebench.scaffold.draft.proposal import Draft

ROWS = 80


def numbers(seed: int = 0, rows: int = ROWS) -> pd.DataFrame:
    """A table with an id, two features and three targets: one of two classes, one of words, one number."""
    rng = np.random.default_rng(seed)
    width, flag = rng.normal(size=rows).round(3), rng.integers(0, 2, rows)
    return pd.DataFrame(
        {
            "id": [f"r{seed}{number:04d}" for number in range(rows)],
            "width": width,
            "colour": rng.choice(["red", "green", "blue"], rows),
            "flag": flag,
            "species": np.array(["ash", "birch", "cedar"])[np.arange(rows) % 3],
            "height": (2 * width + flag + rng.normal(size=rows) / 9).round(3),
        }
    )


def plain(raw: Path, target: str, sample: Any, suffix: str = ".csv", **options: Any) -> None:
    """Train, test and sample submission as three tables."""
    train, test = (
        numbers(seed).drop(columns=[name for name in ("flag", "species", "height") if name != target]) for seed in (0, 1)
    )
    write: Callable[[pd.DataFrame, Path], None] = options.pop("write", lambda table, path: write_csv(table, path, **options))
    write(train, raw / f"train{suffix}")
    write(test.drop(columns=target).head(30), raw / f"test{suffix}")
    write_csv(test[["id"]].head(30).assign(**{target: sample}), raw / "sample_submission.csv")


def origin(metric: str | None = "accuracy", **facts: Any) -> Origin:
    return Origin(**{"id": "drafted", "title": "A task", "source": "kaggle", "metric": metric, **facts})


@dataclass(frozen=True)
class Drafted:
    """A competition folder made from raw data, with what is prepared from that data."""

    draft: Draft
    folder: Path
    competition: Competition

    @property
    def grader(self) -> Grader:
        return self.competition.grader

    @property
    def answers(self) -> pd.DataFrame:
        return self.competition.answers_table

    def public(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.competition.public_dir / name, dtype=str, keep_default_na=False)

    def score(self, table: pd.DataFrame) -> float:
        return self.grader.score(table.astype(str), self.answers)

    def perfect(self) -> pd.DataFrame:
        return self.grader.perfect_submission(self.answers)


class Workshop:
    """Drafts folders into a home of the test's own and prepares from the raw data itself."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.raw, self._home = home / "raw", home
        self.raw.mkdir()
        monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(home / "competitions"))

    def drafted(self, facts: Origin, edition: EditionName = "v2", key: str | None = None) -> Drafted:
        found = draft(self.raw, facts)
        folder = self._home / "competitions" / facts.id
        if not folder.exists():
            write_draft(found, folder)
        competition = Registry(self._home / f"data-{key}", edition, key).get_competition(facts.id)
        prepare(competition, self.raw, mock=True)
        return Drafted(found, folder, competition)
