"""What the prepared data of a drafted competition consists of."""

from __future__ import annotations

from mlebench.scaffold.draft.proposal import Draft, Media
from mlebench.scaffold.draft.roles import MADE_ID

SAMPLE = "sample_submission.csv"


def public_entries(draft: Draft) -> tuple[str, ...]:
    """Every file and folder directly below `public/`, in name order; a folder ends with a slash.

    The labelled rows are in `train.csv`, except where a folder for each class says all there is to say of a file.
    """
    tables = {SAMPLE, "test.csv", "train.csv"}
    return tuple(sorted(tables | {f"{folder}/" for folder in media_folders(draft.media)} | set(draft.copied)))


def media_folders(media: Media | None) -> tuple[str, ...]:
    """The folders below `public/` with the files of the rows: one, or one for either part."""
    if media is None:
        return ()
    return (shared_folder(media).split("/")[0],) if is_shared(media) else ("train", "test")


def is_shared(media: Media) -> bool:
    """Whether the files of both parts are in one folder: they were, or the cells that name them say so."""
    if media.prefix:
        return True
    return media.test is None and media.column is not None and "train" not in (media.inside or media.train).casefold()


def shared_folder(media: Media) -> str:
    """The folder with the files of both parts, below `public/`."""
    if media.prefix:
        return media.prefix.rstrip("/")
    name = (media.inside or media.train).rstrip("/").rpartition("/")[2]
    return name.partition(".")[0] or "files"


def test_columns(draft: Draft) -> tuple[str, ...]:
    """The columns of `test.csv`, in the order of the labelled table."""
    targets = {target.name for target in draft.targets}
    shown = draft.train.columns if draft.test is None else draft.test.columns
    kept = [column for column in all_columns(draft) if column not in targets]
    return tuple(column for column in kept if column in shown or column in draft.ids)


def all_columns(draft: Draft) -> tuple[str, ...]:
    """The columns of `train.csv`: those of the labelled table, behind the number of the row if that is its id."""
    made = (MADE_ID,) if draft.ids == (MADE_ID,) and MADE_ID not in draft.train.columns else ()
    return (*made, *draft.train.columns)


def submitted_columns(draft: Draft) -> tuple[str, ...]:
    """The columns of a submission besides the ids."""
    if draft.form == "class probabilities":
        return draft.targets[0].classes
    return tuple(target.name for target in draft.targets)
