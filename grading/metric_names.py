"""The names by which metrics are known: what Kaggle's pages, competition files and users call each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from typing import Literal, NamedTuple

from grading.metric_mentions import Names, Standing, mentioned
from grading.metric_words import Spelled, key_of, spelled, words_of
from grading.unsupported_metrics import UNSUPPORTED, VAGUE, is_unsupported, reason_against
from grading.wording import quoted

Submits = Literal["numbers", "probabilities", "labels", "class probabilities", "label sets", "ranked labels", "texts", "masks"]
"""What a submission holds for a metric: numbers; probabilities (one or more columns, each on its own); one label a row; one
probability for each class, which exclude each other; a list of labels, in any order or best first; free text; run lengths."""


@dataclass(frozen=True, kw_only=True)
class NamedMetric:
    """One metric, as a new competition uses it.

    Attributes:
        name: as `competition.yaml` writes it.
        aliases: other spellings.
        direction: which scores are better.
        best: score of a perfect submission.
        submits: what a submission holds for it.
        module: the module of `grading.metrics` with it, such as `classification`.
        function: the function's name there.
        expression: the grader's `metric`, such as `mean_columnwise(roc_auc)`; by default the function itself.
        several_columns: whether it takes several columns (2-D arrays).
    """

    name: str
    aliases: tuple[str, ...] = ()
    direction: Literal["maximize", "minimize"]
    best: float
    submits: Submits
    module: str
    function: str
    expression: str = ""
    several_columns: bool = False


_OF_ONE_NAME = (
    NamedMetric(
        name="accuracy",
        aliases=(
            "classification accuracy",
            "categorization accuracy",
            "multi-class accuracy",
            "multi-class classification accuracy",
            "binary accuracy",
            "mean accuracy",
            "average accuracy",
            "overall accuracy",
            "accuracy rate",
            "percentage accuracy",
            "percentage of correct predictions",
            "percentage of correctly classified",
            "proportion of correct predictions",
            "accuracy classification",
        ),
        direction="maximize",
        best=1.0,
        submits="labels",
        module="classification",
        function="accuracy",
    ),
    NamedMetric(
        name="error rate",
        aliases=(
            "classification error",
            "classification error rate",
            "misclassification rate",
            "misclassification error",
            "zero-one loss",
            "0-1 loss",
            "mean classification error",
        ),
        direction="minimize",
        best=0.0,
        submits="labels",
        module="classification",
        function="error_rate",
    ),
    NamedMetric(
        name="balanced accuracy",
        aliases=(
            "balanced accuracy score",
            "multi-class balanced accuracy",
            "normalized multi-class accuracy",
            "balanced multi-class accuracy",
            "class-balanced accuracy",
            "mean per-class accuracy",
            "mean class accuracy",
            "macro-averaged recall",
            "macro recall",
            "unweighted average recall",
        ),
        direction="maximize",
        best=1.0,
        submits="labels",
        module="classification",
        function="balanced_accuracy",
    ),
    NamedMetric(
        name="area under the ROC curve",
        aliases=(
            "ROC AUC",
            "AUC",
            "AUROC",
            "area under the receiver operating characteristic curve",
            "area under the curve",
            "binary AUC",
        ),
        direction="maximize",
        best=1.0,
        submits="probabilities",
        module="classification",
        function="roc_auc",
    ),
    NamedMetric(
        name="multi-class ROC AUC",
        aliases=(
            "multi-class AUC",
            "one-vs-rest ROC AUC",
            "one-vs-rest AUC",
            "ROC AUC OvR",
            "AUC OvR",
            "multi-class ROC AUC OvR",
            "macro OvR ROC AUC",
        ),
        direction="maximize",
        best=1.0,
        submits="class probabilities",
        module="classification",
        function="roc_auc",
        expression="mean_columnwise(roc_auc)",
        several_columns=True,
    ),
    NamedMetric(
        name="log loss",
        aliases=(
            "logarithmic loss",
            "binary log loss",
            "binary logarithmic loss",
            "mean log loss",
            "average log loss",
            "binary cross-entropy",
            "binary cross-entropy loss",
            "cross-entropy",
            "cross-entropy loss",
            "log loss error",
            "logistic loss",
            "BCE",
            "BCE loss",
        ),
        direction="minimize",
        best=0.0,
        submits="probabilities",
        module="classification",
        function="log_loss",
    ),
    NamedMetric(
        name="multi-class log loss",
        aliases=(
            "multi-class logarithmic loss",
            "multi-class loss",
            "multi-class loss old",
            "multi log loss",
            "mlogloss",
            "multi-class cross-entropy",
            "multi-class cross-entropy loss",
            "categorical cross-entropy",
            "categorical cross-entropy loss",
            "softmax cross-entropy",
            "mean multi-class log loss",
        ),
        direction="minimize",
        best=0.0,
        submits="class probabilities",
        module="classification",
        function="log_loss",
        several_columns=True,
    ),
    NamedMetric(
        name="F1",
        aliases=("F1 score", "F1 measure", "binary F1", "F1 score of the positive class"),
        direction="maximize",
        best=1.0,
        submits="labels",
        module="classification",
        function="f1",
    ),
    NamedMetric(
        name="macro F1",
        aliases=(
            "macro F1 score",
            "macro-averaged F1",
            "macro F-score",
            "macro F-measure",
            "mean macro F1",
            "multi-class macro F1",
        ),
        direction="maximize",
        best=1.0,
        submits="labels",
        module="classification",
        function="macro_f1",
    ),
    NamedMetric(
        name="weighted F1",
        aliases=("weighted F1 score", "weighted-average F1", "F1 weighted", "weighted F-score", "support-weighted F1"),
        direction="maximize",
        best=1.0,
        submits="labels",
        module="classification",
        function="weighted_f1",
    ),
    NamedMetric(
        name="probabilistic F1",
        aliases=("probabilistic F1 score", "pF1", "pF1 score", "probabilistic F-score", "soft F1 of probabilities"),
        direction="maximize",
        best=1.0,
        submits="probabilities",
        module="classification",
        function="probabilistic_f1",
    ),
    NamedMetric(
        name="average precision",
        aliases=("average precision score", "AP score of a ranking"),
        direction="maximize",
        best=1.0,
        submits="probabilities",
        module="classification",
        function="average_precision",
    ),
    NamedMetric(
        name="normalized Gini coefficient",
        aliases=("normalized Gini", "normalized Gini index", "Gini normalized"),
        direction="maximize",
        best=1.0,
        submits="numbers",
        module="classification",
        function="normalized_gini",
    ),
    NamedMetric(
        name="quadratic weighted kappa",
        aliases=(
            "QWK",
            "quadratic kappa",
            "quadratically weighted kappa",
            "quadratic weighted Cohen's kappa",
            "Cohen's kappa with quadratic weights",
            "Cohen's quadratic weighted kappa",
            "weighted quadratic kappa",
            "quadratic weighted kappa statistic",
            "Cohen kappa quadratic",
        ),
        direction="maximize",
        best=1.0,
        submits="labels",
        module="classification",
        function="quadratic_weighted_kappa",
    ),
    NamedMetric(
        name="Cohen's kappa",
        aliases=("Cohen kappa", "Cohen's kappa score", "Cohen's kappa statistic", "unweighted kappa", "unweighted Cohen's kappa"),
        direction="maximize",
        best=1.0,
        submits="labels",
        module="classification",
        function="cohen_kappa",
    ),
    NamedMetric(
        name="Matthews correlation coefficient",
        aliases=("MCC", "Matthew's correlation coefficient", "Matthews correlation", "Matthews corrcoef", "phi coefficient"),
        direction="maximize",
        best=1.0,
        submits="labels",
        module="classification",
        function="matthews_correlation",
    ),
    NamedMetric(
        name="Kullback-Leibler divergence",
        aliases=("KL divergence", "mean KL divergence", "Kullback Leibler", "relative entropy"),
        direction="minimize",
        best=0.0,
        submits="class probabilities",
        module="classification",
        function="kl_divergence",
        several_columns=True,
    ),
    NamedMetric(
        name="label-weighted label-ranking average precision",
        aliases=("lwlrap", "lwl rap", "label weighted label ranking average precision"),
        direction="maximize",
        best=1.0,
        submits="probabilities",
        module="classification",
        function="label_ranking_average_precision",
        several_columns=True,
    ),
    NamedMetric(
        name="Hamming loss",
        aliases=("mean Hamming loss", "multi-label Hamming loss", "Hamming loss of labels"),
        direction="minimize",
        best=0.0,
        submits="labels",
        module="classification",
        function="error_rate",
        several_columns=True,
    ),
    NamedMetric(
        name="Brier score",
        aliases=("Brier loss", "Brier score loss", "mean Brier score", "binary Brier score"),
        direction="minimize",
        best=0.0,
        submits="probabilities",
        module="regression",
        function="mse",
    ),
    NamedMetric(
        name="root mean squared error",
        aliases=(
            "RMSE",
            "root mean square error",
            "root of the mean squared error",
            "RMSE error",
            "root mean square deviation",
            "RMSD",
        ),
        direction="minimize",
        best=0.0,
        submits="numbers",
        module="regression",
        function="rmse",
        several_columns=True,
    ),
    NamedMetric(
        name="mean squared error",
        aliases=("MSE", "mean square error", "average squared error", "MSE loss"),
        direction="minimize",
        best=0.0,
        submits="numbers",
        module="regression",
        function="mse",
        several_columns=True,
    ),
    NamedMetric(
        name="mean absolute error",
        aliases=("MAE", "mean of the absolute error", "average absolute error", "L1 loss"),
        direction="minimize",
        best=0.0,
        submits="numbers",
        module="regression",
        function="mae",
        several_columns=True,
    ),
    NamedMetric(
        name="median absolute error",
        aliases=("MedAE", "median of the absolute errors"),
        direction="minimize",
        best=0.0,
        submits="numbers",
        module="regression",
        function="median_absolute_error",
        several_columns=True,
    ),
    NamedMetric(
        name="root mean squared logarithmic error",
        aliases=("RMSLE", "root mean square log error", "root mean squared log error", "RMSLE error"),
        direction="minimize",
        best=0.0,
        submits="numbers",
        module="regression",
        function="rmsle",
        several_columns=True,
    ),
    NamedMetric(
        name="mean squared logarithmic error",
        aliases=("MSLE", "mean squared log error"),
        direction="minimize",
        best=0.0,
        submits="numbers",
        module="regression",
        function="msle",
        several_columns=True,
    ),
    NamedMetric(
        name="mean absolute percentage error",
        aliases=("MAPE", "mean absolute percent error"),
        direction="minimize",
        best=0.0,
        submits="numbers",
        module="regression",
        function="mape",
        several_columns=True,
    ),
    NamedMetric(
        name="symmetric mean absolute percentage error",
        aliases=("SMAPE", "sMAPE", "symmetrical mean absolute percentage error", "symmetric MAPE"),
        direction="minimize",
        best=0.0,
        submits="numbers",
        module="regression",
        function="smape",
        several_columns=True,
    ),
    NamedMetric(
        name="root mean squared percentage error",
        aliases=("RMSPE", "root mean square percentage error"),
        direction="minimize",
        best=0.0,
        submits="numbers",
        module="regression",
        function="rmspe",
        several_columns=True,
    ),
    NamedMetric(
        name="R2",
        aliases=("R squared", "R^2 score", "coefficient of determination", "R2 coefficient of determination"),
        direction="maximize",
        best=1.0,
        submits="numbers",
        module="regression",
        function="r2",
    ),
    NamedMetric(
        name="Pearson correlation coefficient",
        aliases=(
            "Pearson",
            "Pearson's r",
            "Pearson correlation",
            "PCC",
            "linear correlation coefficient",
            "Pearson r correlation",
        ),
        direction="maximize",
        best=1.0,
        submits="numbers",
        module="correlation",
        function="pearson",
    ),
    NamedMetric(
        name="Spearman rank correlation",
        aliases=(
            "Spearman",
            "Spearman's rho",
            "Spearman R",
            "Spearman correlation",
            "Spearman's rank correlation coefficient",
            "Spearman's rank-order correlation",
            "Spearman's rank correlation rho",
        ),
        direction="maximize",
        best=1.0,
        submits="numbers",
        module="correlation",
        function="spearman",
    ),
    NamedMetric(
        name="mean angular error",
        aliases=("mean angular error of azimuth and zenith", "mean angular error between directions"),
        direction="minimize",
        best=0.0,
        submits="numbers",
        module="geometry",
        function="mean_angular_error",
        several_columns=True,
    ),
    NamedMetric(
        name="micro-averaged F1",
        aliases=("micro F1", "micro F1 score", "micro F-score", "micro F-measure", "micro F1 of tags", "micro F1 of labels"),
        direction="maximize",
        best=1.0,
        submits="label sets",
        module="tokens",
        function="micro_f1",
    ),
    NamedMetric(
        name="mean F1",
        aliases=(
            "mean F1 score",
            "mean F-score",
            "mean F-measure",
            "mean F1 measure",
            "average F1",
            "sample-averaged F1",
            "samples F1",
            "example-based F1",
            "example-based F-measure",
        ),
        direction="maximize",
        best=1.0,
        submits="label sets",
        module="tokens",
        function="mean_f1",
    ),
    NamedMetric(
        name="mean word-level Jaccard similarity",
        aliases=(
            "word-level Jaccard",
            "word-level Jaccard score",
            "word-level Jaccard similarity",
            "mean word-level Jaccard score",
            "average word-level Jaccard",
        ),
        direction="maximize",
        best=1.0,
        submits="texts",
        module="tokens",
        function="mean_jaccard",
        expression="mean_jaccard(both_empty=1.0)",
    ),
    NamedMetric(
        name="mean Levenshtein distance",
        aliases=(
            "Levenshtein distance",
            "Levenshtein",
            "Levenshtein mean",
            "mean edit distance",
            "edit distance",
            "Levenshtein edit distance",
            "average Levenshtein distance",
        ),
        direction="minimize",
        best=0.0,
        submits="texts",
        module="edit_distance",
        function="mean_levenshtein",
    ),
    NamedMetric(
        name="word error rate",
        aliases=("WER", "token error rate"),
        direction="minimize",
        best=0.0,
        submits="texts",
        module="edit_distance",
        function="token_error_rate",
    ),
)


def columnwise(metric: NamedMetric) -> NamedMetric:
    """The unweighted mean of a metric over several columns."""
    return replace(
        metric,
        name=f"mean column-wise {metric.name}",
        aliases=tuple(f"mean column-wise {alias}" for alias in metric.aliases),
        expression=f"mean_columnwise({metric.function})",
        several_columns=True,
    )


def _with_columns() -> Iterator[NamedMetric]:
    """The mean over columns of those metrics for which it is usual, with the names that only it has."""
    own_names = {
        "area under the ROC curve": (
            "macro-averaged ROC AUC", "macro AUC", "multi-label ROC AUC", "multi-label AUC", "mean AUC", "mean ROC AUC",
            "average AUC", "average ROC AUC", "average of the individual AUCs of each predicted column",
        ),
        "log loss": ("multi-label log loss", "multi-label logarithmic loss", "multi-label binary cross-entropy"),
        "average precision": ("macro-averaged average precision", "macro average precision score"),
        "root mean squared error": ("MCRMSE", "mean RMSE over columns"),
        "root mean squared logarithmic error": ("MCRMSLE",),
        "Spearman rank correlation": ("mean Spearman", "MCSpearmanR"),
        "R2": ("mean R2", "average R2"),
    }  # fmt: skip
    for metric in _OF_ONE_NAME:
        if metric.name in own_names:
            mean = columnwise(metric)
            yield replace(mean, aliases=(*mean.aliases, *own_names[metric.name]))


METRICS: tuple[NamedMetric, ...] = (*_OF_ONE_NAME, *_with_columns())
"""Every metric that its name alone decides. `find_metric` also knows `FAMILIES` and the mean of any other metric over columns."""


class Family(NamedTuple):
    """Metrics that differ in one number."""

    metric: NamedMetric
    """The metric, the number written `{k}`."""
    names: tuple[str, ...]
    """What it is called, with some number."""
    whole: bool = True
    """Whether the number is a whole one."""
    ambiguous: tuple[float, ...] = ()
    """Numbers that may be meant otherwise: `mAP@50` is usually that of boxes which overlap by half."""
    of_one: str = ""
    """The metric that it is with 1, if that is known by another name."""

    def of(self, number: float) -> NamedMetric | None:
        """The metric with that number, if there is one."""
        if number == 1 and self.of_one:
            return next(metric for metric in METRICS if metric.name == self.of_one)
        if number <= 0 or number in self.ambiguous or (self.whole and number != int(number)):
            return None
        name, expression = (text.replace("{k}", f"{number:g}") for text in (self.metric.name, self.metric.expression))
        return replace(self.metric, name=name, expression=expression)


FAMILIES = (
    Family(
        NamedMetric(
            name="mean average precision at {k}",
            direction="maximize",
            best=1.0,
            submits="ranked labels",
            module="tokens",
            function="mean_average_precision",
            expression="mean_average_precision({k})",
        ),
        ("mean average precision at 5", "MAP@5", "average precision at 5", "AP@5", "mean average precision top 5", "MAP top 5"),
        ambiguous=(50, 75, 95),
    ),
    Family(
        NamedMetric(
            name="NDCG at {k}",
            direction="maximize",
            best=1.0,
            submits="ranked labels",
            module="tokens",
            function="ndcg",
            expression="ndcg({k})",
        ),
        ("NDCG@5", "normalized discounted cumulative gain at 5", "NDCG top 5"),
    ),
    Family(
        NamedMetric(
            name="top-{k} accuracy",
            direction="maximize",
            best=1.0,
            submits="ranked labels",
            module="tokens",
            function="top_k_accuracy",
            expression="top_k_accuracy({k})",
        ),
        ("top-5 accuracy", "accuracy at 5", "hit rate at 5", "top-5 categorization accuracy"),
        of_one="accuracy",
    ),
    Family(
        NamedMetric(
            name="top-{k} error",
            direction="minimize",
            best=0.0,
            submits="ranked labels",
            module="tokens",
            function="top_k_error",
            expression="top_k_error({k})",
        ),
        ("top-5 error", "top-5 error rate", "top-5 classification error", "mean best error at 5", "error at 5"),
        of_one="error rate",
    ),
    Family(
        NamedMetric(
            name="mean F{k}",
            direction="maximize",
            best=1.0,
            submits="label sets",
            module="tokens",
            function="mean_f_beta",
            expression="mean_f_beta({k})",
        ),
        ("mean F2", "mean F2 score", "sample-averaged F2", "average F2"),
        whole=False,
    ),
)
"""Metrics whose name holds a number, such as `MAP@5`."""

NAMES: tuple[NamedMetric, ...] = (
    *METRICS,
    *(replace(family.metric, name=family.metric.name.replace("{k}", "K"), aliases=family.names) for family in FAMILIES),
)
"""Every metric with the names that it goes by, K where a name holds a number."""


def find_metric(name: str) -> NamedMetric | None:
    """The metric that goes by a name in any spelling; None unless the whole name is known, as one more word is another metric.

    Numbers (`MAP@5`) and `mean column-wise` before a metric of one column are understood, and so are a name and its abbreviation
    together, if both mean the same. `refusal` says why there is none.
    """
    # a negated score has the other direction
    if len(name) > _LONGEST_NAME or name.strip()[:1] in ("-", "\u2212"):
        return None
    if (found := _of(key_of(name)) or _by_letters().get(name.strip(" .").casefold())) is not None:
        return found
    meant = [_of(key_of(part)) for part in _SEPARATOR.split(name) if not _is_remark(part)]
    return meant[0] if meant and all(each == meant[0] for each in meant) else None


_LONGEST_NAME = 200
_SEPARATOR = re.compile(
    r"[()\[\]:;/|,\u2014\u2013]|\s-+\s|\baka\b|\bi\.e\.|\bor\b|\balso called\b|\balso known as\b", re.IGNORECASE
)
_REMARK = {"lower", "higher", "smaller", "larger", "better", "less", "more", "it", "maximize", "minimize", "maximise", "minimise"}


def _is_remark(text: str) -> bool:
    """Whether a part of a name says nothing about what is computed."""
    return {*words_of(text)} <= _REMARK


def _of(spelling: Spelled) -> NamedMetric | None:
    """The metric whose words are these, if any."""
    found = _by_key().get(spelling.key)
    if found is None and spelling.number is not None:
        family = _families_by_key().get(spelling.key)
        found = family and family.of(spelling.number)
    if found is None and "columnwise" in spelling.key.split():
        base = _of(spelled(word for word in spelling.key.split() if word != "columnwise"))
        found = columnwise(base) if base and base.submits in _OF_COLUMNS and not base.expression else None
    return found


_OF_COLUMNS = ("numbers", "probabilities", "labels")


@cache
def _by_key() -> dict[str, NamedMetric]:
    return {key_of(name).key: metric for metric in METRICS for name in (metric.name, *metric.aliases)}


@cache
def _by_letters() -> dict[str, NamedMetric]:
    """The metrics by names that are run together in lower case, such as `meanabsoluteerror`."""
    return {_run_together(name): metric for metric in METRICS for name in (metric.name, *metric.aliases)}


def _run_together(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


@cache
def _families_by_key() -> dict[str, Family]:
    return {key_of(name).key: family for family in FAMILIES for name in family.names}


def metrics_in(page_text: str) -> list[NamedMetric]:
    """The metrics that an evaluation page scores by, most likely first; empty if that is not sure.

    Args:
        page_text: English prose as Markdown, HTML or plain text.
    """
    return mentioned(page_text, _names())


@cache
def _names() -> Names[NamedMetric]:
    own = [name for metric in METRICS for name in (metric.name, *metric.aliases)]
    others = [name for names in (*(family.names for family in FAMILIES), *(names for _, names in UNSUPPORTED)) for name in names]
    vocabulary = frozenset(word for name in (*own, *others, "mean column-wise macro micro binary") for word in words_of(name))
    return Names(_of, _standing, vocabulary)


def _standing(key: str) -> Standing | None:
    if not is_unsupported(key):
        return None
    return "vague" if reason_against(key) in VAGUE else "unsupported"


def refusal(name: str) -> str:
    """One sentence on why `find_metric` knows no metric by that name, and what to do."""
    shown = quoted(name)
    spelling = key_of(name[:_LONGEST_NAME])
    if (why := reason_against(spelling.key)) is not None:
        said = f"the metric {shown} is not supported by name, as {why}"
    elif (part := _known_part(spelling)) is not None:
        metric, other_words = part
        more = " ".join(other_words)
        said = f"no metric is called {shown}: {quoted(metric.name)} is known, but {quoted(more)} may change what it computes"
    else:
        near = get_close_matches(spelling.key, [*_by_key()], n=3, cutoff=_NEAR)
        known = list(dict.fromkeys(f"`{_by_key()[key].name}`" for key in near))
        said = f"no metric is called {shown}" + (f" (did you mean {' or '.join(known)}?)" if known else "")
    return f"{said}: {_WHAT_TO_DO}"


_NEAR = 0.75
_WHAT_TO_DO = "name one that `mlebench list --metrics` lists with `--metric NAME` if it fits, or write grade.py by hand"


def _known_part(spelling: Spelled) -> tuple[NamedMetric, list[str]] | None:
    """The metric with the longest name within another name, and that name's other words."""
    words = list(spelling.words)
    for length in range(len(words) - 1, 0, -1):
        for start in range(len(words) - length + 1):
            if (metric := _of(spelled(words[start : start + length]))) is not None:
                return metric, words[:start] + words[start + length :]
    return None
