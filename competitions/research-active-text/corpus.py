"""Generates texts of classes, some of them rare, that differ in subject and grammar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .language import Language, Token, clause, digression, draw_language
from .sizes import CLASSES

COMMON = 4
_FIELDS = 2 * CLASSES
_STOCK = 3
"""Number of texts of each common class that have many copies."""


@dataclass(frozen=True)
class Rule:
    """The subjects of a class's clauses, and the position of the verb's marker."""

    actor: int
    patient: int
    marker_first: bool | None


@dataclass(frozen=True)
class Corpus:
    """The distribution of a task's texts."""

    language: Language
    rules: tuple[Rule, ...]
    """One per class."""
    shares: np.ndarray
    """P(class) in the pool."""
    stock: dict[int, tuple[list[Token], ...]]
    copies: float
    """Share of a common class's pool texts that are modified copies from its stock."""

    def text(self, number: int, rng: np.random.Generator) -> list[Token]:
        """A text of a class."""
        rule, language = self.rules[number], self.language
        fields = language.fields
        clauses = [clause(language, fields[rule.actor], fields[rule.patient], rule.marker_first, rng)]
        for _ in range(rng.integers(1, 4)):
            if rng.random() < 0.4:
                clauses.append(clause(language, fields[rule.actor], fields[rule.patient], rule.marker_first, rng))
            else:
                clauses.append(clause(language, language.everyday, language.everyday, None, rng))
        if rng.random() < 0.15:
            clauses.append(digression(language, rng))
        return _joined([clauses[place] for place in rng.permutation(len(clauses))], language, rng)

    def pool_text(self, number: int, rng: np.random.Generator) -> list[Token]:
        """A pool text of a class; that of a common class may be a copy."""
        if number in self.stock and rng.random() < self.copies:
            return _changed(self.stock[number][rng.integers(_STOCK)], rng)
        return self.text(number, rng)


def draw_corpus(rng: np.random.Generator, rare_share: float, copies: float) -> Corpus:
    """Four common classes, and eight rare ones.

    Half of the rare classes have subjects of their own. The others are twins of a common class with the same words: in two,
    the subjects of actor and patient are swapped; in two, the marker is on the other side of the verb.
    """
    language = draw_language(rng, _FIELDS)
    rules = [Rule(2 * number, 2 * number + 1, bool(rng.integers(2))) for number in range(CLASSES - COMMON)]
    for number, rule in enumerate(rules[:COMMON]):
        marker = rule.marker_first
        rules.append(
            Rule(rule.patient, rule.actor, marker) if number < COMMON / 2 else Rule(rule.actor, rule.patient, not marker)
        )
    common = (1 - (CLASSES - COMMON) * rare_share) * np.array([0.34, 0.28, 0.22, 0.16])
    shares = np.concatenate([common, np.full(CLASSES - COMMON, rare_share)])
    # the number of a class would reveal whether it is rare
    order = rng.permutation(CLASSES)
    drawn = Corpus(language, tuple(rules[old] for old in order), shares[order], {}, copies)
    for number in np.flatnonzero(order < COMMON):
        drawn.stock[int(number)] = tuple(drawn.text(int(number), rng) for _ in range(_STOCK))
    return drawn


def words_of(tokens: list[Token]) -> str:
    """The text as the learner reads it."""
    return " ".join(token.word for token in tokens)


def _joined(clauses: list[list[Token]], language: Language, rng: np.random.Generator) -> list[Token]:
    tokens = clauses[0]
    for following in clauses[1:]:
        tokens = [*tokens, Token(language.joints[rng.integers(len(language.joints))]), *following]
    return tokens


def _changed(tokens: list[Token], rng: np.random.Generator) -> list[Token]:
    """A copy with one to three words replaced by others of the same kind."""
    places = [place for place, token in enumerate(tokens) if token.others]
    copy = list(tokens)
    for place in rng.choice(places, size=min(int(rng.integers(1, 4)), len(places)), replace=False):
        others = copy[place].others
        copy[place] = Token(others[rng.integers(len(others))], others)
    return copy
