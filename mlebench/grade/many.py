"""Grades many submissions in several processes; each reads the answers of a competition once, however many it grades."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from grading.report import CompetitionReport
from mlebench._support.steps import Listener, Tally, ignore
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
    submissions: Sequence[Submission | tuple[str, Path | str | None]],
    registry: Registry | None = None,
    *,
    jobs: int = 1,
    live_thresholds: bool = False,
    listener: Listener = ignore,
) -> list[CompetitionReport]:
    """Grade submissions in separate processes; one that takes too much time or memory is invalid.

    Each process reads the answers of a competition once, however many submissions it grades.

    Args:
        submissions: Pairs of a competition's id and a csv file; None stands for a submission that was never made.
        registry: The data directory and edition; by default `mlebench.registry.registry`, edition v1 in the default directory.
        jobs: Number of processes.
        live_thresholds: Place scores on the refreshed leaderboards instead of the published thresholds.
        listener: Called with a `Step` as submissions are graded; `done` counts them.

    Returns:
        One report per submission, in their order, as `grade_csv` gives it.

    Raises:
        UsageError: A competition is unknown or not prepared.
        WorkFailed: No process can be started.
        ValueError: `jobs` is less than 1.

    Example:
        >>> reports = mlebench.grade_many([("demo-wine", "submission.csv")], mlebench.Registry("data"), jobs=2)
        >>> [report.valid_submission for report in reports]
        [True]
    """
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}, expected at least 1")
    listed = [_submission(*entry) for entry in submissions]
    if not listed:
        return []
    reports: dict[int, CompetitionReport] = {}
    tally = Tally(listener, "", "grading", len(listed), "submission", every=0)
    # processes start while competitions are looked up
    with GradingPool(jobs, started=min(jobs, len(listed))) as pool:
        shares = _by_competition(listed, registry or _default_registry())
        if jobs > 1:
            shares = [part for share in shares for part in _spread(share, shares, jobs)]
        shares.sort(key=lambda share: share.size, reverse=True)
        for share, graded in _work(shares, jobs, live_thresholds, pool):
            reports.update(zip(share.places, graded, strict=True))
            tally.add(len(graded))
    return [reports[place] for place in range(len(listed))]


def _submission(competition_id: str, path: Path | str | None, *others: Any) -> Submission:
    return Submission(competition_id, None if path is None else Path(path), *others)


def _default_registry() -> Registry:
    from mlebench.registry import registry

    return registry


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
