"""Active learning on text: what the grammar makes, what the learner sees, and which texts are worth a label."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import pytest

from grading import InvalidSubmission
from grading.softmax_regression import balanced_weights, fit_softmax
from mlebench.registry import Registry
from mlebench.research import batch_selection as shared

from .folders import module

corpus, features, grade, language, preparing, references, selection, sizes = (
    module("research-active-text", name)
    for name in ("corpus", "text_features", "grade", "language", "prepare", "references", "text_selection", "sizes")
)
RARE_SHARE = 0.01


@cache
def drawn(name: str) -> tuple[Any, pd.DataFrame, Any, Any]:
    """The law of a task's texts, its pool, its private part and its public one."""
    edition = Registry(split_key="some key").get_competition("research-active-text").edition
    law = corpus.draw_corpus(edition.rng(f"{name} corpus"), RARE_SHARE, 0.5)
    pool, test = (draw(edition, name, law) for draw in (preparing.draw_pool, preparing.draw_test))
    limits = preparing.learner_limits(pool.assign(task=name), test)
    seeds = np.flatnonzero(pool["seed"])
    hidden = grade.Task(
        tuple(pool["text"]), pool["label"].to_numpy(), seeds, features.hashed_features(test["text"]), test["label"].to_numpy(),
        limits["seed_accuracy"], limits["full_accuracy"],
    )  # fmt: skip
    shown = selection.text_task(pool["text"].tolist(), pool["item"][pool["seed"]], pool["label"][pool["seed"]])
    return law, pool, hidden, shown


TASKS = ("one", "two")


by_chance, by_entropy, by_bootstraps, by_samples = (
    shared.by_score(score) for score in (shared.at_random, shared.entropy, shared.disagreement, selection.posterior_disagreement)
)


@cache
def chosen(select: Any, name: str, count: int) -> np.ndarray:
    """The batch of a method."""
    batch: np.ndarray = select(drawn(name)[-1], count, np.random.default_rng(1))
    return batch


def closed(select: Any, count: int = sizes.BUDGET) -> float:
    """The share of the gap that batches of a size close, over the tasks."""
    won = possible = 0.0
    for name in TASKS:
        hidden = drawn(name)[2]
        won += hidden.accuracy(chosen(select, name, count)) - hidden.seed_accuracy
        possible += hidden.full_accuracy - hidden.seed_accuracy
    return won / possible


def rare_share(select: Any) -> float:
    """The share of rare classes among the texts of a batch, over the tasks."""
    batches = [(*drawn(name)[::2], chosen(select, name, sizes.BUDGET)) for name in TASKS]
    return float(np.mean([law.shares[hidden.labels[batch]] == RARE_SHARE for law, hidden, batch in batches]))


def test_covering_what_is_unknown_needs_half_the_labels_of_a_random_choice() -> None:
    assert closed(shared.optimal_design) > closed(by_chance) + 0.25
    assert closed(shared.optimal_design, sizes.BUDGET // 2) > closed(by_chance)


def test_sampled_learners_disagree_where_there_are_no_labels_and_bootstrapped_ones_do_not() -> None:
    assert closed(by_samples) - 0.05 > closed(by_chance) > closed(by_bootstraps)
    assert rare_share(by_bootstraps) < 0.1 < rare_share(by_samples)


def test_rare_classes_are_what_uncertainty_finds() -> None:
    assert rare_share(by_entropy) > 2 * rare_share(by_chance)
    assert rare_share(shared.optimal_design) > 2 * rare_share(by_chance)


def test_copies_are_chosen_once_when_the_batch_keeps_its_distance() -> None:
    assert closed(shared.spread_out(shared.entropy)) > closed(by_entropy)


@pytest.mark.parametrize("name", references.SELECTORS)
def test_every_method_chooses_distinct_texts_without_labels(name: str) -> None:
    *_, shown = drawn("one")
    batch = references.SELECTORS[name](shown, 20, np.random.default_rng(0))
    assert len(np.unique(batch)) == 20 and not np.isin(batch, shown.seeds).any()


def test_twins_have_the_same_words_and_another_grammar() -> None:
    law = drawn("one")[0]
    rules = law.rules
    assert sorted(law.shares)[: sizes.CLASSES - corpus.COMMON] == [RARE_SHARE] * (sizes.CLASSES - corpus.COMMON)
    common = [number for number in range(sizes.CLASSES) if law.shares[number] > RARE_SHARE]
    twins = [
        (rules[number], rules[other])
        for number in common
        for other in range(sizes.CLASSES)
        if other != number and {rules[other].actor, rules[other].patient} == {rules[number].actor, rules[number].patient}
    ]
    assert len(twins) == corpus.COMMON
    moved = sum(first.actor == second.patient for first, second in twins)
    marked = sum(first.marker_first != second.marker_first for first, second in twins)
    assert (moved, marked) == (2, 2)


def test_texts_hold_the_clauses_of_their_class() -> None:
    law = drawn("one")[0]
    rng = np.random.default_rng(0)
    for number, rule in enumerate(law.rules):
        actors, words = law.language.fields[rule.actor].nouns, corpus.words_of(law.text(number, rng)).split()
        acting = {first for first, second in pairwise(words) if second == law.language.actor}
        assert acting & set(actors)
        verb = [place for place, word in enumerate(words) if word in law.language.fields[rule.actor].verbs]
        assert all(words[place + (-1 if rule.marker_first else 1)] == law.language.marker for place in verb)


def test_words_of_a_language_are_distinct_and_languages_differ() -> None:
    first, second = (language.draw_language(np.random.default_rng(seed), 24) for seed in (0, 1))

    def lexicon(drawn: Any) -> list[str]:
        return [word for field in (*drawn.fields, drawn.everyday) for words in vars(field).values() for word in words]

    assert len(set(lexicon(first))) == len(lexicon(first))
    assert len(set(lexicon(first)) & set(lexicon(second))) < 0.2 * len(lexicon(first))


def test_neither_place_nor_length_shows_a_rare_text() -> None:
    for name in TASKS:
        law, pool, *_ = drawn(name)
        rare = law.shares[pool["label"]] == RARE_SHARE
        for value in (pool["item"], pool["text"].str.len(), pool["text"].str.count(" ")):
            assert abs(np.corrcoef(value, rare)[0, 1]) < 4 / np.sqrt(len(pool))


def test_features_are_square_roots_of_hashed_counts() -> None:
    [row] = features.hashed_features(["aba ko aba ko"])
    expected = np.zeros(features.COLUMNS)
    for unit, count in (("aba", 2), ("ko", 2), ("aba ko", 2), ("ko aba", 1)):
        expected[crc32(unit.encode()) % features.COLUMNS] += count
    assert row[:-1] == pytest.approx(4 * np.sqrt(expected / 7))
    assert row[-1] == 1


def test_weighted_learner_finds_the_optimum_of_balanced_classes() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((60, 4)), rng.choice(3, size=60, p=[0.8, 0.15, 0.05])
    weights = balanced_weights(labels)
    assert weights.mean() == pytest.approx(1)
    assert np.ptp(np.bincount(labels, weights)) == pytest.approx(0, abs=1e-9)
    coefficients = fit_softmax(x, labels, 3, weights=weights, steps=200)
    p = np.exp(x @ coefficients)
    p /= p.sum(axis=1, keepdims=True)
    gradient = x.T @ (weights[:, None] * (p - np.eye(3)[labels])) + coefficients
    assert np.abs(gradient).max() < 1e-4


@pytest.mark.parametrize(("item", "message"), [("again", "listed twice"), ("labelled", "already labelled"), ("9999", "at most")])
def test_useless_texts_are_refused(item: str, message: str) -> None:
    _, pool, hidden, _ = drawn("one")
    free = np.flatnonzero(~pool["seed"])[: sizes.BUDGET]
    answers = pd.DataFrame(
        {"row_id": [f"t-{k}" for k in range(sizes.BUDGET)], "name": "t", "item": free, "task": [hidden] * sizes.BUDGET}
    )
    useless = {"again": str(free[0]), "labelled": str(hidden.seeds[0])}.get(item, item)
    submission = answers[["row_id"]].assign(item=[*map(str, free[:-1]), useless])
    with pytest.raises(InvalidSubmission, match=message):
        grade.grader.score(submission, answers)


def test_a_batch_is_scored_whatever_its_order() -> None:
    *_, hidden, shown = drawn("one")
    answers = pd.DataFrame(
        {"row_id": [f"t-{k}" for k in range(sizes.BUDGET)], "name": "t", "item": 0, "task": [hidden] * sizes.BUDGET}
    )
    batch = shared.optimal_design(shown, sizes.BUDGET, np.random.default_rng(0))
    scores = {grade.grader.score(answers[["row_id"]].assign(item=items), answers) for items in (batch, batch[::-1])}
    [score] = {round(score, 9) for score in scores}
    assert 0.4 < score < 1
