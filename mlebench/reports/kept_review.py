"""The review that is in a group's folder, as far as it still is about the group."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grading.printable import printable
from grading.wording import counted
from mlebench._support.hints import command
from mlebench.evidence.review.outcome import GroupReview
from mlebench.evidence.review.review_file import REVIEW_FILE, changed_since, read_review
from mlebench.runs.group import Group

_MOST_NAMED = 3


@dataclass(frozen=True)
class KeptReview:
    """A review and the group's folder that its evidence is in."""

    folder: Path
    review: GroupReview

    @property
    def flagged(self) -> frozenset[Path]:
        """Folders of the flagged runs."""
        return frozenset(self.folder / run_id for run_id in self.review.flagged)


def kept_review(group: Group, notes: list[str]) -> KeptReview | None:
    """The group's review; None if there is none, and with a note where it is damaged or of runs as they were before."""
    try:
        review = read_review(group)
    except ValueError as error:
        file = group.folder / REVIEW_FILE
        notes.append(f"{file} is damaged and ignored ({error}); {command('review', group.folder)} rewrites it")
        return None
    if review is None:
        return None
    if changed := changed_since(review, group):
        named = ", ".join(printable(run_id) for run_id in changed[:_MOST_NAMED])
        more = f" and {len(changed) - _MOST_NAMED} more" if len(changed) > _MOST_NAMED else ""
        notes.append(
            f"the review of {group.name} is outdated and ignored: {counted(len(changed), 'run')} changed since "
            f"({named}{more}); {command('review', group.folder)} renews it"
        )
        return None
    return KeptReview(group.folder, review)
