"""Metrics are found by the names that Kaggle's pages and facts call them by, and by no other."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import numpy as np
import pytest

import grading.metrics
from grading import metric_names as names
from grading.metric_names import FAMILIES, METRICS, NamedMetric, find_metric, refusal
from grading.metrics.combine import mean_columnwise
from grading.unsupported_metrics import UNSUPPORTED

AS_KAGGLE_SPELLS_THEM = {
    "quadraticweightedkappa": "quadratic weighted kappa",
    "meanabsoluteerror": "mean absolute error",
    "ROOT MEAN SQUARED ERROR": "root mean squared error",
    "auc": "area under the ROC curve",
    "rmsle": "root mean squared logarithmic error",
    "Area Under Receiver Operating Characteristic Curve": "area under the ROC curve",
    "AreaUnderReceiverOperatingCharacteristicCurve": "area under the ROC curve",
    "area under the ROC curve": "area under the ROC curve",
    "Area under the Receiver Operating Characteristic (ROC) curve": "area under the ROC curve",
    "Area Under the Curve (AUC)": "area under the ROC curve",
    "ROC-AUC": "area under the ROC curve",
    "AUC - ROC": "area under the ROC curve",
    "auc-roc": "area under the ROC curve",
    "AUROC": "area under the ROC curve",
    "roc_auc_score": "area under the ROC curve",
    "RocAucScore": "area under the ROC curve",
    "Mean Columnwise Area Under Receiver Operating Characteristic Curve": "mean column-wise area under the ROC curve",
    "Mean Columnwise AUC": "mean column-wise area under the ROC curve",
    "column-wise ROC AUC": "mean column-wise area under the ROC curve",
    "macro-averaged ROC-AUC": "mean column-wise area under the ROC curve",
    "Multiclass ROC AUC (OvR)": "multi-class ROC AUC",
    "Categorization Accuracy": "accuracy",
    "CategorizationAccuracy": "accuracy",
    "Accuracy Score": "accuracy",
    "accuracy_score": "accuracy",
    "multi-class classification accuracy": "accuracy",
    "Top-1 Accuracy": "accuracy",
    "Top-1 classification error": "error rate",
    "Misclassification Rate": "error rate",
    "Mean Best Error@3": "top-3 error",
    "Top 5 Accuracy": "top-5 accuracy",
    "Balanced Accuracy Score": "balanced accuracy",
    "balanced_accuracy": "balanced accuracy",
    "Log Loss": "log loss",
    "LogLoss": "log loss",
    "Logarithmic Loss": "log loss",
    "Binary Cross-Entropy": "log loss",
    "Multiclass Loss": "multi-class log loss",
    "MulticlassLoss": "multi-class log loss",
    "multi-class logarithmic loss": "multi-class log loss",
    "Multi Class Log-Loss": "multi-class log loss",
    "Log Loss (multiclass)": "multi-class log loss",
    "Categorical Crossentropy": "multi-class log loss",
    "Mean Columnwise Log Loss": "mean column-wise log loss",
    "F1 Score": "F1",
    "f1-score": "F1",
    "F_1": "F1",
    "Macro F1-Score": "macro F1",
    "F1 Score (Macro)": "macro F1",
    "MacroFScore": "macro F1",
    "macro averaged F1": "macro F1",
    "f1_score(average='macro')": "macro F1",
    "f1_macro": "macro F1",
    "Micro F1": "micro-averaged F1",
    "MicroFScore": "micro-averaged F1",
    "Weighted F1 Score": "weighted F1",
    "Mean F1-Score": "mean F1",
    "Mean F-Score": "mean F1",
    "MeanFScore": "mean F1",
    "Mean F2 Score": "mean F2",
    "Probabilistic F1 score (pF1)": "probabilistic F1",
    "Quadratic Weighted Kappa": "quadratic weighted kappa",
    "QuadraticWeightedKappa": "quadratic weighted kappa",
    "QWK": "quadratic weighted kappa",
    "Cohen's Kappa (quadratic weights)": "quadratic weighted kappa",
    "Cohen’s kappa": "Cohen's kappa",
    "Matthews Correlation Coefficient": "Matthews correlation coefficient",
    "Matthews Correlation Coefficient (MCC)": "Matthews correlation coefficient",
    "Matthew's correlation": "Matthews correlation coefficient",
    "Normalized Gini Index": "normalized Gini coefficient",
    "NormalizedGini": "normalized Gini coefficient",
    "Average Precision Score": "average precision",
    "Brier Score": "Brier score",
    "Hamming Loss": "Hamming loss",
    "KL Divergence": "Kullback-Leibler divergence",
    "Kullback–Leibler divergence": "Kullback-Leibler divergence",
    "label-weighted label-ranking average precision (lwlrap)": "label-weighted label-ranking average precision",
    "Root Mean Squared Error": "root mean squared error",
    "Root-Mean-Squared-Error (RMSE)": "root mean squared error",
    "RootMeanSquaredError": "root mean squared error",
    "root_mean_square_error": "root mean squared error",
    "RMSE (lower is better)": "root mean squared error",
    "MCRMSE": "mean column-wise root mean squared error",
    "Mean Columnwise Root Mean Squared Error": "mean column-wise root mean squared error",
    "Root Mean Squared Logarithmic Error": "root mean squared logarithmic error",
    "RMSLE": "root mean squared logarithmic error",
    "Root Mean Squared Log Error (RMSLE)": "root mean squared logarithmic error",
    "MCRMSLE": "mean column-wise root mean squared logarithmic error",
    "Mean column-wise RMSLE": "mean column-wise root mean squared logarithmic error",
    "Mean Squared Error": "mean squared error",
    "MSE": "mean squared error",
    "Mean Absolute Error": "mean absolute error",
    "MeanAbsoluteError": "mean absolute error",
    "M.A.E.": None,
    "Median Absolute Error": "median absolute error",
    "Mean Absolute Percentage Error": "mean absolute percentage error",
    "MAPE": "mean absolute percentage error",
    "SMAPE": "symmetric mean absolute percentage error",
    "sMAPE": "symmetric mean absolute percentage error",
    "Symmetric Mean Absolute Percentage Error (SMAPE)": "symmetric mean absolute percentage error",
    "Root Mean Square Percentage Error": "root mean squared percentage error",
    "RMSPE": "root mean squared percentage error",
    "R2 Score": "R2",
    "R^2": "R2",
    "R²": "R2",
    "R-squared": "R2",
    "RSquared": "R2",
    "coefficient of determination (R^2)": "R2",
    "Pearson Correlation Coefficient": "Pearson correlation coefficient",
    "Pearson's r": "Pearson correlation coefficient",
    "Spearman's rank correlation coefficient": "Spearman rank correlation",
    "Spearman's ρ": "Spearman rank correlation",
    "Mean column-wise Spearman's correlation": "mean column-wise Spearman rank correlation",
    "MCSpearmanR": "mean column-wise Spearman rank correlation",
    "MAP@5": "mean average precision at 5",
    "map-at-5": "mean average precision at 5",
    "Mean Average Precision @ 12 (MAP@12)": "mean average precision at 12",
    "Mean Average Precision at 500": "mean average precision at 500",
    "MAP@{3}": "mean average precision at 3",
    "NDCG@5": "NDCG at 5",
    "Normalized Discounted Cumulative Gain @ 10": "NDCG at 10",
    "Levenshtein Mean": "mean Levenshtein distance",
    "Levenshtein Distance": "mean Levenshtein distance",
    "Word-level Jaccard score": "mean word-level Jaccard similarity",
    "Word Error Rate (WER)": "word error rate",
}  # fmt: skip
"""Spellings, each with the metric's name or None."""

REFUSED = (
    "Weighted Log Loss", "Log Loss (weighted)", "weighted multi-label logarithmic loss", "Weighted AUC",
    "Weighted Mean Absolute Error", "WMAE", "WRMSSE", "Normalized Weighted Root Mean Squared Logarithmic Error",
    "Normalized Weighted Gini", "Weighted categorization accuracy", "AUC-PR", "Area Under the Precision-Recall Curve", "pAUC",
    "partial AUC above 80% TPR", "Gini", "Gini stability", "AmEx metric", "MAP@{K}", "Mean Average Precision", "mAP",
    "mAP@0.5", "mAP@50", "mAP@[.5:.95]", "mAP @ IoU > 0.5", "NDCG@{K}", "MAP@0",
    "mean average precision at different intersection over union (IoU) thresholds", "Open Images Object Detection AP",
    "F-Score", "F_{\\beta}", "F-Beta Score", "F0.5", "Macro F2", "Dice", "Dice coefficient", "Mean IoU", "Jaccard",
    "Hausdorff distance", "IntersectionOverUnionObjectSegmentation", "Concordance Index", "CRPS",
    "Continuous Ranked Probability Score", "Pinball loss", "modified Laplace log likelihood", "Sharpe ratio",
    "Approximate Median Significance", "Mean Haversine Distance", "MiFID", "Postprocessor Kernel", "custom metric", "log MAE",
    "log mean squared error", "negative RMSE", "-RMSE", "neg_mean_squared_error", "1 - AUC", "1-RMSE", "RMSE + MAE",
    "RMSE / MAE", "RMSE, MAE", "RMSE and MAE", "sqrt(MAE)", "RMSE^2", "RMSE * 100", "log(RMSE)", "2*AUC-1",
    "average of RMSE and MAE", "RMSE of logs", "RMSE per store", "modified F1", "smoothed log loss", "clipped RMSE",
    "macro accuracy", "kappa", "linear weighted kappa", "correlation", "loss", "error", "score", "", " ", "@", "@5", "()",
    "the", "平均絶対誤差", "normalized Levenshtein distance", "character error rate", "NRMSE", "precision", "recall",
    "mean recall@20", "BLEU", "perplexity", "x" * 10_000, "accuracy " * 3_000, "(" * 5_000, "`); import os #", "\x00",
)  # fmt: skip


@pytest.mark.parametrize(("spelling", "name"), AS_KAGGLE_SPELLS_THEM.items())
def test_a_metric_is_found_as_kaggle_spells_it(spelling: str, name: str | None) -> None:
    for text in (spelling, f" {spelling}. ", f"the {spelling} metric" if " " in spelling else spelling):
        found = find_metric(text)
        assert (found and found.name) == name, text


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: name[:40])
def test_another_metric_is_refused_in_one_sentence(name: str) -> None:
    assert find_metric(name) is None
    sentence = refusal(name)
    assert "\n" not in sentence
    assert len(sentence) < 600
    assert "--metric NAME" in sentence


def test_every_name_means_one_metric() -> None:
    meant: dict[str, str] = {}
    for metric in METRICS:
        for name in (metric.name, *metric.aliases):
            found = find_metric(name)
            assert found is not None, name
            assert meant.setdefault(name, found.name) == metric.name, name
    for family in FAMILIES:
        for name in family.names:
            assert find_metric(name) is not None, name
    assert [name for _, others in UNSUPPORTED for name in others if find_metric(name) is not None] == []


NOT_BY_NAME = {
    "weighted_roc_auc": "needs thresholds and weights",
    "kaggle_log_loss": "the log loss, clipped as Kaggle's old pages say",
    "macro_f1_over_truth": "macro F1 without classes that are only predicted, which pages do not say",
    "micro_f1_of_known": "micro F1 without unknown tokens, which pages do not say",
    "mean_columnwise": "any metric over columns",
    "mean_over_groups": "needs groups",
    "mean_log_mae_of_groups": "needs groups",
    "laplace_log_likelihood": "needs deviations, a floor and a cap",
    "haversine": "a distance of rows; needs to know which column is the latitude",
    "dyadic_joint_kl": "needs samples of functions",
    "uniform_joint_kl": "needs samples of functions",
    "dyadic_joint_nll": "needs samples of functions",
    "inversions": "counts within one order",
    "pooled_kendall_tau": "needs the order of every group",
}
"""Public functions of tables' columns that no name alone decides, with the reason."""

OF_OTHER_FORMS = ("boxes", "boxes_3d", "run_length", "segmentation")
"""Modules of boxes and masks, whose cells have a form of their own."""


def test_every_metric_has_names_or_a_reason() -> None:
    named = {(metric.module, metric.function) for metric in (*METRICS, *(family.metric for family in FAMILIES))}
    for module in pkgutil.iter_modules(grading.metrics.__path__):
        if module.name in (*OF_OTHER_FORMS, "names"):
            continue
        for name, function in inspect.getmembers(importlib.import_module(f"grading.metrics.{module.name}"), inspect.isfunction):
            if function.__module__ == f"grading.metrics.{module.name}" and not name.startswith("_"):
                assert ((module.name, name) in named) != (name in NOT_BY_NAME), name


@pytest.mark.parametrize("metric", [*METRICS, *(family.of(3) for family in FAMILIES)], ids=lambda metric: metric.name)
def test_a_named_metric_gives_its_best_score_to_the_answers_and_a_worse_one_to_others(metric: NamedMetric) -> None:
    right, wrong = (_columns(metric, way) for way in (1, -1))
    truth = _columns(metric, 1)
    module: Any = importlib.import_module(f"grading.metrics.{metric.module}")
    score = eval(metric.expression or metric.function, {**vars(module), "mean_columnwise": mean_columnwise})
    assert score(truth, right) == pytest.approx(metric.best, abs=1e-6)
    better = 1 if metric.direction == "maximize" else -1
    assert better * score(truth, wrong) < better * metric.best


def _columns(metric: NamedMetric, way: int) -> np.ndarray:
    """Answers (`way` 1), or the same in the opposite order, in the form that the metric takes."""
    if metric.submits in ("label sets", "ranked labels", "texts"):
        return np.array(["cat", "dog", "cow", "ant"][::way], dtype=object)
    if metric.submits == "class probabilities":
        return np.eye(4)[::way]
    column = np.array([0.0, 0.0, 1.0, 1.0])[::way]
    return np.stack([column, 1 - column], axis=1) if metric.several_columns else column


def test_columnwise_and_numbered_names_say_what_they_compute() -> None:
    spellings = ("column-wise MAE", "MAP@7", "F1", "top-1 error", "MAP@2.5")
    expressions = {spelling: found and found.expression for spelling in spellings for found in [find_metric(spelling)]}
    assert expressions == {
        "column-wise MAE": "mean_columnwise(mae)", "MAP@7": "mean_average_precision(7)", "F1": "", "top-1 error": "",
        "MAP@2.5": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("weighted log loss", "it weighs rows, classes or errors"),
        ("Dice", "it compares masks or images"),
        ("mAP@[.5:.95]", "no metric is called"),
        ("MAP@{K}", "write it as in `MAP@5`"),
        ("bounding box F1", "it compares boxes"),
        ("modified RMSE", "'root mean squared error' is known, but 'modified' may change"),
        ("accurracy", "(did you mean `accuracy`?)"),
        ("Foo", "no metric is called 'Foo': "),
    ],
)
def test_a_refusal_says_why_and_what_is_near(name: str, said: str) -> None:
    assert said in refusal(name)
    assert names.find_metric(name) is None
