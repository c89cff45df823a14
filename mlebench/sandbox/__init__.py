"""Where agents work: in containers (docker) or as plain processes (local). Nobody outside knows which.

The container engine's code is imported only when asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench.errors import UsageError

if TYPE_CHECKING:
    # what comes along with it would make the start of a local run's log slow
    from mlebench.sandbox.base import Sandbox


def get_sandbox(name: str) -> Sandbox:
    """The sandbox called `docker` or `local`.

    Raises:
        UsageError: there is no such sandbox.
    """
    if name == "local":
        from mlebench.sandbox.local.sandbox import LocalSandbox

        return LocalSandbox()
    if name == "docker":
        from mlebench.sandbox.docker.sandbox import DockerSandbox

        return DockerSandbox()
    raise UsageError(f"there is no sandbox `{name}`; choose one with `--sandbox docker` or `--sandbox local`")
