"""Where runs happen: local (this machine), ray (a cluster), slurm (a batch system). Nobody outside knows which."""

from __future__ import annotations

from mlebench.errors import UsageError
from mlebench.runs.executors.base import Executor
from mlebench.runs.settings import RunSettings


def get_executor(settings: RunSettings) -> Executor:
    """The executor that `settings` name.

    Raises:
        UsageError: the package or the cluster that it needs is not there, or a setting is another executor's.
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
    """A run that silently goes without what was asked for is on another machine than its user thinks."""
    if settings.address is not None and settings.executor != "ray":
        raise UsageError(f"the {settings.executor} executor takes no `--address`; leave it out, or add `--executor ray`")
    if settings.images_from is not None and settings.executor == "local":
        raise UsageError("the local executor takes no `--images-from`; leave it out, or add `--executor ray` or `slurm`")
    if settings.executor_settings and settings.executor != "slurm":
        raise UsageError(
            f"the {settings.executor} executor takes no `--executor-set` ({', '.join(settings.executor_settings)}); "
            "leave it out, or add `--executor slurm`"
        )
