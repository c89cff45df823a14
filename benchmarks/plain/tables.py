"""Metrics of numbers and labels that scikit-learn does not provide."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.metrics import (
    auc,
    cohen_kappa_score,
    label_ranking_average_precision_score,
    roc_auc_score,
    roc_curve,
    root_mean_squared_error,
    root_mean_squared_log_error,
)

from benchmarks.plain.table import matched

EARTH_RADIUS = 6_371_000


def quadratic_kappa(truth: pd.Series, guess: pd.Series) -> float:
    return float(cohen_kappa_score(truth, guess, weights="quadratic"))


def mean_rank_correlation(truth: np.ndarray, guess: np.ndarray) -> float:
    return float(np.mean([spearmanr(a, b)[0] for a, b in zip(truth.T, guess.T, strict=True)]))


def mean_rmsle(truth: np.ndarray, guess: np.ndarray) -> float:
    return float(np.mean(root_mean_squared_log_error(truth, guess, multioutput="raw_values")))


def correlation(truth: pd.Series, guess: pd.Series) -> float:
    return float(np.corrcoef(truth, guess)[0, 1])


def label_ranking(truth: np.ndarray, guess: np.ndarray) -> float:
    labels = (truth > 0).sum(axis=1)
    some = labels > 0
    return float(label_ranking_average_precision_score(truth[some] > 0, guess[some], sample_weight=labels[some]))


def weighted_auc(truth: pd.Series, guess: pd.Series) -> float:
    """Area under the curve in which true positive rates up to 0.4 weigh twice."""
    false_rate, true_rate, _ = roc_curve(truth, guess, pos_label=1)
    if 0.4 not in true_rate:
        place = int(np.argmax(true_rate > 0.4))
        around = slice(place - 1, place + 1)
        false_rate = np.insert(false_rate, place, np.interp(0.4, true_rate[around], false_rate[around]))
        true_rate = np.insert(true_rate, place, 0.4)
    area = 0.0
    for low, high, weight in ((0.0, 0.4, 2), (0.4, 1.0, 1)):
        inside = (low <= true_rate) & (true_rate <= high)
        area += weight * auc(np.append(false_rate[inside], 1), np.append(true_rate[inside], high) - low)
    return area / 1.4


def probabilistic_f1(truth: pd.Series, guess: pd.Series) -> float:
    probability = guess.clip(0, 1)
    hits = probability[truth == 1].sum()
    precision, recall = hits / probability.sum(), hits / (truth == 1).sum()
    return 2 * precision * recall / (precision + recall) if hits else 0.0


def toxic_auc(truth: np.ndarray, guess: np.ndarray) -> float:
    """Mean over columns, of the scored rows only."""
    scored = (truth >= 0).all(axis=1)
    return float(roc_auc_score(truth[scored], guess[scored]))


def coupling(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    truth, guess = matched(submission, answers, "id")
    error = (truth["scalar_coupling_constant"] - guess["scalar_coupling_constant"]).abs()
    return float(np.log(error.groupby(truth["type"]).mean().clip(lower=1e-9)).mean())


def angles(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    truth, guess = matched(submission, answers, "event_id")
    one, other, a, b = truth["azimuth"], guess["azimuth"], truth["zenith"], guess["zenith"]
    cosine = np.sin(a) * np.sin(b) * np.cos(one - other) + np.cos(a) * np.cos(b)
    return float(np.arccos(cosine.clip(-1, 1)).mean())


def pressure(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    truth, guess = matched(submission, answers, "id")
    return float((truth["pressure"] - guess["pressure"]).abs()[truth["u_out"] == 0].mean())


def degradation(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    truth, guess = matched(submission, answers, "id_seqpos")
    columns = ["reactivity", "deg_Mg_pH10", "deg_Mg_50C"]
    kept = truth["keep"].to_numpy(dtype=bool)
    return float(root_mean_squared_error(truth.loc[kept, columns], guess.loc[kept, columns]))


def fractures(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    truth, guess = matched(submission, answers, "row_id")
    parts = truth["row_id"].str.split("_", n=1, expand=True)
    is_broken = truth["fractured"]
    probability = guess["fractured"].clip(1e-15, 1 - 1e-15)
    loss = -(is_broken * np.log(probability) + (1 - is_broken) * np.log(1 - probability))
    weight = np.where(parts[1] == "patient_overall", 7, 1) * np.where(is_broken == 1, 2, 1)
    sums = pd.DataFrame({"loss": loss * weight, "weight": weight}).groupby(parts[0]).sum()
    return float((sums["loss"] / sums["weight"]).mean())


def lung_function(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Laplace log likelihood of the last three visits of each patient."""
    visits = answers.dropna(subset=["FVC"])
    week = visits["Patient_Week"].str.rsplit("_", n=1).str[1].astype(int)
    last = visits.assign(week=week).sort_values("week").groupby("Patient").tail(3)
    both = last[["Patient_Week", "FVC"]].merge(submission, on="Patient_Week", suffixes=("", "_guess"))
    sigma = both["Confidence"].fillna(0).clip(lower=70)
    error = (both["FVC"] - both["FVC_guess"]).abs().clip(upper=1000)
    return float((-np.sqrt(2) * error / sigma - np.log(np.sqrt(2) * sigma)).mean())


def positions(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Mean over trips of the mean of the median and the 95th percentile of the distances in metres."""
    truth, guess = matched(submission, answers, ["tripId", "UnixTimeMillis"])
    one, other = np.deg2rad(truth["LatitudeDegrees"]), np.deg2rad(guess["LatitudeDegrees"])
    east = np.deg2rad(guess["LongitudeDegrees"] - truth["LongitudeDegrees"])
    root = np.sin((other - one) / 2) ** 2 + np.cos(one) * np.cos(other) * np.sin(east / 2) ** 2
    distance = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(root))
    return float(distance.groupby(truth["tripId"]).quantile([0.5, 0.95]).mean())


def brain_activity(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Divergence of vote shares; recordings repeat, and their rows are matched in order."""
    truth, guess = (table.sort_values("eeg_id", kind="stable") for table in (answers, submission))
    columns = [f"{name}_vote" for name in ("seizure", "lpd", "gpd", "lrda", "grda", "other")]
    votes = truth[columns].to_numpy(dtype=float)
    shares = votes / votes.sum(axis=1, keepdims=True)
    probability = guess[columns].to_numpy(dtype=float).clip(1e-15, 1 - 1e-15)
    with np.errstate(divide="ignore", invalid="ignore"):
        cells = np.where(shares > 0, shares * np.log(shares / probability), 0.0)
    return float(cells.sum(axis=1).mean())


def insults(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    """Comments repeat; their rows are matched in order."""
    truth, guess = (table.sort_values("Comment", kind="stable") for table in (answers, submission))
    return float(roc_auc_score(truth["Insult"], guess["Insult"]))


def unintended_bias(submission: pd.DataFrame, answers: pd.DataFrame) -> float:
    truth, guess = matched(submission, answers, "id")
    identities = (
        "male", "female", "homosexual_gay_or_lesbian", "christian", "jewish", "muslim", "black", "white",
        "psychiatric_or_mental_illness",
    )  # fmt: skip
    toxic, predicted = truth["toxicity"] >= 0.5, guess["prediction"] >= 0.5

    def power_mean(parts: list[pd.Series]) -> float:
        values = np.array([roc_auc_score(toxic[rows], predicted[rows]) for rows in parts])
        with np.errstate(divide="ignore"):
            return float(np.mean(values**-5.0) ** (-1 / 5))

    mentions = [truth[name] >= 0.5 for name in identities]
    parts = (mentions, [rows != toxic for rows in mentions], [rows == toxic for rows in mentions])
    return float(0.25 * roc_auc_score(toxic, predicted) + 0.25 * sum(power_mean(each) for each in parts))
