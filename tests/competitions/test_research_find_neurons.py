"""Descriptions of neurons: their form, what they agree with, and which neurons a method finds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from grading import InvalidSubmission
from mlebench.registry import Registry

from .folders import module

describers, descriptions, grade, neurons, prepare, searching, words = (
    module("research-find-neurons", name)
    for name in ("describers", "descriptions", "grade", "neurons", "prepare", "concept_search", "words")
)
INPUTS, SILENT = descriptions.INPUTS, descriptions.SILENT


@pytest.fixture(scope="module")
def drawn() -> tuple[Any, dict[str, np.ndarray], np.ndarray]:
    """Observations of 20 neurons of each kind, the true descriptions by kind, and hidden vectors."""
    rng = np.random.default_rng(2)
    space = neurons.draw_concepts(rng)
    vectors = neurons.draw_vectors(rng, space, 1200)
    true = {kind: np.stack([neurons.draw_neuron(rng, space, vectors, kind) for _ in range(20)]) for kind in neurons.KINDS}
    shown = vectors[:700]
    x, y = [], []
    for activation in descriptions.activations(np.concatenate(list(true.values())), shown):
        chosen = prepare.choose_examples(rng, activation, shown)
        x.append(shown[chosen].astype(float))
        y.append(activation[chosen])
    return describers.Observations(shown.astype(float), np.stack(x), np.stack(y)), true, vectors[700:].astype(float)


def agreements(found: np.ndarray, drawn: tuple[Any, dict[str, np.ndarray], np.ndarray]) -> dict[str, float]:
    """Mean agreement of descriptions by kind of neuron."""
    _, true, hidden = drawn
    parts = dict(zip(true, np.split(found, len(true)), strict=True))
    return {
        kind: float(
            descriptions.agreement(
                descriptions.activations(true[kind], hidden), descriptions.activations(parts[kind], hidden)
            ).mean()
        )
        for kind in true
    }


def test_words_are_many_and_different() -> None:
    assert len(words.WORDS) == len(set(words.WORDS)) == 1200
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words.WORDS)
    assert list(words.WORDS) == sorted(words.WORDS)


def test_a_described_neuron_responds_to_a_or_b_unless_the_third_part_does() -> None:
    description = np.zeros((1, 3, INPUTS + 1))
    description[0, range(3), range(3)] = 200
    description[0, :, -1] = -100
    vectors = np.zeros((5, INPUTS))
    vectors[[1, 2, 3, 4], [0, 1, 2, 0]] = 1
    vectors[4, 2] = 1
    assert descriptions.activations(description, vectors)[0] == pytest.approx([0, 1, 1, 0, 0], abs=1e-6)


def test_descriptions_survive_the_table() -> None:
    found = np.random.default_rng(0).standard_normal((4, 3, INPUTS + 1))
    table = descriptions.description_table(found)
    assert table["row_id"].tolist()[:4] == ["n000-a", "n000-b", "n000-unless", "n001-a"]
    assert (descriptions.read_descriptions(table) == found).all()


def test_agreement_is_the_correlation_and_0_for_constants() -> None:
    rng = np.random.default_rng(0)
    truth, described = rng.random((3, 50)), rng.random((3, 50))
    described[2] = 0.5
    found = descriptions.agreement(truth, described)
    assert found[:2] == pytest.approx([np.corrcoef(truth[k], described[k])[0, 1] for k in range(2)])
    assert found[2] == 0


def test_neurons_respond_to_the_shares_of_words_that_their_kind_promises(
    drawn: tuple[Any, dict[str, np.ndarray], np.ndarray],
) -> None:
    _, true, hidden = drawn
    share = {kind: float((descriptions.activations(true[kind], hidden) > 0.5).mean()) for kind in true}
    assert share["one concept"] == pytest.approx(0.15, abs=0.03)
    assert 0.14 < share["either of two"] < 0.2
    assert share["one unless another"] == pytest.approx(0.1, abs=0.03)


def test_plain_concepts_are_found_and_local_exceptions_are_missed_unless_they_are_looked_for(
    drawn: tuple[Any, dict[str, np.ndarray], np.ndarray],
) -> None:
    """The finding of FIND: interpreters describe the global shape of a function and miss where it is locally different."""
    seen, _, _ = drawn
    known = searching.candidates(searching.dictionary(seen.table, np.random.default_rng(0)), seen.table)
    whole = agreements(searching.search(seen, known), drawn)
    aware = agreements(searching.search(seen, known, exceptions=True), drawn)
    assert whole["one concept"] > 0.8
    assert whole["one unless another"] < whole["one concept"] - 0.2
    assert aware["one unless another"] > whole["one unless another"] + 0.15
    assert aware["one concept"] > whole["one concept"] - 0.1


@pytest.mark.parametrize("method", ["centroid", "ridge_regression", "logistic"])
def test_no_single_direction_describes_an_exception(method: str, drawn: tuple[Any, dict[str, np.ndarray], np.ndarray]) -> None:
    found = agreements(getattr(describers, method)(drawn[0], np.random.default_rng(0)), drawn)
    assert found["one concept"] > found["one unless another"] + 0.08


def test_fitting_brings_a_description_nearer_to_the_observations(
    drawn: tuple[Any, dict[str, np.ndarray], np.ndarray],
) -> None:
    seen, true, _ = drawn
    rng = np.random.default_rng(0)
    start = np.concatenate(list(true.values())) + rng.standard_normal((60, 3, INPUTS + 1))

    def loss(found: np.ndarray) -> float:
        return float(((descriptions.activations(found, seen.x) - seen.y) ** 2).mean())

    assert loss(searching.refined(start, seen)) < 0.5 * loss(start)


def test_multiplied_out_errors_of_exceptions_are_those_of_the_description() -> None:
    rng = np.random.default_rng(0)
    responses, y = rng.random((6, 9)), rng.random(9)
    error, a, other = searching._best_pair(responses, y, 2)
    every = [[((responses[i] * (1 - responses[j]) - y) ** 2).mean() for j in range(6)] for i in range(6)]
    assert error == pytest.approx(np.min(every))
    assert every[a][other] == pytest.approx(error)


def small_answers() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    space = neurons.draw_concepts(rng)
    vectors = neurons.draw_vectors(rng, space, 300)
    true = np.stack([neurons.draw_neuron(rng, space, vectors, kind) for kind in neurons.KINDS])
    hidden = grade.HiddenWords(vectors.astype(float))
    return descriptions.description_table(true).assign(hidden=[hidden] * 9)


def test_the_true_descriptions_score_1_and_constants_0() -> None:
    answers = small_answers()
    perfect = grade.grader.perfect_submission(answers)
    assert grade.grader.score(perfect, answers) == pytest.approx(1)
    assert grade.grader.score(perfect.sample(frac=1, random_state=0), answers) == pytest.approx(1)
    assert grade.grader.score(perfect.assign(**dict.fromkeys(descriptions.weight_columns(), 0)), answers) == 0
    negative = perfect.assign(**{name: -perfect[name] for name in descriptions.weight_columns()})
    assert grade.grader.score(negative, answers) < 0


@pytest.mark.parametrize("value", [1001, -1001, np.inf, "x", None])
def test_numbers_that_are_refused(value: object) -> None:
    answers = small_answers()
    submission = grade.grader.perfect_submission(answers).astype({"w03": object})
    submission.loc[4, "w03"] = value
    with pytest.raises(InvalidSubmission, match=r"`w03`.*n001-b"):
        grade.grader.score(submission, answers)


def test_two_keys_share_nothing_but_the_words(tmp_path: Path) -> None:
    """Vectors, the words they are dealt to, neurons and the places of the kinds differ; no vector is both public and private."""
    shown, kinds = [], []
    for key in ("one", "two"):
        folders = [tmp_path / key / part for part in ("public", "private")]
        for folder in folders:
            folder.mkdir(parents=True)
        Registry(split_key=key).get_competition("research-find-neurons").prepare_fn(tmp_path, *folders)
        with np.load(folders[0] / "words.npz") as public, np.load(folders[1] / "words.npz") as private:
            assert public["vectors"].dtype == np.float32
            assert not {*public["words"]} & {*private["words"]}
            assert (public["vectors"] @ private["vectors"].T).max() < 0.999
            shown.append(dict(zip(public["words"], public["vectors"], strict=True)))
        true = descriptions.read_descriptions(pd.read_csv(folders[1] / "answers.csv"))
        kinds.append(np.argmax([true[:, 1, -1] > SILENT, true[:, 2, -1] > SILENT], axis=0))
    common = [word for word in shown[0] if word in shown[1]]
    alike = np.array([shown[0][word] @ shown[1][word] for word in common])
    assert len(common) > 300
    assert abs(float(alike.mean())) < 0.05
    assert 0.3 < float((kinds[0] == kinds[1]).mean()) < 0.7
