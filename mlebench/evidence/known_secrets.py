"""The secrets that this machine knows and that must be in no bundle."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from mlebench._support.kaggle_secrets import kept_credentials
from mlebench._support.secrets import find_secrets
from mlebench.errors import MlebenchError
from mlebench.registry.keys import PUBLISHED_KEY, kept_key, named_key
from mlebench.runs.competitions import load_competition
from mlebench.runs.group import Group
from mlebench.runs.task import SPLIT_KEY_VARIABLE, Secrets


def known_secrets(groups: Sequence[Group], split_key: str | None) -> dict[str, str]:
    """Values by name, as far as they are known here: Kaggle's, what the groups' agents and models ask for, the split key, and
    the keys from which the competitions' data was generated.

    Args:
        groups: whose agents, models and competitions.
        split_key: the one that the user gives; MLEBENCH_SPLIT_KEY, or `.env`, by default.

    Raises:
        UsageError: `.env` is needed and cannot be read.
    """
    found = {**kept_credentials(), **Secrets.of((group.plan for group in groups), split_key).values}
    key = split_key or find_secrets([SPLIT_KEY_VARIABLE]).get(SPLIT_KEY_VARIABLE)
    if key:
        found[SPLIT_KEY_VARIABLE] = key
    for group in groups:
        for competition_id in group.plan.competitions:
            with contextlib.suppress(MlebenchError):
                competition = load_competition(group.plan.data_dir, group.plan.edition, None, competition_id)
                if kept := kept_key(Path(competition.private_dir)):
                    found[f"the key of the data of {competition_id}"] = kept
    # everybody knows the published one
    return {name: value for name, value in found.items() if named_key(value) != PUBLISHED_KEY}
