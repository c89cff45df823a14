"""The open network of an agent within walls: slirp4netns, which forwards its traffic but not to this machine's loopback."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from mlebench.sandbox.bubblewrap import with_network

RESOLVER = "10.0.2.3"
"""Address of slirp4netns's name server."""


def problem() -> str | None:
    """Why there is no open network here, with a remedy; None if there is."""
    if shutil.which("slirp4netns") is not None:
        return None
    return (
        "an open network in the bubblewrap sandbox needs slirp4netns; install it with `apt-get install slirp4netns`, or choose "
        "`--network none`, `--network models` or `--sandbox plain`"
    )


def command(inner: Sequence[str], free: int, fault: Path) -> list[str]:
    """A bwrap command with a network set up.

    Args:
        inner: the command.
        free: the first descriptor that the command does not use.
        fault: file for the reason if there is no network.
    """
    slirp = shutil.which("slirp4netns") or "slirp4netns"
    return [sys.executable, "-I", "-S", with_network.__file__, slirp, str(free), str(fault), *inner]
