"""What the files of a folder say by themselves, without a line of its code being run."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench.scaffold.check.todo import Kind, Todo, line_of, shown

if TYPE_CHECKING:
    from mlebench.registry import Competition

_FACTS, _BOARD = "competition.yaml", "leaderboard.csv"
_READ = (".py", ".yaml", ".yml", ".md")
_LARGEST = 2**20
"""Bytes of a file that is searched for marks."""
_MARK = re.compile(r"\bTODO\b[:\s]*(.*)|(?:#|<!--)\s*guessed:\s*(.*)")
_TEXTS = ("description.md", "description_obfuscated.md")


def marks(folder: Path) -> list[Todo]:
    """Places marked TODO, and lines that were guessed when the folder was made.

    A TODO in a task text is a fault, as agents read it.
    """
    return [todo for path in _files(folder) for todo in _marks_in(path)]


def _files(folder: Path) -> Iterator[Path]:
    """The folder's own texts; links are not followed."""
    for path in sorted(folder.iterdir()):
        if path.suffix in _READ and path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST:
            yield path


def _marks_in(path: Path) -> Iterator[Todo]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        mark = _MARK.search(line)
        if mark is None:
            continue
        if mark[2] is not None:
            said = shown(" ".join([mark[2], *_rest_of_comment(lines[number:])]).removesuffix("-->").strip())
            yield Todo(f"guessed: {said}", "confirm the line and remove the comment", path.name, number, "guess")
        else:
            said = shown(mark[1].removesuffix("-->"))
            kind: Kind = "fault" if path.name in _TEXTS else "note"
            yield Todo(f"TODO: {said}", "fill it in and remove the mark", path.name, number, kind)


def _rest_of_comment(lines: Sequence[str]) -> Iterator[str]:
    """What the lines below a mark say in the same comment."""
    for line in lines:
        rest = line.strip()
        if not rest.startswith("# ") or _MARK.search(line):
            return
        yield rest.removeprefix("# ")


def code_files(competition: Competition) -> list[Todo]:
    """The folder has each file that a competition needs."""
    needed = ["prepare.py", "grade.py", *_TEXTS, *([] if competition.facts.generated else ["mock.py"])]
    fix = "`mlebench new-competition NAME` writes one to start from, in a new folder"
    return [Todo(f"{name} is missing", fix, name) for name in needed if not (competition.folder / name).is_file()]


def issues(competition: Competition) -> list[Todo]:
    """`issues.yaml` is valid, and the audit has the checks that it names."""
    from mlebench._support.hints import unknown
    from mlebench.preparation.audit.checks import CHECKS

    named = [known.check for issue in competition.issues for known in issue.found_as]
    path = competition.folder / "issues.yaml"
    return [
        Todo(
            unknown("check", name, CHECKS),
            "`mlebench audit --help` explains `--check`",
            path.name,
            line_of(path, re.escape(name)),
        )
        for name in dict.fromkeys(named)
        if name not in CHECKS
    ]


def thresholds(competition: Competition) -> list[Todo]:
    """There are thresholds for medals, and none is better than the best score."""
    found = competition.thresholds
    path = competition.folder / _FACTS
    if found is None:
        if competition.facts.keyed:
            # its board is measured when it is prepared
            return []
        what = "there are no medal thresholds, so no score earns a medal"
        return [Todo(what, "add `thresholds` to competition.yaml, or a leaderboard.csv (name,score)", _FACTS, None, "note")]
    line = line_of(path, r"^thresholds\b")
    values = {name: getattr(found, name) for name in ("gold", "silver", "bronze", "median")}
    if odd := [name for name, value in values.items() if not math.isfinite(value)]:
        return [Todo(f"the threshold of {odd[0]} is not a finite number", "give a score", _FACTS, line)]
    best = competition.facts.metric.best
    if best is not None and (values["gold"] < best if competition.is_lower_better else values["gold"] > best):
        what = f"the gold threshold {values['gold']:g} is better than the best score, {best:g}"
        return [Todo(what, "correct `thresholds`, `metric.best` or `metric.direction`", _FACTS, line)]
    return []


def leaderboard(competition: Competition) -> list[Todo]:
    """A `leaderboard.csv` of the folder has one finite score a row, best first, and agrees with `thresholds`."""
    path = competition.folder / _BOARD
    if not path.is_file():
        return []
    fix = "write a column `score` with one number for each team, best first"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = [row["score"] for row in csv.DictReader(file)]
        scores = [float(cell) for cell in cells]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        return [Todo(f"leaderboard.csv is not a leaderboard ({shown(str(error))})", fix, _BOARD)]
    if not scores:
        return [Todo("leaderboard.csv has no rows", fix, _BOARD)]
    best = competition.facts.metric.best
    sign = 1 if competition.is_lower_better else -1
    for number, (score, after) in enumerate(zip(scores, [*scores[1:], None], strict=True), start=2):
        if not math.isfinite(score):
            return [Todo(f"a score of leaderboard.csv is {score}", fix, _BOARD, number)]
        if after is not None and sign * score > sign * after:
            direction = competition.direction
            return [Todo(f"leaderboard.csv is not sorted best first for `{direction}`", fix, _BOARD, number + 1)]
        if best is not None and sign * score < sign * best:
            what = f"a score of leaderboard.csv, {score:g}, is better than the best score, {best:g}"
            return [Todo(what, "correct it, or `metric.best` in competition.yaml", _BOARD, number)]
    return _against_thresholds(competition)


def _against_thresholds(competition: Competition) -> list[Todo]:
    stated, of_board = competition.facts.thresholds, competition.live_thresholds
    if stated is None:
        return []
    differing = [name for name, value in vars(stated).items() if not math.isclose(value, getattr(of_board, name), rel_tol=1e-3)]
    if not differing:
        return []
    name = differing[0]
    what = f"`thresholds` gives {getattr(stated, name):g} for {name}, leaderboard.csv {getattr(of_board, name):g}"
    line = line_of(competition.folder / _FACTS, r"^thresholds\b")
    return [Todo(what, "remove `thresholds`, so that the leaderboard gives them, or correct one", _FACTS, line, "note")]


CHECKS: Mapping[str, Callable[[Competition], list[Todo]]] = {
    "code-files": code_files,
    "issues": issues,
    "thresholds": thresholds,
    "leaderboard": leaderboard,
}
