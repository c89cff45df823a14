"""Where runs happen: local (this machine), ray (a cluster), slurm (a batch system). Nobody outside knows which."""

from __future__ import annotations

from mlebench.runs.executors.base import Executor
from mlebench.runs.settings import RunSettings


def get_executor(settings: RunSettings) -> Executor:
    """The executor that `settings` name.

    Raises:
        UsageError: the package or the cluster that it needs is not there.
    """
    match settings.executor:
        case "local":
            from mlebench.runs.executors.local import LocalExecutor

            return LocalExecutor(settings)
        case "ray":
            from mlebench.runs.executors.ray import RayExecutor

            return RayExecutor(settings)
        case "slurm":
            from mlebench.runs.executors.slurm import SlurmExecutor

            return SlurmExecutor(settings)
