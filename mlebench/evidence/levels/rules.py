"""Level 7: nothing keeps the result from a row of a board whose rules were named.

A result is the groups of a bundle whose runs may be averaged: equal conditions but for their seeds and competitions. Each of them
must satisfy the rules.
"""

from __future__ import annotations

import bisect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.printable import printable
from grading.report import CompetitionReport
from mlebench._support import paths
from mlebench.errors import UsageError
from mlebench.evidence.models_asked import unplanned_models
from mlebench.evidence.opened import OpenedBundle, OpenedGroup
from mlebench.evidence.rules import Evidence, Rules
from mlebench.evidence.verdict import Finding, Level, few
from mlebench.gateway.transcript import FOLDER as TRANSCRIPTS
from mlebench.registry import Registry
from mlebench.registry.keys import PUBLISHED_KEY, hash_of
from mlebench.runs.ledgers import ledger_names
from mlebench.runs.record import RunRecord
from mlebench.runs.result import SUBMISSION

_MOST_OF_A_KIND = 20
"""Findings; of more the last one says how many there are."""


def rules_level(bundle: OpenedBundle, rules: Rules | None, levels: Sequence[Level], data_dir: Path | None = None) -> Level:
    """The level.

    Args:
        bundle: what is verified.
        rules: None if the reader named none.
        levels: what the other levels came to.
        data_dir: where refreshed leaderboards of competitions lie; by default the user's.
    """
    if rules is None:
        return Level("rules", "not claimed", "no rules given; add `--rules standard` or `--rules FILE.yaml`")
    results = results_of(bundle.groups)
    boards = _Boards(data_dir or paths.data_dir())
    findings = [*_of_levels(rules, levels)]
    flags: list[Finding] = []
    for result in results:
        found = _OfResult(bundle, result, rules, boards)
        findings += found.findings()
        flags += found.flags()
    if not results:
        findings.append(Finding("", "the bundle contains no run group"))
    if boards.missing:
        flags.append(Finding("", _without_boards(boards.missing)))
    called = f"the rules {printable(rules.name, 60)}"
    if findings:
        count = f"{len(findings)} problem{'s keep' if len(findings) > 1 else ' keeps'}"
        return Level("rules", "fails", f"{count} it from a row under {called}", tuple(findings), tuple(flags))
    return Level("rules", "holds", f"nothing keeps it from a row under {called}", flags=tuple(flags))


def results_of(groups: Iterable[OpenedGroup]) -> list[list[OpenedGroup]]:
    """Groups that continue each other's seeds or competitions, together; both in the order of the bundle."""
    results: list[list[OpenedGroup]] = []
    for group in groups:
        mine = group.group.conditions
        fitting = (known for known in results if not any(mine.differences(other.group.conditions) for other in known))
        if (known := next(fitting, None)) is not None:
            known.append(group)
        else:
            results.append([group])
    return results


@dataclass(frozen=True)
class _Run:
    group: OpenedGroup
    run_id: str
    competition_id: str
    seed: int
    record: RunRecord | None

    @property
    def file(self) -> str:
        return self.group.file_of(self.run_id, "run.json")

    @property
    def report(self) -> CompetitionReport | None:
        return None if self.record is None else self.record.graded

    @property
    def failed_by_infrastructure(self) -> bool:
        if self.record is None or not self.record.has_ended:
            return False
        report = self.report
        return self.record.failure_class == "infrastructure" or (report is not None and report.error_kind == "grader_error")

    @property
    def gap(self) -> str | None:
        """Why it counts as missing."""
        if self.record is None:
            return "this run of the plan has no record"
        if not self.record.has_ended or self.record.state == "cancelled":
            return f"this run of the plan is {self.record.state}"
        return None if self.failed_by_infrastructure or self.report is not None else "this run of the plan was not graded"

    @property
    def counts(self) -> bool:
        return self.gap is None and not self.failed_by_infrastructure


class _Boards:
    """The best rows of private boards, as far as they are here."""

    def __init__(self, data_dir: Path) -> None:
        self.missing: dict[str, None] = {}
        """Competitions with scores that could be compared with no board."""
        self._registry = Registry(data_dir=data_dir)
        self._best: dict[tuple[str, str, str | None], tuple[float, bool] | None] = {}

    def is_beyond(self, group: OpenedGroup, report: CompetitionReport) -> float | None:
        """The best row of a score's board, if the score is strictly better."""
        name, edition = report.competition_id, group.group.plan.edition
        instance = group.group.conditions.instance_hashes.get(name)
        key = (name, edition, instance)
        if key not in self._best:
            self._best[key] = self._best_of(*key)
        best = self._best[key]
        if best is None or report.score is None:
            self.missing.update({name: None} if best is None else {})
            return None
        score, is_lower_better = best
        return score if (report.score < score if is_lower_better else report.score > score) else None

    def _best_of(self, name: str, edition: str, instance: str | None) -> tuple[float, bool] | None:
        try:
            competition = self._registry.set_edition(edition).get_competition(name)  # type: ignore[arg-type]
            if competition.facts.keyed and instance != (competition.instance_hash or hash_of(PUBLISHED_KEY)):
                return None  # the board that is here was measured on other data
            scores = competition.read_leaderboard()["score"].dropna().tolist() if competition.has_leaderboard else []
        except (UsageError, OSError, ValueError, KeyError):
            return None
        is_lower_better = competition.is_lower_better
        return (float(min(scores) if is_lower_better else max(scores)), is_lower_better) if scores else None


class _OfResult:
    """What keeps one result from a row."""

    def __init__(self, bundle: OpenedBundle, groups: Sequence[OpenedGroup], rules: Rules, boards: _Boards) -> None:
        self._groups = groups
        self._rules = rules
        self._names = sorted(subject.name for subject in bundle.statement.subjects)
        self._runs = [
            _Run(group, run.run_id, run.competition_id, run.seed, group.records.get(run.run_id))
            for group in groups
            for run in group.group.plan.runs
        ]
        self._too_good = [*self._scores_beyond(boards)] if rules.too_good != "ignore" else []

    def findings(self) -> Iterator[Finding]:
        for group in self._groups:
            yield from self._of_plan(group)
        yield from self._of_models()
        yield from self._of_competitions()
        yield from self._of_seeds()
        yield from self._of_missing_runs()
        yield from self._of_infrastructure()
        yield from self._of_repeated_attempts()
        yield from self._of_data()
        yield from _first(self._of_medals())
        if self._rules.too_good == "refuse":
            yield from _first(self._too_good)

    def flags(self) -> Iterator[Finding]:
        if self._rules.too_good == "flag":
            yield from _first(self._too_good)

    def _of_plan(self, group: OpenedGroup) -> Iterator[Finding]:
        if (imported := group.group.imported) is not None:
            yield _of(group, f"it was imported from {imported.words}; the rules require runs of this harness")
            return
        plan, rules = group.group.plan, self._rules
        profile = plan.profile
        conditions = group.group.conditions
        allowed: tuple[tuple[str, str | None, Sequence[str]], ...] = (
            ("edition", plan.edition, rules.editions),
            ("network", profile.network, rules.network),
            ("sandbox", plan.sandbox_name, ["plain" if name == "local" else name for name in rules.sandbox]),
            ("task text", conditions.task_text, rules.task_text),
        )
        for what, value, values in allowed:
            if value not in values:
                yield _of(group, f"its {what} is {printable(str(value), 60)}; the rules require {' or '.join(values)}")
        if sentence := rules.refused_suite(conditions.suite, plan.edition):
            yield _of(group, printable(sentence, 300))
        for excess in rules.most.beyond(profile):
            yield _of(group, f"a run could have {excess}")
        if profile.limits == "best-effort" and any(limit is not None for _, limit in rules.most):
            yield _of(group, "its engine may not have enforced limits (`limits=best-effort`), but the rules set some")
        granted = (
            ("open hosts", profile.allow if profile.network == "models" else (), rules.allow),
            ("grants of the gateway", profile.grants if plan.has_gateway else (), rules.grants),
        )
        for what, values, may_be in granted:
            if more := [value for value in values if value not in may_be]:
                yield _of(group, f"it had {what} that the rules do not have: {few(more)}")

    def _of_models(self) -> Iterator[Finding]:
        if self._rules.models != "named":
            return
        for group in self._groups:
            if not group.group.plan.agent.models:
                yield _of(group, "it states no model, but the rules require one")
            yield from _first(unplanned_models(group))

    def _of_competitions(self) -> Iterator[Finding]:
        wanted = self._rules.competitions(self._groups[0].group.plan.edition)
        planned = {run.competition_id for run in self._runs}
        if missing := [name for name in wanted or () if name not in planned]:
            split = self._rules.split if isinstance(self._rules.split, str) else "the rules' list"
            said = f"{len(missing)} of {len(wanted or ())} competitions of {split} are not in its plan: {few(missing)}"
            yield _of(self._groups[0], said)

    def _of_seeds(self) -> Iterator[Finding]:
        planned = Counter((run.competition_id, run.seed) for run in self._runs)
        last = {(run.competition_id, run.seed): run.group for run in self._runs}
        yield from _first(
            _of(
                last[name, seed],
                f"{_named(name, seed)} was run {count} times under equal conditions; a result has each only once",
            )
            for (name, seed), count in planned.items()
            if count > 1
        )
        wanted = self._rules.competitions(self._groups[0].group.plan.edition)
        seeds: dict[str, set[int]] = defaultdict(set)
        for run in self._runs:
            if wanted is None or run.competition_id in wanted:
                seeds[run.competition_id] |= {run.seed} if run.counts else set()
        if lacking := [
            f"{printable(name, 60)} ({len(found)})" for name, found in sorted(seeds.items()) if len(found) < self._rules.seeds
        ]:
            have = "competition has" if len(lacking) == 1 else "competitions have"
            said = f"{len(lacking)} {have} fewer than {self._rules.seeds} seeds with a result: {few(lacking)}"
            yield _of(self._groups[0], said)

    def _of_missing_runs(self) -> Iterator[Finding]:
        gaps = [Finding(run.file, run.gap) for run in self._runs if run.gap is not None]
        yield from _first(gaps) if len(gaps) > self._rules.missing_runs else ()

    def _of_infrastructure(self) -> Iterator[Finding]:
        failed = [
            Finding(run.file, f"the infrastructure failed this run ({printable(str(run.record and run.record.reason), 60)})")
            for run in self._runs
            if run.failed_by_infrastructure
        ]
        yield from _first(failed) if len(failed) > self._rules.infrastructure_failures else ()

    def _of_repeated_attempts(self) -> Iterator[Finding]:
        repeated = [
            Finding(run.file, f"an attempt that was {printable(str(attempt.get('state')), 30)} was followed by another one")
            for run in self._runs
            for attempt in (run.record.attempts if run.record is not None else ())
            if attempt.get("failure_class") != "infrastructure"
        ]
        yield from _first(repeated) if len(repeated) > self._rules.repeated_attempts else ()

    def _of_data(self) -> Iterator[Finding]:
        if self._rules.mock_data == "allow":
            return
        kinds: dict[str, tuple[OpenedGroup, set[str | None]]] = {}
        for run in self._runs:
            said = {run.group.group.conditions.data.get(run.competition_id)}
            said |= {run.report.data} if run.report is not None else set()
            kinds.setdefault(run.competition_id, (run.group, set()))[1].update(said)
        yield from _first(
            _of(group, f"{printable(name, 80)} was run on mock data") for name, (group, said) in kinds.items() if "mock" in said
        )
        unknown = [name for name, (_, said) in kinds.items() if not said & {"mock", "real"}]
        if unknown:
            yield _of(self._groups[0], f"it does not say whether the data of {few(unknown)} is real")

    def _of_medals(self) -> Iterator[Finding]:
        for run in self._runs:
            if run.report is not None and run.report.any_medal:
                for kind in self._rules.medals:
                    yield from self._without(run, kind)

    def _without(self, run: _Run, kind: Evidence) -> Iterator[Finding]:
        group, has_gateway = run.group, run.group.group.plan.has_gateway
        ends = run.record.ledgers if run.record is not None else {}
        wanted: Mapping[Evidence, Callable[[], bool]] = {
            "submission": lambda: self._has(group.file_of(run.run_id, *SUBMISSION.parts)),
            "code": lambda: self._has_in(group.file_of(run.run_id, "code")),
            "logs": lambda: self._has(group.file_of(run.run_id, "run.log")),
            "transcript": lambda: not has_gateway or self._has_in(group.file_of(run.run_id, TRANSCRIPTS)),
            "ledgers": lambda: all(
                (end := ends.get(name)) is not None
                and (not end["lines"] or self._has(group.file_of(run.run_id, f"{name}.jsonl")))
                for name in ledger_names(has_gateway)
            ),
        }
        if not wanted[kind]():
            yield Finding(run.file, f"the run has a medal, but the bundle has no {kind}")

    def _has(self, name: str) -> bool:
        place = bisect.bisect_left(self._names, name)
        return place < len(self._names) and self._names[place] == name

    def _has_in(self, folder: str) -> bool:
        place = bisect.bisect_left(self._names, f"{folder}/")
        return place < len(self._names) and self._names[place].startswith(f"{folder}/")

    def _scores_beyond(self, boards: _Boards) -> Iterator[Finding]:
        for run in self._runs:
            report = run.report
            if report is None or report.score is None or report.data == "mock" or report.competition_id != run.competition_id:
                continue
            if (best := boards.is_beyond(run.group, report)) is not None:
                said = f"its score {report.score:g} is beyond the best row of the private board, {best:g}"
                yield Finding(run.file, said)


def _of_levels(rules: Rules, levels: Sequence[Level]) -> Iterator[Finding]:
    by_name = {level.name: level for level in levels}
    for name in rules.levels:
        level = by_name.get(name)
        if level is None or level.state != "holds":
            state = f"{level.state} ({level.summary})" if level is not None else "not claimed"
            number = level.number if level is not None else "?"
            yield Finding("", f"level {number}, {name}, must hold and {'is ' if state.startswith('not') else ''}{state}")


def _without_boards(missing: Iterable[str]) -> str:
    names = list(missing)
    one = f"the board of {names[0]} is" if len(names) == 1 else f"the boards of {len(names)} competitions are"
    refresh = f"`mlebench leaderboard {names[0]} --refresh` gets one"
    return f"{one} not available here, so scores were not compared with the best rows; {refresh}"


def _named(competition_id: str, seed: int) -> str:
    return f"seed {printable(str(seed), 20)} of {printable(competition_id, 80)}"


def _of(group: OpenedGroup, message: str) -> Finding:
    return Finding(_file(group), message)


def _file(group: OpenedGroup) -> str:
    return f"{group.prefix}/group.yaml"


def _first(findings: Iterable[Finding]) -> list[Finding]:
    """The first findings of a kind; the last one says how many more there are."""
    listed = list(findings)
    if len(listed) <= _MOST_OF_A_KIND:
        return listed
    last = listed[_MOST_OF_A_KIND - 1]
    more = len(listed) - _MOST_OF_A_KIND
    return [*listed[: _MOST_OF_A_KIND - 1], Finding(last.file, f"{last.message}; and {more} more of this kind", last.line)]
