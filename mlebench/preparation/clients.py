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
    """Download a competition unless its raw data is there, and prepare it unless that is done.

    Args:
        competition: the competition.
        keep_raw: keep the raw data after preparing.
        overwrite_checksums: the same as `skip_verification`: published md5 sums are facts and stay as they are.
        overwrite_leaderboard: get the leaderboard again even if it is there.
        skip_verification: do not compare md5 sums.

    Raises:
        UsageError: on a missing precondition (credentials, rules).
        WorkFailed: if the download or the preparation fails.
    """
    if competition.replaced.keys() & {"raw_dir", "public_dir", "private_dir"}:
        raise UsageError(f"{competition.id} has custom folders; choose where to prepare it with `registry.set_data_dir`")
    if overwrite_leaderboard:
        ensure_leaderboard_exists(competition, force=True)
    from mlebench.preparation.build import prepare_one

    verify = not (skip_verification or overwrite_checksums)
    outcome = prepare_one(competition, PreparationOptions(keep_raw=keep_raw, verify=verify))
    logger.info(outcome.message)
    if outcome.exit_code:
        raise (UsageError if outcome.exit_code == UsageError.exit_code else WorkFailed)(outcome.message)


def download_dataset(
    competition_id: Competition | str, download_dir: Path | str, quiet: bool = False, force: bool = False
) -> Path:
    """Download a competition's zip from Kaggle.

    Args:
        competition_id: the competition or its id.
        download_dir: where the zip is put.
        quiet: say nothing of the progress; there is nothing to say in any case.
        force: download again even if it is there.

    Returns:
        The path of the zip.
    """
    from mlebench.kaggle.download import download
    from mlebench.registry import registry

    competition = registry.get_competition(competition_id) if isinstance(competition_id, str) else competition_id
    return download(competition, Path(download_dir), force=force)


def is_dataset_prepared(competition: Competition, grading_only: bool = False) -> bool:
    """Whether a competition's prepared data is there; with `grading_only`, just what grading needs."""
    return is_prepared(competition, grading_only=grading_only)


def ensure_leaderboard_exists(competition: Competition, force: bool = False) -> Path:
    """Get the whole private leaderboard from Kaggle unless it is there.

    Args:
        competition: the competition.
        force: get it again even if it is there.

    Returns:
        The path of the leaderboard.

    Raises:
        UsageError: without credentials, or for a competition that is not on Kaggle.
        WorkFailed: the board is not whole, or Kaggle cannot be asked.
    """
    if force or not competition.has_leaderboard:
        from mlebench.kaggle.leaderboards import refresh_leaderboard

        refresh_leaderboard(competition)
    return competition.leaderboard


def get_leaderboard(competition: Competition) -> pd.DataFrame:
    """The whole leaderboard: a table with a `score` column, one row for each team, best first.

    Raises:
        UsageError: if there is none yet, with the command that gets it.
    """
    return competition.read_leaderboard()
