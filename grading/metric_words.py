"""The words of a metric's name, whatever its spelling: what compares names such as `ROC-AUC`, `RocAuc` and `AUC (ROC)`.

Only words that never change what is computed are dropped: a name with one more word, such as `weighted`, is another name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

_CAMEL = re.compile(r"(?<=[a-z]{2})(?=[A-Z])|(?<=[A-Z][a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})|(?<=[A-Z][0-9])(?=[A-Z][a-z])")
_POSSESSIVE = re.compile(r"['\u2019]s?(?![a-z])")
_WORD = re.compile(r"[a-z0-9]+(?:\.[0-9]+)?|[+*=%\u221a]")

DROPPED = {
    "the", "a", "an", "of", "for", "on", "to", "by", "with", "using", "in", "is", "are", "was", "were", "score", "scores",
    "metric", "metrics", "value", "values", "coefficient", "coefficients", "coeff", "coef", "function", "evaluation", "measure",
    "curve", "curves", "criterion",
}  # fmt: skip
"""Words that change nothing about what is computed."""

AVERAGING = re.compile(r"[,(]?\s*\b(?:with\s+)?average\s*=+\s*['\"]?(\w+)['\"]?\)?")
"""A scikit-learn argument, as in `f1_score(average="macro")`."""

_SPELLINGS = [
    (re.compile(rf"\b(?:{pattern})\b"), spelling)
    for pattern, spelling in (
        (r"squares|squared|sq", "square"),
        (r"logarithmic|logarithm|logarithms|logs", "log"),
        (r"loglosses|logloss|log losses", "log loss"),
        (r"loglikelihood", "log likelihood"),
        (r"errors|err", "error"),
        (r"averaged|averages|averaging|avg", "average"),
        (r"absolut|abs", "absolute"),
        (r"percent", "percentage"),
        (r"categorisation|categorization|classification", "classification"),
        (r"normalised|normalized|normalization|normalisation|norm", "normalized"),
        (r"accuracies|acc", "accuracy"),
        (r"correlations|corr", "correlation"),
        (r"probabilities", "probability"),
        (r"multi class|multi classes|multiclasses|multinomial", "multiclass"),
        (r"multi label|multilabels", "multilabel"),
        (r"column wise|columnswise|columns wise|col wise|colwise|per column", "columnwise"),
        (r"cross entropy|crossentropies", "crossentropy"),
        (r"fscore|fmeasure", "f"),
        (r"f1score|f1measure", "f1"),
        (r"f ([0-9]+(?:\.[0-9]+)?)", r"f\1"),
        (r"r ?squared?|r ?2|r2score|coefficient determination|determination", "r2"),
        (r"pf 1", "pf1"),
        (r"receiver operat(?:ing|or|ion) characteristics?|receiver characteristic", "roc"),
        (r"roc roc", "roc"),
        (r"ov r|one vs rest|one versus rest|one vs all", "ovr"),
        (r"areas? under|areas? below|aucs|auc", "auc"),
        (r"auroc|rocauc|aucroc|auc roc auc|roc auc auc|auc auc roc|auc roc|roc auc", "roc auc"),
        (r"precision recall|pr", "pr"),
        (r"auprc|aucpr|prauc|auc pr auc|auc pr|pr auc", "pr auc"),
        (r"macrof1", "macro f1"),
        (r"microf1", "micro f1"),
        (r"samples? average", "sample"),
        (r"(macro|micro|weighted) average", r"\1"),
        (r"average (macro|micro|weighted)", r"\1"),
        (r"mcrmse", "columnwise rmse"),
        (r"mcrmsle", "columnwise rmsle"),
        (r"mcmae", "columnwise mae"),
        (r"mcauc", "columnwise roc auc"),
        (r"mcspearman ?r", "columnwise spearman"),
        (r"matthews|mathews|mathew", "matthew"),
        (r"kullback leib(?:l)?er|kl", "kullback leibler"),
        (r"(map|ndcg|recall|precision|hit rate|accuracy)([0-9]+)", r"\1 at \2"),
        (r"top([0-9]+)", r"top \1"),
        (r"at top|at cut ?off|at rank", "at"),
    )
]
"""Spellings of one word or phrase, replaced one after the other."""

_MOVING = frozenset({"macro", "micro", "weighted", "sample", "multiclass", "multilabel", "binary", "columnwise", "normalized"})
"""Words that mean the same before and after the rest of the name."""

_NUMBER = re.compile(r"\b(at|top) ([0-9]+)(?![.0-9])|\bf(?!1\b)([0-9]+(?:\.[0-9]+)?)\b")


class Spelled(NamedTuple):
    """A name reduced to what is compared."""

    key: str
    """Its words, the numbers of `at 5`, `top 5` and `f2` written as `#`."""
    number: float | None = None
    """That number, if there is just one."""
    words: tuple[str, ...] = ()
    """The words as they were given."""


def words_of(text: str, *, keep: bool = False) -> list[str]:
    """The words of a name or a sentence in lower case and one spelling; those that change nothing only if they are to `keep`."""
    text = unicodedata.normalize("NFKC", text).replace("β", "beta").replace("ρ", "rho").replace("τ", "tau").replace("κ", "kappa")
    text = "".join(mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark))
    text = _CAMEL.sub(" ", AVERAGING.sub(r" \1 ", text))
    text = _POSSESSIVE.sub("", text.casefold().replace("@", " at "))
    spelled = " ".join(word for word in _WORD.findall(text) if keep or word not in DROPPED)
    for pattern, spelling in _SPELLINGS:
        spelled = pattern.sub(spelling, spelled)
    return spelled.split()


def spelled(words: Iterable[str]) -> Spelled:
    """What is compared of the words of a name."""
    words = list(words)
    moving = sorted({word for word in words if word in _MOVING})
    rest = [word for word in words if word not in _MOVING]
    if "columnwise" in moving and len(rest) > 1:
        # `mean column-wise X` and `column-wise average X`
        while len(rest) > 1 and rest[0] in ("mean", "average") and not _is_part_of_name(rest):
            rest = rest[1:]
    key = " ".join([*moving, *rest])
    numbers = [match[2] or match[3] for match in _NUMBER.finditer(key)]
    if len(numbers) != 1:
        return Spelled(key, words=tuple(words))
    return Spelled(_NUMBER.sub(lambda match: f"{match[1]} #" if match[1] else "f#", key), float(numbers[0]), tuple(words))


def _is_part_of_name(words: list[str]) -> bool:
    """Whether `mean` begins the metric's own name, as in `mean absolute error`."""
    return words[0] == "mean" and words[1] in ("absolute", "square", "f1", "f", "average")


def key_of(name: str) -> Spelled:
    """What is compared of a name."""
    return spelled(words_of(name))
