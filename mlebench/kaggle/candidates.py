"""Competitions that ended recently: candidates for a suite that is newer than a model's training data."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlebench._support.steps import Listener, Step, ignore
from mlebench.kaggle.listing import Listing
from mlebench.kaggle.patience import Patience

if TYPE_CHECKING:
    from mlebench.kaggle.transfer import Transfer

_LATE_IN_A_ROW = 200
"""So many entries in a row that ended too early end the list, which begins with the latest deadlines."""


@dataclass(frozen=True)
class Candidate:
    """A competition that has ended."""

    listing: Listing
    size: int | None = None
    """Bytes of its download; None where Kaggle does not report them, or not before the rules are accepted."""
    rules_accepted: bool | None = None
    """None if unknown."""


def find_candidates(
    since: datetime,
    until: datetime,
    *,
    everybody: bool = False,
    wanted: Callable[[Listing], bool] = lambda listing: True,
    transfer: Transfer | None = None,
    listener: Listener = ignore,
) -> list[Candidate]:
    """Competitions that ended from `since` to `until`, the latest first.

    Sizes are asked for where the account has joined, one request for each.

    Args:
        since, until: with time zones.
        everybody: all that are public, instead of those that the account has joined.
        wanted: says which of them to keep.
        transfer: how patiently.
        listener: gets what goes on.

    Raises:
        UsageError: if credentials are missing or refused.
        WorkFailed: if Kaggle cannot be reached.
    """
    from mlebench.kaggle.client import KaggleService
    from mlebench.kaggle.credentials import find_credentials
    from mlebench.kaggle.preflight import check_each
    from mlebench.kaggle.transfer import Transfer

    transfer = transfer or Transfer()
    credentials = find_credentials()
    patience = Patience(transfer.patience, tell=lambda message: listener(Step("Kaggle", message)))
    listener(Step("Kaggle", "listing competitions"))
    listed = KaggleService(credentials).competitions(patience, entered=not everybody)
    ended = _ended(listed, since, until, stops_early=everybody)
    # the list of joined competitions need not say of each that it is joined
    found = {listing.id: listing for listing in ended if wanted(listing)}
    joined = [name for name, listing in found.items() if listing.entered or not everybody]
    accesses = {access.competition_id: access for access in check_each(joined, credentials, transfer, listener)}
    listener(Step("Kaggle", ""))
    candidates = [
        Candidate(listing, access.size, {"open": True, "rules": False}.get(access.state))
        if (access := accesses.get(name))
        else Candidate(listing)
        for name, listing in found.items()
    ]
    return sorted(candidates, key=lambda candidate: (candidate.listing.deadline or since, candidate.listing.id), reverse=True)


def months_before(moment: datetime, months: int) -> datetime:
    """The same day and time, so many months earlier; the last day of a shorter month."""
    count = max(12, 12 * moment.year + moment.month - 1 - months)
    year, month = count // 12, count % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def _ended(listed: Iterable[Listing], since: datetime, until: datetime, *, stops_early: bool) -> Iterator[Listing]:
    late = 0
    for listing in listed:
        if listing.deadline is None or listing.deadline > until:
            continue
        late = late + 1 if listing.deadline < since else 0
        if not late:
            yield listing
        elif stops_early and late >= _LATE_IN_A_ROW:
            return
