"""Where runs happen: local (this machine), ray (a cluster), slurm (a batch system). Nobody outside knows which."""

from __future__ import annotations

from mlebench.errors import UsageError
from mlebench.runs.executors.base import Executor, ExecutorOptions

NAMES = ("local", "ray", "slurm")


def get_executor(name: str, options: ExecutorOptions) -> Executor:
    """The executor called `local`, `ray` or `slurm`.

    Raises:
        UsageError: there is no such executor, or the package it needs is not installed.
    """
    if name == "local":
        from mlebench.runs.executors.local import LocalExecutor

        return LocalExecutor(options)
    if name == "ray":
        from mlebench.runs.executors.ray import RayExecutor

        return RayExecutor(options)
    if name == "slurm":
        from mlebench.runs.executors.slurm import SlurmExecutor

        return SlurmExecutor(options)
    raise UsageError(f"there is no executor `{name}`; choose one with `--executor {'|'.join(NAMES)}`")
