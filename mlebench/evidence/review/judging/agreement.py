"""Agreement of two judges beyond chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class Kappa:
    """Cohen's kappa of two judges' verdicts on the same runs.

    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960), 37–46.
    """

    judges: tuple[str, str]
    question: str | None
    """None: over all questions."""
    both_yes: int
    first_yes: int
    """Runs for which only the first judge says yes."""
    second_yes: int
    both_no: int

    @property
    def value(self) -> float | None:
        """From -1 to 1, 0 for agreement by chance; None if undefined."""
        chance = self._chance
        return None if chance is None or chance == 1 else float((self._observed - chance) / (1 - chance))

    @property
    def reason(self) -> str | None:
        """Why it is undefined."""
        if self._chance is None:
            return "no run was judged by both"
        return "both judges gave the same answer every time" if self._chance == 1 else None

    @property
    def runs(self) -> int:
        """Verdicts that both gave."""
        return self.both_yes + self.first_yes + self.second_yes + self.both_no

    @property
    def _observed(self) -> Fraction:
        return Fraction(self.both_yes + self.both_no, self.runs)

    @property
    def _chance(self) -> Fraction | None:
        """The agreement of judges who answer at random with the same rates of yes; None without verdicts."""
        if not self.runs:
            return None
        first, second = self.both_yes + self.first_yes, self.both_yes + self.second_yes
        both_no = (self.runs - first) * (self.runs - second)
        return Fraction(first * second + both_no, self.runs**2)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of it."""
        return {**vars(self), "judges": [*self.judges], "runs": self.runs, "kappa": self.value, "reason": self.reason}


def kappa_of(judges: tuple[str, str], question: str | None, verdicts: Iterable[tuple[bool, bool]]) -> Kappa:
    """The kappa of pairs of verdicts.

    Args:
        judges: names.
        question: see `Kappa.question`.
        verdicts: whether the first and whether the second says yes, of each run that both judged.
    """
    counts = Counter(verdicts)
    return Kappa(judges, question, counts[True, True], counts[True, False], counts[False, True], counts[False, False])
