"""Metrics of text: edit distances, sets of words, ranked lists, orders, spans."""

from __future__ import annotations

import bisect
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from rapidfuzz.distance import Levenshtein
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from benchmarks.plain.table import matched


def mean_edit_distance(truth: pd.Series, guess: pd.Series) -> float:
    return float(np.mean([Levenshtein.distance(a, b) for a, b in zip(truth, guess, strict=True)]))


def gesture_errors(truth: pd.Series, guess: pd.Series) -> float:
    right = [cell.split() for cell in truth]
    errors = sum(Levenshtein.distance(a, b.split()) for a, b in zip(right, guess, strict=True))
    return errors / sum(map(len, right))


def mean_jaccard(truth: pd.Series, guess: pd.Series) -> float:
    values = []
    for one, other in zip(truth, guess, strict=True):
        a, b = set(one.lower().split()), set(other.lower().split())
        values.append(len(a & b) / len(a | b) if a | b else 0.0)
    return float(np.mean(values))


def micro_f1(truth: pd.Series, guess: pd.Series) -> float:
    """Over the labels that occur in the truth."""
    right = truth.str.split()
    labels = MultiLabelBinarizer(classes=sorted({label for row in right for label in row}), sparse_output=True)
    known = labels.fit_transform(right)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(f1_score(known, labels.transform(guess.str.split()), average="micro"))


def mean_average_precision(k: int) -> Callable[[pd.Series, pd.Series], float]:
    def metric(truth: pd.Series, guess: pd.Series) -> float:
        return float(np.mean([precision(set(a.split(" ")), b.split(" ")[:k]) for a, b in zip(truth, guess, strict=True)]))

    def precision(right: set[str], candidates: list[str]) -> float:
        hits, total = 0, 0.0
        for rank, candidate in enumerate(candidates):
            if candidate in right and candidate not in candidates[:rank]:
                hits += 1
                total += hits / (rank + 1)
        return total / min(len(right), k)

    return metric


def purchases(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean over the customers who bought something."""
    buyers = answers[answers["prediction"].fillna("") != ""]
    truth, guess = matched(submission[submission["customer_id"].isin(buyers["customer_id"])], buyers, "customer_id")
    return mean_average_precision(12)(truth["prediction"], guess["prediction"].fillna(""))


def first_label_error(truth: pd.Series, guess: pd.Series) -> float:
    return float((truth != guess.str.split().str[0]).mean())


def cell_order(truth: pd.Series, guess: pd.Series) -> float:
    inversions = pairs = 0
    for right, predicted in zip(truth.str.split(), guess.str.split(), strict=True):
        place = {cell: number for number, cell in enumerate(right)}
        seen: list[int] = []
        for cell in predicted:
            position = bisect.bisect(seen, place[cell])
            inversions += len(seen) - position
            seen.insert(position, place[cell])
        pairs += len(right) * (len(right) - 1)
    return 1 - 4 * inversions / pairs


def answer_spans(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Share of rows that are correctly answered or correctly left blank; `right` contains all correct predictions of a row."""
    truth, guess = matched(submission, answers, "example_id")
    hits = 0
    for right, predicted in zip(truth["right"].fillna(""), guess["PredictionString"].fillna(""), strict=True):
        hits += predicted in right.split() if predicted else not right
    return hits / len(truth)
