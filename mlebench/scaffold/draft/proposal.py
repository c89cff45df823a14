"""What was worked out about a competition, each guess with its reason; what the files of its folder are written from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grading.metric_names import NamedMetric
from mlebench.scaffold.draft.bond import Bond
from mlebench.scaffold.draft.origin import Origin

Form = Literal["columns", "class probabilities"]
"""How a submission holds the targets: in the columns of the labelled table, or in one column per class of its label column."""


@dataclass(frozen=True, kw_only=True)
class RawTable:
    """A table of the raw data.

    Attributes:
        path: the file, below the raw folder (`train.csv`, `train.csv.zip`, `tables/train.parquet`).
        member: the table's name in that archive, if it is one.
        columns: its columns, in order.
        rows: its number of rows.
    """

    path: str
    columns: tuple[str, ...]
    rows: int
    member: str | None = None


@dataclass(frozen=True, kw_only=True)
class Target:
    """A column to predict, as the labelled table holds it.

    Attributes:
        name: the column.
        kind: the column's kind as an expression of `grading`, such as `Integer(0, 4)` or `Label(CLASSES)`.
        classes: its classes in the order of the sample's columns or else sorted, as text; empty for numbers and free text. Of
            two words that the metric needs as 0 and 1, the one for 0 comes first.
        separator: what divides several labels in one cell of the raw data, where it is not a blank, which the metric needs.
    """

    name: str
    kind: str
    classes: tuple[str, ...] = ()
    separator: str | None = None


@dataclass(frozen=True, kw_only=True)
class Media:
    """Files that rows name: images, sounds and others.

    Attributes:
        kind: `image`, `audio` or `other`.
        column: the column that names a row's file; None if a folder per class says what a file is.
        name: the file's name, with `{}` for the cell: `{}` or `{}.jpg` or `{}/scan.png`.
        train: the folder or archive with the labelled rows' files, below the raw folder (`train/`, `train.zip`, `images/`).
        test: the same for the unlabelled rows; None if they are in `train`, too, or there are none.
        inside: the folder within an archive (`train/`), or empty.
        nested: whether the files are in further folders below `train`, in which each name occurs once.
        prefix: what each cell begins with before the name of a file below `train`, such as `images/`, or empty.
    """

    kind: Literal["image", "audio", "other"]
    column: str | None
    name: str
    train: str
    test: str | None
    inside: str = ""
    nested: bool = False
    prefix: str = ""


@dataclass(frozen=True, kw_only=True)
class Guess:
    """Something that was worked out rather than stated.

    Attributes:
        what: a key that names the line it decides: `id`, `targets`, `metric`, `test_size`, `groups`, `media`, ….
        why: one sentence with figures.
    """

    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A competition, worked out.

    Attributes:
        origin: where the data comes from.
        train: the labelled table.
        test: the unlabelled table, if any.
        sample: the sample submission, if any.
        ids: the columns that identify a row.
        targets: the columns to predict.
        form: how a submission holds them.
        metric: the metric.
        modality: as `competition.yaml` says it.
        task: as `competition.yaml` says it.
        test_size: the share of the labelled rows that becomes the test set, 0 to 1.
        stratify: the column whose shares both parts keep, if any.
        bonds: rows that stay together.
        media: files that rows name, if any.
        copied: files and folders of the raw data that go to public unchanged.
        left_out: files of the raw data that go nowhere, each with the reason.
        guesses: what was worked out, and why.
        raw: the folder with the raw data.
    """

    origin: Origin
    train: RawTable
    test: RawTable | None
    sample: RawTable | None
    ids: tuple[str, ...]
    targets: tuple[Target, ...]
    form: Form
    metric: NamedMetric
    modality: str
    task: str
    test_size: float
    stratify: str | None = None
    bonds: tuple[Bond, ...] = ()
    media: Media | None = None
    copied: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    guesses: tuple[Guess, ...] = ()
    raw: Path = Path()
