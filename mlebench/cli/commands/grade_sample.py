"""Grade one submission and log the report as JSON.

example: mlebench grade-sample submission.csv spaceship-titanic
"""

from __future__ import annotations

import argparse
import json

from mlebench.cli.options import add_data, registry_of


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("submission", metavar="SUBMISSION", help="a csv file")
    parser.add_argument("competition_id", metavar="ID", help="the competition")
    add_data(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.grade import grade_csv
    from mlebench.utils import get_logger

    competition = registry_of(arguments).get_competition(arguments.competition_id)
    report = grade_csv(arguments.submission, competition)
    logger = get_logger("mlebench.grade_sample")
    logger.info("Competition report:")
    logger.info(json.dumps(report.to_dict(), indent=4))
    return 0
