"""Grades many submissions in several processes; the answers of a competition are read once, however many are graded."""

from __future__ import annotations

import importlib
import math
import multiprocessing
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from grading.report import CompetitionReport
from mlebench.errors import WorkFailed
from mlebench.grade.one import grade_against, read_answers

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

    import pandas as pd

    from mlebench.registry import Competition, Registry

_CHUNKS_PER_JOB = 2
_PRELOADED = ("pandas", "sklearn.metrics", "mlebench.registry")
"""What every grading process needs, imported once before there are several."""
_THREADED_LIBRARIES = frozenset({"sklearn", "torch", "tensorflow", "xgboost", "lightgbm"})


class Submission(NamedTuple):
    """One file to grade."""

    competition_id: str
    path: Path | None
    """None where none was made."""
    seed: int | None = None
    run_id: str | None = None


class _Share(NamedTuple):
    """Submissions of one competition that one process grades."""

    competition: Competition
    places: list[int]
    submissions: list[Submission]
    size: int
    """Bytes, as a measure of the work."""
    answers: pd.DataFrame | None = None
    """Read already where several processes share them."""


def grade_many(
    submissions: Sequence[Submission],
    registry: Registry,
    *,
    jobs: int = 1,
    live_thresholds: bool = False,
    progress: Callable[[int], object] | None = None,
) -> list[CompetitionReport]:
    """Grade submissions.

    The submissions of a competition go to one process, which reads its answers. Only where one competition would keep a
    process busy while the others are idle, its submissions are spread and the answers handed along.

    Args:
        registry: tells data directory and edition.
        jobs: processes; with 1 everything happens in this one.
        live_thresholds: use medal thresholds of the refreshed leaderboard.
        progress: called with the number of submissions that were just graded.

    Returns:
        One report per submission, in their order.

    Raises:
        UsageError: a competition is not known or not prepared.
        WorkFailed: a process died.
    """
    shares = _by_competition(submissions, registry)
    context = _process_context() if jobs > 1 and len(submissions) > 1 else None
    if context:
        shares = [part for share in shares for part in _spread(share, shares, jobs)]
    shares.sort(key=lambda share: share.size, reverse=True)
    reports: dict[int, CompetitionReport] = {}
    for share, graded in _work(shares, jobs, live_thresholds, context):
        reports.update(zip(share.places, graded, strict=True))
        if progress:
            progress(len(graded))
    return [reports[place] for place in range(len(submissions))]


def _by_competition(submissions: Sequence[Submission], registry: Registry) -> list[_Share]:
    places: dict[str, list[int]] = {}
    for place, submission in enumerate(submissions):
        places.setdefault(submission.competition_id, []).append(place)
    # found here, as processes that were started earlier may look for folders in other places
    return [
        _share(registry.get_competition(name), listed, [submissions[place] for place in listed])
        for name, listed in places.items()
    ]


def _share(
    competition: Competition, places: list[int], submissions: list[Submission], answers: pd.DataFrame | None = None
) -> _Share:
    return _Share(competition, places, submissions, sum(map(_size, submissions)), answers)


def _size(submission: Submission) -> int:
    try:
        return submission.path.stat().st_size if submission.path else 0
    except (OSError, ValueError):
        return 0


def _spread(share: _Share, shares: Sequence[_Share], jobs: int) -> list[_Share]:
    """The share, or parts of it where it is more than one process' fair share."""
    fair_share = sum(other.size for other in shares) / jobs
    if share.size <= fair_share or len(share.places) < 2:
        return [share]
    answers = read_answers(share.competition)
    wanted = math.ceil(_CHUNKS_PER_JOB * share.size / fair_share)
    step = math.ceil(len(share.places) / wanted)
    return [
        _share(share.competition, share.places[start : start + step], share.submissions[start : start + step], answers)
        for start in range(0, len(share.places), step)
    ]


def _work(
    shares: Sequence[_Share], jobs: int, live_thresholds: bool, context: BaseContext | None
) -> Iterator[tuple[_Share, list[CompetitionReport]]]:
    """Every share with its reports, in the order in which they are done."""
    if context is None:
        for share in shares:
            yield share, _grade(share, live_thresholds)
        return
    try:
        with ProcessPoolExecutor(min(jobs, len(shares)), mp_context=context) as pool:
            futures: dict[Future[list[CompetitionReport]], _Share] = {
                pool.submit(_grade, share, live_thresholds): share for share in shares
            }
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                # what has not begun is not worth waiting for
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    except BrokenProcessPool:
        raise WorkFailed("a grading process died, most likely for lack of memory; try again with `--jobs 1`") from None


def _process_context() -> BaseContext:
    """How to start processes.

    A fork costs nothing and shares what is imported, but a library's threads do not survive it and may hang the child. So
    fork only where none can have run yet, as in a fresh command; else fork from a server that has run nothing.
    """
    if sys.platform == "linux" and threading.active_count() == 1 and _THREADED_LIBRARIES.isdisjoint(sys.modules):
        for name in _PRELOADED:
            importlib.import_module(name)
        return multiprocessing.get_context("fork")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mlebench.grade.many", *_PRELOADED])
    return context


def _grade(share: _Share, live_thresholds: bool) -> list[CompetitionReport]:
    competition = share.competition
    answers = read_answers(competition) if share.answers is None else share.answers
    return [
        grade_against(answers, entry.path, competition, live_thresholds=live_thresholds, seed=entry.seed, run_id=entry.run_id)
        for entry in share.submissions
    ]
