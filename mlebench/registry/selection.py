"""Competitions as Python programs choose them: by id or split, with the edition, key and data directory in the same call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

from mlebench._support import paths
from mlebench.registry.catalogue import Registry
from mlebench.registry.competition import Competition
from mlebench.registry.facts import EditionName
from mlebench.registry.lists import ids_of_split

_SPLIT_KEY_VARIABLE = "MLEBENCH_SPLIT_KEY"


def list_competitions(
    split: str | None = None,
    modality: str | None = None,
    *,
    edition: EditionName = "v1",
    split_key: str | None = None,
    data_dir: Path | str | None = None,
) -> list[Competition]:
    """List competitions in alphabetical order of their ids.

    Args:
        split: `low`, `medium`, `high`, `all`, `dev`, `demo`, `research`, `own`, a suite or one of its splits, such as
            `my-suite/low`, or the path of a text file with one id per line. By default the 82 Kaggle competitions.
        modality: Only competitions with this kind of data: `tabular`, `text`, `image`, `audio`, `signal`, …
        edition: `v1`, the published data, or `v2`, the corrected data.
        split_key: Secret key for v2 and for generated data; by default the environment variable `MLEBENCH_SPLIT_KEY`.
        data_dir: The data directory; by default `MLEBENCH_DATA_DIR`, else a folder in the user's cache.

    Returns:
        The competitions. A faulty folder is skipped with a warning in the log.

    Raises:
        UsageError: The split is unknown, or the file cannot be read.
        ValueError: `edition` is neither `v1` nor `v2`.

    Example:
        >>> [competition.id for competition in mlebench.list_competitions("demo")]
        ['demo-breast-cancer', 'demo-diabetes', 'demo-digits', 'demo-wine']
    """
    registry = registry_for(edition, split_key, data_dir)
    ids = registry.list_competition_ids() if split is None else ids_of_split(split, registry)
    competitions = [registry.get_competition(competition_id) for competition_id in ids]
    return [competition for competition in competitions if modality in (None, competition.modality)]


def competition_for(
    competition: Competition | str,
    edition: EditionName | None = None,
    split_key: str | None = None,
    data_dir: Path | str | None = None,
) -> Competition:
    """A competition given as such or by its id; only an id goes with the other arguments.

    Raises:
        UsageError: The id is unknown; near matches are listed.
        TypeError: It is neither a `Competition` nor an id, or a `Competition` comes with another argument.
        ValueError: `edition` is neither `v1` nor `v2`.
    """
    if isinstance(competition, str):
        return registry_for(edition or "v1", split_key, data_dir).get_competition(competition)
    if not isinstance(competition, Competition):
        raise TypeError(f"a competition is a `Competition` or an id, not {type(competition).__name__}")
    for name, value in (("edition", edition), ("split_key", split_key), ("data_dir", data_dir)):
        if value is not None:
            raise TypeError(f"`{name}` goes with the id of a competition; a `Competition` has its own already")
    return competition


def registry_for(edition: EditionName, split_key: str | None, data_dir: Path | str | None) -> Registry:
    """The registry for one edition, key and data directory.

    Raises:
        ValueError: `edition` is neither `v1` nor `v2`.
    """
    if edition not in get_args(EditionName):
        raise ValueError(f"edition is {edition!r}, expected 'v1' or 'v2'")
    return Registry(paths.data_dir(data_dir), edition, split_key or default_split_key())


def default_split_key() -> str | None:
    """The secret key in `MLEBENCH_SPLIT_KEY`."""
    return os.environ.get(_SPLIT_KEY_VARIABLE) or None
