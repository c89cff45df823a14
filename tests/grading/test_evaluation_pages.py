"""Which metric an evaluation page scores by, as far as its prose says so without a doubt."""

from __future__ import annotations

import pytest

from grading.metric_names import find_metric, metrics_in
from mlebench.registry import Registry

PAGES: list[tuple[str, str | None]] = [
    (
        "Submissions are evaluated on [area under the ROC "
        "curve](http://en.wikipedia.org/wiki/Receiver_operating_characteristic) between the predicted "
        "probability and the observed target.",
        "area under the ROC curve",
    ),
    (
        "## Evaluation\n\nSubmissions are scored based on the [quadratic weighted kappa](https://x), which "
        "measures the agreement between two outcomes. This metric typically varies from 0 (random agreement) "
        "to 1.",
        "quadratic weighted kappa",
    ),
    (
        "Submissions are evaluated using the multi-class logarithmic loss. Each image has been labeled with "
        "one true class. For each image, you must submit a set of predicted probabilities. The formula is "
        "then,\n\n$$log loss = -\\frac{1}{N}$$\n",
        "multi-class log loss",
    ),
    (
        "Submissions are now evaluated on the mean column-wise ROC AUC. In other words, the score is the "
        "average of the individual AUCs of each predicted column.",
        "mean column-wise area under the ROC curve",
    ),
    (
        "Submissions are evaluated according to the Mean Average Precision @ 5 (MAP@5):\n\n$$MAP@5 = ...$$",
        "mean average precision at 5",
    ),
    (
        "Submissions are evaluated on Root-Mean-Squared-Error (RMSE) between the logarithm of the predicted "
        "value and the logarithm of the observed sales price.",
        None,
    ),
    ('Submissions are evaluated by the weighted multi-label logarithmic loss. Log loss is averaged.', None),
    (
        "This competition is evaluated on the mean average precision at different intersection over union "
        "(IoU) thresholds.",
        None,
    ),
    (
        "Submissions are evaluated based on their classification accuracy, the percentage of predicted labels"
        " that are correct.",
        "accuracy",
    ),
    (
        "### Goal\nIt is your job to predict the sales price for each house.\n### Metric\nSubmissions are "
        "evaluated on the Root Mean Squared Logarithmic Error (RMSLE).\n### Submission File Format",
        "root mean squared logarithmic error",
    ),
    (
        "Unlike accuracy, the Matthews correlation coefficient takes all cells into account. Submissions are "
        "evaluated on the Matthews correlation coefficient.",
        "Matthews correlation coefficient",
    ),
    (
        "The evaluation metric for this competition is Mean F1-Score. The F1 score, commonly used in "
        "information retrieval, measures accuracy using the statistics precision p and recall r.",
        "mean F1",
    ),
    ('Submissions will be evaluated based on their macro F1 score.', 'macro F1'),
    ('Submissions are evaluated using the \\(R^2\\) score.', 'R2'),
    ('Submissions are scored on the micro averaged F1 score.', 'micro-averaged F1'),
    ("Your score is the Spearman's rank correlation coefficient between prediction and truth.", 'Spearman rank correlation'),
    (
        "Submissions are scored using MCRMSE, mean columnwise root mean squared error:",
        "mean column-wise root mean squared error",
    ),
    ('Submissions are evaluated on a modified version of the Laplace Log Likelihood.', None),
    ('Submissions are evaluated on a variant of the log loss.', None),
    ('Submissions are evaluated using the average of RMSE and MAE.', None),
    (
        "For each image you may give up to K labels. Submissions are evaluated with MAP@K, where K = 12.",
        "mean average precision at 12",
    ),
    ('Predict a probability. Nothing else.', None),
    (
        "<h2>Evaluation</h2><p>Submissions are judged on <a href='x'>area under the ROC curve</a>.</p><p>In "
        "Matlab...</p>",
        "area under the ROC curve",
    ),
    ('The evaluation metric is the Dice coefficient. The accuracy is not used.', None),
    ('Submissions are evaluated on Mean Absolute Error between predicted and actual.', 'mean absolute error'),
    ('Submissions are evaluated using the F-score (macro).', 'macro F1'),
    ('Submissions are ranked by log loss. Ties are broken by accuracy.', 'log loss'),
    ('The competition metric is normalized Gini coefficient.', 'normalized Gini coefficient'),
    (
        "Submissions are evaluated on the Normalized Gini Coefficient. During scoring, observations are "
        "sorted ... 'Gini coefficient'.",
        "normalized Gini coefficient",
    ),
    ('Submissions are scored using a pAUC above 80% TPR.', None),
    (
        "Submissions are evaluated using SMAPE between forecasts and actual values. We define SMAPE = 0 when "
        "both are 0.",
        "symmetric mean absolute percentage error",
    ),
    ('The metric is the mean of the macro F1 and accuracy.', None),
    ('Submissions are evaluated using a combination of the RMSE and Pearson correlation.', None),
    ('Submissions are evaluated on the ROC AUC within each group, averaged over groups.', None),
    ('Your submissions are evaluated with a top-5 error.', 'top-5 error'),
    ('Evaluated by **Mean Squared Error**.', 'mean squared error'),
    (
        "For every author in the dataset, submission files should contain... Submissions are evaluated based "
        "on the [mean F1 score](x), averaged over samples.",
        "mean F1",
    ),
    ('We evaluate submissions using RMSE rather than MAE.', 'root mean squared error'),
    ("The score is computed using sklearn's f1_score with average='macro'.", 'macro F1'),
    ('Submissions are evaluated with `roc_auc_score`.', 'area under the ROC curve'),
    ("Submissions will be evaluated on Cohen's kappa with quadratic weights.", 'quadratic weighted kappa'),
    (
        "Submissions are evaluated on the Kullback Leibler divergence between the predicted probability and "
        "the observed target.",
        "Kullback-Leibler divergence",
    ),
    (
        "Submissions are evaluated against the probabilistic F1 score (pF1). This extension of the "
        "traditional F score accepts probabilities instead of binary classifications.",
        "probabilistic F1",
    ),
    ('This is a code competition. Scoring uses the balanced accuracy of your predictions.', 'balanced accuracy'),
    ('We use the Brier score.', 'Brier score'),
    (
        "Submissions are evaluated on the AUC-ROC metric.\n\nAccuracy would be misleading on such imbalanced "
        "data.",
        "area under the ROC curve",
    ),
    ('Participants are ranked by the 1 - RMSE.', None),
    ('The metric used is 100 * (1 - MAPE).', None),
    ('Submissions are evaluated by RMSE / MAE.', None),
    ('The public leaderboard shows macro-averaged ROC-AUC that skips classes which have no true positive labels.', None),
    ('Submissions are evaluated using the average of RMSE and MAE of both targets.', None),
    ('Submissions are scored on the F1 score, the harmonic mean of precision and recall.', 'F1'),
    ('Submissions are evaluated by RMSE for each store, and then averaged over stores.', None),
    ('The evaluation metric for this competition is R².', 'R2'),
    ('Submissions are evaluated according to NDCG @k (Normalized discounted cumulative gain), where k=5.', 'NDCG at 5'),
    ('Evaluation\n----------\n\nLog Loss\n', 'log loss'),
    ('**Evaluation metric:** Macro F1-score', 'macro F1'),
    ('The root mean squared error (RMSE) is the metric. Accuracy or F1 are not used.', 'root mean squared error'),
    ('Submissions are evaluated using the Concordance Correlation Coefficient (CCC).', None),
    ('Submissions are evaluated using the geometric mean of accuracy.', None),
    ('This competition uses a group-balanced macro F1', None),
    ("Submissions are evaluated on the mean Dice. For reference log loss was the last year's metric.", None),
    ('', None),
    ('The data has 5 columns.\n\n```\nlog loss\n```', None),
]  # fmt: skip
"""Pages in Kaggle's manner, each with the metric or None if the page leaves it open or scores by another."""


@pytest.mark.parametrize(("page", "name"), PAGES)
def test_the_metric_of_a_page_is_found_or_none_is(page: str, name: str | None) -> None:
    assert [metric.name for metric in metrics_in(page)][:1] == ([name] if name else [])


def test_the_likelier_metric_comes_first() -> None:
    page = "Submissions are evaluated on the log loss. We also use a second metric, the area under the ROC curve."
    assert metrics_in(page)[0].name == "log loss"


HOSTILE = ("$$", "<pre", "[", "mean ", "macro, ", "(", "\\(", " ", "\n", "Dice. ", "RMSE of ")


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_page_of_nothing_but_markup_names_no_metric(piece: str) -> None:
    assert metrics_in(piece * (60_000 // len(piece))) == []


def test_a_long_page_is_read_once() -> None:
    assert [metric.name for metric in metrics_in("Log loss. " * 6_000)] == ["log loss"]


def test_the_descriptions_of_the_own_competitions_are_read_as_they_are_graded() -> None:
    registry, wrong, read = Registry(), {}, 0
    for name in registry.list_competition_ids():
        competition = registry.get_competition(name)
        graded, found = find_metric(competition.metric), metrics_in(competition.description)
        read += bool(found)
        if found and found[0] != graded:
            wrong[name] = found[0].name
    # this page says F1 of points and where they must be, in another paragraph
    assert wrong == {"kuzushiji-recognition": "F1"}
    assert read >= 50
