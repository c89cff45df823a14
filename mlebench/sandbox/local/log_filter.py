"""Copies standard input to a log file and masks secrets: `python log_filter.py LOG`, secrets as JSON on descriptor 3.

A process of its own, so that a local run's log stays complete and masked when the harness dies.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from mlebench._support.plain_files import append_plain
from mlebench._support.secrets import Mask


def main() -> None:
    """Filter until the last writer closes the pipe."""
    # it has to outlive the agent, to take down its last words
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(3, "rb") as pipe:
        mask = Mask(json.load(pipe))
    with append_plain(Path(sys.argv[1])) as log:
        while block := os.read(0, 2**16):
            # on a full disk the agent goes on: without a reader of its output it would be ended
            with contextlib.suppress(OSError):
                log.write(mask.feed(block))
        with contextlib.suppress(OSError):
            log.write(mask.finish())


if __name__ == "__main__":
    main()
