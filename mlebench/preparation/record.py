"""What a prepared folder was made of."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

RECORD = "prepared.json"


@dataclass(frozen=True)
class PreparationRecord:
    """What a prepared folder was made of; lies beside `public/` and `private/`."""

    competition_id: str
    edition: str
    split_key_hash: str | None
    verified: bool
    """Whether every published md5 was found."""
    mock: bool
    harness_version: str
    prepared_at: str
    instance_hash: str | None = None
    """Hash of the key that the data was generated from."""
    odd_counts: list[str] = field(default_factory=list)
    """What holds more or less than the real download comes to, where md5 sums do not decide."""
    checksums: dict[str, str] = field(default_factory=dict)
    """Md5 of the files that stand directly in `public/` and `private/`; `content:` and a content hash for parquet tables."""
    competition_version: int | None = None
    """Version of the competition that prepared; None in records that know none."""

    @classmethod
    def read(cls, prepared: Path) -> PreparationRecord | None:
        """The record of a prepared folder; None where another harness prepared it."""
        try:
            return cls(**json.loads((prepared / RECORD).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, prepared: Path) -> None:
        """Put the record into a prepared folder."""
        (prepared / RECORD).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
