"""Check a submission with the grader's own code, without scoring it.

Exit code 0 if the submission is valid, 1 if it is not.

examples:
  mlebench validate submission.csv -c spaceship-titanic
  mlebench validate submission.csv -c spaceship-titanic --edition v2 --json
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mlebench.cli.options import add_competition, add_data, add_json, again, registry_of
from mlebench.cli.output import print_json
from mlebench.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("submission", metavar="SUBMISSION.csv", help="the submission")
    add_competition(parser, "the competition")
    add_data(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.competition_id is None:
        raise UsageError(f"no competition given for {arguments.submission}; run {again(arguments, '-c', 'ID')}")
    from mlebench.grade.one import Submission
    from mlebench.grade.pool import GradingPool

    with GradingPool(1) as pool:
        competition = registry_of(arguments).get_competition(arguments.competition_id)
        valid, message = pool.check(Submission(competition.id, Path(arguments.submission)), competition)
    if arguments.json:
        print_json({"valid": valid, "message": message})
    else:
        print(message)
    return 0 if valid else 1
