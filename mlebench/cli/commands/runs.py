"""List run groups, show one, follow a log; pause, retry and cancel runs.

examples:
  mlebench runs
  mlebench runs latest --watch
  mlebench runs latest --tail spaceship-titanic_seed0
  mlebench runs latest --cancel spaceship-titanic_seed0
  mlebench runs latest --parallel 8
"""

from __future__ import annotations

import argparse
import codecs
import io
import math
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from grading.wording import counted
from mlebench._support import paths
from mlebench._support.folders import entries_of
from mlebench._support.hints import command, unknown
from mlebench._support.plain_files import open_plain
from mlebench.cli.options import add_json, add_runs_dir, at_least, tell
from mlebench.cli.output import COLOURS, cell_text, print_json, print_table
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from mlebench.runs.group import Group
    from mlebench.runs.group_report import GroupResult
    from mlebench.runs.record import RunRecord

_COLUMNS = ("run", "state", "time", "score", "medal", "attempts")
_GROUP_COLUMNS = ("group", "agent", "state", "ended", "started", "took", "valid", "medals", "score", "lost")
_HAPPENED = "what happened"
"""A column where it has room; otherwise its words are printed below the table."""
_NARROW = ("run", "state", "time", "score")
"""Columns that stay on a narrow screen."""
_WATCH_SECONDS = 2.0
_LINE_EVERY_SECONDS = 30.0
_LINES_AROUND = 6
_TAIL_SECONDS = 0.3


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("group", nargs="?", metavar="GROUP", help="a run group: name, folder or `latest`")
    what = parser.add_argument_group("what to do").add_mutually_exclusive_group()
    what.add_argument("--watch", action="store_true", help="refresh until every run has ended")
    what.add_argument("--tail", metavar="RUN", help="follow the log of a run until it ends")
    what.add_argument("--cancel", nargs="?", const="", metavar="RUN", help="cancel a run, or without RUN the whole group")
    what.add_argument("--retry", metavar="RUN", help="repeat a run that was cancelled or failed without a result")
    what.add_argument("--pause", action="store_true", help="start no further runs; running ones continue")
    what.add_argument("--continue", dest="go_on", action="store_true", help="start runs again after --pause")
    what.add_argument("--parallel", type=at_least(1), metavar="N", help="allow at most N parallel runs")
    add_json(what)
    add_runs_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    runs_dir = paths.runs_dir(arguments.runs_dir)
    if arguments.group is None:
        if arguments.watch or arguments.tail or _is_act(arguments):
            raise UsageError(f"no run group given; {command('runs', 'latest', '--watch', runs_dir=runs_dir)} watches the latest")
        return _list(runs_dir, arguments)

    from mlebench.runs.group import find_group
    from mlebench.runs.group_report import GroupResult

    group = find_group(runs_dir, arguments.group)
    if _is_act(arguments):
        print(_act(group, arguments))
        return 0
    if arguments.tail:
        return _tail(group, _run_id(group, arguments.tail))
    if arguments.watch:
        return _watch(group)
    result = GroupResult(group, group.records())
    if arguments.json:
        print_json(group_content(result))
    else:
        show_group(result)
    return 0


def _is_act(arguments: argparse.Namespace) -> bool:
    is_named = any(value is not None for value in (arguments.cancel, arguments.retry, arguments.parallel))
    return is_named or arguments.pause or arguments.go_on


def _act(group: Group, arguments: argparse.Namespace) -> str:
    """Do to a group what is asked for; returns what happens now."""
    from mlebench.runs import orders

    if arguments.cancel is not None:
        return _cancel(group, arguments.cancel or None)
    if arguments.retry is not None:
        return orders.retry_run(group, _run_id(group, arguments.retry))
    if arguments.parallel is not None:
        return orders.set_parallel(group, arguments.parallel)
    return orders.pause(group) if arguments.pause else orders.go_on(group)


def group_content(result: GroupResult) -> dict[str, Any]:
    """A group with its runs, JSON-ready."""
    from mlebench.runs.group_report import group_totals
    from mlebench.runs.harness_status import read_harness_status
    from mlebench.runs.phase import phase_of

    group, records = result
    harness = read_harness_status(group.folder)
    return {
        **group_totals(group, records),
        "folder": str(group.folder),
        "created_at": group.created_at,
        "state": _group_state(group, records),
        "harness": None if harness is None else asdict(harness),
        "runs": [
            asdict(record) | {"model_status": _model_status(group, record), "phase": phase_of(group, record, harness)._asdict()}
            for record in records
        ],
    }


def _model_status(group: Group, record: RunRecord) -> dict[str, Any] | None:
    """What a run that is under way has used of its models so far, and what its calls wait for."""
    from mlebench.sandbox.model_status import read_status

    status = read_status(group.run_dir(record.run_id)) if record.state == "running" else None
    return None if status is None else asdict(status)


def show_group(result: GroupResult) -> None:
    """Print a table of a group's runs."""
    columns, rows = _run_table(result)
    if _HAPPENED not in print_table(columns, rows, result.group.name, order=_NARROW):
        for run, state, *_, words in rows:
            if words and state != "finished":
                print(f"{run}: {words}")
    print(_totals_line(result))


def _list(runs_dir: Path, arguments: argparse.Namespace) -> int:
    groups = _groups(runs_dir)
    listed = [(group, group.records()) for group in groups]
    if arguments.json:
        from mlebench.runs.group_report import group_totals

        print_json(
            [
                {**group_totals(group, records), "created_at": group.created_at, "state": _group_state(group, records)}
                for group, records in listed
            ]
        )
        return 0
    if not groups:
        print(f"no run groups in {runs_dir}; {command('run', '--agent', 'dummy', '-c', 'ID', runs_dir=runs_dir)} makes one")
        return 0
    print_table(_GROUP_COLUMNS, [_group_row(group, records) for group, records in listed], order=_GROUP_COLUMNS)
    tell(arguments, f"next: {command('runs', listed[-1][0].name, runs_dir=runs_dir)} shows the runs of a group")
    return 0


def _group_row(group: Group, records: list[RunRecord]) -> list[object]:
    """The cells of `_GROUP_COLUMNS`."""
    reports = [report for record in records if (report := record.graded) is not None]
    scores = [report.score for report in reports if report.score is not None]
    is_one_competition = len(set(group.plan.competitions)) == 1
    return [
        group.name,
        group.plan.agent.id,
        _group_state(group, records),
        f"{sum(record.has_ended for record in records)}/{len(records)}",
        group.created_at[:16].replace("T", " "),
        _duration_of(records),
        sum(record.has_valid_submission for record in records),
        sum(report.any_medal for report in reports),
        float(f"{sum(scores) / len(scores):.5g}") if scores and is_one_competition else None,
        sum(record.failure_class == "infrastructure" for record in records),
    ]


def _duration_of(records: list[RunRecord]) -> str | None:
    """From the first start to the last end, or to now while runs are in work; None before the first start."""
    from mlebench._support.quantities import show_duration
    from mlebench.runs.record import now, seconds_between

    started = [record.started_at for record in records if record.started_at]
    ended = [now() if record.state == "running" else record.ended_at for record in records if record.started_at]
    known = [moment for moment in ended if moment]
    return show_duration(seconds_between(min(started), max(known))) if started and known else None


def _groups(runs_dir: Path) -> list[Group]:
    # what groups are made of takes long to import
    if not entries_of(runs_dir):
        return []
    from mlebench.runs.group import list_groups

    return list_groups(runs_dir, left_out=lambda problem: print(f"mlebench runs: {problem}", file=sys.stderr))


def _group_state(group: Group, records: list[RunRecord]) -> str:
    from mlebench.runs.harness_status import read_harness_status
    from mlebench.runs.lock import is_held

    if all(record.has_ended for record in records):
        return "done"
    harness = read_harness_status(group.folder)
    if harness is not None and harness.is_paused:
        return "paused"
    return "running" if harness is not None or is_held(group.folder) else "interrupted"


def _run_table(result: GroupResult) -> tuple[list[str], list[list[object]]]:
    """Columns and rows of a group's runs; models are a column only where there are any."""
    from mlebench._support.quantities import show_duration
    from mlebench.runs.harness_status import read_harness_status
    from mlebench.runs.phase import phase_of
    from mlebench.runs.record import now, seconds_between

    rows: list[list[object]] = []
    models = [_models_cell(result.group, record) for record in result.records]
    has_models = any(models)
    harness = read_harness_status(result.group.folder)
    for record, cell in zip(result.records, models, strict=True):
        report = record.graded
        phase = phase_of(result.group, record, harness)
        seconds = record.wall_seconds
        if record.state == "running":
            seconds = seconds_between(record.started_at, now())
        rows.append(
            [
                record.run_id,
                phase.name,
                show_duration(seconds) if seconds is not None else None,
                report.score if report else None,
                "mock data" if report and report.data == "mock" else report.medal if report else None,
                record.attempt,
                *([cell] if has_models else []),
                phase.words,
            ]
        )
    return [*_COLUMNS, *(["models"] if has_models else []), _HAPPENED], rows


def _models_cell(group: Group, record: RunRecord) -> str | None:
    from mlebench.cli.run_display import status_text
    from mlebench.runs.usage import read_usage
    from mlebench.runs.wording import usage_text
    from mlebench.sandbox.model_status import read_status

    if record.state == "running":
        return status_text(read_status(group.run_dir(record.run_id))) or None
    used = read_usage(record.usage)
    return None if used is None else usage_text(used.calls, used.tokens, used.cost_usd)


def _totals_line(result: GroupResult) -> str:
    from mlebench.runs.group_report import group_totals, usage_words
    from mlebench.runs.orders import is_paused

    group, records = result
    totals = group_totals(group, records)
    parts = [f"{count} {state}" for state, count in totals["states"].items()]
    lost = len(totals["infrastructure_failures"])
    if lost:
        again = "" if group.imported is not None else f"; {_resume(group)} tries again"
        parts.append(f"{lost} of them lost to the infrastructure and in no total{again}")
    if totals["mock_competitions"]:
        parts.append("scores on mock data earn no medal")
    if totals["gpu_hours"]:
        parts.append(f"{totals['gpu_hours']:.1f} GPU-hours")
    if words := usage_words(totals):
        parts.append(words)
    if is_paused(group.folder) and not result.has_ended:
        parts.append(f"paused, {group.command('runs', group.name, '--continue')} starts runs again")
    return ", ".join(parts)


def _watch(group: Group) -> int:
    from rich.live import Live

    from mlebench._support.terminal import is_screen, make_console
    from mlebench.runs.group_report import GroupResult

    result = GroupResult(group, group.records())
    if is_screen(sys.stdout):
        # it goes at the end, when the table of all runs takes its place
        console = make_console()
        with Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False) as live:
            while not result.has_ended:
                live.update(watch_screen(result, console.height), refresh=True)
                time.sleep(_WATCH_SECONDS)
                result = GroupResult(group, group.records())
    else:
        said_at = -math.inf
        while not result.has_ended:
            if time.monotonic() - said_at >= _LINE_EVERY_SECONDS:
                print(_totals_line(result), flush=True)
                said_at = time.monotonic()
            time.sleep(_WATCH_SECONDS)
            result = GroupResult(group, group.records())
    show_group(result)
    return 0


def watch_screen(result: GroupResult, height: int) -> RenderableType:
    """What `--watch` shows: a bar for the whole, one for each run in work, and a table of the others, within the terminal."""
    from rich.console import Group as Stack
    from rich.text import Text

    from mlebench.cli.progress import Bars
    from mlebench.cli.run_display import overall_bar, run_bar
    from mlebench.runs.harness_status import read_harness_status
    from mlebench.runs.phase import phase_of
    from mlebench.runs.schedule.overview import Overview, RunView

    group, records = result
    harness = read_harness_status(group.folder)
    overview = Overview()
    for record in records:
        view = overview.runs[record.run_id] = RunView(record.run_id, record.agent, record.run_id)
        view.run_dir = group.run_dir(record.run_id)
        view.expected = view.time_limit = group.plan.profile.time_limit
        view.update(record)
    running = overview.running()
    most = max(1, height - _LINES_AROUND)
    words = {record.run_id: phase_of(group, record, harness).words for record in records if record.state == "running"}
    bars = [run_bar(view, view.run_id, words[view.run_id]) for view in running[:most]]
    rows = most - len(bars)
    table = [_watch_table(result, rows)] if rows > 0 and len(running) < len(records) else []
    whole = overall_bar(overview, None if harness is None else harness.seconds_left)
    return Stack(Bars([whole, *bars], most + 1), Text(_totals_line(result)), *table)


def _watch_table(result: GroupResult, most: int) -> RenderableType:
    """The runs that are not in work: those that ended last come first, then those that are queued."""
    from rich.console import Group as Stack
    from rich.text import Text

    from mlebench._support.tables import FittingTable

    columns, rows = _run_table(result)
    others = [(record, row) for record, row in zip(result.records, rows, strict=True) if record.state != "running"]
    others.sort(key=lambda entry: entry[0].ended_at or "", reverse=True)
    cells = [row for _, row in others]
    table = FittingTable(header_style="bold", order=_NARROW)
    for name in columns:
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    # lines around and under its head
    shown = max(1, most - 4)
    for row in cells[:shown]:
        table.add_row(*(Text(cell_text(value)) for value in row))
    more = [Text(f"… and {len(cells) - shown} more")] if len(cells) > shown else []
    return Stack(table, *more)


def _tail(group: Group, run_id: str) -> int:
    """Follow a log from its beginning; waits for a run that has not started."""
    log = group.run_dir(run_id) / "run.log"
    run = next(run for run in group.plan.runs if run.run_id == run_id)
    # a progress bar's carriage returns end lines here
    decode = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True).decode
    position = 0
    while True:
        ended = group.record(run).has_ended
        if log.exists():
            if log.stat().st_size < position:
                # another attempt has begun
                position = 0
            with open_plain(log) as file:
                file.seek(position)
                while block := file.read(2**16):
                    sys.stdout.write(COLOURS.sub("", decode(block)))
                    position += len(block)
            sys.stdout.flush()
        if ended:
            return 0
        time.sleep(_TAIL_SECONDS)


def _cancel(group: Group, run_id: str | None) -> str:
    from mlebench.runs.cancel import cancel_group, cancel_run

    if run_id is None:
        count = cancel_group(group)
        return f"cancelling {counted(count, 'run')} of {group.name}; {_resume(group)} continues"
    run_id = _run_id(group, run_id)
    cancel_run(group, run_id)
    return f"cancelling {run_id}"


def _run_id(group: Group, name: str) -> str:
    known = [run.run_id for run in group.plan.runs]
    if name in known:
        return name
    raise UsageError(unknown("run", name, known, where=f"in {group.name}", listing=group.command("runs", group.name)))


def _resume(group: Group) -> str:
    return group.command("run", "--resume", group.name)
