"""Metrics of token lists against worked examples and a plain reading of their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from grading.metrics.tokens import mean_average_precision, micro_f1, micro_f1_of_known


def plain_average_precision(right: set[str], candidates: list[str], k: int) -> float:
    hits, total = 0, 0.0
    for rank, token in enumerate(candidates[:k], start=1):
        if token in right and token not in candidates[: rank - 1]:
            hits += 1
            total += hits / rank
    return total / min(len(right), k) if right else 0.0


def random_cells(rng: np.random.Generator, rows: int, longest: int) -> np.ndarray:
    return np.array([" ".join(rng.choice(list("abcdef"), rng.integers(0, longest + 1))) for _ in range(rows)], dtype=object)


def test_map_counts_first_hits_within_k() -> None:
    truth = np.array(["a", "a", "a", "a"], dtype=object)
    prediction = np.array(["a b", "b a a", "b b b b b a", "x"], dtype=object)
    assert mean_average_precision(5)(truth, prediction) == pytest.approx((1 + 1 / 2) / 4)


def test_map_of_several_right_tokens() -> None:
    truth = np.array(["663713001 541518023", "505221004"], dtype=object)
    prediction = np.array(["1 663713001 663713001 541518023", "505221004 1"], dtype=object)
    assert mean_average_precision(12)(truth, prediction) == pytest.approx(0.75)


def test_a_separator_to_the_letter_gives_ranks_to_empty_tokens() -> None:
    truth, prediction = np.array(["a"], dtype=object), np.array(["b  a"], dtype=object)
    assert mean_average_precision(5, separator=" ")(truth, prediction) == pytest.approx(1 / 3)
    assert mean_average_precision(5)(truth, prediction) == pytest.approx(1 / 2)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("most_right", [1, 3])
def test_map_equals_the_plain_definition(seed: int, most_right: int) -> None:
    rng = np.random.default_rng(seed)
    truth, prediction = random_cells(rng, 50, most_right), random_cells(rng, 50, 7)
    # blanks in a row, other blanks, and words that hold other words
    prediction[::3] = [cell.replace("a ", "a  ").replace("b ", "bb\t").replace("c", "ac") for cell in prediction[::3]]
    for separator in (None, " "):
        expected = [
            plain_average_precision(set(t.split()), p.split(separator), 4) for t, p in zip(truth, prediction, strict=True)
        ]
        assert mean_average_precision(4, separator=separator)(truth, prediction) == np.mean(expected)


@pytest.mark.parametrize("seed", range(5))
def test_micro_f1_equals_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, prediction = random_cells(rng, 50, 3), random_cells(rng, 50, 4)
    binarizer = MultiLabelBinarizer(classes=list("abcdef"))
    expected = f1_score(
        *(binarizer.fit_transform([cell.split() for cell in cells]) for cells in (truth, prediction)), average="micro"
    )
    assert micro_f1(truth, prediction) == pytest.approx(expected)
    known = [" ".join(token for token in cell.split() if token in " ".join(truth[:5]).split()) for cell in prediction]
    assert micro_f1_of_known(truth[:5], prediction[:5]) == micro_f1(truth[:5], np.array(known[:5], dtype=object))


def test_unknown_labels_are_false_positives_or_cost_nothing() -> None:
    truth, prediction = np.array(["a", "b"], dtype=object), np.array(["a zebra", "b b"], dtype=object)
    assert micro_f1(truth, prediction) == pytest.approx(4 / 5)
    assert micro_f1_of_known(truth, prediction) == 1.0


def test_blank_predictions_score_zero() -> None:
    truth, prediction = np.array(["a", "b"], dtype=object), np.array(["", ""], dtype=object)
    assert mean_average_precision(5)(truth, prediction) == 0.0
    assert micro_f1(truth, prediction) == 0.0
