"""Check what runs need on this machine: engine, limits, GPUs, disk, credentials, images.

Each line that is not well says what to do. Exit code 1 when there is a problem.

example: mlebench doctor
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.cli.options import add_json
from mlebench.cli.output import print_json

if TYPE_CHECKING:
    from mlebench.doctor import Finding


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data-dir", metavar="D", help="where data lies (default: $MLEBENCH_DATA_DIR, else the user's cache)")
    parser.add_argument("--runs-dir", metavar="D", help="where run groups lie (default: $MLEBENCH_RUNS_DIR, else ./runs)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.doctor import examine

    data_dir = Path(arguments.data_dir) if arguments.data_dir else None
    runs_dir = Path(arguments.runs_dir) if arguments.runs_dir else None
    findings = list(examine(data_dir, runs_dir))
    if arguments.json:
        print_json([finding.to_dict() for finding in findings])
    else:
        _show(findings)
    return 1 if any(finding.state == "problem" for finding in findings) else 0


def _show(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    marks = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "bold red")}
    table = Table(header_style="bold")
    for column in ("", "check", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark, style = marks[finding.state]
        table.add_row(Text(mark, style), Text(finding.name, style), Text(finding.what), Text(finding.mend or ""))
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)
