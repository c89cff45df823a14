"""Show runs in a browser while they are under way.

examples:
  mlebench view
  mlebench view runs --port 8765
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mlebench._support import paths


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs_dir", nargs="?", type=Path, metavar="RUNS_DIR", help="folder of run groups")
    parser.add_argument("--port", type=int, default=8765, metavar="N", help="port (default: 8765)")


def run(arguments: argparse.Namespace) -> int:
    from mlebench.reports.view.server import serve

    serve(paths.runs_dir(arguments.runs_dir), arguments.port)
    return 0
