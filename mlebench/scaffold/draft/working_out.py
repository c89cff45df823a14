"""Works out a competition from raw data and from what is known of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from grading.wording import counted, listed
from mlebench.errors import CannotDraft
from mlebench.scaffold.draft.bond import Bond
from mlebench.scaffold.draft.columns import Scoring, find_scoring
from mlebench.scaffold.draft.extras import require_one_table, sort_extras
from mlebench.scaffold.draft.layout import SAMPLE, public_entries
from mlebench.scaffold.draft.listing import Listing, list_raw
from mlebench.scaffold.draft.media import ClassFolders, Found, find_class_folders, find_media
from mlebench.scaffold.draft.origin import Origin
from mlebench.scaffold.draft.proposal import Draft, Guess, Media
from mlebench.scaffold.draft.roles import Roles, find_roles
from mlebench.scaffold.draft.tables import Table, read_tables, unread_tables

if TYPE_CHECKING:
    import pandas as pd

LEAST_TEST, MOST_TEST = 0.1, 0.3
"""Bounds of the test share: a smaller test set ranks by chance, a larger one takes too much to learn from."""
USUAL_TEST = 0.2
_FEWEST_ROWS = 20
_OF_CLASSES = ("labels", "probabilities", "class probabilities", "ranked labels")
_MOST_STRATA = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LONG_TEXT = 40
"""Characters of an average cell from which a column is text to be read."""


def draft(raw: Path, origin: Origin) -> Draft:
    """Work out ids, targets, files, metric and split of a competition.

    Args:
        raw: the folder with the raw data as downloaded and unpacked; archives may be in it. It is only read.
        origin: what is known of the competition.

    Raises:
        CannotDraft: saying in one sentence what the data does not show.
        RawDataFault: raw data is damaged.
    """
    listing = list_raw(raw)
    tables = read_tables(listing)
    roles = find_roles(tables, origin)
    found: Found | None
    if roles is None:
        sample = next((table for table in tables if "sample" in table.name.casefold()), None)
        folders = find_class_folders(listing, None if sample is None else sample.cells, _lack(listing, tables, sample, origin))
        roles = _roles_of_folders(folders, sample, raw, origin)
        found = _found_in_folders(folders, roles.train.cells.iloc[:, 0])
    else:
        found = find_media(listing, roles)
    if len(roles.train.cells) < _FEWEST_ROWS:
        raise CannotDraft(
            f"{roles.train.shown} has {counted(len(roles.train.cells), 'row')}, too few to hold some out; at least 20 are needed"
        )
    scoring = find_scoring(roles, origin)
    media = None if found is None else found.media
    require_one_table(tables, roles)
    if origin.source == "folder":
        _require_plain_names(roles)
    _require_features(roles, media)
    copied, left_out = sort_extras(listing, tables, roles, media, () if found is None else found.others)
    size, why_size = _test_size(roles)
    bonds = _bonds(raw, roles, media)
    stratify, why_strata = _strata(roles, scoring, bonds)
    guesses = [*roles.guesses, *scoring.guesses, Guess(what="test_size", why=why_size)]
    guesses += [Guess(what="media", why=found.why)] if found else []
    guesses += [Guess(what="groups" if bond.kind != "time" else "time", why=bond.why) for bond in bonds]
    guesses += [Guess(what="stratify", why=why_strata)] if stratify else []
    worked_out = Draft(
        origin=origin,
        train=roles.train.facts(),
        test=None if roles.test is None else roles.test.facts(),
        sample=None if roles.sample is None else roles.sample.facts(),
        ids=roles.ids,
        targets=scoring.targets,
        form=scoring.form,
        metric=scoring.metric,
        modality=_modality(roles, media),
        task=_task(scoring),
        test_size=size,
        stratify=stratify,
        bonds=bonds,
        media=media,
        copied=copied,
        left_out=left_out,
        guesses=tuple(guesses),
        raw=raw,
    )
    return _without_collisions(worked_out)


def _lack(listing: Listing, tables: Sequence[Table], sample: Table | None, origin: Origin) -> str:
    """Why no table has the labels, as a clause.

    Raises:
        CannotDraft: the only tables are those that cannot be read.
    """
    unread = unread_tables(listing)
    if unread and not tables and origin.source == "folder":
        raise CannotDraft(unread[0] if "; " in unread[0] else f"{unread[0]}; correct the file")
    because = f" ({unread[0]}{f'; and {len(unread) - 1:,} more' if len(unread) > 1 else ''})" if unread else ""
    if sample is not None:
        return f"no table has both the ids and the targets ({listed(sample.columns[1:])}) of {sample.shown}{because}"
    if tables:
        return f"no table has the labels{because}"
    return f"there is no table{because}" if unread else "there is no csv, tsv, parquet or JSON table (links are not followed)"


def _roles_of_folders(folders: ClassFolders, sample: Table | None, raw: Path, origin: Origin) -> Roles:
    import pandas as pd

    names = sample.columns if sample is not None and len(sample.columns) == 2 else ("file", origin.target or "label")
    if names[0] == names[1]:
        raise CannotDraft(f"the target cannot be called `{names[0]}` like the files' names; choose another name for `--target`")
    wide = sample.columns[1:] if sample is not None and len(sample.columns) > 2 else ()
    cells = pd.DataFrame(list(folders.files), columns=list(names)).sort_values(names[0], kind="stable", ignore_index=True)
    if wide and not set(cells[names[1]]) <= {*wide}:
        raise CannotDraft(
            f"the folders in `{folders.tree.source}` are not named like the columns of {sample.shown if sample else ''}"
        )
    if sample is not None:
        cells = _named_like(sample, cells, names[0])
        names = (sample.columns[0], names[1])
        cells = cells.set_axis(list(names), axis=1)
    table = Table(raw, folders.tree.source, None, cells)
    table.hold(cells)
    why = f"`{folders.tree.source}{folders.tree.inside}` has a folder of files for each of {cells[names[1]].nunique():,} classes"
    guesses = (Guess(what="id", why="the name of a row's file"), Guess(what="targets", why=why))
    return Roles(table, None, sample, (names[0],), (names[1],), tuple(wide), guesses)


def _named_like(sample: Table, cells: pd.DataFrame, column: str) -> pd.DataFrame:
    """The names of files, without their ending if the sample's ids have none."""
    endings = cells[column].str.extract(r"(\.\w+)$")[0].unique()
    if len(endings) == 1 and not sample.cells.iloc[:, 0].str.endswith(endings[0]).any():
        return cells.assign(**{column: cells[column].str.removesuffix(endings[0])})
    return cells


def _found_in_folders(folders: ClassFolders, cells: pd.Series) -> Found:
    test = None if folders.test is None else folders.test.source
    ending = "" if "." in str(cells.iloc[0]) else PurePosixPath(folders.files[0][0]).suffix
    media = Media(
        kind=folders.kind,
        column=None,
        name=f"{{}}{ending}",
        train=folders.tree.source,
        inside=folders.tree.inside,
        test=test,
        nested=True,
    )
    return Found(media, f"`{folders.tree.source}{folders.tree.inside}` has the files of one class in each of its folders", ())


def _require_plain_names(roles: Roles) -> None:
    """Check that a task text can mention each column of data that its owner can correct."""
    for table in (roles.train, roles.test, roles.sample):
        odd = [name for name in (table.columns if table else ()) if _CONTROL.search(name)]
        if table and odd:
            raise CannotDraft(
                f"the name of a column of {table.shown} has a line break or another control character ({listed(odd)}); rename it"
            )


def _require_features(roles: Roles, media: Media | None) -> None:
    """Check that something is known of the rows to predict."""
    own = (*roles.ids, *roles.targets)
    cells = roles.train.cells
    # an id of long texts says something itself
    known = [column for column in roles.ids if column in cells and cells[column].str.len().mean() >= _LONG_TEXT]
    features = [column for column in roles.train.columns if column not in own]
    if roles.test is not None:
        lacking = [column for column in roles.test.columns if column not in (*own, *features)]
        features = [column for column in features if column in roles.test.columns]
        if len(lacking) > len(features) + len(known):
            raise CannotDraft(
                f"{roles.test.shown} has columns ({listed(lacking[:3])}) that {roles.train.shown} lacks; join the "
                "labelled rows and their "
                "columns into one table"
            )
    if not features and not known and media is None:
        raise CannotDraft(
            f"{roles.train.shown} has nothing but ids and targets, and no file belongs to a row of it; write prepare.py by hand"
        )


def _test_size(roles: Roles) -> tuple[float, str]:
    unlabelled, labelled = roles.test or roles.sample, len(roles.train.cells)
    if unlabelled is None:
        return USUAL_TEST, f"the usual share; there are {counted(labelled, 'labelled row')} and no others"
    count = len(unlabelled.cells)
    share = count / (count + labelled)
    size = round(min(max(share, LEAST_TEST), MOST_TEST), 2)
    bounded = "" if round(share, 2) == size else f", kept within {LEAST_TEST} and {MOST_TEST}"
    return size, f"{count:,} of {count + labelled:,} rows had no label where the data comes from, {share:.0%}{bounded}"


def _bonds(raw: Path, roles: Roles, media: Media | None) -> tuple[Bond, ...]:
    from mlebench.scaffold.draft.bonds import find_bonds

    test = None if roles.test is None else roles.test.cells
    return tuple(
        find_bonds(roles.train.cells, test, ids=roles.ids, targets=roles.targets, files=_files_of_rows(raw, roles, media))
    )


def _files_of_rows(raw: Path, roles: Roles, media: Media | None) -> list[Path] | None:
    """The file of each row, where they are plain files."""
    if media is None or media.column is None or not media.train.endswith("/") or media.name.endswith("/"):
        return None
    names = [media.name.replace("{}", cell, 1) for cell in roles.train.cells[media.column]]
    if not media.nested:
        return [raw / media.train / name for name in names]
    places = {path.name: path for path in (raw / media.train).rglob("*")}
    return [places[name] for name in names]


def _strata(roles: Roles, scoring: Scoring, bonds: Sequence[Bond]) -> tuple[str | None, str]:
    """The column of classes whose shares both parts keep."""
    is_time = any(bond.kind == "time" for bond in bonds)
    # a correlation is undefined for a column that is constant in one part, as ratings of a few values may be
    is_rating = scoring.metric.module == "correlation" and len(roles.targets) > 1
    if is_time or (scoring.metric.submits not in _OF_CLASSES and not is_rating):
        return None, ""
    shares = {name: roles.train.cells[name].value_counts() for name in roles.targets}
    shares = {name: counts for name, counts in shares.items() if 2 <= len(counts) <= _MOST_STRATA}
    if not shares:
        return None, ""
    # of several labels the rarest is the first to be missing from one part
    name = (
        max(shares, key=lambda name: int(shares[name].max()))
        if is_rating
        else min(shares, key=lambda name: int(shares[name].min()))
    )
    least = int(shares[name].min())
    of_all = (
        "" if len(scoring.targets) == 1 else f"; of {len(scoring.targets)} targets it is the likeliest to be constant in one part"
    )
    return name, f"`{name}` has {len(shares[name])} classes, the smallest with {counted(least, 'row')}{of_all}"


def _modality(roles: Roles, media: Media | None) -> str:
    if media is not None and media.kind in ("image", "audio"):
        return media.kind
    if media is not None:
        return "multimodal"
    features = [column for column in roles.train.columns if column not in (*roles.ids, *roles.targets)]
    lengths = [float(roles.train.cells[column].str.len().mean()) for column in features]
    return "text" if lengths and max(lengths) >= _LONG_TEXT and len(features) <= 12 else "tabular"


def _task(scoring: Scoring) -> str:
    number = len(scoring.targets)
    names: dict[str, Any] = {
        "numbers": "regression" if number == 1 else f"regression of {number} targets",
        "label sets": "multi-label classification",
        "ranked labels": "ranking of labels",
        "texts": "prediction of text",
    }
    if scoring.metric.submits in names:
        return str(names[scoring.metric.submits])
    if scoring.metric.submits == "probabilities" and number > 1:
        return "multi-label classification"
    if scoring.metric.submits == "class probabilities" or len(scoring.targets[0].classes) > 2:
        return "multi-class classification"
    return "binary classification"


def _without_collisions(worked_out: Draft) -> Draft:
    entries = public_entries(worked_out)
    taken = [name for name in worked_out.copied if f"{name}/" in entries]
    if taken or {SAMPLE, "train.csv", "test.csv"} & {*worked_out.copied}:
        raise CannotDraft(f"{listed(taken)} would be there twice in the prepared data; rename it in the folder of the raw data")
    return worked_out
