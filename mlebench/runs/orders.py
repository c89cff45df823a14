"""What people ask of a group while it runs: files in its folder that the harness looks for, or that the next one finds.

The command line and the live page do the same through these functions.
"""

from __future__ import annotations

from mlebench.runs.group import Group


def pause(group: Group) -> str:
    """Start no further run until `go_on`; runs that have started go on.

    Returns:
        what happens now, one sentence for people.

    Raises:
        UsageError: it is paused already, imported, or every run has ended.
    """
    raise NotImplementedError


def go_on(group: Group) -> str:
    """Start runs again; as `pause`."""
    raise NotImplementedError


def set_parallel(group: Group, parallel: int) -> str:
    """Let at most so many runs of the harness run at once, more or fewer than before; as `pause`."""
    raise NotImplementedError


def retry_run(group: Group, run_id: str) -> str:
    """Do a run again that resuming would do again, or that was cancelled by name.

    Returns:
        what happens now: the harness starts it, or which command does where none runs.

    Raises:
        UsageError: it has not ended, or its end is a result, which a further attempt would choose from.
    """
    raise NotImplementedError
