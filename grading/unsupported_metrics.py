"""Metrics that Kaggle's pages name and that a name and the columns of a table do not decide, each with the reason."""

from __future__ import annotations

from functools import cache

from grading.metric_words import key_of

BOXES = "it compares boxes, which a cell of the submission lists in a form of its own"
MASKS = "it compares masks or images, which a cell of the submission encodes in a form of its own"
GROUPS = "it is computed within groups of rows, and the name does not say which"
WEIGHTS = "it weighs rows, classes or errors, and the name does not say how"
DISTRIBUTIONS = "it scores a predicted distribution, for which a submission needs further columns"
OWN_CODE = "it is defined by the competition's own code"
TIMES = "it needs further columns of the answers, such as times, events or earlier values"

UNSUPPORTED: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        BOXES,
        (
            "mean average precision at different intersection over union thresholds",
            "mean average precision over IoU thresholds", "mean average precision at IoU", "average precision at IoU",
            "MAP IoU", "object detection AP", "Open Images object detection AP", "Open Images Obj Detection Segmentation AP",
            "COCO MAP", "COCO AP", "PASCAL VOC MAP", "PASCAL VOC 2010 mean average precision",
            "mean average precision of boxes", "3D mean average precision",
            "F2 at different intersection over union thresholds",
        ),
    ),
    (
        MASKS,
        (
            "Dice", "mean Dice", "Dice similarity", "Sorensen Dice", "Dice Sorensen", "global Dice", "soft Dice",
            "surface Dice", "IoU", "mean IoU", "mIoU", "intersection over union", "mean intersection over union",
            "Intersection Over Union Object Segmentation", "IntersectionOverUnionObjectSegmentationBeta",
            "IntersectionOverUnionObjectSegmentationWithClassification", "IntersectionOverUnionObjectSegmentationWithF1",
            "Hausdorff distance", "panoptic quality", "pixel accuracy", "PSNR", "SSIM", "structural similarity",
            "Frechet inception distance", "FID", "MiFID", "memorization-informed FID",
        ),
    ),
    (
        GROUPS,
        (
            "GAUC", "group AUC", "mean log MAE", "log mean absolute error", "mean reciprocal rank of queries", "bias AUC",
            "Gini stability", "Kendall tau of notebooks",
        ),
    ),
    (
        WEIGHTS,
        (
            "WMAE", "weighted mean absolute error", "WRMSE", "weighted root mean squared error", "WRMSSE", "WRMSLE",
            "NWRMSLE", "weighted root mean squared scaled error", "normalized weighted root mean squared logarithmic error",
            "weighted R2", "weighted log loss", "weighted logarithmic loss", "weighted multi-class log loss",
            "weighted multi-class loss", "weighted multi-label log loss", "weighted multi-label logarithmic loss",
            "weighted AUC", "weighted ROC AUC", "weighted area under the ROC curve", "weighted accuracy",
            "weighted categorization accuracy", "weighted SMAPE", "weighted Pearson correlation", "normalized weighted Gini",
            "weighted Gini", "weighted kappa", "linear weighted kappa", "weighted average precision",
            "weighted mean squared error", "weighted Brier score", "WAP", "wQWK",
        ),
    ),
    (
        DISTRIBUTIONS,
        (
            "CRPS", "continuous ranked probability score", "ranked probability score", "RPS", "Laplace log likelihood",
            "modified Laplace log likelihood", "Gaussian log likelihood", "log likelihood", "pinball loss", "quantile loss",
            "mean pinball loss", "weighted scaled pinball loss", "weighted interval score", "Winkler interval score",
            "Winkler score",
        ),
    ),
    (
        TIMES,
        (
            "concordance index", "C-index", "Harrell's C-index", "stratified concordance index", "MASE",
            "mean absolute scaled error", "RMSSE", "root mean squared scaled error", "AMS", "approximate median significance",
            "Sharpe ratio", "Haversine distance", "mean Haversine distance", "mean Euclidean distance", "mean position error",
        ),
    ),
    (
        OWN_CODE,
        (
            "Postprocessor Kernel", "PostProcessorKernel", "custom metric", "custom", "utility", "utility score",
            "mean utility", "AmEx metric", "Amex Gini", "BLEU", "SacreBLEU", "ROUGE", "ROUGE-L", "METEOR", "CIDEr",
            "perplexity", "chrF", "Kendall tau", "Kendall rank correlation", "event detection average precision",
            "padded cmAP", "TM-score", "LDDT", "log-cosh", "partial AUC",
            "pAUC",
        ),
    ),
    (
        "it does not say whether it is the `average precision` or a trapezoidal area",
        (
            "PR AUC", "area under the precision-recall curve",
        ),
    ),
    (
        "it does not say whether it is normalised, as `normalized Gini` is",
        (
            "Gini",
        ),
    ),
    (
        "it does not say over what F is averaged, as `F1`, `macro F1`, `micro F1`, `weighted F1`, `mean F1` and `mean F2` do",
        (
            "F-score", "F-measure", "F-beta", "mean F-beta", "macro F-beta", "micro F-beta", "F2", "F0.5",
            "mean F score beta", "FBeta", "micro F2", "macro F2", "multi-class F1", "multi-label F1", "average F",
            "F1 of several classes",
        ),
    ),
    (
        "it does not say what sets it compares, as `word-level Jaccard` does",
        (
            "Jaccard", "Jaccard index", "Jaccard similarity", "mean Jaccard", "mean Jaccard index", "mean Jaccard similarity",
        ),
    ),
    (
        "it does not say of which class or at which threshold",
        ("precision", "recall", "sensitivity", "specificity", "true positive rate", "false positive rate", "ROC"),
    ),
    (
        "it does not say by what it is divided",
        (
            "NRMSE", "normalized root mean squared error", "NMAE", "normalized mean absolute error",
            "normalized Levenshtein distance", "Levenshtein mean normalized", "normalized edit distance",
            "character error rate", "CER", "normalized Levenshtein",
        ),
    ),
    (
        "it does not say which kappa it is, as `Cohen's kappa` and `quadratic weighted kappa` do",
        (
            "kappa", "kappa statistic",
        ),
    ),
    (
        "it does not say which correlation it is, as `Pearson` and `Spearman` do",
        (
            "correlation", "correlation coefficient", "rank correlation",
        ),
    ),
    (
        "it lacks its number, which the evaluation page states: write it as in `MAP@5`",
        (
            "MAP@K", "MAP", "mean average precision", "mean average precision at K", "average precision at K", "NDCG@K",
            "NDCG", "recall at K", "normalized discounted cumulative gain", "normalized discounted cumulative gain at K",
            "top-K accuracy", "top-K error", "mean best error at K", "DCG", "precision at K",
        ),
    ),
)  # fmt: skip
"""Reasons, as they continue a sentence, each with the names to which it applies."""

VAGUE = tuple(why for why, _ in UNSUPPORTED if why.startswith("it does not say") or why.startswith("it lacks"))
"""Reasons that a fuller name on the same page may settle."""

_HINTS = (
    (BOXES, ("detection", "boxes", "box", "bounding")),
    (MASKS, ("iou", "mask", "masks", "segmentation", "intersection", "dice", "pixel", "pixels", "hausdorff")),
    (GROUPS, ("per", "group", "groups", "grouped", "each", "within", "across")),
    (WEIGHTS, ("weighted", "weights")),
)
"""Words that give the reason away in names that are not listed."""


def reason_against(key: str) -> str | None:
    """Why the metric whose name has these words, spelled as by `grading.metric_words`, is not supported; None if unknown."""
    if (why := _by_key().get(key)) is not None:
        return why
    words = set(key.split())
    return next((why for why, hints in _HINTS if words.intersection(hints)), None)


def is_unsupported(key: str) -> bool:
    """Whether it is the whole name of a metric that is known but not supported."""
    return key in _by_key()


@cache
def _by_key() -> dict[str, str]:
    return {key_of(name).key: why for why, names in UNSUPPORTED for name in names}
