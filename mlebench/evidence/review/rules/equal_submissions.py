"""Submissions of different runs of one competition with the same predictions.

Rows are compared by id, numbers to six digits. Copies of the sample, and one prediction for all rows, are ignored. If one agent
wrote similar code in both runs, it may have produced the same result twice, which is worth a look. Labels of an easy task may
be equal without copying: they count only if the runs also make the same mistakes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlebench.evidence.review.finding import Level, ReviewFinding
from mlebench.evidence.review.held_out import HeldOut, Table, held_out_of, sample_of, submission_of
from mlebench.evidence.review.reviewed import ReviewedGroup, ReviewedRun
from mlebench.evidence.review.rules.quotes import evidence
from mlebench.evidence.review.rules.rule import Rule, RuleOptions

NAME = "equal-submissions"
_FEWEST_ROWS = 10
_MOST_LABELS = 20
_SAME_MISTAKES = 10
_MANY_ROWS = 200
_ALIKE = 0.5
"""Share of five-word sequences that two programs have in common; independent solutions of one task have far less."""
_WORDS = 5
_PROGRAMS = (".py", ".ipynb", ".sh", ".r", ".jl")


@dataclass(frozen=True)
class _Submitted:
    """What is kept of a run."""

    group: str
    run_id: str
    agent: tuple[str, str]
    digest: bytes
    rows: int
    has_labels: bool
    """Whether the predictions are few different words or numbers."""
    mistakes: int | None
    """Rows that differ from the answers; None if these are not here."""
    code: frozenset[int]
    """Hashes of words in a row."""


def find(groups: Sequence[ReviewedGroup], options: RuleOptions) -> Iterator[ReviewFinding]:
    """See the module."""
    equal: dict[tuple[str, bytes], list[_Submitted]] = {}
    for group in groups:
        for run in sorted(group.runs, key=lambda run: run.record.competition_id):
            # a copy, so that tables and texts are forgotten one by one
            if (found := _submitted(group, run.alone())) is not None:
                equal.setdefault((run.record.competition_id, found.digest), []).append(found)
    for alike in equal.values():
        if len(alike) > 1:
            yield from _of_equal(alike)


def _submitted(group: ReviewedGroup, run: ReviewedRun) -> _Submitted | None:
    table = submission_of(run)
    if table is None or len(table.rows) < _FEWEST_ROWS or is_constant(table):
        return None
    if (sample := sample_of(run.competition)) is not None and is_same(table, sample):
        return None
    known = held_out_of(run)
    labels = {cell for row in list(table.rows.values())[:10_000] for cell in row}
    agent = group.group.plan.agent.id, group.group.plan.agent_fingerprint
    texts = [text.text for text in run.texts("code") if text.suffix in _PROGRAMS]
    code = frozenset(word for text in texts for word in words_of(text))
    has_labels = len(labels) <= _MOST_LABELS
    return _Submitted(
        group.group.name, run.run_id, agent, digest_of(table), len(table.rows), has_labels, _mistakes(table, known), code
    )


def _mistakes(table: Table, known: HeldOut | None) -> int | None:
    if known is None or known.answers is None or set(known.columns) - set(table.columns):
        return None
    places = [table.columns.index(name) for name in known.columns]
    pairs = [
        (tuple(row[place] for place in places), known.answers[name]) for name, row in table.rows.items() if name in known.answers
    ]
    return sum(row != answer for row, answer in pairs)


def _of_equal(alike: Sequence[_Submitted]) -> Iterator[ReviewFinding]:
    level: Level = "look"
    for place, one in enumerate(alike):
        if any(_is_copied(one, other) for other in alike[place + 1 :]):
            level = "violation"
    groups: Mapping[str, list[_Submitted]] = {one.group: [] for one in alike}
    for one in alike:
        groups[one.group].append(one)
    for name, members in groups.items():
        others = len(alike) - len(members)
        where = f", {others:,} of them in other groups" if others else ""
        innocent = "from equal code of one agent, or in a task where equal predictions are likely"
        why = "from different code" if level == "violation" else innocent
        text = f"the submissions of {len(alike):,} runs{where} have the same {alike[0].rows:,} predictions, {why}"
        places = [evidence(f"{one.run_id}/submission/submission.csv", None, "") for one in members[:10]]
        yield ReviewFinding(NAME, level, name, tuple(one.run_id for one in members), text, places)


def _is_copied(one: _Submitted, other: _Submitted) -> bool:
    """Whether independent work cannot be this equal."""
    if one.has_labels and (one.mistakes < _SAME_MISTAKES if one.mistakes is not None else one.rows < _MANY_ROWS):
        return False
    if not one.code or not other.code:
        # without code the origin cannot be shown; two runs of one agent without code may be one program
        return not _is_one_agent(one, other) or bool(one.code) != bool(other.code)
    return not _is_one_agent(one, other) or _alike(one.code, other.code) < _ALIKE


def _is_one_agent(one: _Submitted, other: _Submitted) -> bool:
    """Whether the agents have one name, or one folder."""
    return one.agent[0] == other.agent[0] or (bool(one.agent[1]) and one.agent[1] == other.agent[1])


def _alike(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / len(one | other)


def words_of(text: str) -> Iterator[int]:
    """Hashes of each few words in a row of a program, without comments and blanks."""
    bare = re.sub(r"(?m)#.*$", "", text)
    words = re.findall(r"\w+|[^\w\s]", bare)
    for place in range(max(1, len(words) - _WORDS + 1)):
        yield int.from_bytes(hashlib.blake2b(" ".join(words[place : place + _WORDS]).encode(), digest_size=8).digest(), "big")


def digest_of(table: Table) -> bytes:
    """A hash of the rows, independent of the order of rows and columns."""
    order = sorted(range(len(table.columns)), key=lambda place: table.columns[place])
    total = 0
    for name, row in table.rows.items():
        words = "\x1e".join([name, *(row[place] for place in order)])
        total += int.from_bytes(hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest(), "big")
    return (total % 2**256).to_bytes(32, "big")


def is_constant(table: Table) -> bool:
    """Whether all rows have the same predictions."""
    return len(set(table.rows.values())) <= 1


def is_same(one: Table, other: Table) -> bool:
    """Whether two tables hold the same predictions."""
    return len(one.rows) == len(other.rows) and set(one.columns) == set(other.columns) and digest_of(one) == digest_of(other)


RULE = Rule(NAME, "Do runs of one competition submit the same predictions?", find, compares=True)
