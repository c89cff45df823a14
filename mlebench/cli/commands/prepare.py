"""Get and prepare competitions: from Kaggle, from a download that you have, or from a mock.

examples:
  mlebench prepare spaceship-titanic --mock
  mlebench prepare --split low --jobs 2
  mlebench prepare -c leaf-classification --from leaf-classification.zip --edition v2
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mlebench.cli.options import add_data, add_selection, registry_of, selected
from mlebench.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument("--from", dest="source", metavar="PATH", help="a zip or unpacked folder that you already have")
    parser.add_argument("--mock", action="store_true", help="prepare a made-up download of the true schema")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="competitions at a time (default: 1)")
    parser.add_argument("--keep-raw", action="store_true", help="keep the raw data after preparing")
    parser.add_argument("--no-verify", "--skip-verification", dest="verify", action="store_false",
                        help="do not compare md5 sums with the published ones")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="prepare again what is prepared already")
    parser.add_argument(
        "--new-key", action="store_true", help="with --force: generate research data from a fresh key, not the kept one"
    )
    add_data(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench.data.batch import prepare_all

    competitions = selected(arguments, registry_of(arguments))
    source = Path(arguments.source) if arguments.source else None
    if source and arguments.mock:
        raise UsageError("--from and --mock exclude each other")
    outcomes = prepare_all(
        competitions,
        source=source,
        mock=arguments.mock,
        jobs=arguments.jobs,
        keep_raw=arguments.keep_raw,
        verify=arguments.verify,
        force=arguments.force,
        new_key=arguments.new_key,
        tell=lambda line: print(line, file=sys.stderr),
    )
    return max((outcome.exit_code for outcome in outcomes), default=0)
