"""Names of the benchmark's competitions in an agent's own files, which may then contain knowledge about them.

Ids count as whole words, with hyphens or underscores, and titles if written as names: capitalised, with three distinctive words,
or with two if the line mentions competitions. Other text that reads like a title is worth a look, and so is a README's command
that starts the agent (`-c ID`). Of the agent's prompts, the system texts are checked: its run's own
competition, and whatever its task text names, may be there.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from mlebench.errors import MlebenchError
from mlebench.evidence.review.finding import Evidence, Level, ReviewFinding
from mlebench.evidence.review.reviewed import ReviewedGroup, ReviewedRun
from mlebench.evidence.review.rules.quotes import evidence, first_few
from mlebench.evidence.review.rules.rule import Rule, RuleOptions
from mlebench.registry import SPLITS, Registry

NAME = "competition-named"
_LEAST_WORDS, _OF_A_NAME = 2, 3
"""Distinctive words of a title, by which it identifies one competition."""
_LEAST_LETTERS = 12
_NEAR = 1000
"""Characters of a long line that are examined on either side."""
_CONTEXT = re.compile(
    r"(?i)kaggle|competition|challenge|leaderboard|\bLB\b|medal|\bgold\b|\bCV\b|folds?\b|submi|score|\bbest\b|\buse\b"
)
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and at by challenge classification competition data dataset detection for from google identification identify "
        "image images in kaggle lab labeling learning of on or playground predict predicting prediction recognition research "
        "segmentation series the to with",
    )
)
"""Words that are common in titles and in programs."""
_WORD = re.compile(r"[^\W_]+")
_IS_USAGE = re.compile(r"(?:\s-c\s|--competition|mlebench\s+(?:run|prepare|grade|mock|info|validate|demo))")


def find(groups: Sequence[ReviewedGroup], options: RuleOptions) -> Iterator[ReviewFinding]:
    """See the module."""
    for group in groups:
        # a group may come one run at a time
        if any(run.is_first() for run in group.runs):
            yield from _of_agent(group)
        for run in group.runs:
            yield from _of_talks(group, run)


def _of_agent(group: ReviewedGroup) -> Iterator[ReviewFinding]:
    places: dict[Level, list[Evidence]] = {"violation": [], "look": []}
    names: dict[Level, set[str]] = {"violation": set(), "look": set()}
    known = names_of_competitions(tuple(group.group.plan.competitions))
    for file in group.agent_files:
        for named in named_in(file.name.replace("/", " / "), known):
            names["violation"].add(named.name)
            places["violation"].append(evidence(file.name, None, "the file's name"))
    for text in group.agent_texts():
        is_readme = PurePosixPath(text.name).name.lower().startswith("readme")
        for named in named_in(text.text, known):
            line = _line(text.text, named.place)
            is_shown = is_readme or line.lstrip().startswith(("#", "//", "$", "mlebench"))
            is_usage = is_shown and _IS_USAGE.search(line) is not None
            level: Level = "look" if is_usage or not named.is_name(line) else "violation"
            names[level].add(named.name)
            places[level].append(evidence(text.name, text.line_of(named.place), line))
    runs = tuple(planned.run_id for planned in group.group.plan.runs)
    for level, found in places.items():
        if found:
            said = f"the agent's folder mentions {_listed(sorted(names[level]))}"
            yield ReviewFinding(NAME, level, group.group.name, runs, said, first_few(found))


def _of_talks(group: ReviewedGroup, run: ReviewedRun) -> Iterator[ReviewFinding]:
    """Other competitions than the run's own in system texts."""
    task = ""
    if run.competition is not None:
        try:
            task = run.competition.description
        except (MlebenchError, OSError):
            task = ""
    own = {run.record.competition_id, *(named.name for named in named_in(task, names_of_competitions()))}
    known = {word: name for word, name in names_of_competitions(tuple(group.group.plan.competitions)).items() if name not in own}
    places, names = [], set()
    for talk in run.talks:
        for said in talk.news:
            if said.role == "system":
                for named in named_in(said.text, known):
                    if named.is_name(line := _line(said.text, named.place)):
                        names.add(named.name)
                        places.append(evidence(talk.name, None, line))
    if places:
        text = f"a system text of the agent mentions {_listed(sorted(names))}, which is not the run's competition"
        yield ReviewFinding(NAME, "violation", group.group.name, (run.run_id,), text, first_few(places))


def _listed(names: Sequence[str]) -> str:
    more = len(names) - 5
    return ", ".join(names[:5]) + (f" and {more:,} more" if more > 0 else "")


@functools.lru_cache(maxsize=8)
def names_of_competitions(further: tuple[str, ...] = ()) -> Mapping[str, str]:
    """Ids, and titles with words of their own, in small letters with single blanks; each with the id.

    Args:
        further: ids of a user's own competitions.
    """
    registry = Registry()
    by_split = registry.ids_by_split()
    listed = (name for split in SPLITS if split != "own" for name in by_split.get(split, ()))
    found: dict[str, str] = {}
    for name in dict.fromkeys((*listed, *further)):
        if "-" not in name and not any(letter.isdigit() for letter in name):
            # an ordinary word
            continue
        found[name.lower()] = name
        try:
            title = registry.get_competition(name).title
        except MlebenchError:
            continue
        words = re.findall(r"[^\W_]+", title.lower())
        if len(_own_words(words)) >= _LEAST_WORDS and len(title) >= _LEAST_LETTERS:
            found[" ".join(words)] = name
    return found


def _own_words(words: Sequence[str]) -> list[str]:
    return [word for word in words if word.lower() not in _COMMON and not word.isdigit()]


class Named(NamedTuple):
    """A mention of a competition in a text."""

    name: str
    """The id."""
    place: int
    words: str
    """What is there."""

    def is_name(self, line: str) -> bool:
        """Whether it is an id, or a title written as a name is, in a line that may be of competitions."""
        words = re.findall(r"[^\W_]+", self.words)
        if re.fullmatch(r"[\w-]+", self.words):
            return True
        own = _own_words(words)
        is_capital = sum(word[0].isupper() for word in own) >= _LEAST_WORDS
        return is_capital and (len(own) >= _OF_A_NAME or _CONTEXT.search(line) is not None)


def named_in(text: str, known: Mapping[str, str]) -> Iterator[Named]:
    """Every mention of a competition: whole words, adjacent for an id, close together for a title."""
    by_beginning = _by_beginning(tuple(known))
    for found in _WORD.finditer(text):
        for words in by_beginning.get(found[0].lower(), ()):
            end = _end_of(words, text, found.start())
            if end is not None and _is_apart(text, found.start(), end):
                yield Named(known[words], found.start(), text[found.start() : end])
                break


@functools.lru_cache(maxsize=64)
def _by_beginning(words: tuple[str, ...]) -> Mapping[str, Sequence[str]]:
    """Ids and titles by their first words, the longest first."""
    found: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        if beginning := _WORD.match(word):
            found.setdefault(beginning[0], []).append(word)
    return found


def _end_of(words: str, text: str, start: int) -> int | None:
    """The end of an id or title that begins at a position; None if none does."""
    end = start
    between = r"[\W_]{1,4}" if " " in words else "[-_]"
    for place, word in enumerate(re.split("[ -]", words)):
        gap = re.compile(between).match(text, end) if place else None
        at = gap.end() if gap is not None else end
        if (place and gap is None) or text[at : at + len(word)].lower() != word:
            return None
        end = at + len(word)
    return end


def _is_apart(text: str, start: int, end: int) -> bool:
    """Whether a span is not part of a longer word."""
    before, behind = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() or before in ("_", "-")) and not (behind.isalnum() or behind in ("_", "-"))


def _line(text: str, place: int) -> str:
    """The line of a position; of a long line, the nearby part."""
    first, last = max(0, place - _NEAR), min(len(text), place + _NEAR)
    start = text.rfind("\n", first, place) + 1
    end = text.find("\n", place, last)
    return text[start or first : end if end >= 0 else last]


RULE = Rule(NAME, "Do the agent's folder or its system texts name competitions of the benchmark?", find)
