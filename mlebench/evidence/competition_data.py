"""Distinguishes the prepared data of competitions, which no bundle contains, from files made by agents."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from mlebench.errors import MlebenchError
from mlebench.runs.competitions import load_competition
from mlebench.runs.group import Group


class CompetitionData:
    """The prepared files of the competitions of some groups, as far as they lie here."""

    def __init__(self, groups: Sequence[Group], sizes: Collection[int]) -> None:
        """Args:
        groups: whose competitions.
        sizes: of the files that will be asked about, in bytes: no others are kept in mind.
        """
        wanted = frozenset(sizes) - {0}
        self._paths: dict[int, list[Path]] = {}
        self._digests: dict[int, set[str]] = {}
        for folder in sorted(_folders(groups)) if wanted else ():
            for path, size in _files(folder):
                if size in wanted:
                    self._paths.setdefault(size, []).append(path)

    def may_hold(self, size: int) -> bool:
        """Whether a file of that size in bytes may be one of them."""
        return size in self._paths

    def holds(self, size: int, sha256: str) -> bool:
        """Whether a file is one of them, byte by byte."""
        if size not in self._digests:
            self._digests[size] = {digest for path in self._paths.get(size, ()) if (digest := _sha256(path)) is not None}
        return sha256 in self._digests[size]


def _folders(groups: Sequence[Group]) -> set[Path]:
    found = set()
    for group in groups:
        plan = group.plan
        for competition_id in plan.competitions:
            # of a competition that is unknown here nothing is prepared here either
            with contextlib.suppress(MlebenchError):
                competition = load_competition(plan.data_dir, plan.edition, None, competition_id)
                found |= {Path(competition.public_dir), Path(competition.private_dir)}
    return found


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            # links to data that lies elsewhere are data
            with contextlib.suppress(OSError):
                yield path, path.stat().st_size


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
