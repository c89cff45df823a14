"""Files that preparation did not name: next to the named ones, hidden, left over, odd among many others, links outwards."""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.few_rows import OF_ALL, told_by_files
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.seen.listing import SeenFile
from mlebench.preparation.record import PreparationRecord
from mlebench.registry.facts import FACTS_FILE

DESCRIPTION = "description.md"
"""The task text, which preparing writes next to the named files."""

_LEFT_OVER = re.compile(
    r"^(\..+|__MACOSX|__pycache__|Thumbs\.db|desktop\.ini|#.*#|.*(~|\.(bak|swp|swo|orig|rej|tmp|temp|old|part|lock|log~)))$",
    re.IGNORECASE,
)
_MANY = 10
"""Files of a folder from which on the others of another kind or name are odd."""
_ODD = 0.1
"""Most that the odd ones are of the files of a folder."""
_MOST_ODD = 3
_MOST_TARGETS = 3
"""Targets any of which identifies a file as a training unit; others have the same units."""
_SHOWN = 3


def unnamed_files(case: Case) -> Iterator[Clue]:
    """Files and archive members that neither the preparation nor the task text explains."""
    files = case.seen.files
    unnamed = list(_beside_the_named(case, files))
    yield from _clues(
        case, unnamed, "is not among the files that preparation lists", "are not among the files that preparation lists"
    )
    left = [file for file in files if any(_LEFT_OVER.match(part) for part in file.parts)]
    yield from _clues(case, [file for file in left if file not in unnamed], "is hidden or left over", "are hidden or left over")
    outwards = [file for file in files if file.link is not None and _leads_outside(file)]
    yield from _clues(case, outwards, "is a link to the outside", "are links to the outside")
    told = {file.path for file in (*unnamed, *left, *outwards)}
    odd = [file for file in _odd_ones(case, files) if file.path not in told]
    yield from _clues(case, odd, "differs in kind from the files around it", "differ in kind from the files around them")


def _beside_the_named(case: Case, files: Sequence[SeenFile]) -> Iterator[SeenFile]:
    named = {name.split("/")[0] for name in case.competition.facts.files.public} | {DESCRIPTION}
    if not (case.competition.folder / FACTS_FILE).is_file():
        # a folder of the published harness states only what grading needs
        record = PreparationRecord.read(case.competition.prepared_dir)
        if record is None:
            return iter(())
        named |= {name.removeprefix("public/") for name in record.states}
    return (file for file in files if file.parts[0] not in named)


def _leads_outside(file: SeenFile) -> bool:
    target = (file.link or "").replace("\\", "/")
    if target.startswith("/"):
        return True
    inside = file.path.removeprefix(f"{file.archive}!/") if file.archive else file.path
    return posixpath.normpath(posixpath.join(posixpath.dirname(inside), target)).startswith("..")


def _odd_ones(case: Case, files: Sequence[SeenFile]) -> Iterator[SeenFile]:
    """The few files in a folder whose extension is unique, or whose name is not a unit's although the others' are."""
    folders: defaultdict[str, list[SeenFile]] = defaultdict(list)
    for file in files:
        folders[file.path.rpartition("/")[0]].append(file)
    text = case.competition.description.casefold()
    for folder, held in folders.items():
        if len(held) <= _MANY or folder == "":
            continue
        for file in (*_of_odd_endings(held), *_of_odd_names(case, held)):
            if file.name.casefold() not in text:
                yield file


def _of_odd_endings(held: Sequence[SeenFile]) -> Iterator[SeenFile]:
    endings = Counter(file.suffix for file in held)
    usual = {ending for ending, count in endings.items() if count > max(_MOST_ODD, _ODD * len(held))}
    odd = [file for file in held if file.suffix not in usual]
    if usual and len(odd) <= _MOST_ODD:
        yield from odd


def _of_odd_names(case: Case, held: Sequence[SeenFile]) -> Iterator[SeenFile]:
    unknown = [file for file in held if not _is_of_a_unit(case, file)]
    if len(unknown) <= min(_MOST_ODD, _ODD * len(held)):
        yield from unknown


def _is_of_a_unit(case: Case, file: SeenFile) -> bool:
    if len(case.truth.rows_of(file.path)):
        return True
    return any(case.labels.value(target, file.path) is not None for target in [*case.labels.of][:_MOST_TARGETS])


def _clues(case: Case, files: Sequence[SeenFile], one: str, several: str) -> Iterator[Clue]:
    """One clue for the files of each folder."""
    folders: defaultdict[str, dict[str, SeenFile]] = defaultdict(dict)
    for file in files:
        folders[file.path.rpartition("/")[0]][file.path] = file
    for folder, held in folders.items():
        paths = [*held]
        guesses = told_by_files(case, paths)
        told = OF_ALL if guesses else ""
        if len(paths) == 1:
            yield Clue("unnamed-files", paths[0], f"{paths[0]} {one}{told}", guesses)
            continue
        shown = ", ".join(path.rpartition("/")[2] for path in paths[:_SHOWN]) + (", …" if len(paths) > _SHOWN else "")
        yield Clue("unnamed-files", f"{folder}/*".lstrip("/"), f"{len(paths):,} files ({shown}) {several}{told}", guesses)
