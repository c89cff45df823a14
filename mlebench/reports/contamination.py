"""Memory or skill? One agent's normalised scores on Kaggle competitions, on their obfuscated twins and on the research suite.

Kaggle's test sets are old and public. An agent that remembers a competition does worse on its twin, whose task text names neither
Kaggle nor the host; the research suite is generated from a key and cannot be remembered at all, but asks for other things.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mlebench.errors import UsageError
from mlebench.registry import KAGGLE_SPLITS
from mlebench.reports.figures import bounded_score, mean_or_none
from mlebench.reports.results import Experiment, GradedRun
from mlebench.reports.selection import Catalog
from mlebench.reports.statistics import Interval, SignTest, bootstrap_difference, bootstrap_interval, sign_test

KAGGLE, OBFUSCATED, RESEARCH = "kaggle", "obfuscated", "research"


@dataclass(frozen=True)
class FamiliarityFigure:
    """The mean normalised score of one kind of competition: 0 at the leaderboard's median or worse, 1 at gold or better."""

    kind: str
    competitions: int
    runs: int
    mean: float
    interval: Interval
    """95 % bootstrap interval over competitions."""


@dataclass(frozen=True)
class FamiliarityGap:
    """The Kaggle competitions' mean normalised score less that of another kind."""

    other: str
    competitions: int
    """Shared ones where the difference is paired, else those of the other kind."""
    paired: bool
    difference: float
    interval: Interval
    """95 % bootstrap interval over competitions."""
    sign_test: SignTest | None
    """Over shared competitions."""


@dataclass(frozen=True)
class Familiarity:
    """What is known of one agent."""

    agent: str
    models: str
    figures: Sequence[FamiliarityFigure]
    gaps: Sequence[FamiliarityGap]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of one agent."""
        content = asdict(self)
        for entry in (*content["figures"], *content["gaps"]):
            entry["ci_lower"], entry["ci_upper"] = entry.pop("interval")
        for entry in content["gaps"]:
            test = entry["sign_test"]
            entry["sign_test"] = test and SignTest(*test)._asdict()
        return content


def familiarity(experiments: Sequence[Experiment]) -> list[Familiarity]:
    """Compare the kinds of competitions for each agent.

    Seeds are averaged within a competition; a run without a valid submission counts 0, one that failed through no fault of the
    agent is left out.

    Args:
        experiments: plain, obfuscated and research runs of one agent or several.

    Raises:
        UsageError: no agent has runs of Kaggle competitions and of one other kind.
    """
    agents = dict.fromkeys((entry.conditions.agent, entry.conditions.models) for entry in experiments)
    found = [_of_agent(*agent, [entry for entry in experiments if _is_by(entry, *agent)]) for agent in agents]
    comparable = [entry for entry in found if entry.gaps]
    if not comparable:
        raise UsageError(
            "there is nothing to compare: give runs of Kaggle competitions together with obfuscated or research ones by the same "
            "agent, as `mlebench run --obfuscated` and `mlebench run --split research` make them"
        )
    return comparable


def _is_by(experiment: Experiment, agent: str, models: str) -> bool:
    return (experiment.conditions.agent, experiment.conditions.models) == (agent, models)


def _of_agent(agent: str, models: str, experiments: Sequence[Experiment]) -> Familiarity:
    runs: dict[str, dict[str, list[GradedRun]]] = {KAGGLE: {}, OBFUSCATED: {}, RESEARCH: {}}
    for experiment in experiments:
        for kind, competition_id, run in _sorted_by_kind(experiment):
            runs[kind].setdefault(competition_id, []).append(run)
    scores = {kind: _scores(of_kind) for kind, of_kind in runs.items()}
    figures = [
        FamiliarityFigure(kind, len(values), _count(runs[kind], values), _mean(values.values()), _interval(values))
        for kind, values in scores.items()
        if values
    ]
    gaps = [_gap(scores[KAGGLE], scores[kind], kind) for kind in (OBFUSCATED, RESEARCH)]
    return Familiarity(agent, models, figures, [gap for gap in gaps if gap is not None])


def _sorted_by_kind(experiment: Experiment) -> Iterator[tuple[str, str, GradedRun]]:
    catalog = Catalog(experiment.edition)
    for seed in experiment.seeds:
        for competition_id, run in seed.items():
            split = catalog.info(competition_id).split
            if split == RESEARCH:
                yield RESEARCH, competition_id, run
            elif split in KAGGLE_SPLITS:
                yield OBFUSCATED if experiment.conditions.obfuscated else KAGGLE, competition_id, run


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


def _interval(values: Mapping[str, float]) -> Interval:
    return bootstrap_interval(list(values.values()))
