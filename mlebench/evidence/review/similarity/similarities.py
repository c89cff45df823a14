"""How similar the code of runs is to notebooks and to other runs' code."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mlebench.errors import MlebenchError
from mlebench.evidence.review.reviewed import ReviewedGroup, ReviewedRun
from mlebench.evidence.review.similarity.boilerplate import boilerplate
from mlebench.evidence.review.similarity.code_set import Side, code_set, fenced_code, texts_below
from mlebench.evidence.review.similarity.comparison import compared
from mlebench.evidence.review.similarity.fingerprints import fingerprints
from mlebench.evidence.review.similarity.run_code import code_of
from mlebench.evidence.review.similarity.similar_pair import VIOLATION, SimilarPair
from mlebench.evidence.review.texts import TextFile

MOST_SHOWN = 100
"""Number of pairs whose texts are kept, so that they can be shown side by side."""
_MOST_PAIRS = 5_000


@dataclass(frozen=True)
class Similarities:
    """The result of the comparison."""

    pairs: Sequence[SimilarPair]
    """All pairs that share more than a little, most similar first."""
    threshold: float
    """Extent from which a pair is a violation."""
    run_ids: Mapping[str, Sequence[str]]
    """The runs that were compared, by group."""
    notebooks: int
    """How many runs were compared with."""
    left_out: Sequence[str] = ()
    """Sentences about what was not compared."""
    texts: Mapping[tuple[Side, str], str] = field(default_factory=dict)
    """The files with stretches of the pairs that have a level, by side and name."""


def similar_pairs(
    groups: Sequence[ReviewedGroup], against: Path | None = None, *, starter: Sequence[Path] = (), threshold: float = VIOLATION
) -> Similarities:
    """Compare the code that every run left or ran, and every agent's folder, with notebooks; and runs of a competition mutually.

    Code that everybody was given (in the agent's folder, the task text and `starter`) and common code (`boilerplate`) are
    ignored. An agent's folder is itself compared with notebooks.

    Args:
        groups: whose runs are compared.
        against: a folder with notebooks and scripts, or one file.
        starter: folders or files of code that everybody was given.
        threshold: extent from which a pair is a violation.

    Raises:
        UsageError: a folder cannot be read.
    """
    import numpy as np

    runs = [code_set(_side_of(run), code_of(run.alone())) for group in groups for run in group.runs]
    agents = [code_set(_side_of_agent(group), group.agent_texts()) for group in groups]
    notebooks = [code_set(Side("notebook", text.name), [text]) for text in (texts_below(against) if against else ())]
    given = [fingerprints(fenced_code(text)).hashes for text in _task_texts(groups)]
    given += [code_set(Side("agent", "starter"), texts_below(path)).prints.hashes for path in starter]
    of_agents = [made.prints.hashes for made in agents]
    common = boilerplate(runs, notebooks)
    in_runs = np.unique(np.concatenate([np.zeros(0, np.uint64), *given, *of_agents, common]))
    in_agents = np.unique(np.concatenate([np.zeros(0, np.uint64), *given, common]))
    pairs = [
        *compared(runs, notebooks, in_runs, lambda left, right: True),
        *compared(agents, notebooks, in_agents, lambda left, right: True),
        *compared(runs, runs, in_runs, lambda left, right: left.competition_id == right.competition_id),
    ]
    pairs.sort(key=lambda pair: (-pair.extent, pair.left, pair.right))
    left_out = [sentence for made in (*runs, *agents, *notebooks) if (sentence := made.left_out_text) is not None]
    texts = _texts([pair for pair in pairs if pair.level(threshold)][:MOST_SHOWN], groups, against)
    run_ids = {group.group.name: [run.run_id for run in group.runs] for group in groups}
    return Similarities(pairs[:_MOST_PAIRS], threshold, run_ids, len(notebooks), left_out, texts)


def _side_of(run: ReviewedRun) -> Side:
    return Side("run", run.run_id, run.group.name, run.record.competition_id, run.group.plan.agent.name)


def _side_of_agent(group: ReviewedGroup) -> Side:
    return Side("agent", "agent", group.group.name, "", group.group.plan.agent.name)


def _task_texts(groups: Sequence[ReviewedGroup]) -> Iterator[str]:
    """The task texts that agents were given, without repetitions."""
    runs = (run for group in groups for run in group.runs)
    competitions = {run.competition.id: run.competition for run in runs if run.competition is not None}
    for competition in competitions.values():
        # a user's own competition may have none
        with contextlib.suppress(MlebenchError):
            yield competition.description


def _texts(pairs: Sequence[SimilarPair], groups: Sequence[ReviewedGroup], against: Path | None) -> dict[tuple[Side, str], str]:
    """The files with stretches of some pairs, read once more."""
    wanted: dict[Side, set[str]] = defaultdict(set)
    for pair in pairs:
        for stretch in pair.stretches:
            wanted[pair.left].add(stretch.left.file)
            wanted[pair.right].add(stretch.right.file)
    texts = {
        (side, text.name): text.text for side, found in _sides(groups, wanted) for text in found if text.name in wanted[side]
    }
    for text in texts_below(against) if against else ():
        if text.name in wanted.get(side := Side("notebook", text.name), ()):
            texts[side, text.name] = text.text
    return texts


def _sides(groups: Sequence[ReviewedGroup], wanted: Mapping[Side, set[str]]) -> Iterator[tuple[Side, Iterator[TextFile]]]:
    for group in groups:
        if (side := _side_of_agent(group)) in wanted:
            yield side, group.agent_texts()
        for run in group.runs:
            if (side := _side_of(run)) in wanted:
                yield side, code_of(run.alone())
