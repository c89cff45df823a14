"""Exporting from a Python program: what `mlebench export` does, without its output."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlebench._support import paths
from mlebench.errors import UsageError
from mlebench.evidence.calls import GroupSource, listed
from mlebench.registry import Competition
from mlebench.registry.selection import competition_for
from mlebench.runs.group_report import GroupResult

if TYPE_CHECKING:
    from mlebench.exports.atif import Written as Trajectory
    from mlebench.exports.harbor.write import Written as HarborTask
    from mlebench.registry.facts import EditionName

logger = logging.getLogger(__name__)
Reward = Literal["any_medal", "gold", "above_median", "percentile", "valid"]


def export_atif(
    sources: GroupSource | Sequence[GroupSource],
    output: Path | str = "trajectories",
    *,
    runs: Sequence[str] = (),
    runs_dir: Path | str | None = None,
) -> list[Trajectory]:
    """Write the calls of agents to models as trajectories in ATIF, one file per attempt at a run.

    Args:
        sources: Run groups, from `run` or `load_group` or by name, folder or `latest`, and bundles (`*.zip`).
        output: The folder; each group gets a subfolder.
        runs: Ids of the runs to write; by default all.
        runs_dir: The folder of run groups; by default `MLEBENCH_RUNS_DIR`, else `runs` in the working directory.

    Returns:
        The files: `path`, and how many `calls`, `steps` and `conversations` each holds. A run that asked no model through the
        gateway has none. What cannot be read is skipped with a warning in the log.

    Raises:
        UsageError: There is no such group or run, a bundle cannot be read, or two groups have the same name.
        WorkFailed: A file cannot be written.

    Example:
        >>> [file.steps for file in mlebench.export_atif("latest", "trajectories")]
        []
    """
    from mlebench.errors import WorkFailed
    from mlebench.evidence.conversations.attempts import Unreadable, attempts_in
    from mlebench.exports.atif import write_trajectory

    written: list[Trajectory] = []
    known: set[str] = set()
    folders: dict[str, Path] = {}
    try:
        for source in listed(sources):
            name = str(source.folder if isinstance(source, GroupResult) else source)
            with attempts_in(name, paths.runs_dir(runs_dir), runs) as (run_ids, attempts):
                known.update(run_ids)
                for attempt in attempts:
                    if isinstance(attempt, Unreadable):
                        logger.warning(attempt.sentence)
                        continue
                    group = attempt.group
                    if folders.setdefault(group.name, group.folder) != group.folder:
                        raise UsageError(f"two groups are called {group.name}; export each to a separate folder")
                    target = Path(output).expanduser() / group.name / f"{attempt.run.run_id}_attempt{attempt.number}.json"
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if (one := write_trajectory(attempt, target, logger.warning)) is not None:
                        written.append(one)
    except OSError as error:
        raise WorkFailed(f"cannot write {error.filename or output}: {error.strerror or error}") from None
    if unknown := [run_id for run_id in runs if run_id not in known]:
        raise UsageError(f"unknown run {unknown[0]!r}; `load_group(…).runs` lists the runs of a group")
    return written


def export_harbor(
    competitions: Competition | str | Sequence[Competition | str],
    output: Path | str = "harbor-tasks",
    *,
    profile: str | None = None,
    profile_settings: Mapping[str, Any] | None = None,
    reward: Reward = "any_medal",
    package_set: Literal["light", "full"] = "light",
    image: str | None = None,
    wheel: Path | str | None = None,
    with_oracle: bool = False,
    without_data: bool = False,
    edition: EditionName | None = None,
    split_key: str | None = None,
    data_dir: Path | str | None = None,
) -> list[HarborTask]:
    """Write competitions as tasks for Harbor.

    Args:
        competitions: Competitions or their ids, of one edition and data directory.
        output: The folder, in which each competition gets a folder; `mlebench-volumes.sh` next to them makes their volumes.
        profile: CPUs, memory, GPUs, time and network of the agent, by name.
        profile_settings: Values of the profile to change, such as `{"time_limit": "2h"}`.
        reward: What a task's `reward` is.
        package_set: Libraries of the agent's image.
        image: An existing base image for the agent's, such as `mlebench/base:light`.
        wheel: This harness as a wheel, for the verifier's image; by default its version from PyPI.
        with_oracle: Add a solution, which submits the answers.
        without_data: Also write tasks whose data is not prepared here.
        edition: `v1` (default) or `v2`. Only with ids, like the next two.
        split_key: Secret key that the data was made from; by default `MLEBENCH_SPLIT_KEY`.
        data_dir: The data directory; by default `MLEBENCH_DATA_DIR`, else a folder in the user's cache.

    Returns:
        The tasks: `competition` and `path` of each.

    Raises:
        NotPrepared: Data is not prepared, without `without_data`.
        UsageError: A competition, a profile or one of its values is unknown, or something else is in the place of a task.
        WorkFailed: The folder cannot be written.
        ValueError: `reward` or `wheel` is not what it must be.

    Example:
        >>> [task.path.name for task in mlebench.export_harbor("demo-wine", "tasks", data_dir="data")]
        ['demo-wine']
    """
    from mlebench.exports.harbor.choices import REWARDS, Choices
    from mlebench.exports.harbor.write import require_prepared, write_tasks

    given = [competitions] if isinstance(competitions, Competition | str) else list(competitions)
    chosen = [competition_for(competition, edition, split_key, data_dir) for competition in given]
    if not chosen:
        raise ValueError("`competitions` is empty; give at least one")
    if reward not in REWARDS:
        raise ValueError(f"reward is {reward!r}, expected one of {', '.join(REWARDS)}")
    file = None if wheel is None else Path(wheel).expanduser()
    if file is not None and not (file.is_file() and file.suffix == ".whl"):
        raise ValueError(f"{file} is not a wheel; make one with `pip wheel --no-deps -w DIR` in the harness's folder")
    choices = Choices.of(
        profile,
        profile_settings or {},
        reward=reward,
        package_set=package_set,
        image=image,
        wheel=file,
        with_oracle=with_oracle,
    )
    if not without_data:
        require_prepared(chosen)
    return write_tasks(chosen, Path(output).expanduser(), choices)
