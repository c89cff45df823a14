"""Where agents run: in containers, as walled-in processes of this machine, or as plain processes. Callers do not know which.

An engine's code is imported only when needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench.errors import UsageError

if TYPE_CHECKING:
    # its dependencies would slow down the start of a local run's log
    from mlebench.sandbox.base import Sandbox, SandboxName, SandboxWord


def get_sandbox(name: str | None) -> Sandbox:
    """The sandbox called `docker`, `apptainer`, `bubblewrap` or `plain`; `local` of an earlier harness is `plain`.

    Raises:
        UsageError: there is no such sandbox.
    """
    if name in ("plain", "local"):
        from mlebench.sandbox.local.plain import PlainWalls
        from mlebench.sandbox.local.sandbox import LocalSandbox

        return LocalSandbox(PlainWalls())
    if name == "bubblewrap":
        from mlebench.sandbox.bubblewrap.walls import BubblewrapWalls
        from mlebench.sandbox.local.sandbox import LocalSandbox

        return LocalSandbox(BubblewrapWalls())
    if name == "apptainer":
        from mlebench.sandbox.apptainer.walls import ApptainerWalls
        from mlebench.sandbox.local.sandbox import LocalSandbox

        return LocalSandbox(ApptainerWalls())
    if name == "docker":
        from mlebench.sandbox.docker.sandbox import DockerSandbox

        return DockerSandbox()
    raise UsageError(f"there is no sandbox `{name}`; choose one with `--sandbox docker` or `--sandbox local`")


def resolve_sandbox(word: SandboxWord, network: str) -> SandboxName:
    """The sandbox that the user's choice means on this machine: `local` is the best one that needs no engine.

    Args:
        word: what the user wrote.
        network: the profile's; within walls, an open one requires an extra program.
    """
    if word != "local":
        return word
    from mlebench.sandbox.bubblewrap.network import problem
    from mlebench.sandbox.bubblewrap.program import find_program

    is_walled = not isinstance(find_program(), str) and (network != "open" or problem() is None)
    return "bubblewrap" if is_walled else "plain"


def notices(word: SandboxWord | None, *, with_models: bool) -> list[str]:
    """Notices for users who start runs as processes of this machine, one sentence each."""
    if word == "bubblewrap":
        from mlebench.sandbox.bubblewrap.walls import BubblewrapWalls

        return [BubblewrapWalls().notice]
    if word not in ("plain", "local"):
        return []
    from mlebench.sandbox.local.gateway import MODELS_NOTICE
    from mlebench.sandbox.local.plain import NOTICE

    return [NOTICE, MODELS_NOTICE] if with_models else [NOTICE]
