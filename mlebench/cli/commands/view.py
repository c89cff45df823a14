"""Show runs live in a browser.

Prints an address that contains a token: anyone who has it can see the runs. The server only reads files, so start and stop it
at any time, even on another machine that shares the folder. Press Ctrl-C to stop it.

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
    parser.add_argument("--allow-control", action="store_true", help="let the page pause, continue, retry and cancel runs")
    server = parser.add_argument_group("server")
    server.add_argument("--port", type=at_least(0), metavar="N", help="port (default: the first free one from 8765; 0: any)")
    server.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS",
                        help="listen address (default: 127.0.0.1, for this machine only)")  # fmt: skip
    server.add_argument("--password-file", type=Path, metavar="FILE",
                        help="file with the password, readable only by you; required beyond loopback")  # fmt: skip
    server.add_argument("--trusted-host", action="append", default=[], metavar="NAME",
                        help="another name of this server, such as that of a reverse proxy, optionally with :PORT "
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
        tell(arguments, f"from another machine, run `{forward}` and open the same address there; press Ctrl-C to stop")
    else:
        tell(
            arguments,
            "not encrypted: put a TLS proxy in front, or use `ssh -L` without `--bind`; press Ctrl-C to stop",
        )
