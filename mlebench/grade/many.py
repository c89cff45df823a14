"""Grades many submissions in several processes; each reads the answers of a competition once, however many it grades."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, NamedTuple

from grading.report import CompetitionReport
from mlebench.grade.one import Submission
from mlebench.grade.pool import GradingPool

if TYPE_CHECKING:
    from mlebench.registry import Competition, Registry

_CHUNKS_PER_JOB = 2


class _Share(NamedTuple):
    """Submissions of one competition that one process grades."""

    competition: Competition
    places: list[int]
    submissions: list[Submission]
    size: int
    """Bytes, as a measure of the work."""


def grade_many(
    submissions: Sequence[Submission],
    registry: Registry,
    *,
    jobs: int = 1,
    live_thresholds: bool = False,
    progress: Callable[[int], object] | None = None,
) -> list[CompetitionReport]:
    """Grade submissions, each within its limits (see `mlebench.grade.limits`).

    The submissions of a competition go to one process, which reads its answers. Only where one competition would keep a
    process busy while the others are idle, its submissions are spread.

    Args:
        registry: tells data directory and edition.
        jobs: processes.
        live_thresholds: use medal thresholds of the refreshed leaderboard.
        progress: called with the number of submissions that were just graded.

    Returns:
        One report per submission, in their order.

    Raises:
        UsageError: a competition is not known or not prepared.
        WorkFailed: no process can be had.
    """
    if not submissions:
        return []
    reports: dict[int, CompetitionReport] = {}
    # processes start while competitions are looked up
    with GradingPool(jobs, started=min(jobs, len(submissions))) as pool:
        shares = _by_competition(submissions, registry)
        if jobs > 1:
            shares = [part for share in shares for part in _spread(share, shares, jobs)]
        shares.sort(key=lambda share: share.size, reverse=True)
        for share, graded in _work(shares, jobs, live_thresholds, pool):
            reports.update(zip(share.places, graded, strict=True))
            if progress:
                progress(len(graded))
    return [reports[place] for place in range(len(submissions))]


def _by_competition(submissions: Sequence[Submission], registry: Registry) -> list[_Share]:
    places: dict[str, list[int]] = {}
    for place, submission in enumerate(submissions):
        places.setdefault(submission.competition_id, []).append(place)
    return [
        _share(registry.get_competition(name), listed, [submissions[place] for place in listed])
        for name, listed in places.items()
    ]


def _share(competition: Competition, places: list[int], submissions: list[Submission]) -> _Share:
    return _Share(competition, places, submissions, sum(submission.size for submission in submissions))


def _spread(share: _Share, shares: Sequence[_Share], jobs: int) -> list[_Share]:
    """The share, or parts of it where it is more than one process' fair share."""
    fair_share = sum(other.size for other in shares) / jobs
    if share.size <= fair_share or len(share.places) < 2:
        return [share]
    wanted = math.ceil(_CHUNKS_PER_JOB * share.size / fair_share)
    step = math.ceil(len(share.places) / wanted)
    return [
        _share(share.competition, share.places[start : start + step], share.submissions[start : start + step])
        for start in range(0, len(share.places), step)
    ]


def _work(
    shares: Sequence[_Share], jobs: int, live_thresholds: bool, pool: GradingPool
) -> Iterator[tuple[_Share, list[CompetitionReport]]]:
    """Every share with its reports, in the order in which they are done."""

    def grade(share: _Share) -> list[CompetitionReport]:
        return [pool.grade(entry, share.competition, live_thresholds=live_thresholds) for entry in share.submissions]

    with ThreadPoolExecutor(min(jobs, len(shares)), thread_name_prefix="grading") as threads:
        futures = {threads.submit(grade, share): share for share in shares}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            # neither what has begun nor what has not is worth waiting for
            threads.shutdown(wait=False, cancel_futures=True)
            pool.close()
            raise
