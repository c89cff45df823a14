"""How long grading a submission of each competition takes, compared with a plain program that only scores it.

    python -m benchmarks.grading_speed [--rows 100000] [--real] [ID ...]
    python -m benchmarks.grading_speed --against DIR [--python PYTHON] [ID ...]

Mock answers are repeated under new ids up to --rows, or with --real up to the size of the real test set if that is known, and
graded with a submission that has noise in every column. If a competition does not accept such ids (the score of the perfect
submission shows it), the mock's own rows are graded; such rows are marked with *. Masks and boxes come from
`benchmarks/geometry.py`, with realistic numbers of pixels and objects per image, but fewer images unless --real is given.

Ours and the plain grader of `benchmarks/plain` take turns in one process:

from files     two csv files to the score. Ours finds the answers parsed, as in every grading but the first; the plain program
               reads both files with `pandas.read_csv`
from tables    two tables in memory to the score
parse          `pandas.read_csv` of the submission alone, a lower bound for any grader

With --against, another harness replaces the plain grader: DIR is a checkout whose package `mlebench` has
`mlebench.registry.registry` and graders with `grade_fn(submission, answers)`. It runs in a separate process, with its own
Python, and reports its own processor time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.geometry import MAKERS, SHARES
from benchmarks.noise import noisy_submission
from benchmarks.plain.graders import GRADERS
from benchmarks.results import Figure, benchmark, shown
from benchmarks.timing import Spread, alternate, forget_peak, own_peak, ratio
from grading import Grader, InvalidSubmission
from mlebench.preparation import make_mock, prepare
from mlebench.registry import Competition, Registry

MOST_PARSES = 3
OTHER_HARNESS = Path(__file__).with_name("other_harness.py")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--size", type=int, default=200, help="rows of the mock (default: 200)")
    parser.add_argument("--rows", type=int, default=100_000, help="rows to grade (default: 100000)")
    parser.add_argument("--most-cells", type=int, default=10**9, help="grade fewer rows of a table that has more cells")
    parser.add_argument("--real", action="store_true", help="as many rows as the real test set has, if that is known")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that are counted (default: 5)")
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="start no further round of a comparison after this many seconds (default: 3)"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="competitions to measure in parallel (default: one per core)"
    )
    parser.add_argument("--against", type=Path, metavar="DIR", help="a checkout of another harness")
    parser.add_argument("--python", default=sys.executable, help="a Python with the dependencies of the other harness")
    benchmark(measure, parser, "grading_speed")


@dataclass(frozen=True)
class Case:
    """A competition's answers and a noisy submission, as tables and as files."""

    competition: Competition
    answers: pd.DataFrame
    folder: Path
    is_enlarged: bool

    @property
    def submission_file(self) -> Path:
        return self.folder / "submission.csv"

    @property
    def answers_file(self) -> Path:
        return self.folder / "answers.csv"


@dataclass(frozen=True)
class Rival:
    """The rival grader; each function measures the seconds of one round itself, or leaves that to the caller."""

    name: str
    from_files: Callable[[], float]
    """The score."""
    from_tables: Callable[[], float]
    read: Callable[[], object]
    """Reads both tables, for `from_tables`."""


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    ratios: dict[str, Ratios] = {}
    peak = 0
    names = options.ids or Registry().list_competition_ids()
    for name, found in zip(names, compared(names, options), strict=True):
        if isinstance(found, str):
            print(f"{name}: {found}", flush=True)
            continue
        figure, ratios[name] = found
        yield figure
        peak = max(peak, figure.peak or 0)
    yield from summary(ratios, "the other harness" if options.against else "a plain program", peak)


def compared(names: Iterable[str], options: argparse.Namespace) -> Iterator[tuple[Figure, Ratios] | str]:
    """The figures of each competition, or why there are none."""
    if options.against:
        with OtherHarness(options.against, options.python) as harness:
            yield from (compare_one(name, options, harness) for name in names)
    else:
        with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
            yield from pool.map(partial(compare_one, options=options), names)


def compare_one(name: str, options: argparse.Namespace, harness: OtherHarness | None = None) -> tuple[Figure, Ratios] | str:
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compare(make_case(name, Path(folder), options), harness, options)
        except Exception as problem:
            # the other competitions are still compared
            return f"not compared: {type(problem).__name__}: {problem}"


@dataclass(frozen=True)
class Ratios:
    """Medians."""

    files: float
    """The rival's time divided by ours."""
    tables: float
    parse: float
    """Our time from files divided by that of parsing the csv."""


SOURCES: dict[str, Callable[[Ratios], float]] = {
    "from files": lambda ratios: ratios.files,
    "from tables": lambda ratios: ratios.tables,
}


def compare(case: Case, harness: OtherHarness | None, options: argparse.Namespace) -> tuple[Figure, Ratios]:
    grader, name = case.competition.grader, case.competition.id
    rival = harness.rival(case) if harness else plain_rival(case)
    rival.read()
    ready = grader.prepare(case.answers)
    table, answers = tables_of(case)
    scores = grader.score_file(case.submission_file, ready), rival.from_files()
    if harness is None and not math.isclose(*scores, rel_tol=1e-6, abs_tol=1e-6):
        raise AssertionError(f"{name}: ours gives {scores[0]}, {rival.name} {scores[1]}")
    forget_peak()
    ours_files, theirs_files = turns(lambda: grader.score_file(case.submission_file, ready), rival.from_files, harness, options)
    ours_tables, theirs_tables = turns(lambda: grader.score(table, answers), rival.from_tables, harness, options)
    parse = Spread.of(alternate({"parse": lambda: pd.read_csv(case.submission_file)}, 3)["parse"])
    files, tables = ratio(ours_files, theirs_files), ratio(ours_tables, theirs_tables)
    beside = "Other" if harness else "Plain"
    extra = (
        ("Rows", f"{len(table):,}" + ("" if case.is_enlarged else "*")),
        ("Parse", milliseconds(parse)),
        ("From files", milliseconds(Spread.of(ours_files))),
        (beside, milliseconds(Spread.of(theirs_files))),
        ("Ratio", marked(files)),
        ("From tables", milliseconds(Spread.of(ours_tables))),
        (f"{beside} ", milliseconds(Spread.of(theirs_tables))),
        ("Ratio ", marked(tables)),
    )
    figure = Figure(
        name,
        Spread.of(ours_files),
        "s",
        Spread.of(theirs_files),
        rival.name,
        files,
        peak=own_peak(),
        group="competitions",
        extra=extra,
    )
    return figure, Ratios(files.median, tables.median, Spread.of(ours_files).median / parse.median)


def tables_of(case: Case) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Submission and answers as the plain program reads them, so that both sides start from the same; else as ours does."""
    grader, plain = case.competition.grader, GRADERS[case.competition.id]
    right = grader.score_file(case.submission_file, case.answers)
    tables = plain.read(case.submission_file), plain.read(case.answers_file)
    # ids and labels that pandas reads as numbers, and answers that are not a table, need our reader
    with contextlib.suppress(InvalidSubmission, ValueError, ArithmeticError, LookupError, TypeError, AttributeError):
        # pandas' fast float parser may be off in the last digit
        if math.isclose(grader.score(*tables), right, rel_tol=1e-9):
            return tables
    return grader.read(case.submission_file, case.answers), case.answers


def summary(found: Mapping[str, Ratios], against: str, peak: int) -> Iterator[Figure]:
    """Geometric means over the competitions, and how many miss a goal."""
    for source, ratio_of in SOURCES.items():
        ratios = {name: ratio_of(each) for name, each in found.items()}
        for kind, goal, names in (
            ("all", "at least 3", [*ratios]),
            ("masks and boxes", "at least 20", [name for name in ratios if name in MAKERS]),
        ):
            if names:
                values = [ratios[name] for name in names]
                mean = math.exp(sum(map(math.log, values)) / len(values))
                what = f"grading {source}, {kind} ({len(names)} competitions): geometric mean of {against} / ours"
                yield Figure(what, Spread(mean, min(values), max(values)), "times", against=against, goal=goal, peak=peak)
        yield those(
            f"grading {source}: competitions in which {against} is quicker", (name for name in ratios if ratios[name] < 1)
        )
    slow = (name for name, each in found.items() if name not in MAKERS and each.parse > MOST_PARSES)
    yield those(
        f"grading from files, metric included, takes over {MOST_PARSES} times what parsing does; no masks, no boxes", slow
    )


def those(what: str, names: Iterable[str]) -> Figure:
    """How many competitions have a property that none should have."""
    listed = sorted(names)
    return Figure(what, Spread.of([len(listed)]), "", goal="at most 0", against=", ".join(listed))


def turns(
    ours: Callable[[], Any], theirs: Callable[[], float], harness: OtherHarness | None, options: argparse.Namespace
) -> tuple[list[float], list[float]]:
    """Seconds of processor time of both, in turn."""
    told: list[float] = []
    works = {"ours": ours, "theirs": theirs if harness is None else lambda: told.append(harness.seconds_of(theirs))}
    taken = alternate(works, options.rounds, most_seconds=options.seconds)
    # the other process measures its own time
    return taken["ours"], told[-len(taken["ours"]) :] if harness else taken["theirs"]


def plain_rival(case: Case) -> Rival:
    plain, tables = GRADERS[case.competition.id], list[pd.DataFrame]()
    return Rival(
        "a plain program",
        lambda: plain.score_file(case.submission_file, case.answers_file),
        lambda: plain.score(*tables),
        lambda: tables.extend(plain.read(path) for path in (case.submission_file, case.answers_file)),
    )


def milliseconds(seconds: Spread) -> str:
    return shown(Spread(1000 * seconds.median, 1000 * seconds.median, 1000 * seconds.median), "ms")


def marked(spread: Spread) -> str:
    """A ratio; bold below 1, where ours is slower."""
    text = shown(spread, "")
    return text if spread.median >= 1 else f"**{text}**"


def make_case(name: str, folder: Path, options: argparse.Namespace) -> Case:
    competition = Registry(folder / "data", "v1").get_competition(name)
    rng = np.random.default_rng(0)
    is_enlarged = True
    if name in MAKERS:
        answers, submission = MAKERS[name](rng, 1.0 if options.real else SHARES.get(name, 1.0))
    else:
        make_mock(competition, folder / "raw", size=options.size, seed=0)
        prepare(competition, folder / "raw", mock=True)
        columns = len(competition.grader.columns_of(competition.answers_table))
        wanted = min(options.rows, options.most_cells // columns)
        if options.real:
            wanted = competition.facts.counts.get(competition.facts.files.answers, wanted)
        answers = enlarged(competition.grader, competition.answers_table, wanted)
        is_enlarged = len(answers) >= wanted
        submission = noisy_submission(competition.grader, answers, rng)
    case = Case(competition, answers, folder, is_enlarged)
    submission.to_csv(case.submission_file, index=False)
    answers.to_csv(case.answers_file, index=False)
    return case


def enlarged(grader: Grader, answers: pd.DataFrame, rows: int) -> pd.DataFrame:
    """`answers` repeated under new ids up to at least `rows`, or unchanged if no way to invent ids works."""
    copies = -(-rows // len(answers))
    column = grader.id_columns[0]
    best = grader.score(grader.perfect_submission(answers), answers)
    for rename in (numbered_on, prefixed, suffixed) if copies > 1 else ():
        try:
            # two copies show whether the ids are accepted
            two = pd.concat([answers.assign(**{column: rename(answers[column], copy)}) for copy in range(2)], ignore_index=True)
            if abs(grader.score(grader.perfect_submission(two), two) - best) < 1e-6:
                parts = [answers.assign(**{column: rename(answers[column], copy)}) for copy in range(copies)]
                return pd.concat(parts, ignore_index=True)
        except (ValueError, ArithmeticError, LookupError, TypeError):
            # this competition's ids have another form
            continue
    return answers


def numbered_on(ids: pd.Series, copy: int) -> pd.Series:
    numbers = pd.to_numeric(ids)
    return pd.Series(numbers + copy * (numbers.max() + 1)).astype(ids.dtype)


def prefixed(ids: pd.Series, copy: int) -> pd.Series:
    return f"{copy}x" + ids.astype(str)


def suffixed(ids: pd.Series, copy: int) -> pd.Series:
    return ids.astype(str) + f"x{copy}"


class OtherHarnessFailed(Exception):
    """The other harness has no such competition, or could not grade it."""


class OtherHarness(AbstractContextManager["OtherHarness"]):
    """Another harness in a separate process, which gets one request per line."""

    def __init__(self, checkout: Path, python: str) -> None:
        """Args:
        checkout: the folder that contains its package `mlebench`.
        python: an interpreter with its dependencies.
        """
        self._process = subprocess.Popen(
            [python, str(OTHER_HARNESS), str(checkout.resolve())], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._seconds = 0.0

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def rival(self, case: Case) -> Rival:
        """The rival for one case."""
        files = {"submission": str(case.submission_file), "answers": str(case.answers_file)}
        ask = {"competition": case.competition.id, **files}
        return Rival(
            "the other harness",
            lambda: self._asked({"do": "score files", **ask}),
            lambda: self._asked({"do": "score tables", **ask}),
            lambda: self._asked({"do": "read", **ask}),
        )

    def seconds_of(self, work: Callable[[], float]) -> float:
        """Seconds of processor time that its process took for one request."""
        work()
        return self._seconds

    def _asked(self, question: dict[str, str]) -> float:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the other harness exited; its output is above")
        answer = json.loads(line)
        if "error" in answer:
            raise OtherHarnessFailed(answer["error"])
        self._seconds = answer["seconds"]
        return float(answer["score"])


if __name__ == "__main__":
    main()
