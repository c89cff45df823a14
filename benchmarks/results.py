"""Results of benchmarks: figures, the file that stores them, and the tables of docs/performance.md generated from it.

python -m benchmarks.results        # writes the tables of benchmarks/results.json into docs/performance.md
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.timing import Spread
from mlebench._support.files import write_json, write_text

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- made of benchmarks/results.json: {} -->", "<!-- end of {} -->"
LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn")


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes:
        what: what was measured, with its size.
        ours: what it takes us, in `unit`.
        unit: of `ours` and `limit`: `s`, `ms`, `MB`, `%`, `times`.
        limit: the figure of a lower bound or a rival; None if nothing was measured for comparison.
        against: what `limit` is.
        ratio: the ratio that the goal concerns, if it cannot be computed from the medians.
        goal: the target, in words that begin with `at most` or `at least` and a number; it applies to `ratio` if there is one,
            else to `ours`.
        peak: bytes of memory at most.
        group: the table that contains the line.
        extra: additional columns by name.
    """

    what: str
    ours: Spread
    unit: str
    limit: Spread | None = None
    against: str = ""
    ratio: Spread | None = None
    goal: str = ""
    peak: int | None = None
    group: str = "goals"
    extra: tuple[tuple[str, str], ...] = ()

    @property
    def is_met(self) -> bool | None:
        """Whether the median reaches the goal; None if there is no goal."""
        return None if not self.goal else reaches(self.goal, (self.ratio or self.ours).median)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        spreads = {name: value.to_dict() for name in ("ours", "limit", "ratio") if (value := getattr(self, name)) is not None}
        plain = {name: getattr(self, name) for name in ("what", "unit", "against", "goal", "peak", "group")}
        extra: dict[str, str] = dict(self.extra)
        return {**plain, **spreads, "extra": extra}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Figure:
        spreads: dict[str, Any] = {name: Spread(**content[name]) for name in ("ours", "limit", "ratio") if name in content}
        return cls(**(content | spreads | {"extra": tuple(content["extra"].items())}))

    def __str__(self) -> str:
        parts = [f"{self.what}: {shown(self.ours, self.unit)}"]
        if self.limit is not None:
            parts.append(f"{self.against} {shown(self.limit, self.unit)}")
        if self.ratio is not None:
            parts.append(f"ratio {shown(self.ratio, '')}")
        if self.goal:
            parts.append(f"goal {self.goal}: {'met' if self.is_met else 'not met'}")
        if self.peak is not None:
            parts.append(f"peak {self.peak / 1e6:,.0f} MB")
        return "; ".join([*parts, *(f"{name} {value}" for name, value in self.extra)])


def reaches(goal: str, value: float) -> bool:
    """Whether a value meets a goal.

    Raises:
        ValueError: the goal does not begin that way.
    """
    words = goal.split()
    if words[:2] == ["at", "most"]:
        return value <= float(words[2])
    if words[:2] == ["at", "least"]:
        return value >= float(words[2])
    raise ValueError(f"the goal {goal!r} begins with neither `at most` nor `at least` and a number")


def shown(spread: Spread, unit: str) -> str:
    """The median with the least and the largest value."""
    median, least, most = (
        f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" for value in (spread.median, spread.least, spread.most)
    )
    return f"{median} {unit}".strip() + (f" ({least} to {most})" if least != most else "")


def benchmark(measure: Callable[[argparse.Namespace], Iterable[Figure]], parser: argparse.ArgumentParser, name: str) -> None:
    """The main function of a benchmark: print each figure when it is measured, and store all of them in the file of `--results`.

    Args:
        measure: yields the figures.
        parser: of the benchmark's own options.
        name: of the benchmark in the file of results.
    """
    parser.add_argument("--results", type=Path, metavar="FILE", help="keep the figures in this file, too")
    options = parser.parse_args()
    figures = []
    for figure in measure(options):
        print(figure, flush=True)
        figures.append(figure)
        if options.results:
            # an interrupted benchmark keeps its figures so far
            keep(options.results, name, figures)


def keep(path: Path, name: str, figures: Sequence[Figure]) -> None:
    """Replace the figures of one benchmark."""
    benchmarks = json.loads(path.read_text(encoding="utf-8"))["benchmarks"] if path.is_file() else {}
    content = {"machine": machine(), "benchmarks": {**benchmarks, name: [figure.to_dict() for figure in figures]}}
    write_json(path, content)


def machine() -> str:
    """A description of the machine and libraries of the measurement."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return f"{os.cpu_count()} cores ({processor_name()}), {platform.system()}, Python {platform.python_version()}, {libraries}"


def processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def figures_of(path: Path = RESULTS) -> list[Figure]:
    """All figures of a file of results."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return [Figure.from_dict(each) for figures in content["benchmarks"].values() for each in figures]


def tables(path: Path = RESULTS) -> dict[str, str]:
    """The tables that the page holds, by name."""
    figures = figures_of(path)
    groups = {group: [figure for figure in figures if figure.group == group] for group in ("goals", "competitions")}
    return {
        "machine": json.loads(path.read_text(encoding="utf-8"))["machine"],
        "goals": "\n".join(goal_rows(groups["goals"])),
        "competitions": "\n".join(competition_rows(groups["competitions"])),
    }


def goal_rows(figures: Iterable[Figure]) -> Iterator[str]:
    yield "| What | Goal | Limit | Ours | Ratio | Met | Peak memory |\n| --- | --- | --- | --- | --- | --- | --- |"
    for each in figures:
        limit = f"{shown(each.limit, each.unit)}, {each.against}" if each.limit else each.against
        met = {None: "", True: "yes", False: "**no**"}[each.is_met]
        cells = (
            each.what, each.goal, limit, shown(each.ours, each.unit), shown(each.ratio, "") if each.ratio else "", met,
            f"{each.peak / 1e6:,.0f} MB" if each.peak else "",
        )  # fmt: skip
        yield f"| {' | '.join(cells)} |"


def competition_rows(figures: Sequence[Figure]) -> Iterator[str]:
    names = list(dict(figures[0].extra)) if figures else []
    yield f"| Competition | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}"
    for each in figures:
        yield f"| {each.what} | {' | '.join(dict(each.extra)[name] for name in names)} |"


def with_tables(page: str, content: dict[str, str]) -> str:
    """The page with new tables between its markers.

    Raises:
        ValueError: a table has no markers.
    """
    for name, table in content.items():
        begin, end = BEGIN.format(name), END.format(name)
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"the page has no place for the table `{name}`: no {begin} … {end}")
        page = f"{before}{begin}\n{table}\n{end}{after}"
    return page


def main() -> int:
    write_text(PAGE, with_tables(PAGE.read_text(encoding="utf-8"), tables()))
    print(f"{PAGE.relative_to(ROOT)} holds the figures of {RESULTS.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
