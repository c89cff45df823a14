"""Show runs in a browser while they are under way.

Prints an address that holds a token: whoever knows it sees the runs. It reads files alone, so it may be started and ended at any
time, also beside a group that runs on a cluster. It ends with Ctrl-C.

examples:
  mlebench view
  mlebench view runs/2026-01-31T09-30-00_dummy
  mlebench view runs --allow-control --port 8765
  mlebench view --bind 0.0.0.0 --password-file ~/view-password
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support import paths
from mlebench.cli.options import at_least, tell

if TYPE_CHECKING:
    from mlebench.reports.view.serving import Served


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs_dir", nargs="?", type=Path, metavar="RUNS_DIR",
                        help="folder of run groups, or of one group (default: $MLEBENCH_RUNS_DIR, else ./runs)")  # fmt: skip
    parser.add_argument("--port", type=at_least(0), metavar="N", help="port (default: the first free one from 8765 on; 0: any)")
    parser.add_argument("--allow-control", action="store_true", help="offer to pause, continue, retry and cancel runs")
    parser.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS",
                        help="address to listen at (default: 127.0.0.1, which this machine alone reaches)")  # fmt: skip
    parser.add_argument("--password-file", type=Path, metavar="FILE",
                        help="file with the password to ask for, which you alone can read; needed beyond loopback")  # fmt: skip
    parser.add_argument("--trusted-host", action="append", default=[], metavar="NAME",
                        help="another name for this server, such as that of a reverse proxy, with :PORT if it is to be that one "
                        "(repeatable)")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    from mlebench.reports.view.serving import Settings, serve

    settings = Settings(
        port=arguments.port,
        address=arguments.bind,
        password_file=arguments.password_file,
        trusted_hosts=tuple(arguments.trusted_host),
        allows_control=arguments.allow_control,
    )
    serve(paths.runs_dir(arguments.runs_dir), settings, lambda served: _announce(arguments, served))
    return 0


def _announce(arguments: argparse.Namespace, served: Served) -> None:
    import socket

    print(served.address, flush=True)
    if served.is_loopback:
        forward = f"ssh -L {served.port}:127.0.0.1:{served.port} {socket.gethostname()}"
        tell(arguments, f"from another machine: `{forward}`, then the same address there; Ctrl-C ends it")
    else:
        tell(arguments, "what is sent is not encrypted: put TLS before it, or use `ssh -L` without `--bind`; Ctrl-C ends it")
