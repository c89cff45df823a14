"""The leaderboards of the research suite, honestly obtained: every row is a method that was run on the published key's instance.

python -m benchmarks.reference_methods.leaderboards                    # all of them; hours on two cores
python -m benchmarks.reference_methods.leaderboards research-nnn-retrieval
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from benchmarks.reference_methods import batch_uncertainty, binary, real_values, reward_networks, sea_moves
from mlebench._support import paths
from mlebench.preparation import prepare
from mlebench.preparation.references import rank, write_leaderboard
from mlebench.registry import Competition, Registry
from mlebench.registry.content import load_module
from mlebench.registry.keys import MEASURED_LEADERBOARD, PUBLISHED_KEY
from mlebench.research.binary_problems import submissions

Methods = Callable[[Path, np.random.Generator], Iterator[tuple[str, pd.DataFrame]]]


def trained_networks(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    """Networks trained on each binary problem."""
    yield from submissions(public, binary.METHODS, rng)


def networks_on_real_values(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    """Networks trained on each regression problem."""
    yield from submissions(public, real_values.METHODS, rng)


def long_chains(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    """Methods with 100 functions or long chains, for problems of logistic regression."""
    logistic_methods = _module("research-dyadic-logistic", "logistic_methods")
    methods = {
        "ensemble of 100, exponential weights": partial(logistic_methods.ensemble, members=100, priors=False),
        "ensemble of 100, random prior centres": partial(logistic_methods.ensemble, members=100, bootstrap=False),
        "ensemble of 100, random prior centres and exponential weights": partial(logistic_methods.ensemble, members=100),
        "random-walk Metropolis, 100 chains of 2000 steps from Laplace": partial(logistic_methods.metropolis, steps=2000),
    }
    yield from submissions(public, methods, rng)


def long_searches(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    """Enumeration that searches deeper or also finds exceptions."""
    references, functions, searching = (
        _module("research-find-strings", name) for name in ("references", "string_functions", "string_search")
    )
    named, every = functions.NAMED_ATOMS, functions.ATOMS
    interpreters = {
        "enumeration of two named atoms": partial(searching.search, atoms=named, depth=2),
        "enumeration of two named atoms, with exceptions": partial(searching.search_with_exception, atoms=named, depth=2),
        "enumeration of two atoms, with exceptions": partial(searching.search_with_exception, atoms=every, depth=2),
        "enumeration of three named atoms": partial(searching.search, atoms=named, depth=3),
    }
    for name, interpreter in interpreters.items():
        yield name, references.interpreted(public, interpreter)


def joint_ablations(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    """Sets of units chosen by the effect of ablating them together, on few captioned pictures or on many."""
    references, rankings = (_module("research-concept-neurons", name) for name in ("references", "unit_rankings"))
    repeated, greedy = rankings.repeated_attribution, rankings.greedy
    on_many = partial(greedy, candidates=24)
    methods = {
        "(activation - mean) x gradient, again after each ablated unit, own captions": rankings.self_captioned(repeated),
        "greedy set": greedy,
        "greedy set, own captions": rankings.self_captioned(on_many),
        "greedy set, own captions, weights fitted": rankings.self_captioned(rankings.reweighted(on_many)),
    }
    yield from references.chosen(public, methods, rng)


def searches_for_two_concepts(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    """Descriptions of neurons from all pairs of candidate concepts, with and without fitting."""
    describers, descriptions, searching = (
        _module("research-find-neurons", name) for name in ("describers", "descriptions", "concept_search")
    )
    seen = describers.read_observations(public)
    for source, directions in (
        ("clusters of words", searching.cluster_centres(seen.table, rng)),
        ("concepts of a sparse dictionary", searching.dictionary(seen.table, rng)),
    ):
        known = searching.candidates(directions, seen.table)
        yield f"one or two {source}", descriptions.description_table(searching.search(seen, known, pairs=True))
        found = searching.search(seen, known, pairs=True, exceptions=True)
        yield f"one or two {source}, or one unless another", descriptions.description_table(found)
        fitted = searching.refined(found, seen)
        yield f"one or two {source}, or one unless another, then fitted", descriptions.description_table(fitted)


def trained_rewards(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    """Beliefs about a bandit's cells from ensembles of trained networks, all played with width 1."""
    methods = _module("research-sequential-bandit", "belief_methods")
    bandits = list(methods.read_bandits(public))
    for name, rewards in reward_networks.METHODS.items():
        model = partial(_belief_of_members, methods, rewards)
        yield f"{name}, width 1", methods.submitted(bandits, model, (1.0,) * 4, rng)


def _belief_of_members(
    methods: ModuleType, rewards: Callable[..., np.ndarray], bandit: reward_networks.Bandit, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of an ensemble's predictions."""
    belief: tuple[np.ndarray, np.ndarray] = methods.of_members(rewards(bandit, rng))
    return belief


def trained_moves(public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    """Networks that learn from a sea's log which action moves right, with a treasure in every possible column."""
    methods = _module("research-deep-sea", "sea_methods")
    seas = list(methods.read_seas(public))
    for name, chances in sea_moves.METHODS.items():
        yield f"treasure everywhere, moves by {name}", methods.submitted(seas, methods.every_treasure(chances), rng)


def uncertain_batches(competition_id: str, public: Path, rng: np.random.Generator) -> Iterator[tuple[str, pd.DataFrame]]:
    """Batches of items about which trained networks are uncertain."""
    references = _module(competition_id, "references")
    yield from references.batches(public, batch_uncertainty.SELECTORS, rng)


def _module(competition_id: str, name: str) -> ModuleType:
    return load_module(paths.content_dir("competitions") / competition_id / f"{name}.py")


SLOW_METHODS: dict[str, Methods] = {
    "research-active-batch": partial(uncertain_batches, "research-active-batch"),
    "research-active-text": partial(uncertain_batches, "research-active-text"),
    "research-dyadic-logistic": long_chains,
    "research-offline-thompson": trained_networks,
    "research-find-neurons": searches_for_two_concepts,
    "research-deep-sea": trained_moves,
    "research-find-strings": long_searches,
    "research-concept-neurons": joint_ablations,
    "research-neural-testbed": trained_networks,
    "research-nngp-posterior": networks_on_real_values,
    "research-ensemble-heteroscedastic": trained_networks,
    "research-sequential-bandit": trained_rewards,
}
"""Methods that take too long to measure at preparation."""


def leaderboard(competition: Competition, *, cheap: bool = False) -> dict[str, float]:
    """Scores of all methods on prepared data, best first: the cheap ones as measured at preparation, then the slow ones.

    Args:
        cheap: take the scores of slow methods from the existing leaderboard.
    """
    scores = _read(competition.private_dir / MEASURED_LEADERBOARD)
    if cheap:
        scores = _read(competition.folder / "leaderboard.csv") | scores
    elif competition.id in SLOW_METHODS:
        methods = SLOW_METHODS[competition.id](competition.public_dir, competition.edition.rng("slow references"))
        scores |= rank(competition, _told(methods), competition.answers_table)
    return dict(sorted(scores.items(), key=lambda entry: entry[1], reverse=not competition.is_lower_better))


def _read(path: Path) -> dict[str, float]:
    board = pd.read_csv(path, float_precision="round_trip")
    return dict(zip(board["name"], board["score"], strict=True))


def _told(submitted: Iterator[tuple[str, pd.DataFrame]]) -> Iterator[tuple[str, pd.DataFrame]]:
    started = time.monotonic()
    for name, table in submitted:
        print(f"  {name}: {time.monotonic() - started:.0f} s", flush=True)
        yield name, table


def main() -> None:
    """Write `leaderboard.csv` into the folder of each competition."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", nargs="*", metavar="ID", help="research competitions (default: all)")
    parser.add_argument(
        "--cheap", action="store_true", help="measure only the cheap methods again and keep the scores of the slow ones"
    )
    arguments = parser.parse_args()
    ids = arguments.ids or Registry().list_competition_ids("research")
    with tempfile.TemporaryDirectory() as folder:
        for competition_id in ids:
            competition = Registry(Path(folder), split_key=PUBLISHED_KEY).get_competition(competition_id)
            prepare(competition, Path(folder))
            board = leaderboard(competition, cheap=arguments.cheap)
            write_leaderboard(competition.folder / "leaderboard.csv", board)
            print(f"{competition_id}: {len(board)} methods, best {next(iter(board.items()))}", flush=True)


if __name__ == "__main__":
    main()
