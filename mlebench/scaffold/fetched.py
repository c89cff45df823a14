"""Gets a competition from Kaggle: what is said about it there, its whole leaderboard, and its data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from grading.wording import counted
from mlebench._support.folders import free_space
from mlebench._support.quantities import show_size
from mlebench._support.steps import Listener, Step, ignore
from mlebench.errors import NotOnKaggle, RulesNotAccepted, WorkFailed
from mlebench.scaffold.draft.origin import Origin

if TYPE_CHECKING:
    from mlebench.kaggle.client import KaggleService
    from mlebench.kaggle.leaderboards import BoardRow
    from mlebench.kaggle.listing import Listing
    from mlebench.kaggle.patience import Patience
    from mlebench.kaggle.transfer import Transfer

Tell = Callable[[str], None]

_MOST_FILES = 20_000
"""Files whose sizes are asked for, two hundred a request."""


class _Size(NamedTuple):
    """Bytes of a competition's data; None where Kaggle does not report them."""

    packed: int | None
    unpacked: int | None


def fetch_origin(
    slug: str,
    raw: Path,
    *,
    target: str | None = None,
    metric: str | None = None,
    transfer: Transfer | None = None,
    listener: Listener = ignore,
    tell: Tell = lambda line: None,
) -> Origin:
    """Get facts, pages and leaderboard of a competition, and download its data to `raw` unless it is there already.

    Whatever stands in the way of the download is found before it begins. An interrupted call is continued by the next.

    Args:
        slug: the end of the competition's address.
        raw: `<data directory>/<slug>/raw`, where `mlebench prepare` looks for it.
        target: the column to predict, if the user names it.
        metric: the metric, if the user names it; by default the one that Kaggle names.
        transfer: patience and bandwidth.
        listener: gets what goes on.
        tell: gets sentences: sizes before the download, and what is left out.

    Raises:
        UsageError: without credentials, if the rules are not accepted, or the disk is too small.
        WorkFailed: if Kaggle does not know the competition, or patience is at its end.
    """
    from mlebench.kaggle.client import KaggleService
    from mlebench.kaggle.credentials import find_credentials
    from mlebench.kaggle.patience import Patience
    from mlebench.kaggle.transfer import Transfer
    from mlebench.preparation.raw_download import download_raw

    transfer = transfer or Transfer()
    credentials = find_credentials()
    service = KaggleService(credentials)
    patience = Patience(transfer.patience, tell=lambda message: listener(Step(slug, message)))
    listener(Step(slug, "reading facts and pages"))
    listing = service.competition_facts(slug, patience)
    pages = _pages(service, slug, patience, tell)
    size = _size(service, slug, raw, transfer, patience, tell)
    listener(Step(slug, "reading the leaderboard"))
    board = _board(service, listing, metric or listing.metric, patience, tell)
    download_raw(raw, transfer=transfer, listener=listener)
    listener(Step(slug, ""))
    return Origin(
        id=slug,
        title=listing.title,
        source="kaggle",
        pages=pages,
        metric=metric or listing.metric,
        target=target,
        year=listing.deadline.year if listing.deadline else None,
        is_code_competition=listing.is_code_competition,
        awards_medals=listing.awards_points,
        teams=listing.teams,
        board=board,
        download_bytes=size.packed or size.unpacked,
    )


def _pages(service: KaggleService, slug: str, patience: Patience, tell: Tell) -> dict[str, str]:
    from mlebench.kaggle.page_text import pages_as_markdown

    try:
        pages = pages_as_markdown(service.pages(slug, patience))
    except NotOnKaggle:
        pages = {}
    if not pages:
        tell(f"{slug}: Kaggle shows no pages, so the description is written from the files alone")
    return pages


def _size(service: KaggleService, slug: str, raw: Path, transfer: Transfer, patience: Patience, tell: Tell) -> _Size:
    """Say how large the download is, and refuse one that does not fit on the disk."""
    from mlebench.preparation.sources import has_real_content

    is_here = has_real_content(raw)
    packed = _packed_size(slug, transfer, needed=not is_here)
    try:
        sizes = [size for _, size in islice(service.data_files(slug, patience), _MOST_FILES)]
    except NotOnKaggle:
        sizes = []
    # more than that many files are larger than their sum
    unpacked = sum(sizes) if 0 < len(sizes) < _MOST_FILES else None
    if is_here:
        tell(f"{slug}: the data is in {raw} already; nothing is downloaded")
        return _Size(packed, unpacked)
    _require_space(slug, raw, _Size(packed, unpacked), len(sizes), tell)
    return _Size(packed, unpacked)


def _packed_size(slug: str, transfer: Transfer, *, needed: bool) -> int | None:
    """Bytes of the zip; where it is `needed`, what stands in the way of the download is an error."""
    from mlebench.kaggle.credentials import find_credentials
    from mlebench.kaggle.preflight import check_each

    (access,) = check_each([slug], find_credentials(), transfer)
    if needed and access.state == "rules":
        raise RulesNotAccepted(f"{access.message}, and run the same command again")
    if needed and access.state == "failed":
        raise WorkFailed(access.message)
    return access.size


def _require_space(slug: str, raw: Path, size: _Size, files: int, tell: Tell) -> None:
    from mlebench.kaggle.partial_file import bytes_there
    from mlebench.preparation.disk import DiskNeed, require_space

    data_dir = raw.parent.parent
    packed = size.packed or size.unpacked or 0
    unpacked = max(size.unpacked or 0, packed)
    arrived = min(packed, bytes_there(raw.parent / f"{slug}.zip"))
    # the zip is removed once it is unpacked, and preparing writes the tables again
    need = DiskNeed(packed + unpacked - arrived, packed + 2 * unpacked - arrived)
    many = f"more than {_MOST_FILES:,} files" if files == _MOST_FILES else counted(files, "file")
    known = f"{show_size(packed)} to download" + (f" ({many}, {show_size(unpacked)} unpacked)" if files else "")
    tell(
        f"{slug}: {known if packed else 'Kaggle does not report the size of the download'}; "
        f"needs about {show_size(need.likely)} of disk, {show_size(free_space(data_dir))} free in {data_dir}"
    )
    if warning := require_space(need, data_dir):
        tell(f"warning: {warning}")


def _board(service: KaggleService, listing: Listing, metric: str | None, patience: Patience, tell: Tell) -> list[float]:
    """Scores of the whole private leaderboard, best first; empty, with a sentence why, where it cannot be used."""
    from math import isnan

    from grading.metric_names import find_metric
    from mlebench.kaggle.leaderboards import board_problem, read_board

    named = find_metric(metric) if metric else None
    rows: list[BoardRow] = []
    problem = _no_board(listing)
    if problem is None:
        try:
            rows = read_board(service, listing.id, patience)
            problem = board_problem(
                rows,
                listing.teams,
                is_lower_better=None if named is None else named.direction == "minimize",
                order="" if named is None else f"{named.name}, {named.direction}",
            )
        except NotOnKaggle as error:
            problem = str(error)
    if problem:
        tell(f"{listing.id}: continuing without Kaggle's leaderboard: {problem}")
        return []
    return [row.score for row in rows if not isnan(row.score)]


def _no_board(listing: Listing) -> str | None:
    """Why there cannot be a final leaderboard."""
    if listing.deadline and listing.deadline > datetime.now(UTC):
        return f"the competition runs until {listing.deadline:%Y-%m-%d}, so its private leaderboard is not final"
    return None
