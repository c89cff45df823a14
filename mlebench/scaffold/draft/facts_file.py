"""The text of a drafted `competition.yaml`, and its leaderboard."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from grading.medals import Thresholds
from grading.printable import printable
from mlebench.scaffold.draft.layout import SAMPLE, public_entries
from mlebench.scaffold.draft.proposal import Draft
from mlebench.scaffold.draft.source_text import in_yaml, remarks


def facts_source(draft: Draft) -> str:
    """The text of a `competition.yaml`, with the reason before each line that was guessed."""
    origin, metric = draft.origin, draft.metric
    lines = [
        f"id: {in_yaml(origin.id)}",
        "# raise it whenever a change of prepare.py, grade.py or this file changes a score or the prepared data",
        "version: 1",
        f"title: {in_yaml(' '.join(printable(origin.title, 200).split()) or origin.id)}",
        "split: own",
        "# guessed: from the kinds of columns and files",
        f"modality: {in_yaml(draft.modality)}",
        "# guessed: from what the metric scores",
        f"task: {in_yaml(draft.task)}",
        *remarks(draft, "metric"),
        f"metric: {in_yaml({'name': metric.name, 'direction': metric.direction, 'best': float(metric.best)})}",
        *_kaggle(draft),
        f"raw: {in_yaml(_needed(draft))}",
        "files:",
        "  answers: private/test.csv",
        f"  sample_submission: public/{SAMPLE}",
        f"  public: {in_yaml(list(public_entries(draft)))}",
        "  private: [test.csv]",
        f"counts: {in_yaml({'public/train.csv + private/test.csv': draft.train.rows})}",
        *_left_out(draft),
        *_thresholds(draft),
    ]
    if origin.download_bytes:
        lines.append(f"download_gb: {round(origin.download_bytes / 1e9, 4)}")
    return "\n".join(lines) + "\n"


def leaderboard_source(draft: Draft) -> str | None:
    """The text of `leaderboard.csv`, best first; None if there is no leaderboard."""
    if not draft.origin.board:
        return None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "score"])
    writer.writerows([f"team {place}", score] for place, score in enumerate(draft.origin.board, start=1))
    return text.getvalue()


def _kaggle(draft: Draft) -> Iterator[str]:
    origin = draft.origin
    if origin.source == "kaggle":
        facts: dict[str, Any] = {
            "type": "code" if origin.is_code_competition else "simple",
            "awards_medals": origin.awards_medals,
        }
        yield f"kaggle: {in_yaml(facts | ({'year': origin.year} if origin.year else {}))}"


def _needed(draft: Draft) -> list[str]:
    """What `prepare` needs at the top of the raw data."""
    paths = [draft.train.path, *([draft.media.train] if draft.media else []), *draft.copied]
    return sorted({path.split("/")[0] + ("/" if "/" in path else "") for path in paths})


def _left_out(draft: Draft) -> Iterator[str]:
    for path, reason in draft.left_out:
        yield f"# not in the prepared data: {printable(path, 80)} ({printable(reason, 200)})"


def _thresholds(draft: Draft) -> Iterator[str]:
    board = list(draft.origin.board)
    if not board:
        return
    found = Thresholds.from_leaderboard(board, lower_is_better=draft.metric.direction == "minimize")
    yield f"# guessed: scores at the places that earn medals among {len(board):,} teams, and their median"
    names = ("gold", "silver", "bronze", "median")
    yield f"thresholds: {in_yaml({name: float(getattr(found, name)) for name in names})}"
