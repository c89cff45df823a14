"""Which table is what: the labelled one, the unlabelled one and the sample submission, by names, columns and ids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grading.wording import counted, listed, quoted
from mlebench._support.hints import near
from mlebench.errors import CannotDraft, UsageError
from mlebench.scaffold.draft.origin import Origin
from mlebench.scaffold.draft.proposal import Guess
from mlebench.scaffold.draft.tables import Table

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE = re.compile(r"sample|submi|random_?predict|example_?(sub|entry)", re.IGNORECASE)
_SUBMISSION = re.compile(r"submission", re.IGNORECASE)
_TEST = re.compile(r"(?<![a-z])(test|eval|predict|unlabell?ed|public|private|holdout)", re.IGNORECASE)
_TRAIN = re.compile(r"(?<![a-z])(train|labell?ed)", re.IGNORECASE)
_LABELS = re.compile(r"label|target|truth|annotation|class|solution", re.IGNORECASE)
MADE_ID = "row_id"
"""The id of rows that nothing else identifies: their number."""


@dataclass(frozen=True)
class Roles:
    """What each table is for.

    Attributes:
        train: the labelled table.
        test: the unlabelled table, if any.
        sample: the sample submission, if any.
        ids: the columns of `train` that identify a row, or `MADE_ID`.
        targets: the columns of `train` to predict.
        classes: the sample's columns of one class each, if `targets` is one column of labels; else empty.
        guesses: how this was found.
    """

    train: Table
    test: Table | None
    sample: Table | None
    ids: tuple[str, ...]
    targets: tuple[str, ...]
    classes: tuple[str, ...]
    guesses: tuple[Guess, ...]


def find_roles(tables: Sequence[Table], origin: Origin) -> Roles | None:
    """Find the roles of tables; None if there is no labelled table but the rest is clear, as with a folder for each class.

    Raises:
        CannotDraft: the tables do not show one of the roles, or contradict each other.
    """
    sample = _sample(tables, origin)
    if sample is None:
        return _without_sample(tables, origin)
    if not len(sample.cells):
        raise CannotDraft(
            f"{sample.shown} has no rows, so that nothing shows how a submission is formed; write the folder by hand"
        )
    rest = [table for table in tables if table is not sample]
    test, ids = _test(rest, sample)
    labelled = [table for table in rest if table is not test and not _shows_sample_rows(table, sample)]
    found = [roles for table in labelled if (roles := _labelled(table, test, sample, ids, origin))]
    if not found:
        _require_no_labels(labelled, sample)
        return None
    best = max(_likeness(roles) for roles in found)
    likely = [roles for roles in found if _likeness(roles) == best]
    if len(likely) > 1:
        shown = " and ".join(roles.train.shown for roles in likely[:2])
        raise CannotDraft(
            f"both {shown} could be the table of labelled rows; keep one of them in the folder of the raw data, or write "
            "prepare.py by hand"
        )
    return _checked(likely[0])


def _sample(tables: Sequence[Table], origin: Origin) -> Table | None:
    # data of one's own may be samples of anything
    called = _SUBMISSION if origin.source == "folder" else _SAMPLE
    named = [table for table in tables if called.search(table.name) and len(table.columns) > 1]
    ranked = sorted(named, key=lambda table: (-len(_SAMPLE.findall(table.name)), len(table.name)))
    if len(ranked) > 1 and set(ranked[0].columns) != set(ranked[1].columns):
        first, second = (len(_SAMPLE.findall(table.name)) for table in ranked[:2])
        if first == second:
            raise CannotDraft(
                f"both {ranked[0].shown} and {ranked[1].shown} could be the sample submission; keep one in the "
                "folder of the raw data"
            )
    return ranked[0] if ranked else None


def _test(tables: Sequence[Table], sample: Table) -> tuple[Table | None, tuple[str, ...]]:
    """The unlabelled table, and its columns with the sample's ids."""
    matched = [(table, ids) for table in tables if not _TRAIN.search(table.name) and (ids := _ids_of_sample(table, sample))]
    unlabelled = [(table, ids) for table, ids in matched if not {*sample.columns} - {*ids} <= {*table.columns} - {*ids}]
    unlabelled += [(table, ids) for table, ids in matched if (table, ids) not in unlabelled and not {*ids} <= {*sample.columns}]
    # of several tables about the test rows, the one that is called so has their features
    named = [pair for pair in unlabelled if _TEST.search(pair[0].name) and not _LABELS.search(pair[0].name)]
    if named or unlabelled:
        return max(named or unlabelled, key=lambda pair: len(pair[0].columns))
    own = [
        table for table in tables if _TEST.search(table.name) and not _TRAIN.search(table.name) and not _LABELS.search(table.name)
    ]
    for table in own:
        if sample.columns[0] in table.columns and {*sample.columns[1:]}.isdisjoint(table.columns):
            _require_all_ids(table, sample)
            return table, (sample.columns[0],)
        if _numbers_rows(sample, table):
            return table, (MADE_ID,)
    return None, ()


def _require_all_ids(table: Table, sample: Table) -> None:
    first = sample.columns[0]
    if unknown := len(_rows(sample, (first,)) - _rows(table, (first,))):
        raise CannotDraft(
            f"{counted(unknown, 'id')} of {sample.shown} {'is' if unknown == 1 else 'are'} not in `{first}` of "
            f"{table.shown}; remove the file that is of other data, or write prepare.py by hand if both belong together"
        )


def _numbers_rows(sample: Table, table: Table) -> bool:
    """Whether the sample's ids count the rows of a table, which has no ids itself."""
    ids = sample.cells.iloc[:, 0]
    if len(ids) != len(table.cells) or not ids.str.fullmatch(r"\d+").all():
        return False
    numbers = ids.astype(int)
    return int(numbers.iloc[0]) in (0, 1) and bool((numbers.diff().iloc[1:] == 1).all())


def _ids_of_sample(table: Table, sample: Table) -> tuple[str, ...]:
    """The columns of a table whose values are the sample's ids, all of them and no others; empty if there are none."""
    for width in (1, 2):
        shared = sample.columns[:width]
        if width < len(sample.columns) and {*shared} <= {*table.columns} and _are_ids(table, sample, shared):
            return shared
    shared = tuple(column for column in sample.columns if column in table.columns)
    if 0 < len(shared) < len(sample.columns) and _are_ids(table, sample, shared):
        return shared
    if len(table.cells) != len(sample.cells):
        return ()
    wanted = set(sample.cells.iloc[:, 0])
    for column in table.columns:
        if set(table.cells[column]) == wanted:
            return (column,)
    return _joined(table, sample)


def _joined(table: Table, sample: Table) -> tuple[str, ...]:
    """Two columns whose cells, joined, are the sample's ids."""
    first = table.cells.iloc[0] if len(table.cells) else None
    wanted = set(sample.cells.iloc[:, 0])
    for left in table.columns[:20]:
        for right in table.columns[:20]:
            if first is None or left == right:
                continue
            for joint in "_-":
                if (
                    f"{first[left]}{joint}{first[right]}" in wanted
                    and set(table.cells[left] + joint + table.cells[right]) == wanted
                ):
                    return left, right
    return ()


def _are_ids(table: Table, sample: Table, columns: Sequence[str]) -> bool:
    is_unique = not sample.cells[list(columns)].duplicated().any()
    return is_unique and _rows(table, columns) == _rows(sample, columns)


def _rows(table: Table, columns: Sequence[str]) -> set[Any]:
    if len(columns) == 1:
        return set(table.cells[columns[0]])
    return set(table.cells[list(columns)].itertuples(index=False, name=None))


def _shows_sample_rows(table: Table, sample: Table) -> bool:
    """Whether a table is about just the rows of the sample: then it has the labels of the test rows."""
    first = sample.columns[0]
    return not _TRAIN.search(table.name) and (first in table.columns and _rows(table, (first,)) == _rows(sample, (first,)))


def _labelled(table: Table, test: Table | None, sample: Table, test_ids: tuple[str, ...], origin: Origin) -> Roles | None:
    """The roles if `table` has the labels; None if it has none."""
    if test is None and _TEST.search(table.name) and not _TRAIN.search(table.name):
        return None
    is_known = test is not None and (test_ids == (MADE_ID,) or {*test_ids} <= {*table.columns})
    ids = test_ids if is_known else _ids_like_sample(table, sample)
    if not ids:
        return None
    # ids of several columns are several of the sample's, or joined in its first
    of_sample = (
        [column for column in sample.columns if column not in ids] if {*ids} <= {*sample.columns} else [*sample.columns[1:]]
    )
    shown = {*test.columns} if test is not None else set()
    hidden = [column for column in table.columns if column not in shown and column not in ids]
    named = {column.casefold(): column for column in hidden}
    where = "the sample submission"
    if all(column in hidden for column in of_sample):
        why = f"columns of {where} that {table.shown} has{'' if test is None else f' and {test.shown} lacks'}"
        return Roles(table, test, sample, ids, tuple(of_sample), (), _guesses(ids, why, table, test, sample))
    if len(of_sample) > 1 and (label := _label_of_classes(table, hidden, of_sample)):
        why = f"the values of `{label}` in {table.shown} are columns of {where}"
        return Roles(table, test, sample, ids, (label,), tuple(of_sample), _guesses(ids, why, table, test, sample))
    if len(of_sample) == 1:
        alike = named.get(of_sample[0].casefold())
        only = alike or (hidden[0] if len(hidden) == 1 and of_sample[0] not in shown else None)
        if only:
            reason = (
                "the same name in upper and lower case"
                if alike
                else f"the only column of {table.shown} besides ids and what the test rows show"
            )
            why = f"stands for `{of_sample[0]}` of {where}: {reason}"
            return Roles(table, test, sample, ids, (only,), (), _guesses(ids, why, table, test, sample))
    return None


def _guesses(ids: tuple[str, ...], why: str, train: Table, test: Table | None, sample: Table) -> tuple[Guess, ...]:
    matched = (
        f"the ids of {sample.shown} count the rows of {test.shown}, which has none"
        if test is not None and ids == (MADE_ID,)
        else f"its values in {test.shown} are those of the sample submission"
        if test is not None
        else f"{listed(ids)} of {train.shown} is what the first column of {sample.shown} is called"
    )
    return (Guess(what="id", why=matched), Guess(what="targets", why=why))


def _ids_like_sample(table: Table, sample: Table) -> tuple[str, ...]:
    """The column of a labelled table that is called as the sample's first one, or else the only one that is unique."""
    first = sample.columns[0]
    for width in range(1, len(sample.columns)):
        shared = sample.columns[:width]
        if {*shared} <= {*table.columns} and not sample.cells[list(shared)].duplicated().any():
            return shared
    if alike := [column for column in table.columns if column.casefold() == first.casefold()]:
        return (alike[0],)
    own = table.columns[0]
    if not table.cells[own].duplicated().any() and _shape(table.cells[own]) == _shape(sample.cells[first]):
        return (own,)
    return ()


def _shape(cells: pd.Series) -> set[str]:
    """How ids are formed: their pattern of letters and digits, and length."""
    return {re.sub(r"[0-9a-f]", "0", cell.lower()) for cell in cells.head(50)}


def _label_of_classes(table: Table, hidden: Sequence[str], classes: Sequence[str]) -> str | None:
    wanted = {*classes}
    for column in hidden:
        values = set(table.cells[column])
        if len(values) > 1 and values <= wanted and 2 * len(values) >= min(len(wanted), len(table.cells)):
            return column
    return None


def _likeness(roles: Roles) -> tuple[bool, bool]:
    named = bool(_TRAIN.search(roles.train.name))
    return named or bool(_LABELS.search(roles.train.name)), named


def _require_no_labels(tables: Sequence[Table], sample: Table) -> None:
    """Check that no table is called as if it had the labels, so that folders may have them.

    Raises:
        CannotDraft: saying what the table that should have them lacks.
    """
    of_train = [table for table in tables if _TRAIN.search(table.name)]
    if not of_train:
        return
    wanted = [column for column in sample.columns[1:] if all(column not in table.columns for table in of_train)]
    if not wanted:
        wanted = [*sample.columns[1:]]
        places = " and ".join(table.shown for table in of_train[:2])
        raise CannotDraft(
            f"{_few(wanted)} of {sample.shown} cannot be taken from {places}: the ids of both do not fit, or the "
            "test rows show "
            f"{'it' if len(wanted) == 1 else 'them'} too; write prepare.py and grade.py by hand"
        )
    verb, them = ("is not a column", "it") if len(wanted) == 1 else ("are not columns", "them")
    raise CannotDraft(
        f"{_few(wanted)} of {sample.shown} {verb} of {of_train[0].shown}, and no other column stands for {them}; "
        "write prepare.py by hand"
    )


def _few(columns: Sequence[str]) -> str:
    """The first few columns, and how many more there are."""
    return listed(columns[:3]) + (f" and {len(columns) - 3} more columns" if len(columns) > 3 else "")


def _checked(roles: Roles) -> Roles:
    ids = list(roles.ids)
    if roles.ids == (MADE_ID,) and MADE_ID not in roles.train.columns:
        return roles
    if missing := [column for column in ids if column not in roles.train.columns]:
        raise CannotDraft(
            f"{roles.train.shown} has no column {listed(missing)}, which identifies the rows of the sample submission"
        )
    repeated = int(roles.train.cells[ids].duplicated().sum())
    if repeated:
        raise CannotDraft(
            f"{listed(ids)} does not identify a row of {roles.train.shown}: {counted(repeated, 'row')} of "
            f"{len(roles.train.cells):,} {'repeats' if repeated == 1 else 'repeat'} an id; "
            "write prepare.py and grade.py by hand"
        )
    return roles


def _without_sample(tables: Sequence[Table], origin: Origin) -> Roles | None:
    if origin.target is None:
        if not tables:
            return None
        raise CannotDraft(
            f"none of the tables ({listed(table.path for table in tables)}) is a sample submission, so that "
            "nothing says which column to predict; name it with `--target COLUMN`"
        )
    having = [table for table in tables if origin.target in table.columns]
    if not having:
        if not tables:
            return None
        raise UsageError(f"--target: no table has the column {quoted(origin.target)}; {_instead(origin.target, tables)}")
    named = [table for table in having if _TRAIN.search(table.name)] or having
    if len(named) > 1:
        raise CannotDraft(f"both {named[0].shown} and {named[1].shown} have the column `{origin.target}`; keep one in the folder")
    table = named[0]
    ids = _unique_column(table, origin.target)
    if not ids and MADE_ID in table.columns:
        what = "is the target" if origin.target == MADE_ID else "has the same value in several rows"
        raise CannotDraft(
            f"rows without an id are numbered in a column `{MADE_ID}`, but `{MADE_ID}` of {table.shown} {what}; rename the column"
        )
    why = (
        f"the first column of {table.shown} whose values are all different and filled"
        if ids
        else f"no column of {table.shown} is unique{_nearly_unique(table, origin.target)}"
    )
    return Roles(
        table, None, None, ids or (MADE_ID,), (origin.target,), (),
        (Guess(what="id", why=why),),
    )  # fmt: skip


def _instead(target: str, tables: Sequence[Table]) -> str:
    """What may be meant by the name of a column that no table has."""
    known = list(dict.fromkeys(column for table in tables for column in table.columns))
    if alike := near(target, known, most=1):
        return f"did you mean {listed(alike)}?"
    return f"the columns of {tables[0].shown} are {listed(tables[0].columns)}"


def _nearly_unique(table: Table, target: str) -> str:
    """The first column that would identify the rows but for a few of them, to continue a sentence."""
    for column in table.columns:
        repeated = int(table.cells[column].duplicated().sum())
        if column != target and _are_like_ids(table.cells[column]) and repeated <= _FEW_REPEATED * len(table.cells):
            return f"; {listed([column])} is not, as it repeats a value in {counted(repeated, 'row')}"
    return ""


_FEW_REPEATED = 0.1
"""Share of the rows up to which a column of ids is one with mistakes."""


def _unique_column(table: Table, target: str) -> tuple[str, ...]:
    """The first column of distinct whole numbers or short texts; measured numbers and long texts identify nothing."""
    for column in table.columns:
        cells = table.cells[column]
        if column != target and _are_like_ids(cells) and not cells.duplicated().any():
            return (column,)
    return ()


def _are_like_ids(cells: pd.Series) -> bool:
    is_short = cells.str.fullmatch(r"[\w./:-]{1,80}").all()
    return bool(is_short and not cells.str.fullmatch(r"-?\d*\.\d+(e-?\d+)?").any())
