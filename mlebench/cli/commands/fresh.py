"""List competitions on Kaggle that ended recently, as candidates for a suite newer than a model's training data.

By default only those that your Kaggle account has entered. The size of a download is known once their rules are accepted.
`mlebench new-competition SLUG --from-kaggle` makes a competition of this harness from one of them.

examples:
  mlebench fresh
  mlebench fresh --months 6 --metric-supported
  mlebench fresh --all --json
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from mlebench._support.hints import command
from mlebench.cli.options import add_json, at_least, quantity, tell
from mlebench.cli.output import print_json, print_table

if TYPE_CHECKING:
    from datetime import datetime

    from grading.metric_names import NamedMetric
    from mlebench.kaggle.candidates import Candidate
    from mlebench.kaggle.listing import Listing

_PATIENCE = "1m"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--months", type=at_least(1), default=12, metavar="N", help="ended within so many months (default: 12)")
    parser.add_argument("-a", "--all", action="store_true", help="all public competitions, not only those you have entered")
    parser.add_argument("--metric-supported", action="store_true", help="only those whose metric this harness has")
    parser.add_argument("--patience", metavar="TIME", default=_PATIENCE,
                        help=f"keep trying for this long if Kaggle fails (default: {_PATIENCE})")  # fmt: skip
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from mlebench._support.quantities import parse_duration
    from mlebench.cli.progress import Progress
    from mlebench.kaggle.candidates import find_candidates, months_before, now
    from mlebench.kaggle.transfer import Transfer

    patience = quantity("--patience", arguments.patience, parse_duration)
    until = now()
    since = months_before(until, arguments.months)
    with Progress(quiet=arguments.quiet) as display:
        found = find_candidates(
            since,
            until,
            everybody=arguments.all,
            wanted=(lambda listing: _metric(listing) is not None) if arguments.metric_supported else lambda listing: True,
            transfer=Transfer(patience),
            listener=display,
        )
    if arguments.json:
        document = {"since": since.isoformat(timespec="seconds"), "until": until.isoformat(timespec="seconds")}
        print_json({**document, "competitions": [_document(candidate) for candidate in found]})
    elif found:
        _print(found, since)
    _tell_next(arguments, found, since)
    return 0


def _metric(listing: Listing) -> NamedMetric | None:
    from grading.metric_names import find_metric

    return find_metric(listing.metric) if listing.metric else None


def _document(candidate: Candidate) -> dict[str, Any]:
    listing, metric = candidate.listing, _metric(candidate.listing)
    return {
        "id": listing.id,
        "title": listing.title,
        "url": listing.url,
        "category": listing.category,
        "deadline": listing.deadline.isoformat() if listing.deadline else None,
        "size_bytes": candidate.size,
        "modality": listing.modality,
        "tags": list(listing.tags),
        "kaggle_metric": listing.metric,
        "metric": metric.name if metric else None,
        "metric_supported": metric is not None,
        "teams": listing.teams,
        "board": listing.board,
        "is_code_competition": listing.is_code_competition,
        "entered": listing.entered,
        "rules_accepted": candidate.rules_accepted,
        "licence": listing.licence or None,
    }


def _print(found: list[Candidate], since: datetime) -> None:
    from grading.wording import counted
    from mlebench._support.quantities import show_size

    columns = ["competition", "title", "ended", "size", "modality", "metric", "supported", "teams", "board", "kind"]
    rows = [
        [
            candidate.listing.id,
            candidate.listing.title,
            f"{candidate.listing.deadline:%Y-%m-%d}" if candidate.listing.deadline else None,
            None if candidate.size is None else show_size(candidate.size),
            candidate.listing.modality,
            candidate.listing.metric,
            "yes" if _metric(candidate.listing) else "no",
            candidate.listing.teams or None,
            candidate.listing.board,
            "code" if candidate.listing.is_code_competition else "simple",
        ]
        for candidate in found
    ]
    order = ["competition", "ended", "size", "metric", "supported", "board", "teams", "modality", "kind", "title"]
    print_table(columns, rows, f"{counted(len(found), 'competition')} ended since {since:%Y-%m-%d}", order=order)


def _tell_next(arguments: argparse.Namespace, found: list[Candidate], since: datetime) -> None:
    """Say how to go on with what is listed, or how to find more."""
    ready = [candidate for candidate in found if _metric(candidate.listing)] or found
    if ready:
        made = command("new-competition", ready[0].listing.id, "--from-kaggle")
        tell(arguments, f"next: {made} makes a competition folder of it")
        return
    whose = "public competition" if arguments.all else "competition that you have entered"
    metric = " with a metric of this harness" if arguments.metric_supported else ""
    everybody = "" if arguments.all else f"{command('fresh', '--all')} lists all public ones, and "
    further = command("fresh", "--months", 2 * arguments.months)
    tell(arguments, f"no {whose}{metric} ended since {since:%Y-%m-%d}; {everybody}{further} looks further back")
