"""Raw files that no role was found for: which of them may be public."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mlebench.errors import CannotDraft
from mlebench.scaffold.draft.listing import Listing
from mlebench.scaffold.draft.proposal import Media
from mlebench.scaffold.draft.roles import Roles
from mlebench.scaffold.draft.tables import Table

_MOST_READ = 50_000_000
"""Bytes up to which a file is looked through for ids."""
_DOCUMENTS = (".txt", ".md", ".rtf", ".pdf", ".html", ".docx")
_TEST = re.compile(r"(?<![a-z])test", re.IGNORECASE)
_TRAIN = re.compile(r"(?<![a-z])train", re.IGNORECASE)
_WRITTEN = ("train.csv", "test.csv", "sample_submission.csv", "description.md")
"""What `prepare` writes under these names itself."""


def sort_extras(
    listing: Listing, tables: Sequence[Table], roles: Roles, media: Media | None, others: Sequence[str]
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """What goes to public unchanged, and what goes nowhere with the reason.

    A file goes to public only if it is seen to hold nothing about single labelled rows.
    """
    used = {table.path for table in (roles.train, roles.test, roles.sample) if table is not None}
    if media is not None:
        used |= {_top(media.train), _top(media.test or media.train)}
    copied: list[str] = []
    left_out: list[tuple[str, str]] = [(path, "the unlabelled rows are not used") for path in _unlabelled(roles, media)]
    known = {path for path, _ in left_out}
    for path in listing.top():
        if path in known or any(name == path or (path.endswith("/") and name.startswith(path)) for name in used):
            continue
        if reason := _reason(path, listing, tables, roles, others):
            left_out.append((path, reason))
        else:
            copied.append(path)
    return tuple(copied), tuple(left_out)


def require_one_table(tables: Sequence[Table], roles: Roles) -> None:
    """Check that no further tables describe labelled and unlabelled rows, in a way that no column of ids shows.

    Raises:
        CannotDraft: there are some.
    """
    used = {table.name for table in (roles.train, roles.test, roles.sample) if table is not None}
    names = {table.name: table for table in tables if table.name not in used}
    for name, table in names.items():
        twin = names.get(_TRAIN.sub("test", name))
        if _TRAIN.search(name) and twin is not None:
            raise CannotDraft(
                f"{table.shown} and {twin.shown} describe rows besides {roles.train.shown}, and nothing says how "
                "they belong together; "
                "join them into one table, or write prepare.py by hand"
            )


def _unlabelled(roles: Roles, media: Media | None) -> Iterator[str]:
    if roles.test is not None and roles.test.path != roles.train.path:
        yield roles.test.path
    if media is not None and media.test is not None and _top(media.test) != _top(media.train):
        yield _top(media.test)


def _top(path: str) -> str:
    return path.split("/")[0] + ("/" if "/" in path else "")


def _reason(path: str, listing: Listing, tables: Sequence[Table], roles: Roles, others: Sequence[str]) -> str | None:
    """Why a file or folder stays out of public; None if nothing speaks against it."""
    if any(other == path or other.startswith(path) for other in others):
        return "it has other files of the same rows"
    if _TEST.search(path):
        return "it is about the unlabelled rows, which are not used"
    if _TRAIN.search(path) and not path.endswith("/") and path not in listing.members:
        return "it is about labelled rows, so that it may reveal labels"
    if path in _WRITTEN:
        return "the prepared data has another file of this name"
    if path.endswith("/"):
        return "nothing says what its files are about; link them in prepare.py if they reveal no label"
    if path in listing.members:
        return "nothing says what its files are about; link it in prepare.py if they reveal no label"
    for table in tables:
        if table.path == path:
            return _reason_of_table(table, roles)
    size = (listing.raw / path).stat().st_size
    if size > _MOST_READ:
        return "it is too large to be looked through for labels"
    if not path.lower().endswith((*_DOCUMENTS, ".json", ".csv", ".tsv")):
        return "nothing says what it is about; link it in prepare.py if it reveals no label"
    return _reason_of_text(path, listing, roles)


def _reason_of_table(table: Table, roles: Roles) -> str | None:
    if shared := [target for target in roles.targets if target in table.columns and target not in roles.ids]:
        return f"its column {shared[0]!r} is to be predicted"
    if table.member is not None:
        return "nothing says what it is about; link it in prepare.py if it reveals no label"
    ids = {value for column in roles.ids if column in roles.train.columns for value in roles.train.cells[column]}
    test = roles.test or roles.sample
    unlabelled = set(test.cells.iloc[:, 0]) if test is not None and roles.test is None else set()
    if roles.test is not None:
        unlabelled = {value for column in roles.ids if column in roles.test.columns for value in roles.test.cells[column]}
    for column in table.columns:
        values = set(table.cells[column])
        # numbers that count rows occur in any table
        is_id = column in roles.ids or _identify(ids)
        if is_id and len(values & ids) > 0.5 * min(len(ids), len(values)) and not (unlabelled and unlabelled <= values):
            return f"its column {column!r} names labelled rows and not the others, so that it may reveal labels"
    return None


def _identify(ids: set[str]) -> bool:
    return any(len(value) > 4 for value in ids)


def _reason_of_text(path: str, listing: Listing, roles: Roles) -> str | None:
    content = (listing.raw / path).read_bytes().decode("utf-8", "replace")
    ids = [value for column in roles.ids if column in roles.train.columns for value in roles.train.cells[column].head(200)]
    named = [value for value in ids if len(value) > 4 and value in content]
    return "it names labelled rows, so that it may reveal labels" if named else None
