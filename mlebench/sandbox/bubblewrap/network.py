"""The open network of an agent within walls: slirp4netns, which speaks for it and leaves this machine's own loopback out."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from mlebench.sandbox.bubblewrap import with_network

RESOLVER = "10.0.2.3"
"""Where slirp4netns answers for names."""


def problem() -> str | None:
    """Why there is no open network here, with what to do; None where there is."""
    if shutil.which("slirp4netns") is not None:
        return None
    return (
        "an open network in the bubblewrap sandbox needs slirp4netns; install it with `apt-get install slirp4netns`, or choose "
        "`--network none`, `--network models` or `--sandbox plain`"
    )


def command(inner: Sequence[str], free: int) -> list[str]:
    """A command of bwrap with a network laid on.

    Args:
        inner: the command.
        free: the first descriptor that the command does not read.
    """
    slirp = shutil.which("slirp4netns") or "slirp4netns"
    return [sys.executable, "-I", "-S", with_network.__file__, slirp, str(free), *inner]
