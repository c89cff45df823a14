"""Grade one submission and log the report as JSON.

The command of the published harness, for programs that read its log; `mlebench grade` prints a table or JSON.

examples:
  mlebench grade-sample submission.csv spaceship-titanic
  mlebench grade-sample submission.csv spaceship-titanic --data-dir /data/mlebench
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

from mlebench.cli.options import add_data, registry_of


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("submission", metavar="SUBMISSION", help="a csv file")
    parser.add_argument("competition_id", metavar="ID", help="the competition")
    add_data(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.grade.one import Submission
    from mlebench.grade.pool import GradingPool

    with GradingPool(1) as pool, _logged() as logger:
        competition = registry_of(arguments).get_competition(arguments.competition_id)
        # programs search what is logged for "Invalid submission"
        report = pool.grade(Submission(competition.id, Path(arguments.submission)), competition)
        logger.info("Competition report:")
        logger.info(json.dumps(report.to_dict(), indent=4))
    return 0


@contextlib.contextmanager
def _logged() -> Iterator[logging.Logger]:
    """The harness's logger, its records on stderr with time and level."""
    logger = logging.getLogger("mlebench")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("[%(asctime)s] [%(levelname)s] [%(name)s] %(message)s"))
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    # with --verbose the root logger writes there, too
    logger.propagate = False
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
