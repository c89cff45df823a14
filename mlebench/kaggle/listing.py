"""What Kaggle lists about a competition: the facts that are known before its pages and data are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlebench.errors import UsageError

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_ADDRESS = re.compile(r"(?:https?://)?(?:www\.)?kaggle\.com/(?:competitions|c)/([^/?#\s]+)[^\s]*", re.IGNORECASE)
_MODALITIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("image", ("image", "computer vision", "object detection", "object segmentation", "photo")),
    ("audio", ("audio", "speech", "music", "acoustic")),
    ("video", ("video",)),
    ("text", ("text", "nlp", "natural language", "language model", "translation")),
    ("signal", ("signal", "eeg", "sensor")),
    ("graph", ("graph",)),
    ("tabular", ("tabular", "time series", "regression", "classification")),
)
"""Kinds of data with words of the tags that mention them; a more telling kind first."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One competition as Kaggle lists it. Every text was written by a stranger."""

    id: str
    """Its slug."""
    title: str
    url: str
    category: str
    """Such as `Featured`, `Research` or `Playground`; empty if unknown."""
    organization: str
    reward: str
    deadline: datetime | None
    """With a time zone."""
    merger_deadline: datetime | None
    teams: int
    """0 if Kaggle does not count them."""
    metric: str | None
    """The metric's name in Kaggle's words."""
    is_code_competition: bool
    """Whether only notebooks may be submitted, so that most of the test data is hidden."""
    awards_points: bool
    entered: bool
    """Whether the account has joined it."""
    tags: Sequence[str]
    licence: str
    """Of the data; empty if unknown."""

    @classmethod
    def of(cls, entry: Any) -> Listing:
        """From an entry of the SDK (`ApiCompetition`)."""
        return cls(
            id=slug_in(entry.ref),
            title=entry.title or slug_in(entry.ref),
            url=entry.url or "",
            category=entry.category or "",
            organization=entry.organization_name or "",
            reward=entry.reward or "",
            deadline=_in_utc(entry.deadline),
            merger_deadline=_in_utc(entry.merger_deadline),
            teams=int(entry.team_count or 0),
            metric=entry.evaluation_metric or None,
            is_code_competition=bool(entry.is_kernels_submissions_only),
            awards_points=bool(entry.awards_points),
            entered=bool(entry.user_has_entered),
            tags=tuple(tag.name or tag.ref or "" for tag in entry.tags or () if tag),
            licence=entry.license_name or "",
        )

    @property
    def modality(self) -> str:
        """Kind of data, guessed from the tags; `unknown` if they do not say."""
        words = " ".join(self.tags).casefold()
        return next((kind for kind, signs in _MODALITIES if any(_mentions(words, sign) for sign in signs)), "unknown")

    @property
    def board(self) -> str:
        """What scores can be placed on: `medals`, `no medals` (a leaderboard of a competition without) or `none`."""
        if not self.teams:
            return "none"
        return "medals" if self.awards_points else "no medals"


def slug_in(ref: str) -> str:
    """The slug at the end of an address or a reference."""
    return ref.rstrip("/").rpartition("/")[2]


def slug_of(word: str) -> str:
    """The slug that a user gives, as such or as the address of any page of a competition.

    Raises:
        UsageError: it is neither.
    """
    found = _ADDRESS.fullmatch(word.strip())
    slug = found[1] if found else word.strip()
    if not _SLUG.fullmatch(slug):
        from grading.printable import printable

        raise UsageError(
            f"`{printable(word)}` names no Kaggle competition; give the end of its address, such as `spaceship-titanic`, "
            "or the whole address (https://www.kaggle.com/competitions/spaceship-titanic)"
        )
    return slug


def _in_utc(moment: datetime | None) -> datetime | None:
    """Kaggle means UTC where it names no zone."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _mentions(words: str, sign: str) -> bool:
    return re.search(rf"\b{re.escape(sign)}", words) is not None
