"""Drafts made by hand of raw data of the usual layouts, and what their `mock.py` makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grading.metric_names import NamedMetric, Submits
from mlebench.data import write_csv, write_parquet
from mlebench.data.mocking import hex_ids, image_bytes, wav_bytes, write_files
from mlebench.scaffold.draft.bond import Bond
from mlebench.scaffold.draft.origin import Origin
from mlebench.scaffold.draft.proposal import Draft, Media, RawTable, Target
from mlebench.scaffold.draft.written.mock import mock_source
from mlebench.scaffold.draft.written.tables import see
from tests.cases import Cases

SIZES = (8, 60, 2_000)


@dataclass(frozen=True)
class Drafted:
    """A draft with its raw data."""

    draft: Draft
    raw: Path

    @cached_property
    def source(self) -> str:
        return mock_source(self.draft, self.raw)

    def made(self, folder: Path, size: int, seed: int = 0) -> Path:
        """The raw data that the draft's `mock.py` makes."""
        folder.mkdir(parents=True)
        run(self.source)(folder, np.random.default_rng(seed), size)
        return folder


def run(source: str) -> Callable[[Path, np.random.Generator, int], None]:
    """The function `mock` of a file's text."""
    names: dict[str, Any] = {}
    exec(compile(source, "mock.py", "exec"), names)
    function: Callable[[Path, np.random.Generator, int], None] = names["mock"]
    return function


def metric(submits: Submits = "labels") -> NamedMetric:
    return NamedMetric(
        name="accuracy", aliases=("categorization accuracy",), direction="maximize", best=1.0, submits=submits,
        module="classification", function="accuracy",
    )  # fmt: skip


def table(raw: Path, path: str, member: str | None = None) -> RawTable:
    values = see(raw, path, member).values
    return RawTable(path=path, member=member, columns=tuple(values.columns), rows=len(values))


def drafted(raw: Path, train: str, targets: Sequence[Target], *, test: str = "", sample: str = "", **facts: Any) -> Drafted:
    usual: dict[str, Any] = {
        "origin": Origin(id="drafted", title="Name the Widgets of Zanzibar", source="kaggle"),
        "ids": ("id",),
        "form": "columns",
        "metric": metric(),
        "modality": "tabular",
        "task": "binary classification",
        "test_size": 0.2,
    }
    draft = Draft(
        train=table(raw, train),
        test=table(raw, test) if test else None,
        sample=table(raw, sample) if sample else None,
        targets=tuple(targets),
        **(usual | facts),
    )
    return Drafted(draft, raw)


def passengers(cases: Cases) -> Drafted:
    """A table with groups in its ids, categories, gaps and words."""
    groups = Bond(kind="group", column="PassengerId", separator="_", part=0, why="they travel together")
    target = Target(name="Transported", kind="Boolean()", classes=("False", "True"))
    return drafted(
        cases.raw("spaceship-titanic"), "train.csv", [target], test="test.csv", sample="sample_submission.csv",
        ids=("PassengerId",), bonds=(groups,),
    )  # fmt: skip


def observations(cases: Cases) -> Drafted:
    """A table with many numbered columns."""
    raw = cases.raw("tabular-playground-series-may-2022")
    target = Target(name="target", kind="Probability()", classes=("0", "1"))
    return drafted(raw, "train.csv", [target], test="test.csv", sample="sample_submission.csv", metric=metric("probabilities"))


def dogs(cases: Cases) -> Drafted:
    """Images in folders, and a submission with a column for each class."""
    raw = cases.raw("dog-breed-identification")
    classes = tuple(pd.read_csv(raw / "sample_submission.csv").columns[1:])
    return drafted(
        raw, "labels.csv", [Target(name="breed", kind="Label(CLASSES)", classes=classes)], sample="sample_submission.csv",
        form="class probabilities", metric=metric("class probabilities"), stratify="breed", modality="image",
        media=Media(kind="image", column="id", name="{}.jpg", train="train/", test="test/"),
    )  # fmt: skip


def cacti(cases: Cases) -> Drafted:
    """Images in archives, named with their ending."""
    return drafted(
        cases.raw("aerial-cactus-identification"), "train.csv",
        [Target(name="has_cactus", kind="Probability()", classes=("0", "1"))],
        sample="sample_submission.csv", metric=metric("probabilities"), stratify="has_cactus", modality="image",
        media=Media(kind="image", column="id", name="{}", train="train.zip", test="test.zip", inside="train/"),
    )  # fmt: skip


def readings(folder: Path) -> Drafted:
    """Parquet with types of its own: small numbers, dates, missing whole numbers, categories."""
    rng = np.random.default_rng(1)
    rows = pd.DataFrame(
        {
            "id": [f"meter-{number:04d}-{rng.integers(100, 999)}" for number in range(300)],
            "seen": pd.Timestamp("2021-03-01") + pd.to_timedelta(rng.integers(0, 300, 300), unit="D"),
            "load": rng.normal(5, 1, 300).astype("float32"),
            "phase": rng.integers(1, 4, 300).astype("int8"),
            "city": rng.choice(["Oslo", "Bergen"], 300),
            "note": [f"reader {number} was Mrs {number * 7} of the north" for number in range(300)],
            "usage": rng.gamma(2, 3, 300).round(2),
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_parquet([rows], len(rows), folder / "train.parquet")
    rest = rows.drop(columns="usage").head(90).assign(id=[f"meter-{number:04d}-999" for number in range(300, 390)])
    write_parquet([rest], len(rest), folder / "test.parquet")
    write_csv(rest[["id"]].assign(usage=0), folder / "sample_submission.csv")
    return drafted(
        folder, "train.parquet", [Target(name="usage", kind="Real()")], test="test.parquet", sample="sample_submission.csv",
        metric=metric("numbers"), task="regression",
    )  # fmt: skip


def calls(folder: Path) -> Drafted:
    """Sounds that a column names, below a folder."""
    rng = np.random.default_rng(2)
    names = [f"rec_{number}.wav" for number in rng.choice(10**6, 70, replace=False)]
    rows = pd.DataFrame({"fname": names, "site": rng.choice(["A", "B"], 70), "species": np.resize(["owl", "wren", "kite"], 70)})
    write_csv(rows.head(50), folder / "train.tsv", sep="\t")
    write_csv(rows[["fname"]].tail(20).assign(species="owl"), folder / "sample.csv")
    write_files(folder / "audio/clips", names, lambda: wav_bytes(rng, 4_000, 0.01))
    return drafted(
        folder, "train.tsv", [Target(name="species", kind="Label(CLASSES)", classes=("kite", "owl", "wren"))],
        sample="sample.csv",
        ids=("fname",), modality="audio", stratify="species", task="classification",
        media=Media(kind="audio", column="fname", name="{}", train="audio/clips/", test=None),
    )  # fmt: skip


def leaves(folder: Path) -> Drafted:
    """Grey images in a folder for each class, and no table of them."""
    rng = np.random.default_rng(3)
    for species in ("elm", "oak"):
        write_files(
            folder / "train" / species, [f"{name}.png" for name in hex_ids(rng, 15, 9)], lambda: image_bytes(rng, "PNG", mode="L")
        )
    unlabelled = hex_ids(rng, 8, 9)
    write_files(folder / "test", [f"{name}.png" for name in unlabelled], lambda: image_bytes(rng, "PNG", mode="L"))
    write_csv(pd.DataFrame({"file": unlabelled, "species": "elm"}), folder / "sample_submission.csv")
    draft = Draft(
        origin=Origin(id="drafted", title="Leaves", source="kaggle"),
        train=RawTable(path="train/", columns=("file", "species"), rows=30),
        test=None, sample=table(folder, "sample_submission.csv"), ids=("file",),
        targets=(Target(name="species", kind="Label(CLASSES)", classes=("elm", "oak")),), form="columns", metric=metric(),
        modality="image", task="classification", test_size=0.2, stratify="species",
        media=Media(kind="image", column=None, name="{}.png", train="train/", test="test/"),
    )  # fmt: skip
    return Drafted(draft, folder)


def strange(folder: Path) -> Drafted:
    """Names that would do harm if they were taken for code or markup."""
    rng = np.random.default_rng(4)
    rows = pd.DataFrame(
        {
            "id": range(60),
            '"); import os; os.abort() #': rng.integers(0, 5, 60),
            "a`b": rng.random(60),
            "{x!r}": rng.choice(['"""', "'''\n", "{0}"], 60),
            "<script>alert(1)</script>": rng.random(60).round(2),
            "def": rng.choice(["None", "x"], 60),
            "scans/image.png": rng.integers(0, 9, 60),
            "target": np.arange(60) % 2,
        }
    )
    write_csv(rows, folder / "train.csv")
    write_csv(rows.drop(columns="target").assign(id=range(60, 120)), folder / "test.csv")
    write_csv(pd.DataFrame({"id": range(60, 120), "target": 0}), folder / "sample_submission.csv")
    target = Target(name="target", kind="Integer(0, 1)", classes=("0", "1"))
    return drafted(folder, "train.csv", [target], test="test.csv", sample="sample_submission.csv")
