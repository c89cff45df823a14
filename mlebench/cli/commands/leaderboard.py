"""Show the medal thresholds of a competition, and where a score would rank.

examples:
  mlebench leaderboard spaceship-titanic
  mlebench leaderboard spaceship-titanic --score 0.81
  mlebench leaderboard spaceship-titanic --refresh --thresholds live
"""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from mlebench.cli.options import add_data, add_json, add_thresholds, registry_of
from mlebench.cli.output import print_json, print_table
from mlebench.errors import UsageError

if TYPE_CHECKING:
    from mlebench.registry import Competition


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the competition")
    parser.add_argument("--score", type=float, metavar="X", help="the score to rank")
    parser.add_argument("--refresh", action="store_true", help="download the full private leaderboard from Kaggle")
    add_thresholds(parser)
    add_data(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from grading.medals import standing
    from mlebench.kaggle.leaderboards import BoardNote

    competition = registry_of(arguments).get_competition(arguments.id)
    if arguments.score is not None and not math.isfinite(arguments.score):
        raise UsageError(f"--score is {arguments.score}, expected a finite number")
    if arguments.refresh:
        from mlebench.kaggle.leaderboards import refresh_leaderboard

        refresh_leaderboard(competition)
    thresholds = competition.live_thresholds if arguments.thresholds == "live" else competition.thresholds
    scores = list(competition.read_leaderboard()["score"]) if competition.has_leaderboard else None
    document: dict[str, object] = {
        "id": competition.id,
        "edition": competition.edition.name,
        "metric": competition.metric,
        "direction": competition.direction,
        "leaderboard_size": len(scores) if scores else None,
    }
    for name in ("gold", "silver", "bronze", "median"):
        document[f"{name}_threshold"] = getattr(thresholds, name) if thresholds else None
    if kept := BoardNote.read(competition):
        document["leaderboard_date"] = kept.fetched_at
        document |= _differences(competition)
    if arguments.score is not None:
        score = round(arguments.score, 5)
        place = standing(score, scores or (), lower_is_better=competition.is_lower_better)
        document |= {
            "score": score,
            "medal": thresholds.medal(score) if thresholds else None,
            "above_median": thresholds.is_above_median(score) if thresholds else None,
            "rank": place.rank if place else None,
            "percentile": place.percentile if place else None,
        }
    if arguments.json:
        print_json(document)
    else:
        rows = [
            [name.replace("_", " "), None if value is None else str(value)] for name, value in document.items() if name != "id"
        ]
        print_table(["", competition.id], rows)
    return 0


def _differences(competition: Competition) -> dict[str, object]:
    """Thresholds of the kept leaderboard, and by how much they differ from the published ones."""
    published, live = competition.thresholds, competition.live_thresholds
    document: dict[str, object] = {}
    for name in ("gold", "silver", "bronze", "median"):
        document[f"live_{name}_threshold"] = getattr(live, name)
        document[f"live_{name}_difference"] = round(getattr(live, name) - getattr(published, name), 5) if published else None
    return document
