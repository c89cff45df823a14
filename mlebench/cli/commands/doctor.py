"""Check that this machine is ready for runs: engine, limits, GPUs, disks, credentials and images.

Each warning and each problem comes with a fix. Exit code 1 if there is a problem, else 0.

examples:
  mlebench doctor
  mlebench doctor --data-dir /data/mlebench --json
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlebench.cli.options import add_data_dir, add_json, add_runs_dir
from mlebench.cli.output import cell_text, print_json

if TYPE_CHECKING:
    from mlebench.doctor import Finding


def configure(parser: argparse.ArgumentParser) -> None:
    add_data_dir(parser)
    add_runs_dir(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.doctor import examine
    from mlebench.runs.standing import is_under_way

    findings = list(examine(arguments.data_dir, arguments.runs_dir, is_under_way))
    if arguments.json:
        print_json([finding.to_dict() for finding in findings])
    else:
        _show(findings)
    return 1 if any(finding.state == "problem" for finding in findings) else 0


def _show(findings: list[Finding]) -> None:
    from rich.text import Text

    from mlebench._support.tables import FittingTable
    from mlebench._support.terminal import make_console

    marks = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "bold red")}
    table = FittingTable(header_style="bold")
    for column in ("", "check", "found", "how to fix"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark, style = marks[finding.state]
        table.add_row(
            Text(mark, style), Text(finding.name, style), Text(cell_text(finding.what)), Text(cell_text(finding.fix or ""))
        )
    make_console().print(table)
