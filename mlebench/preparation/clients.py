"""Names that programs written for the published harness call to get a data set or a leaderboard."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.errors import UsageError, WorkFailed
from mlebench.preparation.options import PreparationOptions
from mlebench.preparation.record import is_prepared

if TYPE_CHECKING:
    import pandas as pd

    from mlebench.registry import Competition

logger = logging.getLogger("mlebench")


def download_and_prepare_dataset(
    competition: Competition,
    keep_raw: bool = True,
    overwrite_checksums: bool = False,
    overwrite_leaderboard: bool = False,
    skip_verification: bool = False,
) -> None:
    """Download a competition unless its raw data lies there, and prepare it unless that is done.

    Args:
        competition: the competition.
        keep_raw: keep the raw data after preparing.
        overwrite_checksums: refused: checksums are facts of `competition.yaml`.
        overwrite_leaderboard: get the leaderboard again even if it lies there.
        skip_verification: do not compare md5 sums.

    Raises:
        UsageError: on a missing precondition (credentials, rules) or `overwrite_checksums`.
        WorkFailed: if the download or the preparation fails.
    """
    if overwrite_checksums:
        raise UsageError(f"the checksums of {competition.id} are facts and cannot be overwritten; use skip_verification instead")
    if overwrite_leaderboard:
        from mlebench.kaggle.leaderboards import refresh_leaderboard

        refresh_leaderboard(competition)
    from mlebench.preparation.build import prepare_one

    outcome = prepare_one(competition, PreparationOptions(keep_raw=keep_raw, verify=not skip_verification))
    logger.info(outcome.message)
    if outcome.exit_code:
        raise (UsageError if outcome.exit_code == UsageError.exit_code else WorkFailed)(outcome.message)


def download_dataset(competition: Competition, download_dir: Path | str, force: bool = False) -> Path:
    """Download a competition's zip from Kaggle.

    Args:
        competition: the competition.
        download_dir: where the zip is put.
        force: download again even if it lies there.

    Returns:
        The path of the zip.
    """
    from mlebench.kaggle.download import download

    return download(competition, Path(download_dir), force=force)


def is_dataset_prepared(competition: Competition, grading_only: bool = False) -> bool:
    """Whether a competition's prepared data lies there; with `grading_only`, just what grading needs."""
    return is_prepared(competition, grading_only=grading_only)


def get_leaderboard(competition: Competition) -> pd.DataFrame:
    """The whole leaderboard: a table with a `score` column, one row for each team, best first.

    Raises:
        UsageError: if there is none yet, with the command that gets it.
    """
    return competition.read_leaderboard()
