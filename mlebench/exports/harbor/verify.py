"""Grades the submission of a Harbor trial; runs in the verifier's container, by `python -m mlebench.exports.harbor.verify`.

Writes `reward.json` and, beside it, the whole grading report. A fault that is not the submission's ends with exit code 1 and
without rewards, so that Harbor counts it as an error of the trial and never as a 0.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mlebench._support.files import write_json
from mlebench.errors import MlebenchError, WorkFailed
from mlebench.exports.harbor.choices import REWARDS
from mlebench.exports.harbor.rewards import rewards

SUBMISSION = Path("/home/submission/submission.csv")
DATA_DIR = Path("/data")
LOGS = Path("/logs/verifier")
MODULE = "mlebench.exports.harbor.verify"


def main(words: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__, allow_abbrev=False)
    parser.add_argument("competition_id", metavar="ID")
    parser.add_argument("--edition", choices=("v1", "v2"), required=True)
    parser.add_argument("--reward", choices=tuple(REWARDS), default=next(iter(REWARDS)))
    parser.add_argument("--submission", type=Path, default=SUBMISSION)
    parser.add_argument("--data-dir", type=Path, default=DATA_DIR)
    parser.add_argument("--logs", type=Path, default=LOGS)
    arguments = parser.parse_args(words)
    try:
        _verify(arguments)
    except MlebenchError as error:
        print(f"mlebench: {error}", file=sys.stderr)
        return 1
    return 0


def _verify(arguments: argparse.Namespace) -> None:
    from mlebench.grade.one import Submission
    from mlebench.grade.pool import GradingPool
    from mlebench.registry import Registry

    with GradingPool(1) as pool:
        key = os.environ.get("MLEBENCH_SPLIT_KEY") or None
        registry = Registry(arguments.data_dir, arguments.edition, key)
        competition = registry.get_competition(arguments.competition_id)
        # a link in the place of the file would be followed to the answers
        submission = Submission(competition.id, arguments.submission, within=arguments.submission.parent)
        report = pool.grade(submission, competition)
    write_json(arguments.logs / "report.json", report.to_dict())
    if report.error:
        print(f"mlebench: {report.error}", file=sys.stderr)
    if report.error_kind == "grader_error":
        raise WorkFailed("no reward was written, because the fault is not in the submission")
    write_json(arguments.logs / "reward.json", rewards(report, arguments.reward))


if __name__ == "__main__":
    sys.exit(main())
