"""Files that rows name, or that lie in one folder for each class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple

from grading.wording import counted, listed
from mlebench.errors import CannotDraft
from mlebench.scaffold.draft.listing import Listing, Tree, trees
from mlebench.scaffold.draft.proposal import Media
from mlebench.scaffold.draft.roles import MADE_ID, Roles

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["image", "audio", "other"]

IMAGES = frozenset((".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".dcm", ".dicom"))
SOUNDS = frozenset((".wav", ".flac", ".mp3", ".ogg", ".m4a", ".aif", ".aiff"))
_TEST = re.compile(r"(?<![a-z])test", re.IGNORECASE)
_FEW = 0.5
"""A smaller share of rows with files is chance, or about other rows."""
_MOST_COLUMNS = 40


@dataclass(frozen=True)
class Found:
    """Media with its reason, and what else holds files of the same rows."""

    media: Media
    why: str
    others: tuple[str, ...]


class _Match(NamedTuple):
    tree: Tree
    column: str
    name: str
    nested: bool
    rows: int
    """Labelled rows with a file."""
    kind: Kind
    prefix: str = ""


def find_media(listing: Listing, roles: Roles) -> Found | None:
    """Find the files of rows, named by a column with or without ending and folder, or in a folder named so; None without any.

    Raises:
        CannotDraft: some rows have files and others do not.
    """
    matches = [match for tree in trees(listing) for match in _matches(tree, roles)]
    if not matches:
        return None
    best = max(matches, key=lambda match: _rank(match, roles))
    total = len(roles.train.cells)
    if best.rows < total:
        if best.kind == "other":
            return None
        raise CannotDraft(
            f"{counted(total - best.rows, 'row')} of {total:,} of {roles.train.shown} have no file in "
            f"`{best.tree.source}` that "
            f"`{best.column}` names; download the missing files again, or remove these rows"
        )
    for column in dict.fromkeys(match.column for match in matches):
        _require_no_labels_in_names(column, roles)
    test = _test_tree(best, matches, listing, roles)
    media = Media(
        kind=best.kind, column=best.column, name=best.name, train=best.tree.source, inside=best.tree.inside, nested=best.nested,
        prefix=best.prefix, test=None if test is None else test.source,
    )  # fmt: skip
    where = f"{best.tree.source}{best.tree.inside}"
    why = f"`{best.column}` of all {counted(total, 'row')} of {roles.train.shown} names a file in `{where}`"
    used = {best.tree.source, test.source if test else ""}
    return Found(media, why, tuple(dict.fromkeys(match.tree.source for match in matches if match.tree.source not in used)))


def _require_no_labels_in_names(column: str, roles: Roles) -> None:
    if roles.test is not None and column not in roles.test.columns:
        # the test rows do not show it
        return
    cells = roles.train.cells[column].str.split("/")
    for target in roles.targets:
        labels = roles.train.cells[target]
        told = sum(label in parts[:-1] for label, parts in zip(labels, cells, strict=True))
        if labels.nunique() > 1 and told > _FEW * len(cells):
            raise CannotDraft(
                f"`{column}` of {roles.train.shown} has the value of `{target}` as a folder in {counted(told, 'row')} of "
                f"{len(cells):,}, which would reveal it for the test rows; name the files otherwise"
            )


class ClassFolders(NamedTuple):
    """Labelled files in a folder for each class, and no table of them."""

    tree: Tree
    test: Tree | None
    kind: Kind
    files: tuple[tuple[str, str], ...]
    """Name and class of each file."""


def find_class_folders(listing: Listing, sample: pd.DataFrame | None, lack: str) -> ClassFolders:
    """Find folders named after classes.

    Args:
        listing: the raw data.
        sample: the sample submission, if any.
        lack: a clause on why no table has the labels.

    Raises:
        CannotDraft: there are none, or several.
    """
    found = []
    for tree in trees(listing):
        labelled = [(PurePosixPath(file).name, file.split("/")[0]) for file in tree.files if file.count("/") == 1]
        kinds = Counter(kind_of(name) for name, _ in labelled)
        is_media = len(labelled) == len(tree.files) and kinds["other"] == 0 and bool(labelled)
        if is_media and len({label for _, label in labelled}) > 1 and not _TEST.search(tree.name):
            found.append((tree, labelled, kinds.most_common(1)[0][0]))
    if sample is not None:
        ids = set(sample.iloc[:, 0])
        # those of the unlabelled rows may be in folders, too
        found = [entry for entry in found if not ids & {name for name, _ in entry[1]}]
    found = [entry for entry in found if _has_all(entry[0], listing)]
    if len(found) != 1:
        what = lack if not found else f"several folders ({listed(tree.name for tree, _, _ in found)}) could have them"
        raise CannotDraft(f"{what}, and no single folder has a subfolder of files for each class; write prepare.py by hand")
    tree, labelled, kind = found[0]
    if repeated := len(labelled) - len({name for name, _ in labelled}):
        raise CannotDraft(
            f"{counted(repeated, 'file')} in the class folders of `{tree.source}` repeat a name, so that names "
            "identify no row; rename them"
        )
    return ClassFolders(tree, _test_of_classes(listing, sample), kind, tuple(labelled))


def _has_all(tree: Tree, listing: Listing) -> bool:
    """Whether all images and sounds are in a tree, besides those for the test rows: part of them would lack classes."""
    own = {f"{tree.source}{tree.inside}{file}" for file in tree.files}
    outside = [file for file in listing.loose() if file not in own]
    for archive, members in listing.members.items():
        outside += [f"{archive}/{name}" for name in members if f"{archive}{name}" not in own]
    return not any(kind_of(file) != "other" and not _TEST.search(file.rpartition("/")[0]) for file in outside)


def kind_of(name: str) -> Kind:
    """The kind of a file by the ending of its name."""
    ending = PurePosixPath(name).suffix.lower()
    return "image" if ending in IMAGES else "audio" if ending in SOUNDS else "other"


def _test_of_classes(listing: Listing, sample: pd.DataFrame | None) -> Tree | None:
    if sample is None:
        return None
    first = str(sample.iloc[0, 0])
    holding = [tree for tree in trees(listing) if any(first in (name, PurePosixPath(name).stem) for name in tree.files)]
    return min(holding, key=lambda tree: len(tree.files), default=None)


def _matches(tree: Tree, roles: Roles) -> Iterator[_Match]:
    if len(tree.files) < 2 or (not tree.inside and tree.source.endswith("/") is False and len(tree.files) < 2):
        return
    names = {way: Counter(map(key, tree.files)) for way, key in _WAYS.items()}
    for column in _likely_columns(roles):
        cells = roles.train.cells[column]
        prefix = _prefix(cells, tree)
        cells = cells.str.removeprefix(prefix)
        for way, counts in names.items():
            rows = int(cells.isin(set(counts)).sum())
            if rows <= _FEW * len(cells):
                continue
            match = _match(tree, column, way, counts, cells, rows)
            if match is not None:
                yield match._replace(prefix=prefix)


def _prefix(cells: pd.Series, tree: Tree) -> str:
    """The folder that all cells begin with, if it is the tree's: `images/` of `images/0001.jpg`."""
    for folder in dict.fromkeys((tree.source + tree.inside, tree.inside, f"{tree.name}/")):
        if folder.endswith("/") and cells.str.startswith(folder).all():
            return folder
    return ""


_WAYS: Mapping[str, Callable[[str], str]] = {
    "path": lambda file: file,
    "path without ending": lambda file: _without_ending(file),
    "name": lambda file: PurePosixPath(file).name,
    "name without ending": lambda file: _without_ending(PurePosixPath(file).name),
    "folder": lambda file: file.split("/")[0] if "/" in file else "",
}


def _without_ending(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return stem if dot and len(ending) <= 7 and "/" not in ending else name


def _likely_columns(roles: Roles) -> list[str]:
    table = roles.train
    others = [column for column in table.columns if column not in (*roles.ids, *roles.targets)]
    return [column for column in (*roles.ids, *others)[:_MOST_COLUMNS] if column != MADE_ID]


def _match(tree: Tree, column: str, way: str, counts: Counter[str], cells: pd.Series, rows: int) -> _Match | None:
    wanted = set(cells)
    files = [file for file in tree.files if _WAYS[way](file) in wanted]
    kind = Counter(map(kind_of, files)).most_common(1)[0][0]
    if way == "folder":
        return _Match(tree, column, _name_in_folder(files), False, rows, kind)
    if any(counts[name] > 1 for name in wanted):
        return None
    endings = {file[len(_without_ending(file)) :] for file in files}
    if "without" in way and len(endings) > 1:
        return None
    nested = way.startswith("name") and any("/" in file for file in files)
    if way.startswith("name") and not nested:
        # the same as its path
        return None
    return _Match(tree, column, "{}" + (endings.pop() if "without" in way else ""), nested, rows, kind)


def _name_in_folder(files: Sequence[str]) -> str:
    """`{}/scan.png` if the only file of each folder is called so; else `{}/`."""
    within = {file.partition("/")[2] for file in files}
    folders = {file.split("/")[0] for file in files}
    return f"{{}}/{within.pop()}" if len(within) == 1 and len(files) == len(folders) else "{}/"


def _rank(match: _Match, roles: Roles) -> tuple[object, ...]:
    return (
        match.rows,
        {"image": 2, "audio": 1, "other": 0}[match.kind],
        match.column in roles.ids,
        not match.name.endswith((".dcm", ".dicom")),
        not match.nested,
        "train" in match.tree.name.casefold(),
        bool(match.tree.inside) or match.tree.source.count("/"),
        -len(match.tree.files),
    )


def _test_tree(best: _Match, matches: Sequence[_Match], listing: Listing, roles: Roles) -> Tree | None:
    """Where the files of the unlabelled rows are, if not among the labelled ones."""
    table = roles.test or roles.sample
    if table is None or best.column not in table.columns:
        return None
    wanted = set(table.cells[best.column].str.removeprefix(best.prefix))
    key = next(key for way, key in _WAYS.items() if _is_way(way, best))
    if wanted <= set(map(key, best.tree.files)):
        return None
    whole = [tree for tree in trees(listing) if wanted <= set(map(key, tree.files))]
    return min(whole, key=lambda tree: (kind_of(tree.files[0]) != best.kind, len(tree.files), -len(tree.source)), default=None)


def _is_way(way: str, match: _Match) -> bool:
    if match.name.startswith("{}/"):
        return way == "folder"
    return way == ("name" if match.nested else "path") + ("" if match.name == "{}" else " without ending")
