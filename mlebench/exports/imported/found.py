"""What the readers of results give: runs of another harness, with what is not known left out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grading.printable import printable
from mlebench.runs.claims import harmless
from mlebench.runs.imported import Format
from mlebench.sandbox.base import EndState, FailureClass

_LONGEST_NAME = 100
_LONGEST_DETAIL = 1000
_SECRET_NAME = re.compile(r"(?i)(^|[_-])((api|access|auth|secret)?[_-]?(key|token)|secret|password|passwd|credentials?)$")
UNKNOWN_AGENT = "unknown"
_KEYS = {"gold": "gold_medal", "silver": "silver_medal", "bronze": "bronze_medal", "valid": "valid_submission"}
"""Scores call flags by short names."""
_REPORT_KEYS = (
    "competition_id", "score", "any_medal", "gold_medal", "silver_medal", "bronze_medal", "above_median", "submission_exists",
    "valid_submission", "percentile", "rank", "leaderboard_size", "edition", "split_key_hash", "instance_hash", "data",
    "competition_version", "error", "error_kind",
)  # fmt: skip


@dataclass(frozen=True)
class AgentConfiguration:
    """What distinguishes one agent's runs from another's."""

    name: str
    models: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """Finite numbers and short texts, none of them a secret by its name; see `known_arguments`."""


@dataclass(frozen=True)
class End:
    """How a run ended."""

    state: EndState = "finished"
    reason: str = "exited"
    detail: str | None = None
    failure_class: FailureClass | None = None


@dataclass(frozen=True)
class Left:
    """A file or folder that a run left."""

    path: Path
    within: Path
    """A folder above it; no part of the path below may be a link."""
    target: str
    """Where it goes in the run's folder."""


@dataclass(frozen=True)
class FoundRun:
    """One run of another harness."""

    name: str
    """What its harness calls it; printable."""
    task: str
    """What it worked on, as its harness calls it."""
    agent: AgentConfiguration
    end: End = End()
    id: str | None = None
    """Its identifier in its own harness."""
    seed: int | None = None
    """None where seeds are counted in the order of time."""
    edition: str | None = None
    split_key_hash: str | None = None
    """Of the secret key that its data was split with; None where its harness does not tell."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float | None = None
    """That the agent worked."""
    usage: Mapping[str, Any] = field(default_factory=dict)
    """As `reported_usage` of a record."""
    stated: Mapping[str, Any] = field(default_factory=dict)
    """Score and flags, by the keys of a grading report; anything may stand there."""
    is_ungraded: bool = False
    """Whether its harness grades runs later and no report of it is at hand, so that it has no result yet."""
    submission: Left | None = None
    left: tuple[Left, ...] = ()


@dataclass(frozen=True)
class Found:
    """The runs of one source."""

    format: Format
    source: str
    """Its name; printable."""
    tool_version: str | None
    runs: tuple[FoundRun, ...]
    problems: tuple[str, ...]
    """A sentence for each run that cannot be read."""
    files: Mapping[str, str]
    """SHA-256 of the files that were read."""


def short(text: object) -> str:
    """A name of unknown origin as a record may hold it."""
    return printable(str(text), _LONGEST_NAME)


def sentence(text: object) -> str:
    """Words of another harness as the detail of a record."""
    return printable(" ".join(str(text).split()), _LONGEST_DETAIL)


def known_arguments(model: str | None, content: Mapping[str, Any], configuration: Any) -> dict[str, Any]:
    """An agent's arguments: its model, those values that are plain and no secret by their names, and a hash of all that sets it
    apart, so that runs of different configurations are never averaged.

    Args:
        model: that it asks.
        content: arguments as they were given.
        configuration: JSON-ready; all that may make a difference.
    """
    text = json.dumps(_without_secrets(configuration), sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
    known = harmless(_without_secrets(content))
    return {**known, **({"model": model} if model else {}), "configuration": digest[:12]}


def _without_secrets(value: Any) -> Any:
    """The value without what is secret by its name: no result depends on it, and nobody may find it here."""
    if isinstance(value, Mapping):
        return {str(key): _without_secrets(entry) for key, entry in value.items() if not _SECRET_NAME.search(str(key))}
    return [_without_secrets(entry) for entry in value] if isinstance(value, list | tuple) else value


def figures_of(content: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a score says, by the keys of a grading report.

    Args:
        content: flags and numbers by their short names or by those of a report, or a whole report.
        more: a second place that says such things; both must say the same.

    Raises:
        ValueError: they do not.
    """
    one, other = ({_KEYS.get(key, key): value for key, value in part.items()} for part in (content, more or {}))
    for key in _REPORT_KEYS:
        if one.get(key) is not None and other.get(key) is not None and one[key] != other[key]:
            raise ValueError(f"it states two values of `{key}`: {short(one[key])} and {short(other[key])}")
    return {key: value for key in _REPORT_KEYS if (value := one.get(key, other.get(key))) is not None}


def text_or_none(value: Any) -> str | None:
    """The value where it is a text."""
    return value if isinstance(value, str) else None


def moment(value: Any) -> datetime | None:
    """A time in UTC; None where it is not an ISO time with a zone of a year in which harnesses ran."""
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            return None
        found = found.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if 2000 <= found.year < 9000 else None


def seconds_between(start: Any, end: Any) -> float | None:
    """From one ISO time to another, zones or not; None where either is none, or they are in no order."""
    try:
        seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return seconds if 0 <= seconds < 1e9 else None
