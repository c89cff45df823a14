"""Run groups in a Python program: found, read and graded again."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support import paths
from mlebench._support.steps import Listener, ignore
from mlebench.registry.selection import default_split_key
from mlebench.runs.group import Group, find_group
from mlebench.runs.group import list_groups as groups_in
from mlebench.runs.group_report import GroupResult

if TYPE_CHECKING:
    from grading.report import AggregateReport
    from mlebench.registry.facts import EditionName

logger = logging.getLogger(__name__)


def load_group(group: Path | str, *, runs_dir: Path | str | None = None) -> GroupResult:
    """Read a run group, finished or not, with the records of its runs.

    Args:
        group: Name of the group, its folder, or `latest`.
        runs_dir: The folder of run groups; by default `MLEBENCH_RUNS_DIR`, else `runs` in the working directory.

    Returns:
        A snapshot: `plan`, `runs` (one `RunRecord` per planned run) and `to_frame()`. Load it again to see progress.

    Raises:
        UsageError: There is no such group; near names are listed. Or this version cannot read it.

    Example:
        >>> mlebench.load_group("latest").to_frame()[["competition", "seed", "state", "valid"]]
          competition  seed     state  valid
        0   demo-wine     0  finished   True
    """
    found = group_for(group, runs_dir)
    return GroupResult(found, found.records())


def list_groups(*, runs_dir: Path | str | None = None) -> list[GroupResult]:
    """List all run groups, oldest first.

    Args:
        runs_dir: The folder of run groups; by default `MLEBENCH_RUNS_DIR`, else `runs` in the working directory.

    Returns:
        Each group with the records of its runs. A group that cannot be read is skipped with a warning in the log.

    Example:
        >>> [group.name for group in mlebench.list_groups()]
        ['first']
    """
    return [GroupResult(group, group.records()) for group in groups_in(paths.runs_dir(runs_dir), left_out=logger.warning)]


def group_for(group: GroupResult | Group | Path | str, runs_dir: Path | str | None = None) -> Group:
    """A group given as such, by name, by folder, or as `latest`.

    Raises:
        UsageError: There is no such group, or this version cannot read it.
        TypeError: It is something else.
    """
    if isinstance(group, GroupResult):
        return group.group
    if isinstance(group, Group):
        return group
    if not isinstance(group, Path | str):
        raise TypeError(f"a run group is a `GroupResult`, a name or a folder, not {type(group).__name__}")
    return find_group(paths.runs_dir(runs_dir), str(group))


def grade_group(
    group: GroupResult | Path | str,
    *,
    edition: EditionName | None = None,
    split_key: str | None = None,
    data_dir: Path | str | None = None,
    runs_dir: Path | str | None = None,
    output_dir: Path | str | None = None,
    jobs: int = 1,
    live_thresholds: bool = False,
    listener: Listener = ignore,
) -> AggregateReport:
    """Grade the submissions and snapshots of a run group again, without running anything.

    In the group's own edition the new reports replace the old ones. In another edition, or with `output_dir`, the group stays
    as it is and `<timestamp>_grading_report.json` is written.

    Args:
        group: A group from `run` or `load_group`, its name, its folder, or `latest`.
        edition: `v1` or `v2`; by default that of the group.
        split_key: Secret key that the data was split with; by default `MLEBENCH_SPLIT_KEY`.
        data_dir: The data directory; by default that of the group.
        runs_dir: The folder of run groups; by default `MLEBENCH_RUNS_DIR`, else `runs` in the working directory.
        output_dir: Where to write instead of the group's folder.
        jobs: Number of grading processes.
        live_thresholds: Use medal thresholds of the refreshed leaderboard.
        listener: Receives the steps of the work, to show progress.

    Returns:
        The aggregate of the last submissions.

    Raises:
        UsageError: There is no such group, a harness is running it, the split key differs, or data is not prepared.
        WorkFailed: No grading process can be started.

    Example:
        >>> mlebench.grade_group("latest").total_valid_submissions
        1
    """
    from mlebench.runs.regrade import regrade_group

    return regrade_group(
        group_for(group, runs_dir).folder,
        edition=edition,
        split_key=split_key or default_split_key(),
        data_dir=data_dir,
        jobs=jobs,
        output_dir=output_dir,
        live_thresholds=live_thresholds,
        listener=listener,
    )
