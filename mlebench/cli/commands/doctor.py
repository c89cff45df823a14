"""Check what runs need on this machine: engine, limits, GPUs, disk, credentials, images.

Each line that is not in order says what to do. Exit code 1 when there is a problem.

example: mlebench doctor
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
    from rich.table import Table
    from rich.text import Text

    from mlebench._support.terminal import make_console

    marks = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "bold red")}
    table = Table(header_style="bold")
    for column in ("", "check", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark, style = marks[finding.state]
        table.add_row(
            Text(mark, style), Text(finding.name, style), Text(cell_text(finding.what)), Text(cell_text(finding.mend or ""))
        )
    make_console().print(table)
