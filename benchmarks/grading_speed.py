"""Time to read and grade a perfect submission of every competition, with the time that parsing its csv alone takes.

    python benchmarks/grading_speed.py [--size 1000] [--rows 100000] [ID ...]

The answers of a mock are repeated under new ids up to the number of rows of the real test set, or up to --rows where that number
is not known. Where a competition's ids cannot be made up so (the score of the perfect submission tells), the mock's own rows are
graded; such rows are marked with *.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from grading import Grader
from mlebench.preparation import make_mock, prepare
from mlebench.registry import Registry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--size", type=int, default=1000, help="rows of the mock (default: 1000)")
    parser.add_argument("--rows", type=int, default=100_000, help="rows where the real number is not known (default: 100000)")
    arguments = parser.parse_args()
    print("| competition | rows | grade | parse csv | rows a second |\n|---|---|---|---|---|")
    for name in arguments.ids or Registry().list_competition_ids():
        with tempfile.TemporaryDirectory() as folder:
            print(row(name, Path(folder), arguments.size, arguments.rows), flush=True)


def row(name: str, folder: Path, size: int, rows: int) -> str:
    competition = Registry(folder / "data").get_competition(name)
    make_mock(competition, folder / "raw", size=size, seed=0)
    prepare(competition, folder / "raw", mock=True)
    wanted = competition.facts.counts.get(competition.facts.files.answers, rows)
    answers = enlarged(competition.grader, competition.answers_table, wanted)
    path = folder / "submission.csv"
    submission = competition.grader.perfect_submission(answers)
    submission.to_csv(path, index=False)
    grade = seconds(lambda: competition.grader.score(competition.grader.read(path, answers), answers))
    parse = seconds(lambda: pd.read_csv(path))
    mark = "" if len(answers) >= wanted else "*"
    return (
        f"| {name} | {len(submission):,}{mark} | {1000 * grade:.0f} ms | {1000 * parse:.0f} ms | {len(submission) / grade:,.0f} |"
    )


def enlarged(grader: Grader, answers: pd.DataFrame, rows: int) -> pd.DataFrame:
    """`answers` repeated under new ids until there are at least `rows`, or as they are where no way to make up ids is right."""
    copies = -(-rows // len(answers))
    column = grader.id_columns[0]
    best = grader.score(grader.perfect_submission(answers), answers)
    for rename in (numbered_on, prefixed, suffixed) if copies > 1 else ():
        try:
            parts = [answers.assign(**{column: rename(answers[column], copy)}) for copy in range(copies)]
            many = pd.concat(parts, ignore_index=True)
            if abs(grader.score(grader.perfect_submission(many), many) - best) < 1e-6:
                return many
        except (ValueError, ArithmeticError, LookupError, TypeError):
            # ids of this competition are made otherwise
            continue
    return answers


def numbered_on(ids: pd.Series, copy: int) -> pd.Series:
    numbers = pd.to_numeric(ids)
    return (numbers + copy * (numbers.max() + 1)).astype(ids.dtype)


def prefixed(ids: pd.Series, copy: int) -> pd.Series:
    return f"{copy}x" + ids.astype(str)


def suffixed(ids: pd.Series, copy: int) -> pd.Series:
    return ids.astype(str) + f"x{copy}"


def seconds(work: Callable[[], Any]) -> float:
    """The faster of two runs; the first also pays for imports."""
    times = []
    for _ in range(2):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
