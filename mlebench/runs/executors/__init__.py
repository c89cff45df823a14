"""Where runs are executed: local (this machine), ray (a cluster), slurm (a batch system). Callers do not know which."""

from __future__ import annotations

from mlebench.errors import UsageError
from mlebench.runs.executors.base import Executor
from mlebench.runs.settings import RunSettings


def get_executor(settings: RunSettings) -> Executor:
    """The executor that `settings` name.

    Raises:
        UsageError: the required package or cluster is missing, or a setting belongs to another executor.
    """
    _refuse_settings_of_others(settings)
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


def _refuse_settings_of_others(settings: RunSettings) -> None:
    """Ignoring such a setting silently would run on another machine than the user thinks."""
    if settings.address is not None and settings.executor != "ray":
        raise UsageError(f"the {settings.executor} executor does not take `--address`; leave it out, or add `--executor ray`")
    if settings.images_from is not None and settings.executor == "local":
        raise UsageError("the local executor does not take `--images-from`; leave it out, or add `--executor ray` or `slurm`")
    if settings.executor_settings and settings.executor != "slurm":
        raise UsageError(
            f"the {settings.executor} executor does not take `--executor-set` ({', '.join(settings.executor_settings)}); "
            "leave it out, or add `--executor slurm`"
        )
