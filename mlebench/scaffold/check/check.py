"""Checks one competition folder, from its files to a run of the baseline, and lists what is left to do."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlebench._support.steps import Listener, Step, Tally, ignore
from mlebench.registry.facts import FACTS_FILE, PUBLISHED_FILE, EditionName
from mlebench.scaffold.check import contract, folder, task_text
from mlebench.scaffold.check.job import Job
from mlebench.scaffold.check.process import Ended, run_job
from mlebench.scaffold.check.todo import Todo, merged, of_error

if TYPE_CHECKING:
    from mlebench.registry import Competition


@dataclass(frozen=True)
class CheckOptions:
    """How a folder is checked.

    Attributes:
        edition: the only edition to check; None for each that it has.
        quick: check the small mock alone, and leave out of the audit what reads pixels and samples.
        run: run the baseline.
        jobs: processes at a time.
        data_dir: the data directory, in which the user's own data may be prepared.
        split_key: secret key of that data.
        most_seconds: for each check that has a limit, in place of it.
    """

    edition: EditionName | None = None
    quick: bool = False
    run: bool = True
    jobs: int = 1
    data_dir: Path | None = None
    split_key: str | None = None
    most_seconds: float | None = None


class Outcome(NamedTuple):
    """How one check ended."""

    name: str
    ok: bool
    """Whether it found no fault; guesses and notes are none."""
    seconds: float


@dataclass(frozen=True)
class Checked:
    """What checking a folder came to.

    Attributes:
        competition: its id, as the folder's name says.
        folder: the folder.
        checks: those that could be tried, in the order in which they ended.
        todo: what is left to do, faults first.
    """

    competition: str
    folder: Path
    checks: Sequence[Outcome]
    todo: Sequence[Todo]

    @property
    def ok(self) -> bool:
        """Whether nothing is at fault."""
        return all(todo.kind != "fault" for todo in self.todo)

    def to_dict(self) -> dict[str, Any]:
        """The outcome as JSON holds it."""
        checks = [{"name": done.name, "ok": done.ok, "seconds": round(done.seconds, 3)} for done in self.checks]
        todo = [todo.to_dict() for todo in self.todo]
        return {"competition": self.competition, "folder": str(self.folder), "checks": checks, "todo": todo}


def check(home: Path, options: CheckOptions = CheckOptions(), listener: Listener = ignore) -> Checked:  # frozen
    """Check a competition folder; its code runs in processes of their own.

    Args:
        home: the folder, with a `competition.yaml` or `config.yaml`.
        options: how.
        listener: gets the checks that are done, and which one is under way.
    """
    found = _Found(home.name, listener)
    found.hold("marks", "", lambda: folder.marks(home), home)
    editions = _editions(home, options)
    competitions = {edition: loaded for edition in editions if (loaded := found.load(home, edition)) is not None}
    if len(competitions) == len(editions):
        found.hold_files(competitions)
        with tempfile.TemporaryDirectory(prefix="mlebench-check-", ignore_cleanup_errors=True) as workshop:
            _Data(home, competitions, options, Path(workshop), found).hold()
    return found.checked(home, editions)


def _editions(home: Path, options: CheckOptions) -> tuple[EditionName, ...]:
    if not (home / FACTS_FILE).exists():
        return ("v1",)
    return (options.edition,) if options.edition else ("v1", "v2")


class _Found:
    """Collects outcomes and things to do, from any thread."""

    def __init__(self, subject: str, listener: Listener) -> None:
        self._subject, self._listener = subject, listener
        self._outcomes: list[Outcome] = []
        self._todo: list[tuple[str, Todo]] = []
        self._lock = threading.Lock()
        self._tally: Tally | None = None

    def expect(self, count: int) -> None:
        """Begin to count checks of data."""
        self._tally = Tally(self._listener, self._subject, "checking", count, "check", every=0)

    def begin(self, name: str) -> None:
        """Note that a check begins."""
        self._listener(Step(name, "under way"))

    def end(self, ended: Ended) -> None:
        """Note how a check of data ended."""
        self._listener(Step(ended.check.name, ""))
        self._add(Outcome(ended.check.name, ended.ok, ended.seconds), ended.check.edition, ended.todo)
        if self._tally is not None:
            self._tally.add()

    def hold(self, name: str, edition: str, run: Callable[[], list[Todo]], home: Path, file: str = FACTS_FILE) -> None:
        """Run a check of files in this process."""
        started = time.monotonic()
        try:
            todo = run()
        except Exception as error:
            todo = [of_error(error, home, f"reading {file}", file)]
        ok = all(found.kind != "fault" for found in todo)
        self._add(Outcome(name, ok, time.monotonic() - started), edition, todo)

    def load(self, home: Path, edition: EditionName) -> Competition | None:
        """The competition in one edition; None if its facts are at fault."""
        from mlebench.registry import Registry

        loaded: list[Competition] = []

        def load() -> list[Todo]:
            loaded.append(Registry(edition=edition).load(home))
            return []

        self.hold(f"facts ({edition})", edition, load, home, FACTS_FILE if (home / FACTS_FILE).exists() else PUBLISHED_FILE)
        return loaded[0] if loaded else None

    def hold_files(self, competitions: Mapping[EditionName, Competition]) -> None:
        """Check what can be said without running any code of the folder."""
        own = {} if _is_published(competitions) else {**folder.CHECKS}
        texts = {} if _is_published(competitions) else {**task_text.OF_TEXT}
        for edition, competition in competitions.items():
            of_v1 = task_text.OF_V1 if texts and edition == "v1" else {}
            for name, run in {**own, **texts, **of_v1}.items():
                file = f"{name}.yaml" if name == "issues" else "description.md" if name in {**texts, **of_v1} else FACTS_FILE
                self.hold(f"{name} ({edition})", edition, partial(run, competition), competition.folder, file)

    def checked(self, home: Path, editions: Sequence[str]) -> Checked:
        """What it all came to."""
        order = {"fault": 0, "guess": 1, "note": 2}
        todo = sorted(merged(self._todo, editions), key=lambda found: (order[found.kind], found.file, found.line or 0))
        if self._tally is not None:
            self._listener(Step(self._subject, ""))
        return Checked(home.name, home, tuple(self._outcomes), tuple(todo))

    def failed(self, name: str) -> bool:
        """Whether a check of this name was not tried, or found a fault."""
        return not any(outcome.name == name and outcome.ok for outcome in self._outcomes)

    def _add(self, outcome: Outcome, edition: str, todo: Sequence[Todo]) -> None:
        with self._lock:
            self._outcomes.append(outcome)
            self._todo += [(edition, found) for found in todo]


def _is_published(competitions: Mapping[EditionName, Competition]) -> bool:
    return not any((competition.folder / FACTS_FILE).exists() for competition in competitions.values())


class _Data:
    """The checks that need data: on mocks, by a run, and on the user's own."""

    def __init__(
        self,
        home: Path,
        competitions: Mapping[EditionName, Competition],
        options: CheckOptions,
        workshop: Path,
        found: _Found,
    ) -> None:
        self._home, self._competitions, self._options, self._workshop = home, competitions, options, workshop
        self._found = found
        self._stop = threading.Event()

    def hold(self) -> None:
        """Run all of them."""
        mocks, real = list(self._mocks()), list(self._real())
        run = self._baseline(mocks[-1]) if mocks and self._options.run else None
        jobs = [*mocks, *real, *([run] if run else [])]
        self._found.expect(sum(len(job.checks()) for job in jobs))
        self._at_once([*mocks, *real])
        if run is not None and not self._found.failed(f"prepare ({run.editions[0]}, {run.size} rows)"):
            self._work(run)

    def _mocks(self) -> Iterator[Job]:
        if _is_published(self._competitions):
            return
        some = next(iter(self._competitions.values()))
        editions = tuple(edition for edition in task_text.editions(some) if edition in self._competitions)
        sizes = contract.sizes(some)[:1] if self._options.quick else contract.sizes(some)
        for size in sizes:
            place = self._workshop / str(size) / "data"
            place.mkdir(parents=True)
            whole = size == sizes[-1]
            yield Job("mock", str(self._home), str(place), editions or (*self._competitions,), size, whole, self._options.quick)

    def _baseline(self, mock: Job) -> Job:
        return Job("run", mock.folder, mock.data_dir, mock.editions[-1:], mock.size)

    def _real(self) -> Iterator[Job]:
        """A job on what is prepared in the data directory from real data."""
        from mlebench.registry import Registry

        options = self._options
        data_dir = options.data_dir or Registry().data_dir
        prepared = []
        for edition in self._competitions:
            competition = Registry(data_dir, edition, options.split_key).load(self._home)
            if competition.answers.is_file() and competition.data_kind != "mock" and not competition.facts.generated:
                prepared.append(edition)
        if prepared:
            yield Job(
                "real", str(self._home), str(data_dir), tuple(prepared), 0, False, options.quick, options.jobs, options.split_key
            )

    def _at_once(self, jobs: Sequence[Job]) -> None:
        if self._options.jobs == 1 or len(jobs) == 1:
            for job in jobs:
                self._work(job)
            return
        with ThreadPoolExecutor(self._options.jobs) as pool:
            try:
                list(pool.map(self._work, jobs))
            finally:
                self._stop.set()
        self._stop.clear()

    def _work(self, job: Job) -> None:
        for ended in run_job(job, self._found.begin, self._environment(job), self._options.most_seconds, self._stop):
            self._found.end(ended)

    def _environment(self, job: Job) -> dict[str, str]:
        """Where a run finds the competition by its id."""
        if job.kind != "run":
            return {}
        homes = self._workshop / "competitions"
        homes.mkdir()
        (homes / self._home.name).symlink_to(self._home)
        others = os.environ.get("MLEBENCH_COMPETITIONS_PATH")
        return {"MLEBENCH_COMPETITIONS_PATH": os.pathsep.join(filter(None, [str(homes), others]))}
