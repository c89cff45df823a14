"""Memory or skill? One agent's normalised scores on Kaggle competitions, on their obfuscated twins and on the research suite.

Kaggle's test sets are old and public. An agent that remembers a competition does worse on its twin, whose task text names neither
Kaggle nor the host; the research suite is generated from a key and cannot be remembered at all, but asks for other things.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from mlebench.errors import UsageError
from mlebench.registry import KAGGLE_SPLITS
from mlebench.reports.figures import bounded_score, mean_or_none
from mlebench.reports.results import GradedRun, Results, labelled
from mlebench.reports.selection import info_of, registry_in
from mlebench.reports.statistics import Interval, SignTest, bootstrap_difference, bootstrap_interval, sign_test
from mlebench.runs.conditions import Conditions

KAGGLE, OBFUSCATED, RESEARCH = "kaggle", "obfuscated", "research"


@dataclass(frozen=True)
class FamiliarityFigure:
    """The mean normalised score of one kind of competition: 0 at the leaderboard's median or worse, 1 at gold or better."""

    kind: str
    competitions: int
    runs: int
    mean: float
    interval: Interval | None
    """95 % bootstrap interval over competitions; None for one competition."""


@dataclass(frozen=True)
class FamiliarityGap:
    """The Kaggle competitions' mean normalised score less that of another kind."""

    other: str
    competitions: int
    """Shared ones where the difference is paired, else those of the other kind."""
    paired: bool
    difference: float
    interval: Interval | None
    """95 % bootstrap interval over competitions; None for one competition."""
    sign_test: SignTest | None
    """Over shared competitions."""


@dataclass(frozen=True)
class Familiarity:
    """What is known of one agent under one set of conditions."""

    agent: str
    """Its name, with what sets it apart where it was run under several."""
    models: str
    figures: Sequence[FamiliarityFigure]
    gaps: Sequence[FamiliarityGap]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of one agent."""
        content = asdict(self)
        for entry in (*content["figures"], *content["gaps"]):
            entry["ci_lower"], entry["ci_upper"] = entry.pop("interval") or (None, None)
        for entry in content["gaps"]:
            test = entry["sign_test"]
            entry["sign_test"] = test and SignTest(*test)._asdict()
        return content


def familiarity(results: Sequence[Results]) -> list[Familiarity]:
    """Compare the kinds of competitions for each agent, over runs whose conditions differ in the task text alone.

    Seeds are averaged within a competition; a run without a valid submission counts 0, one that failed through no fault of the
    agent is left out.

    Args:
        results: plain, obfuscated and research runs of one agent or several.

    Raises:
        UsageError: no agent has runs of Kaggle competitions and of one other kind.
    """
    sets: list[list[Results]] = []
    for entry in results:
        for others in sets:
            if not _but_for_the_text(others[0]).differences(_but_for_the_text(entry)):
                others.append(entry)
                break
        else:
            sets.append([entry])
    named = labelled([replace(entries[0], conditions=_but_for_the_text(entries[0])) for entries in sets])
    found = [_of_agent(first.name, entries) for first, entries in zip(named, sets, strict=True)]
    comparable = [entry for entry in found if entry.gaps]
    if not comparable:
        raise UsageError(
            "there is nothing to compare: pass runs of Kaggle competitions together with obfuscated or research runs of the same "
            "agent, from `mlebench run --obfuscated` or `mlebench run --split research`" + _apart(sets)
        )
    return comparable


def _but_for_the_text(results: Results) -> Conditions:
    return replace(results.conditions, task_text=None)


def _apart(sets: Sequence[Sequence[Results]]) -> str:
    """Why runs of one agent were not compared with each other."""
    first = _but_for_the_text(sets[0][0])
    others = [_but_for_the_text(entries[0]) for entries in sets[1:]]
    told = [", ".join(first.differences(other)) for other in others if other.agent == first.agent]
    return f"; these runs of {first.agent} differ in {'; and in '.join(told)}" if told else ""


def _of_agent(name: str, entries: Sequence[Results]) -> Familiarity:
    runs: dict[str, dict[str, list[GradedRun]]] = {KAGGLE: {}, OBFUSCATED: {}, RESEARCH: {}}
    for entry in entries:
        for kind, competition_id, run in _sorted_by_kind(entry):
            runs[kind].setdefault(competition_id, []).append(run)
    scores = {kind: _scores(of_kind) for kind, of_kind in runs.items()}
    figures = [
        FamiliarityFigure(kind, len(values), _count(runs[kind], values), _mean(values.values()), _interval(values))
        for kind, values in scores.items()
        if values
    ]
    gaps = [_gap(scores[KAGGLE], scores[kind], kind) for kind in (OBFUSCATED, RESEARCH)]
    models = ", ".join(entries[0].conditions.models or ())
    return Familiarity(name, models, figures, [gap for gap in gaps if gap is not None])


def _sorted_by_kind(results: Results) -> Iterator[tuple[str, str, GradedRun]]:
    registry = registry_in(results.conditions.edition)
    kaggle = OBFUSCATED if results.conditions.task_text == "obfuscated" else KAGGLE
    kinds = {RESEARCH: RESEARCH, **dict.fromkeys(KAGGLE_SPLITS, kaggle)}
    for competition_id in sorted(results.competition_ids()):
        kind = kinds.get(info_of(competition_id, registry).split)
        for layer in results.layers.values():
            if kind is not None and competition_id in layer:
                yield kind, competition_id, layer[competition_id]


def _scores(runs: Mapping[str, Sequence[GradedRun]]) -> dict[str, float]:
    """Mean bounded score by competition, where there is any."""
    means = {name: mean_or_none([_score(run) for run in of_competition]) for name, of_competition in runs.items()}
    return {name: mean for name, mean in means.items() if mean is not None}


def _score(run: GradedRun) -> float | None:
    return None if run.failed_by_infrastructure else bounded_score(run.report)


def _count(runs: Mapping[str, Sequence[GradedRun]], scored: Iterable[str]) -> int:
    return sum(_score(run) is not None for name in scored for run in runs[name])


def _gap(kaggle: Mapping[str, float], other: Mapping[str, float], kind: str) -> FamiliarityGap | None:
    if kind == OBFUSCATED:
        shared = [name for name in kaggle if name in other]
        if not shared:
            return None
        differences = [kaggle[name] - other[name] for name in shared]
        mean, between = _mean(differences), bootstrap_interval(differences)
        return FamiliarityGap(kind, len(shared), True, mean, between, sign_test(differences))
    if not kaggle or not other:
        return None
    first, second = list(kaggle.values()), list(other.values())
    return FamiliarityGap(kind, len(second), False, _mean(first) - _mean(second), bootstrap_difference(first, second), None)


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


def _interval(values: Mapping[str, float]) -> Interval | None:
    return bootstrap_interval(list(values.values()))
