"""What lies prepared: whether it is complete, what it was made of, and from which key and version."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlebench._support.files import move_aside, parse_own_json
from mlebench._support.folders import state_of
from mlebench._support.kept import Kept
from mlebench._support.plain_files import read_plain
from mlebench.registry.competition import PREPARED_RECORD, prepare_command
from mlebench.registry.keys import kept_key

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from mlebench.registry import Competition

_LARGEST_FILE = 64 * 2**20


@dataclass(frozen=True)
class PreparationRecord:
    """What a prepared folder was made of; is next to `public/` and `private/`."""

    competition_id: str
    edition: str
    split_key_hash: str | None
    verified: bool
    """Whether every published md5 was found, or, where none is published, as of v2, all that the facts count was there."""
    mock: bool
    harness_version: str
    prepared_at: str
    instance_hash: str | None = None
    """Hash of the key that the data was generated from."""
    odd_counts: list[str] = field(default_factory=list)
    """What holds more or less than the real download comes to."""
    checksums: dict[str, str] = field(default_factory=dict)
    """Md5 of the files that are directly in `public/` and `private/`; `content:` and a content hash for parquet tables."""
    competition_version: int | None = None
    """Version of the competition that prepared; None in records that know none."""
    states: dict[str, str] = field(default_factory=dict)
    """Size and time of what is directly in `public/` and `private/`, for a quick look at whether it was changed."""

    @classmethod
    def read(cls, prepared: Path) -> PreparationRecord | None:
        """The record of a prepared folder; None if another harness prepared it."""
        return _kept_record(prepared).get([prepared / PREPARED_RECORD], lambda: _read(prepared))

    def changed(self, prepared: Path) -> list[str]:
        """What was changed, added or removed since, told by sizes and times alone; nothing in records that know no states."""
        now = states_of(prepared) if self.states else {}
        return sorted(path for path in {**self.states, **now} if self.states.get(path) != now.get(path))

    def fits_version(self, version: int) -> bool:
        """Whether this version of the competition prepared the data, as far as the record knows."""
        return self.competition_version in (None, version)

    def write(self, prepared: Path) -> None:
        """Put the record into a prepared folder."""
        move_aside(prepared / PREPARED_RECORD)
        (prepared / PREPARED_RECORD).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


@functools.lru_cache(maxsize=256)
def _kept_record(prepared: Path) -> Kept[PreparationRecord | None]:
    return Kept()


def _read(prepared: Path) -> PreparationRecord | None:
    try:
        content = parse_own_json(read_plain(prepared / PREPARED_RECORD, _LARGEST_FILE))
        return PreparationRecord(**content) if _is_as_written(content) else _adapter().validate_python(content)
    except (OSError, ValueError):
        return None


_KINDS: dict[str, Callable[[Any], bool]] = {
    "str": lambda value: type(value) is str,
    "bool": lambda value: type(value) is bool,
    "str | None": lambda value: value is None or type(value) is str,
    "int | None": lambda value: value is None or type(value) is int,
    "list[str]": lambda value: type(value) is list and all(type(entry) is str for entry in value),
    "dict[str, str]": lambda value: type(value) is dict and all(type(entry) is str for entry in value.values()),
}
"""Whether a value of JSON is of a kind, by the kinds of the record's fields."""


def _is_as_written(content: Any) -> bool:
    """Whether JSON is that of a record as this version or one before writes it, to be taken as it is; pydantic judges others."""
    kinds = {part.name: str(part.type) for part in fields(PreparationRecord)}
    needed = {part.name for part in fields(PreparationRecord) if part.default is part.default_factory is MISSING}
    return (
        isinstance(content, dict)
        and needed <= content.keys() <= kinds.keys()
        and all(_KINDS[kinds[name]](value) for name, value in content.items())
    )


@functools.cache
def _adapter() -> TypeAdapter[PreparationRecord]:
    from pydantic import TypeAdapter

    return TypeAdapter(PreparationRecord)


def states_of(prepared: Path) -> dict[str, str]:
    """Size and time of each file directly in `public/` and `private/`, and a hash of those of all files of each folder there."""
    return {
        f"{folder.name}/{path.name}": state_of(path)
        for folder in (prepared / "public", prepared / "private")
        if folder.is_dir()
        for path in folder.iterdir()
    }


def is_prepared(competition: Competition, *, grading_only: bool = False) -> bool:
    """Whether the data of this competition and edition is there complete.

    Args:
        competition: the competition.
        grading_only: look only for what grading needs, the answers.
    """
    needed = [competition.answers]
    if not grading_only:
        needed += [competition.sample_submission, *(competition.prepared_dir / name for name in competition.facts.files.prepared)]
    return all(path.exists() for path in needed)


def made_from_another(competition: Competition) -> Literal["key", "version"] | None:
    """In what the prepared data differs from what is asked for.

    Returns:
        key: it was generated from, or split with, another key; version: it was prepared by another version of the competition;
        None if it fits, or where nothing is known of it, as with data of the published harness.
    """
    record = PreparationRecord.read(competition.prepared_dir)
    if competition.facts.keyed:
        kept = kept_key(competition.private_dir)
        other_key = None not in (kept, competition.edition.key) and kept != competition.edition.key
    else:
        other_key = record is not None and record.split_key_hash != competition.edition.key_hash
    if other_key:
        return "key"
    return None if record is None or record.fits_version(competition.facts.version) else "version"


def misfit(competition: Competition) -> str | None:
    """What keeps prepared data from being used for this competition, as a sentence with what helps; None if it fits."""
    other = made_from_another(competition)
    if other is None:
        return None
    if other == "key":
        return f"{competition.prepared_dir} was prepared from another key; pass that key with `--split-key`"
    return (
        f"{competition.prepared_dir} was prepared from a version of the competition other than {competition.facts.version}; "
        f"`{prepare_command([competition], ['--force'])}` prepares it again"
    )
