"""How long runs of a competition may take relative to others, guessed from its facts before any has run.

The guess only decides the order in which runs start: no page shows it, and once a run of a competition has ended, its duration
replaces the guess.
"""

from __future__ import annotations

import math

from mlebench.registry.facts import CompetitionFacts

_BY_SPLIT = {"low": 1.0, "medium": 2.0, "high": 4.0}
"""The benchmark's splits reflect the work in a competition: under two hours, up to ten, more."""
_BY_MODALITY = {"tabular": 0.5, "graph": 0.7, "text": 0.8, "volume": 1.5, "point cloud": 1.5}
"""Training time per example, relative to an image."""
_USUAL_EXAMPLES = 10_000
_GROWTH = 0.15
"""Agents cut down what takes too long: ten times the data takes about 1.4 times as long."""


def relative_length(facts: CompetitionFacts) -> float:
    """The guess, where 1 is an easy competition with about 10,000 images."""
    public = [count for path, count in facts.counts.items() if path.startswith("public/")]
    examples = max(public, default=_USUAL_EXAMPLES)
    growth = math.pow(max(examples, 1) / _USUAL_EXAMPLES, _GROWTH)
    return _BY_SPLIT.get(facts.split, 1.0) * _BY_MODALITY.get(facts.modality, 1.0) * growth
