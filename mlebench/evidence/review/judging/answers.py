"""A judge's answers about chunks: parsed with distrust, and stored so that no call is paid for twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mlebench._support.ledger import Ledger, ledger_lines
from mlebench.evidence.review.finding import Evidence
from mlebench.evidence.review.judging.chunks import Chunk
from mlebench.evidence.review.judging.questions import JudgeQuestion, wording_sha256
from mlebench.evidence.review.rules.quotes import evidence as shown
from mlebench.gateway.models import Model

FILE = "judge_answers.jsonl"
_LARGEST_FILE = 2**30
_MOST_QUOTES, _LONGEST_KEPT = 10, 2_000
_SHORTEST_QUOTE = 8
"""Minimum letters of a quote, without blanks: fewer occur in any text by chance."""
_LARGEST_ANSWER = 2**17
"""Characters that are searched for an object."""


class JudgeAnswer(NamedTuple):
    """An answer as it was given."""

    is_yes: bool
    quotes: tuple[str, ...] = ()
    steering: tuple[str, ...] = ()
    """Passages that tell a reviewer what to answer."""


class AnswerKey(NamedTuple):
    """What an answer refers to."""

    model: str
    """Address, provider and its name there: another model behind the same name is another judge."""
    wording: str
    chunk: str


@dataclass(frozen=True)
class ProvenAnswer:
    """An answer whose quotes were looked for."""

    counts: bool
    """Whether it is yes and a quote is in the chunk."""
    evidence: tuple[Evidence, ...]
    steering: tuple[Evidence, ...]
    invented: int
    """Quotes that do not exist in the chunk."""
    is_unproven: bool
    """Whether it is yes and none of its quotes is in the chunk."""


def key_of(model: Model, question: JudgeQuestion, chunk: Chunk) -> AnswerKey:
    """The key under which an answer is kept."""
    return AnswerKey(f"{model.base_url} {model.provider}/{model.served}", wording_sha256(question), chunk.sha256)


def read_answer(text: str) -> JudgeAnswer | None:
    """The answer in a model's text; None if it contains none of the required form.

    Args:
        text: of any form; reasoning and fences around the object are tolerated, and the last object counts.
    """
    found = [answer for value in _objects_in(text[-_LARGEST_ANSWER:]) if (answer := _answer_of(value)) is not None]
    return found[-1] if found else None


def proven(answer: JudgeAnswer, chunk: Chunk) -> ProvenAnswer:
    """Look for the quotes of an answer in its chunk."""
    quotes = answer.quotes if answer.is_yes else ()
    evidence = _found(quotes, chunk)
    counts = bool(evidence)
    return ProvenAnswer(
        counts, evidence, _found(answer.steering, chunk), len(quotes) - len(evidence), answer.is_yes and not counts
    )


class KeptAnswers:
    """The answers in a review's folder, including those of earlier reviews."""

    def __init__(self, folder: Path) -> None:
        """Args:
        folder: made where it is not there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE
        self._known = dict(_kept(path))
        self._ledger = Ledger(path)

    def get(self, key: AnswerKey) -> JudgeAnswer | None:
        """The answer that was given before."""
        return self._known.get(key)

    def add(self, key: AnswerKey, answer: JudgeAnswer, names: Mapping[str, Any]) -> None:
        """Keep an answer.

        Args:
            key: what it is an answer to.
            answer: as it was given.
            names: of judge and question, for people.
        """
        self._known[key] = answer
        said = {"answer": "yes" if answer.is_yes else "no", "quotes": [*answer.quotes], "steering": [*answer.steering]}
        self._ledger.append({**names, **key._asdict(), **said})

    def close(self) -> None:
        """Let others write."""
        self._ledger.close()


def _kept(path: Path) -> Iterator[tuple[AnswerKey, JudgeAnswer]]:
    try:
        for line in ledger_lines(path, _LARGEST_FILE):
            key = AnswerKey(*(str(line.get(name)) for name in AnswerKey._fields))
            if (answer := _answer_of(line)) is not None:
                yield key, answer
    except OSError:
        # without it answers are asked for again
        return


def _objects_in(text: str) -> Iterator[Any]:
    """The JSON objects that are in a text, outermost ones alone."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
            yield value
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)


def _answer_of(value: Any) -> JudgeAnswer | None:
    word = value.get("answer") if isinstance(value, Mapping) else None
    word = word.strip().lower() if isinstance(word, str) else None
    if word not in ("yes", "no"):
        return None
    return JudgeAnswer(word == "yes", _texts(value.get("quotes")), _texts(value.get("steering")))


def _texts(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(item[:_LONGEST_KEPT] for item in items if isinstance(item, str) and item.strip())[:_MOST_QUOTES]


def _found(quotes: tuple[str, ...], chunk: Chunk) -> tuple[Evidence, ...]:
    places = ((quote, chunk.find(quote)) for quote in quotes if len("".join(quote.split())) >= _SHORTEST_QUOTE)
    return tuple(shown(place.file, place.line, quote) for quote, place in places if place)
