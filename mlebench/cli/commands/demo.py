"""Run the full pipeline on the built-in demo split: prepare, run two agents with two seeds, grade, report.

The demo needs no account, no network and no container engine. It takes about a minute. `--research` instead generates two
competitions of the research suite from a fresh key and runs the baseline on them.

examples:
  mlebench demo
  mlebench demo --research
  mlebench demo --agent baseline --seeds 1
"""

from __future__ import annotations

import argparse

from mlebench._support import paths
from mlebench._support.hints import command
from mlebench.cli.options import add_data_dir, add_runs_dir, add_sandbox, at_least, tell
from mlebench.cli.progress import Progress

RESEARCH = ("research-nnn-retrieval", "research-dyadic-logistic")
"""The quickest two of the research suite."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--agent",
        action="append",
        metavar="NAME[/VARIANT]",
        help="an agent, or its folder (repeatable; default: baseline and dummy)",
    )
    parser.add_argument("--research", action="store_true", help="use two freshly generated competitions instead")
    parser.add_argument("--seeds", type=at_least(1), default=2, metavar="N", help="number of seeds (default: 2)")
    add_sandbox(parser, "local")
    add_data_dir(parser)
    add_runs_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.agents import get_agent
    from mlebench.cli.run_display import make_display
    from mlebench.errors import WorkFailed
    from mlebench.preparation.pool import prepare_all
    from mlebench.registry import Registry
    from mlebench.reports.document import make_report
    from mlebench.reports.terminal import print_document
    from mlebench.runs.start import run as start

    registry = Registry(paths.data_dir(arguments.data_dir))
    ids = RESEARCH if arguments.research else registry.list_competition_ids("demo")
    agents = arguments.agent or (["baseline"] if arguments.research else ["baseline", "dummy"])
    for name in agents:  # said before minutes of preparing
        get_agent(name)
    with Progress(quiet=arguments.quiet) as progress:
        outcomes = prepare_all([registry.get_competition(name) for name in ids], tell=progress.tell, listener=progress)
    if failed := [outcome.message for outcome in outcomes if outcome.exit_code]:
        raise WorkFailed("; ".join(failed))
    results = start(
        agents=agents,
        competitions=ids,
        seeds=arguments.seeds,
        profile="demo",
        sandbox=arguments.sandbox,
        data_dir=arguments.data_dir,
        runs_dir=arguments.runs_dir,
        display=make_display(quiet=arguments.quiet),
    )

    splits, chosen = ([], ids) if arguments.research else (["demo"], [])
    print_document(make_report([result.group.folder for result in results], splits=splits, competition_ids=chosen))
    for result in results:
        print(f"report: {result.report}")
    page = command("report", *(result.group.folder for result in results), "--html", "report.html")
    tell(arguments, f"next: {page} writes a page; {command('agents')} lists agents to run instead")
    return 0
