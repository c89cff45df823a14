"""Copies standard input to a log file and masks secrets: `python log_filter.py LOG`, secrets as JSON on descriptor 3.

A process of its own, so that a local run's log stays complete and masked when the harness dies. It masks whole lines
(a secret cannot be cut in two by a buffer's end) unless a line is longer than a megabyte.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from mlebench._support.secrets import mask

_LONGEST_LINE = 2**20


def main() -> None:
    """Filter until the last writer closes the pipe."""
    # it has to outlive the agent, to take down its last words
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(3, "rb") as pipe:
        secrets = json.load(pipe)
    overlap = max((len(secret.encode()) for secret in secrets), default=1) - 1
    rest = b""
    with Path(sys.argv[1]).open("ab", buffering=0) as log:
        while block := os.read(0, 2**16):
            lines, newline, rest = (rest + block).rpartition(b"\n")
            log.write(mask(lines + newline, secrets))
            if len(rest) > _LONGEST_LINE:
                masked = mask(rest, secrets)
                log.write(masked[: len(masked) - overlap])
                rest = masked[len(masked) - overlap :]
        log.write(mask(rest, secrets))


if __name__ == "__main__":
    main()
