"""What the rules found in run groups, looked at one run after another so that little is held in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grading.printable import printable
from mlebench.errors import UsageError
from mlebench.evidence.review.finding import ReviewFinding
from mlebench.evidence.review.reviewed import ReviewedGroup
from mlebench.evidence.review.rules import RULES
from mlebench.evidence.review.rules.rule import Rule, RuleOptions

_LONGEST_REASON = 300


@dataclass(frozen=True)
class Looked:
    """What looking came to."""

    findings: tuple[ReviewFinding, ...]
    """Violations first, then in the order of rules, groups and runs."""
    rules: tuple[str, ...]
    """Those that were looked at."""
    skipped: Mapping[str, str]
    """By rule what could not be looked at, and why, in a sentence without a full stop; the rule may stand in `rules`, too."""


def look_at(groups: Sequence[ReviewedGroup], names: Collection[str] = (), against: Path | None = None) -> Looked:
    """Ask the rules.

    Args:
        groups: that are reviewed.
        names: of the rules; by default all.
        against: a folder of other people's work.

    Raises:
        UsageError: there is no rule of a name.
    """
    if unknown := sorted(set(names) - RULES.keys()):
        raise UsageError(f"there is no rule {printable(unknown[0])!r}; the rules are {', '.join(RULES)}")
    rules = [rule for name, rule in RULES.items() if not names or name in names]
    options, findings, skipped = RuleOptions(against), [], _Skipped()
    for single in _one_by_one(groups):
        for rule in rules:
            if not rule.compares:
                findings += skipped.asked(rule, single, options)
    for rule in rules:
        if rule.compares:
            findings += skipped.asked(rule, groups, options)
    place = {name: number for number, name in enumerate(RULES)}
    findings.sort(key=lambda found: (found.level != "violation", place[found.rule], found.group, found.runs))
    return Looked(tuple(findings), tuple(rule.name for rule in rules), skipped.reasons())


class _Skipped:
    """What could not be looked at."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, None]] = {}

    def asked(self, rule: Rule, groups: Sequence[ReviewedGroup], options: RuleOptions) -> list[ReviewFinding]:
        """What a rule finds; a fault of the rule on odd input ends no review."""
        found: list[ReviewFinding] = []
        try:
            found.extend(rule.find(groups, options))
            lack = rule.lacks(groups)
        except Exception as error:
            runs = ", ".join(run.run_id for group in groups for run in group.runs[:1])
            lack = f"it failed on {runs}: {type(error).__name__}: {error}"
        if lack is not None:
            self._said.setdefault(rule.name, {})[printable(lack, _LONGEST_REASON)] = None
        return found

    def reasons(self) -> dict[str, str]:
        """By rule, each reason once."""
        return {name: "; ".join(list(said)[:10]) for name, said in self._said.items()}


def _one_by_one(groups: Sequence[ReviewedGroup]) -> Iterator[Sequence[ReviewedGroup]]:
    """Each run alone in its group, those of a competition in turn, so that its data is read once."""
    for group in groups:
        for run in sorted(group.runs, key=lambda run: (run.record.competition_id, run.record.seed)):
            yield [replace(group, runs=[run.alone()])]
