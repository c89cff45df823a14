"""An invented language: randomly drawn words, and clauses composed of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

ONSETS = ("b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "dr", "kl", "pl", "st", "tr")
VOWELS = ("a", "e", "i", "o", "u", "ai", "ou")
CODAS = ("", "", "", "l", "m", "n", "r", "s", "t")


@dataclass(frozen=True)
class Field:
    """Words that belong to one subject."""

    nouns: tuple[str, ...]
    verbs: tuple[str, ...]
    adjectives: tuple[str, ...]


class Token(NamedTuple):
    """A word, and the words that may replace it in a copy of the text."""

    word: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Language:
    """The lexicon of a task and its word order."""

    fields: tuple[Field, ...]
    everyday: Field
    """Words without a subject, some of them much more frequent than others."""
    actor: str
    """The particle after the acting noun."""
    patient: str
    """The particle after the noun that is acted on."""
    marker: str
    """A particle before or after the verb."""
    joints: tuple[str, ...]
    """Words between clauses."""
    order: tuple[int, ...]
    """The order of actor, patient and verb."""


def draw_word(rng: np.random.Generator, syllables: int) -> str:
    return (
        "".join(ONSETS[rng.integers(len(ONSETS))] + VOWELS[rng.integers(len(VOWELS))] for _ in range(syllables))
        + (CODAS[rng.integers(len(CODAS))])
    )


def draw_language(rng: np.random.Generator, fields: int) -> Language:
    """Words are distinct, and all parts of speech draw them from the same distribution, so no word reveals its role."""
    taken: set[str] = set()

    def words(count: int, syllables: int = 2) -> tuple[str, ...]:
        drawn: list[str] = []
        while len(drawn) < count:
            word = draw_word(rng, syllables)
            if word not in taken:
                taken.add(word)
                drawn.append(word)
        return tuple(drawn)

    def field(nouns: int, verbs: int, adjectives: int) -> Field:
        return Field(words(nouns), words(verbs), words(adjectives))

    actor, patient, marker = words(3, syllables=1)
    return Language(
        fields=tuple(field(6, 4, 4) for _ in range(fields)),
        everyday=field(150, 100, 80),
        actor=actor, patient=patient, marker=marker, joints=words(4, syllables=1),
        order=tuple(int(part) for part in rng.permutation(3)),
    )  # fmt: skip


def clause(language: Language, actor: Field, patient: Field, marker_first: bool | None, rng: np.random.Generator) -> list[Token]:
    """Somebody does something to somebody; if the marker's place is not given, it is on a random side or absent."""
    verb = _one(actor.verbs if rng.random() < 0.5 else patient.verbs, rng)
    marker = Token(language.marker)
    if marker_first is None:
        told = [[verb], [marker, verb], [verb, marker]][rng.integers(3)]
    else:
        told = [marker, verb] if marker_first else [verb, marker]
    parts = [
        [*_noun(actor, rng), Token(language.actor)],
        [*_noun(patient, rng), Token(language.patient)],
        told,
    ]
    return [token for part in language.order for token in parts[part]]


def digression(language: Language, rng: np.random.Generator) -> list[Token]:
    """A clause with names that occur nowhere else."""
    names = [Token(draw_word(rng, 3)) for _ in range(4)]
    return [names[0], names[1], Token(language.actor), names[2], Token(language.patient), names[3]]


def _noun(field: Field, rng: np.random.Generator) -> list[Token]:
    noun = _one(field.nouns, rng)
    return [_one(field.adjectives, rng), noun] if rng.random() < 0.4 else [noun]


def _one(words: tuple[str, ...], rng: np.random.Generator) -> Token:
    """One of the words; the first of a long list are the most frequent."""
    place = int(len(words) * rng.random() ** (3 if len(words) > 10 else 1))
    return Token(words[place], words)
