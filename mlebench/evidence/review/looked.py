"""The rules' findings in run groups, examined run by run to limit memory use."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grading.printable import printable
from mlebench._support.hints import unknown
from mlebench._support.steps import Listener, Step, Tally, ignore
from mlebench.errors import UsageError
from mlebench.evidence.review.finding import ReviewFinding
from mlebench.evidence.review.reviewed import ReviewedGroup
from mlebench.evidence.review.rules import RULES
from mlebench.evidence.review.rules.rule import Rule, RuleOptions

_LONGEST_REASON = 300
_MOST_REASONS = 10


@dataclass(frozen=True)
class Looked:
    """The result of the examination."""

    findings: tuple[ReviewFinding, ...]
    """Violations first, then in the order of rules, groups and runs."""
    rules: tuple[str, ...]
    """The runs that were examined."""
    skipped_in: Mapping[str, Mapping[str, str]]
    """By group and rule, what could not be examined and why, in a sentence without a full stop; the rule may also be in
    `rules`."""

    @property
    def skipped(self) -> Mapping[str, str]:
        """The same by rule, of all groups."""
        said: dict[str, dict[str, None]] = {}
        for reasons in self.skipped_in.values():
            for rule, reason in reasons.items():
                said.setdefault(rule, {})[reason] = None
        return {rule: "; ".join(reasons) for rule, reasons in said.items()}


def look_at(
    groups: Sequence[ReviewedGroup],
    names: Collection[str] = (),
    against: Path | None = None,
    listener: Listener = ignore,
) -> Looked:
    """Ask the rules.

    Args:
        groups: that are reviewed.
        names: of the rules; by default all.
        against: a folder of other people's work.
        listener: gets the number of runs that are done, and the rule that compares runs.

    Raises:
        UsageError: there is no rule of a name.
    """
    if wrong := sorted(set(names) - RULES.keys()):
        raise UsageError(unknown("rule", wrong[0], RULES))
    rules = [rule for name, rule in RULES.items() if not names or name in names]
    options, findings, skipped = RuleOptions(against), [], _Skipped()
    groups = [_by_competition(group) for group in groups]
    tally = Tally(listener, "rules", "reviewing", sum(len(group.runs) for group in groups), "run", every=0)
    for group in groups:
        for run in group.runs:
            # its texts are read once for all rules, and forgotten with it
            single = [replace(group, runs=[run.alone()])]
            for rule in rules:
                if not rule.compares:
                    findings += skipped.found(rule, single, options)
            tally.add()
    listener(Step("rules", ""))
    for rule in rules:
        if rule.compares:
            listener(Step(rule.name, "comparing runs"))
            findings += skipped.found(rule, groups, options)
            listener(Step(rule.name, ""))
        for group in groups:
            skipped.ask(rule, group)
    place = {name: number for number, name in enumerate(RULES)}
    findings.sort(key=lambda found: (found.level != "violation", place[found.rule], found.group, found.runs))
    return Looked(tuple(findings), tuple(rule.name for rule in rules), skipped.reasons())


class _Skipped:
    """What could not be examined."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], dict[str, None]] = {}

    def found(self, rule: Rule, groups: Sequence[ReviewedGroup], options: RuleOptions) -> list[ReviewFinding]:
        """A rule's findings; input on which a rule fails ends the rule, not the review."""
        found: list[ReviewFinding] = []
        try:
            found.extend(rule.find(groups, options))
        except Exception as error:
            for group in groups:
                self._add(rule, group, f"it failed on {', '.join(run.run_id for run in group.runs[:1])}: {_told(error)}")
        return found

    def ask(self, rule: Rule, group: ReviewedGroup) -> None:
        """Record what a rule could not examine."""
        try:
            lack = rule.lacks([group])
        except Exception as error:
            lack = f"cannot list what it could not examine: {_told(error)}"
        if lack is not None:
            self._add(rule, group, lack)

    def _add(self, rule: Rule, group: ReviewedGroup, reason: str) -> None:
        self._said.setdefault((group.group.name, rule.name), {})[printable(reason, _LONGEST_REASON)] = None

    def reasons(self) -> dict[str, dict[str, str]]:
        """By group and rule, each reason once."""
        told: dict[str, dict[str, str]] = {}
        for (group, rule), said in self._said.items():
            more = [f"and {len(said) - _MOST_REASONS} more"] if len(said) > _MOST_REASONS else []
            told.setdefault(group, {})[rule] = "; ".join([*list(said)[:_MOST_REASONS], *more])
        return told


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _by_competition(group: ReviewedGroup) -> ReviewedGroup:
    """The group with its runs ordered by competition, so that each competition's data is read once."""
    return replace(group, runs=sorted(group.runs, key=lambda run: (run.record.competition_id, run.record.seed)))
