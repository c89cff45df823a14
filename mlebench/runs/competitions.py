"""Competitions of runs: loaded once for all steps of a start, and with their answers for the runs that follow."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

from mlebench.errors import UsageError
from mlebench.registry import Competition, Registry
from mlebench.registry.facts import EditionName
from mlebench.registry.suite import SuiteVersion


@functools.lru_cache(maxsize=4)
def load_competition(data_dir: Path, edition: EditionName, split_key: str | None, name: str) -> Competition:
    """Load a competition; only a few are cached, as answers can be large.

    Raises:
        UsageError: there is no such competition, or its folder is invalid.
    """
    return Registry(data_dir=data_dir, edition=edition, split_key=split_key).get_competition(name)


def suite_of(competitions: Iterable[Competition]) -> SuiteVersion | None:
    """The suite that all of these competitions belong to; None if none of them belongs to one.

    Raises:
        UsageError: they do not all belong to the same suite.
    """
    first, *others = [(competition.id, competition.suite) for competition in competitions]
    for name, suite in others:
        if suite != first[1]:
            raise UsageError(
                f"{first[0]} belongs to {_named(first[1])} and {name} to {_named(suite)}, whose results are never averaged; "
                "run each in a group of its own"
            )
    return first[1]


def _named(suite: SuiteVersion | None) -> str:
    return "no suite" if suite is None else f"suite {suite}"
