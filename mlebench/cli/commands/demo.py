"""Run the whole job on the embedded demo split: prepare, let two agents work with two seeds, grade, report.

Needs no account, no network and no container engine; takes a few minutes.

With --research it prepares two generated competitions of the research suite instead, from a fresh key, and runs the baseline.

examples:
  mlebench demo
  mlebench demo --research
  mlebench demo --agent baseline --seeds 1
"""

from __future__ import annotations

import argparse
from functools import partial

from mlebench._support import paths
from mlebench._support.hints import command
from mlebench.cli.options import LOCAL_HELP, SANDBOXES, add_data_dir, add_runs_dir, at_least, tell

RESEARCH = ("research-nnn-retrieval", "research-dyadic-logistic")
"""The quickest two of the research suite."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--agent",
        action="append",
        metavar="NAME[/VARIANT]",
        help="an agent, or its folder (repeatable; default: baseline and dummy)",
    )
    parser.add_argument("--research", action="store_true", help="two competitions that nobody can have memorised")
    parser.add_argument("--seeds", type=at_least(1), default=2, metavar="N", help="number of seeds (default: 2)")
    parser.add_argument("--sandbox", choices=SANDBOXES, default="local", help=f"default: local; {LOCAL_HELP}")
    add_data_dir(parser)
    add_runs_dir(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.agents import get_agent
    from mlebench.errors import WorkFailed
    from mlebench.preparation.pool import prepare_all
    from mlebench.registry import Registry
    from mlebench.reports.document import make_report
    from mlebench.reports.terminal import print_document
    from mlebench.runs.display import make_display
    from mlebench.runs.start import run as start

    registry = Registry(paths.data_dir(arguments.data_dir))
    ids = RESEARCH if arguments.research else registry.list_competition_ids("demo")
    agents = arguments.agent or (["baseline"] if arguments.research else ["baseline", "dummy"])
    for name in agents:  # said before minutes of preparing
        get_agent(name)
    outcomes = prepare_all([registry.get_competition(name) for name in ids], tell=partial(tell, arguments))
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
    print(f"{page} writes a page")
    return 0
