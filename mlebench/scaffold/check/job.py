"""What one process checks, and the order of its checks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlebench.registry.catalogue import KAGGLE_SPLITS
from mlebench.registry.facts import EditionName
from mlebench.scaffold.check import contract, task_text
from mlebench.scaffold.check.todo import Todo

if TYPE_CHECKING:
    from mlebench.registry import Competition
    from mlebench.scaffold.check.public import Public

_SEED = 3
"""Of mocks; the harness's own competitions are tested with it."""
_PREPARE = "prepare.py"


@dataclass(frozen=True)
class Job:
    """The checks of one process.

    Attributes:
        kind: on a mock, a run of the baseline on it, or on data that is prepared already.
        folder: the competition's folder.
        data_dir: the data directory; for mocks one of the job's own.
        editions: the editions to check.
        size: rows of the mock; 0 for prepared data.
        whole: whether this job also holds the task texts and the audit against the data.
        quick: whether the audit leaves out pixels and samples.
        jobs: processes of the audit.
        split_key: of prepared data.
    """

    kind: Literal["mock", "run", "real"]
    folder: str
    data_dir: str
    editions: tuple[EditionName, ...]
    size: int = 0
    whole: bool = False
    quick: bool = False
    jobs: int = 1
    split_key: str | None = None

    def competition(self, edition: EditionName) -> Competition:
        """The competition in one edition, over the job's data directory."""
        from mlebench.registry import Registry

        return Registry(Path(self.data_dir), edition, self.split_key).load(Path(self.folder))

    def checks(self) -> list[Check]:
        """The checks in their order; no code of the folder has run yet."""
        return list({"mock": _on_mock, "run": _of_run, "real": _on_real}[self.kind](self))


@dataclass(frozen=True)
class Check:
    """One check of a job.

    Attributes:
        name: says what is checked, on which data.
        run: does it; what it raises is a fault of the folder.
        file: the file of the folder that is to blame for what is raised, if no line of it is.
        edition: empty where it does not matter.
        needs: names of checks without which this one cannot be run.
        seconds: after which it is stopped; None if it takes as long as the data is large.
    """

    name: str
    run: Callable[[], list[Todo]]
    file: str
    edition: str = ""
    needs: tuple[str, ...] = ()
    seconds: float | None = 300.0


@dataclass
class _Place:
    """Where the checks of one edition find their data."""

    job: Job
    edition: EditionName
    raw: Path

    @cached_property
    def competition(self) -> Competition:
        return self.job.competition(self.edition)

    @cached_property
    def case(self) -> contract.Case:
        folder = Path(self.job.data_dir).with_name(f"submissions-{self.edition}")
        folder.mkdir(exist_ok=True)
        return contract.Case(self.competition, self.raw, folder)

    @cached_property
    def public(self) -> Public:
        from mlebench.scaffold.check.public import Public

        return Public(self.competition)


def _on_mock(job: Job) -> Iterator[Check]:
    raw = Path(job.data_dir).with_name("raw")
    made = f"mock of {job.size} rows"
    yield Check(made, partial(_make_mock, job, raw), "mock.py")
    for edition in job.editions:
        place = _Place(job, edition, raw)
        where = f"{edition}, {job.size} rows"
        prepared, answered = f"prepare ({where})", f"answers ({where})"
        yield Check(prepared, partial(_prepare, place), _PREPARE, edition, (made,))
        yield Check(answered, partial(_answer, place), "grade.py", edition, (prepared,))
        small = job.size == contract.SMALL
        checks = {
            **contract.CHECKS,
            **(contract.ON_SMALL if small else {}),
            **(contract.ON_SMALL_OF_KAGGLE if small and edition == "v1" and place.competition.split in KAGGLE_SPLITS else {}),
        }
        for name, check in checks.items():
            yield Check(f"{name} ({where})", partial(_hold, check, place, "case"), "grade.py", edition, (prepared, answered))
        if job.whole:
            yield from _of_prepared(job, place, where, prepared, answered)


def _of_prepared(job: Job, place: _Place, where: str, prepared: str, answered: str) -> Iterator[Check]:
    """The task texts and the audit."""
    for name, check in task_text.OF_DATA.items():
        yield Check(f"{name} ({where})", partial(_hold, check, place, "public"), _PREPARE, place.edition, (prepared,))
    yield Check(
        f"audit ({where})", partial(_hold, partial(_audit, job=job), place, "competition"), _PREPARE, place.edition, (prepared,)
    )


def _hold(check: Callable[[Any], list[Todo]], place: _Place, subject: Literal["competition", "case", "public"]) -> list[Todo]:
    """Run a check on what the place has for it, which is made only now."""
    return check(getattr(place, subject))


def _make_mock(job: Job, raw: Path) -> list[Todo]:
    from mlebench.preparation import make_mock

    make_mock(job.competition("v1"), raw, size=job.size, seed=_SEED)
    return []


def _prepare(place: _Place) -> list[Todo]:
    from mlebench.preparation import prepare

    prepare(place.competition, place.raw, mock=True)
    return []


def _answer(place: _Place) -> list[Todo]:
    """The answers are such that a submission can be made of them."""
    place.case.perfect  # noqa: B018
    return []


def _audit(competition: Competition, job: Job) -> list[Todo]:
    from mlebench.preparation.audit.audit import AuditOptions, audit

    done = audit(competition, AuditOptions(quick=job.quick, jobs=job.jobs))
    found = [
        Todo(
            f"audit: {finding.file}: {finding.what} ({finding.check})",
            "change prepare.py, or declare it in issues.yaml",
            _PREPARE,
        )
        for finding in done.undeclared
    ]
    found += [
        Todo(f"the audit's check {name} could not be run: {reason}", "change what it reads in prepare.py", _PREPARE)
        for name, reason in done.failed.items()
    ]
    fix = "write files that are what their names say in prepare.py"
    return [*found, *(Todo(f"the audit could not look into {trouble}", fix, _PREPARE, None, "note") for trouble in done.troubles)]


def _of_run(job: Job) -> Iterator[Check]:
    from mlebench.scaffold.check.baseline import run_baseline

    (edition,) = job.editions
    runs = Path(job.data_dir).with_name("runs")
    run = partial(_hold, partial(run_baseline, runs=runs), _Place(job, edition, runs), "competition")
    yield Check(f"baseline run ({edition}, {job.size} rows)", run, _PREPARE, edition, (), 1_800.0)


def _on_real(job: Job) -> Iterator[Check]:
    from mlebench.scaffold.check import real

    for edition in job.editions:
        place = _Place(job, edition, Path(os.devnull))
        for name, check in real.CHECKS.items():
            yield Check(
                f"{name} ({edition}, your data)", partial(_hold, check, place, "competition"), _PREPARE, edition, (), None
            )
        audit = partial(_hold, partial(_audit, job=job), place, "competition")
        yield Check(f"audit ({edition}, your data)", audit, _PREPARE, edition, (), None)
