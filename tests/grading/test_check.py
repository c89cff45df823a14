"""A check: what a submission must be, found out without an answer, and by the routine that scoring begins with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grading import Grader, InvalidSubmission, Probability, Real, RunLengths, Text
from grading.metrics import classification, correlation, geometry, regression
from grading.metrics.boxes import Boxes, mean_average_precision
from grading.metrics.boxes_3d import iou_of_pairs
from grading.metrics.combine import mean_columnwise
from grading.metrics.regression import mae

ANSWERS = pd.DataFrame({"id": ["a", "b", "c"], "y": [1.0, 2.0, 3.0]})


def never(*_: object) -> float:
    raise AssertionError("a check has run it")


def test_a_check_runs_neither_the_metric_nor_what_makes_the_truth() -> None:
    for grader in (
        Grader(id="id", columns={"y": Real()}, metric=never, truth=never),
        Grader(id="id", columns={"y": Real()}, table_metric=never),
    ):
        grader.check(ANSWERS, ANSWERS)
        with pytest.raises(InvalidSubmission, match="missing: 'a'"):
            grader.check(ANSWERS.iloc[1:], ANSWERS)


def test_a_file_is_refused_in_the_words_in_which_it_is_not_scored(tmp_path: Path) -> None:
    grader = Grader(id="id", columns={"y": Real(minimum=0)}, metric=mae)
    (tmp_path / "s.csv").write_text("id,y\na,1\nb,-2.50\nc,3\n")
    words = []
    for look in (grader.check_file, grader.score_file):
        with pytest.raises(InvalidSubmission, match=r"at least 0; the first is '-2\.50'") as caught:
            look(tmp_path / "s.csv", ANSWERS)
        words.append(str(caught.value))
    assert words[0] == words[1]


def test_answers_that_do_not_fit_are_nothing_to_a_check() -> None:
    Grader(id="id", columns={"y": Real()}, metric=mae).check(ANSWERS, ANSWERS.assign(y="secret"))


def test_a_metric_is_too_late_to_refuse_a_submission() -> None:
    def refuse(truth: np.ndarray, prediction: np.ndarray) -> float:
        raise InvalidSubmission("no")

    with pytest.raises(RuntimeError, match="passed every check: no"):
        Grader(id="id", columns={"y": Real()}, metric=refuse).score(ANSWERS, ANSWERS)


def test_columns_and_adapting_see_public_values_alone() -> None:
    sized = ANSWERS.assign(pixels=9)
    seen: list[pd.DataFrame] = []

    def masks(known: pd.DataFrame) -> dict[str, RunLengths]:
        seen.append(known)
        return {"y": RunLengths(tuple(known["pixels"]))}

    def adapt(submission: pd.DataFrame, known: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        seen.append(known)
        return submission, known

    grader = Grader(id="id", public=("pixels",), columns=masks, adapt=adapt, metric=never)
    grader.check(ANSWERS.assign(y="1 9"), sized)
    for_columns, for_adapting = seen
    assert [*for_columns] == ["id", "pixels", "y"]
    assert for_columns["y"].isna().all()
    assert [*for_adapting] == ["id", "pixels"]


def test_how_often_an_id_stands_in_the_answers_is_not_told(tmp_path: Path) -> None:
    boxes = pd.DataFrame({"id": ["a"] * 5_000 + ["b"], "y": "x"})
    grader = Grader(id="id", columns={"y": Text()}, table_metric=never)
    (tmp_path / "s.csv").write_text("id,y\n" + "a,\n" * 20_000)
    with pytest.raises(InvalidSubmission, match="more than 10,004 rows, but 2 rows are expected"):
        grader.check_file(tmp_path / "s.csv", boxes)


class TestUngradedIds:
    GRADER = Grader(id="id", columns={"y": Text()}, metric=never, graded=lambda answers: answers["y"] != "")
    ANSWERS = pd.DataFrame({"id": list("abcdef"), "y": ["1", "", "2", "", "", "3"]})

    @pytest.mark.parametrize("ids", ["abcdef", "fedcba", "abcdefgh", "acf", "fca"])
    def test_all_ids_are_valid_and_the_graded_ones_alone(self, ids: str) -> None:
        self.GRADER.check(pd.DataFrame({"id": list(ids), "y": ""}), self.ANSWERS)

    @pytest.mark.parametrize("ids", ["abcde", "bcdef", "ac", "acfb", "acfx", "bde", "abcf", ""])
    def test_any_other_choice_is_refused_in_the_same_words(self, ids: str) -> None:
        with pytest.raises(InvalidSubmission) as caught:
            self.GRADER.check(pd.DataFrame({"id": list(ids), "y": ""}), self.ANSWERS)
        assert str(caught.value) == "ids from the sample submission are missing; ids that are not in the test set are ignored"

    def test_ids_that_are_left_out_count_as_blank(self) -> None:
        grader = dataclasses.replace(self.GRADER, metric=lambda truth, prediction: float(np.mean(truth == prediction)))
        assert grader.score(pd.DataFrame({"id": list("fac"), "y": ["3", "1", "2"]}), self.ANSWERS) == 1


ROWS = 8
EXTREMES = (1e100, -1e100, 1e-100, 5e-324, -5e-324, 0.0, 1.0)
TRUTH = np.array([0.0, 1.0] * (ROWS // 2))


def boxes_2d(prediction: np.ndarray) -> float:
    corners = np.column_stack([np.zeros((ROWS, 2)), np.ones((ROWS, 2))])
    truth = Boxes(np.arange(ROWS), np.zeros(ROWS), corners)
    return mean_average_precision(truth, truth._replace(corners=np.roll(prediction, 1)[:, None] * corners), prediction, 0.5)


def boxes_3d(prediction: np.ndarray) -> float:
    sizes = np.maximum(np.abs(prediction), 1e-6)
    true = np.column_stack([np.zeros((ROWS, 3)), np.ones((ROWS, 3)), np.zeros(ROWS)])
    found = np.column_stack([*[np.roll(prediction, k) for k in range(3)], *[np.roll(sizes, k) for k in range(3)], prediction])
    return float(iou_of_pairs(found, true).sum())


SCORES: dict[str, Callable[[np.ndarray], float]] = {
    "rmse": lambda prediction: regression.rmse(TRUTH, prediction),
    "mae": lambda prediction: regression.mae(TRUTH, prediction),
    "rmsle": lambda prediction: regression.rmsle(TRUTH, np.abs(prediction)),
    "log mae": lambda prediction: regression.mean_log_mae_of_groups(TRUTH, prediction, TRUTH, floor=1e-9),
    "laplace": lambda prediction: regression.laplace_log_likelihood(TRUTH, prediction, prediction[::-1], floor=70, error_cap=1e3),
    "pearson": lambda prediction: correlation.pearson(TRUTH, prediction),
    "spearman": lambda prediction: correlation.spearman(TRUTH, prediction),
    "auc": lambda prediction: classification.roc_auc(TRUTH, prediction),
    "weighted auc": lambda prediction: classification.weighted_roc_auc(thresholds=(0, 0.4, 1), weights=(2, 1))(TRUTH, prediction),
    "mean auc": lambda prediction: mean_columnwise(classification.roc_auc)(
        np.column_stack([TRUTH] * 2), np.column_stack([prediction, prediction[::-1]])
    ),
    "lwlrap": lambda prediction: classification.label_ranking_average_precision(TRUTH.reshape(2, -1), prediction.reshape(2, -1)),
    "log loss": lambda prediction: classification.log_loss(TRUTH, np.clip(prediction, 0, 1)),
    "kaggle log loss": lambda prediction: classification.kaggle_log_loss(TRUTH, np.clip(prediction, 0, 1)),
    "probabilistic F1": lambda prediction: classification.probabilistic_f1(TRUTH, prediction),
    "kl": lambda prediction: classification.kl_divergence(
        np.column_stack([TRUTH, 1 - TRUTH]), np.column_stack([np.clip(prediction, 0, 1), 1 - np.clip(prediction, 0, 1)])
    ),
    "kappa": lambda prediction: classification.quadratic_weighted_kappa(
        TRUTH.astype(int), np.clip(prediction, 1 - 2**53, 2**53 - 1).astype(np.int64)
    ),
    "matthews": lambda prediction: classification.matthews_correlation(TRUTH > 0, prediction > 0),
    "macro F1": lambda prediction: classification.macro_f1(TRUTH, prediction),
    "angles": lambda prediction: geometry.mean_angular_error(
        np.column_stack([TRUTH, TRUTH]), np.column_stack([prediction, prediction[::-1]])
    ),
    "haversine": lambda prediction: float(geometry.haversine(TRUTH, TRUTH, prediction, prediction[::-1]).sum()),
    "boxes": boxes_2d,
    "boxes in space": boxes_3d,
}


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES.keys())
def test_every_number_that_passes_gets_a_finite_score(score: Callable[[np.ndarray], float]) -> None:
    constant = [np.full(ROWS, number) for number in EXTREMES]
    mixed = [np.array([one, other] * (ROWS // 2)) for one in EXTREMES for other in EXTREMES if one != other]
    uneven = [np.array([one, *[other] * (ROWS - 1)]) for one in EXTREMES for other in EXTREMES if one != other]
    for prediction in [*constant, *mixed, *uneven]:
        with np.errstate(all="ignore"):
            value = score(prediction)
        assert np.isfinite(value), prediction


@pytest.mark.parametrize("number", ["1.1e100", "-1.1e100", "1e308", "9" * 102])
@pytest.mark.parametrize("metric", [classification.roc_auc, regression.rmse])
def test_larger_numbers_are_refused_whatever_the_metric_makes_of_them(metric: object, number: str, tmp_path: Path) -> None:
    grader = Grader(id="id", columns={"y": Real()}, metric=metric)  # type: ignore[arg-type]
    (tmp_path / "s.csv").write_text(f"id,y\na,0\nb,{number}\nc,1\n")
    with pytest.raises(InvalidSubmission, match=r"1 of 3 cells is not within ±1e\+100"):
        grader.check_file(tmp_path / "s.csv", ANSWERS)


def test_a_probability_has_bounds_of_its_own() -> None:
    with pytest.raises(InvalidSubmission, match="at most 1"):
        Grader(id="id", columns={"y": Probability()}, metric=never).check(ANSWERS.assign(y=1e300), ANSWERS)


@pytest.mark.parametrize(
    "cell", ["1_0", "1e", "e5", ".", "--1", "+-1", "1-1", "0x10", "\u0661", "nan", "inf", "1e400", "", " ", "1,5"]
)
def test_what_is_no_number_alone_is_none_among_numbers_either(cell: str) -> None:
    for cells in ([cell, "1", "2"], [cell] * 3):
        with pytest.raises(InvalidSubmission, match="not a finite number"):
            Real().parse(pd.Series(cells, name="y", dtype=object), ANSWERS["id"])


@pytest.mark.parametrize("cell", ["1", "-1.5", "+2", ".5", "5.", "1e3", "1E-3", "007", "0." + "3" * 400])
def test_numbers_are_read_alike_alone_and_beside_other_spellings(cell: str) -> None:
    plain, odd = (pd.Series([cell, "1", other], name="y", dtype=object) for other in ("2", " 2"))
    assert Real().parse(plain, ANSWERS["id"])[0] == pytest.approx(Real().parse(odd, ANSWERS["id"])[0], rel=1e-15)
    assert Real().parse(plain, ANSWERS["id"])[0] == float(cell)
