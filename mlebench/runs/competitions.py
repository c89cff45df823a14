"""Competitions of runs: loaded once for all steps of a start, and with their answers for the runs that follow."""

from __future__ import annotations

import functools
from pathlib import Path

from mlebench.registry import Competition, Registry
from mlebench.registry.facts import EditionName


@functools.lru_cache(maxsize=4)
def load_competition(data_dir: Path, edition: EditionName, split_key: str | None, name: str) -> Competition:
    """Load a competition; only a few are cached, as answers can be large.

    Raises:
        UsageError: there is no such competition, or its folder is invalid.
    """
    return Registry(data_dir=data_dir, edition=edition, split_key=split_key).get_competition(name)
