"""Tables in every usual form: each gives a competition whose best submission is the best one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from mlebench.data import write_csv, write_zipped_csv
from tests.scaffold.draft.raw_data import ROWS, Workshop, numbers, origin, plain


def as_json_lines(table: pd.DataFrame, path: Path) -> None:
    path.write_text(table.to_json(orient="records", lines=True))


def as_records(table: pd.DataFrame, path: Path) -> None:
    path.write_text(json.dumps(table.to_dict(orient="records")))


def as_columns(table: pd.DataFrame, path: Path) -> None:
    path.write_text(table.to_json())


FORMS: dict[str, Callable[[Path], None]] = {
    "csv": lambda raw: plain(raw, "height", 0),
    "csv with semicolons": lambda raw: plain(raw, "height", 0, sep=";"),
    "tsv": lambda raw: plain(raw, "height", 0, suffix=".tsv", sep="\t"),
    "zipped csv": lambda raw: plain(raw, "height", 0, suffix=".csv.zip", write=write_zipped_csv),
    "parquet": lambda raw: plain(raw, "height", 0, suffix=".parquet", write=lambda table, path: table.to_parquet(path)),
    "JSON lines": lambda raw: plain(raw, "height", 0, suffix=".jsonl", write=as_json_lines),
    "JSON records": lambda raw: plain(raw, "height", 0, suffix=".json", write=as_records),
    "JSON by column": lambda raw: plain(raw, "height", 0, suffix=".json", write=as_columns),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_table_of_any_form_becomes_a_competition(form: str, workshop: Workshop) -> None:
    FORMS[form](workshop.raw)
    made = workshop.drafted(origin("RMSE"))
    assert made.draft.ids == ("id",)
    assert [target.name for target in made.draft.targets] == ["height"]
    assert len(made.public("train.csv")) + len(made.public("test.csv")) == ROWS
    assert list(made.public("test.csv")) == ["id", "width", "colour"]
    assert made.score(made.perfect()) == 0
    assert made.score(made.public("sample_submission.csv")) > 0


@pytest.mark.parametrize(
    ("target", "metric", "kind", "best"),
    [
        ("flag", "ROC AUC", "Probability()", 1.0),
        ("flag", "log loss", "Probability()", 0.0),
        ("flag", "accuracy", "Integer(0, 1)", 1.0),
        ("species", "accuracy", "Label(CLASSES)", 1.0),
        ("species", "macro F1", "Label(CLASSES)", 1.0),
        ("height", "MAE", "Real()", 0.0),
    ],
)
def test_the_kind_of_a_target_is_what_its_metric_scores(
    target: str, metric: str, kind: str, best: float, workshop: Workshop
) -> None:
    plain(workshop.raw, target, 0)
    made = workshop.drafted(origin(metric))
    assert [found.kind for found in made.draft.targets] == [kind]
    assert made.score(made.perfect()) == pytest.approx(best)


def test_cells_stay_as_they_are(workshop: Workshop) -> None:
    table = numbers().assign(code=[f"{number:03d}" for number in range(ROWS)], note=["NA", "null", "", "1.50"] * (ROWS // 4))
    write_csv(table.drop(columns=["flag", "species"]), workshop.raw / "train.csv")
    write_csv(numbers(1)[["id"]].assign(height=0), workshop.raw / "sample_submission.csv")
    made = workshop.drafted(origin("RMSE"))
    shown = pd.concat([made.public("train.csv"), made.public("test.csv")]).sort_values("id")
    assert shown["code"].tolist() == table["code"].tolist()
    assert shown["note"].tolist() == table["note"].tolist()


def test_a_row_may_be_named_by_two_columns(workshop: Workshop) -> None:
    keys = pd.DataFrame({"shop": [number // 10 for number in range(ROWS)], "week": [number % 10 for number in range(ROWS)]})
    write_csv(keys.assign(width=numbers()["width"], height=numbers()["height"]), workshop.raw / "train.csv")
    test = keys.assign(week=keys["week"] + 10)
    write_csv(test.assign(width=1.0), workshop.raw / "test.csv")
    write_csv(test.assign(height=0.0), workshop.raw / "sample_submission.csv")
    made = workshop.drafted(origin("RMSE"))
    assert made.grader.id == ("shop", "week")
    assert made.score(made.perfect()) == 0


def test_ids_that_join_two_columns_are_these_columns(workshop: Workshop) -> None:
    keys = pd.DataFrame({"shop": [number // 10 for number in range(ROWS)], "week": [number % 10 for number in range(ROWS)]})
    write_csv(keys.assign(width=numbers()["width"], height=numbers()["height"]), workshop.raw / "train.csv")
    test = keys.assign(week=keys["week"] + 10)
    write_csv(test.assign(width=1.0), workshop.raw / "test.csv")
    joined = test["shop"].astype(str) + "_" + test["week"].astype(str)
    write_csv(pd.DataFrame({"row": joined, "height": 0.0}), workshop.raw / "sample_submission.csv")
    assert workshop.drafted(origin("RMSE")).grader.id == ("shop", "week")


def test_one_column_per_class_is_scored_from_one_label_column(workshop: Workshop) -> None:
    write_csv(numbers().drop(columns=["flag", "height"]), workshop.raw / "train.csv")
    wide = numbers(1)[["id"]].assign(cedar=0.2, ash=0.3, birch=0.5)
    write_csv(wide, workshop.raw / "sample_submission.csv")
    made = workshop.drafted(origin("multi-class log loss"))
    assert made.draft.form == "class probabilities"
    assert made.draft.targets[0].classes == ("cedar", "ash", "birch")
    assert list(made.answers) == ["id", "cedar", "ash", "birch"]
    assert made.score(made.perfect()) == pytest.approx(0, abs=1e-9)
    assert made.score(made.public("sample_submission.csv")) == pytest.approx(1.0986, abs=1e-4)


def test_one_hot_columns_are_probabilities_that_exclude_each_other(workshop: Workshop) -> None:
    one_hot = pd.get_dummies(numbers()["species"]).astype(int)
    write_csv(numbers()[["id", "width"]].join(one_hot), workshop.raw / "train.csv")
    write_csv(numbers(1)[["id", "width"]], workshop.raw / "test.csv")
    write_csv(numbers(1)[["id"]].assign(ash=0.3, birch=0.3, cedar=0.3), workshop.raw / "sample_submission.csv")
    made = workshop.drafted(origin("multi-class log loss"))
    assert made.draft.form == "columns"
    assert made.score(made.public("sample_submission.csv")) == pytest.approx(1.0986, abs=1e-4)


def test_several_numbers_are_scored_as_the_mean_of_their_columns(workshop: Workshop) -> None:
    write_csv(numbers().drop(columns=["flag", "species"]).assign(depth=numbers(2)["height"]), workshop.raw / "train.csv")
    write_csv(numbers(1)[["id"]].assign(height=0, depth=0), workshop.raw / "sample_submission.csv")
    made = workshop.drafted(origin("MAE"))
    truth, zero = made.answers[["height", "depth"]].astype(float), made.answers.assign(height=0, depth=0)
    assert made.score(made.perfect()) == 0
    assert made.score(zero) == pytest.approx(truth.abs().mean().mean())


def test_words_for_yes_and_no_become_1_and_0(workshop: Workshop) -> None:
    table = numbers().drop(columns=["species", "height"])
    table["flag"] = table["flag"].map({0: "No", 1: "Yes"})
    write_csv(table, workshop.raw / "train.csv")
    write_csv(numbers(1)[["id"]].assign(flag=0.5), workshop.raw / "sample_submission.csv")
    made = workshop.drafted(origin("ROC AUC"))
    assert made.draft.targets[0].classes == ("No", "Yes")
    assert set(made.answers["flag"].astype(str)) == {"0", "1"}
    assert set(made.public("train.csv")["flag"]) == {"0", "1"}


def test_a_target_under_another_name_is_found(workshop: Workshop) -> None:
    write_csv(numbers().drop(columns=["flag", "height"]), workshop.raw / "train.csv")
    write_csv(numbers(1)[["id", "width", "colour"]], workshop.raw / "test.csv")
    write_csv(numbers(1)[["id"]].rename(columns={"id": "Id"}).assign(Predicted="ash"), workshop.raw / "sample_submission.csv")
    made = workshop.drafted(origin("accuracy"))
    assert made.draft.ids == ("id",)
    assert [target.name for target in made.draft.targets] == ["species"]


def test_columns_that_the_test_rows_never_had_stay_out_of_the_test_table(workshop: Workshop) -> None:
    write_csv(numbers().assign(diagnosis="late"), workshop.raw / "train.csv")
    write_csv(numbers(1)[["id", "width"]], workshop.raw / "test.csv")
    write_csv(numbers(1)[["id"]].assign(height=0), workshop.raw / "sample_submission.csv")
    made = workshop.drafted(origin("RMSE"))
    assert list(made.public("test.csv")) == ["id", "width"]
    assert "diagnosis" in made.public("train.csv")


def test_a_folder_with_one_table_needs_no_sample_and_no_id(workshop: Workshop) -> None:
    write_csv(numbers().drop(columns=["id", "flag", "species"]), workshop.raw / "measured.csv")
    made = workshop.drafted(origin("RMSE", source="folder", target="height"))
    assert made.draft.ids == ("row_id",)
    assert list(made.public("test.csv")) == ["row_id", "width", "colour"]
    assert made.score(made.perfect()) == 0


def test_ids_with_a_mistake_are_named(workshop: Workshop) -> None:
    table = numbers()
    table.loc[5, "id"] = table.loc[4, "id"]
    write_csv(table, workshop.raw / "plants.csv")
    made = workshop.drafted(origin("RMSE", source="folder", target="height"))
    assert made.draft.ids == ("row_id",)
    assert made.draft.guesses[0].why == "no column of `plants.csv` is unique; `id` is not, as it repeats a value in 1 row"


@pytest.mark.parametrize(
    ("metric", "target", "form"),
    [("log loss", "species", "class probabilities"), ("mean column-wise ROC AUC", "flag", "columns")],
)
def test_the_metric_takes_the_form_that_the_target_needs(metric: str, target: str, form: str, workshop: Workshop) -> None:
    write_csv(numbers(), workshop.raw / "plants.csv")
    made = workshop.drafted(origin(metric, source="folder", target=target))
    assert made.draft.form == form
    assert made.score(made.perfect()) == pytest.approx(made.competition.facts.metric.best, abs=1e-9)


def test_a_folder_with_ids_keeps_them(workshop: Workshop) -> None:
    write_csv(numbers().drop(columns=["flag", "height"]), workshop.raw / "plants.csv")
    made = workshop.drafted(origin("accuracy", source="folder", target="species"))
    assert made.draft.ids == ("id",)
    assert made.draft.test_size == 0.2
    assert made.draft.stratify == "species"


def test_names_of_columns_and_files_are_never_code(workshop: Workshop) -> None:
    odd = '"); import os #\n`{0}` \\'
    table = numbers().drop(columns=["flag", "species"]).rename(columns={"width": odd, "height": "class"})
    write_csv(table, workshop.raw / "train.csv")
    write_csv(numbers(1)[["id"]].assign(**{"class": 0}), workshop.raw / "sample_submission.csv")
    (workshop.raw / "read me'); import os #.txt").write_text("a note")
    made = workshop.drafted(origin("RMSE", title="# A: 'task'\n- x"))
    assert odd in made.public("test.csv")
    assert made.score(made.perfect()) == 0
    assert "import os" not in "".join(
        line for line in (made.folder / "prepare.py").read_text().splitlines() if line.startswith("import")
    )


def test_what_is_only_about_labelled_rows_is_left_out_and_named(workshop: Workshop) -> None:
    plain(workshop.raw, "flag", 0)
    write_csv(numbers()[["id", "species"]], workshop.raw / "annotations.csv")
    write_csv(pd.DataFrame({"colour": ["red", "green"], "code": [1, 2]}), workshop.raw / "colours.csv")
    (workshop.raw / "notes.txt").write_text(f"the row {numbers()['id'].iloc[3]} is odd")
    made = workshop.drafted(origin("ROC AUC"))
    assert made.draft.copied == ("colours.csv",)
    assert {"annotations.csv", "notes.txt"} <= {path for path, _ in made.draft.left_out}
    assert "not in the prepared data: annotations.csv" in (made.folder / "competition.yaml").read_text()


def test_every_guess_is_a_remark_in_the_folder(workshop: Workshop) -> None:
    plain(workshop.raw, "flag", 0)
    made = workshop.drafted(origin("ROC AUC", board=[0.9, 0.8, 0.7, 0.6] * 30, teams=120))
    text = "".join((made.folder / name).read_text() for name in ("competition.yaml", "prepare.py", "grade.py"))
    assert made.draft.guesses
    # remarks are wrapped
    flat = " ".join(text.replace("# ", "").split())
    assert [guess for guess in made.draft.guesses if " ".join(guess.why.split()) not in flat] == []


def test_thresholds_are_the_scores_at_the_places_that_earn_medals(workshop: Workshop) -> None:
    plain(workshop.raw, "flag", 0)
    board = [1 - place / 1000 for place in range(1, 121)]
    thresholds = workshop.drafted(origin("ROC AUC", board=board, teams=120)).competition.thresholds
    assert thresholds is not None
    # of 120 teams: place 10, 20 % and 40 %
    assert (thresholds.gold, thresholds.silver, thresholds.bronze) == pytest.approx((0.99, 0.976, 0.952))


def test_a_key_of_ones_own_draws_other_rows(workshop: Workshop) -> None:
    plain(workshop.raw, "species", "ash")
    drawn = [set(workshop.drafted(origin("accuracy"), "v2", key).answers["id"]) for key in (None, "mine", "yours")]
    assert drawn[0] != drawn[1] != drawn[2]
    assert {len(ids) for ids in drawn} == {len(drawn[0])}


def test_both_editions_are_prepared(workshop: Workshop) -> None:
    plain(workshop.raw, "height", 0)
    assert {len(workshop.drafted(origin("RMSE"), edition).answers) for edition in ("v1", "v2")} == {22}


def test_ids_that_count_rows_are_made(workshop: Workshop) -> None:
    write_csv(numbers().drop(columns=["id", "flag", "species"]).rename(columns={"height": "size"}), workshop.raw / "train.csv")
    write_csv(numbers(1)[["width", "colour"]], workshop.raw / "test.csv")
    write_csv(pd.DataFrame({"RowNumber": range(1, ROWS + 1), "Size": 0}), workshop.raw / "sample_submission.csv")
    made = workshop.drafted(origin("RMSE"))
    assert list(made.public("test.csv")) == ["row_id", "width", "colour"]
    assert [target.name for target in made.draft.targets] == ["size"]
    assert made.score(made.perfect()) == 0


def test_data_of_ones_own_may_be_called_samples(workshop: Workshop) -> None:
    write_csv(numbers().drop(columns=["flag", "height"]), workshop.raw / "soil_samples.csv")
    assert workshop.drafted(origin("accuracy", source="folder", target="species")).draft.train.path == "soil_samples.csv"


def test_a_test_table_with_more_rows_than_are_asked_for_is_the_test_table(workshop: Workshop) -> None:
    plain(workshop.raw, "height", 0)
    write_csv(numbers(1)[["id"]].head(20).assign(height=0), workshop.raw / "sample_submission.csv")
    made = workshop.drafted(origin("RMSE"))
    assert made.draft.test is not None
    assert made.draft.test.path == "test.csv"


def test_labels_with_commas_between_them_get_blanks(workshop: Workshop) -> None:
    tags = ["oak,tall", "oak", "yew,tall,old", "yew"] * (ROWS // 4)
    write_csv(numbers()[["id", "width"]].assign(tags=tags), workshop.raw / "train.csv")
    write_csv(numbers(1)[["id"]].assign(tags="oak"), workshop.raw / "sample_submission.csv")
    made = workshop.drafted(origin("micro F1"))
    assert set(made.answers["tags"]) == {tag.replace(",", " ") for tag in tags}
    assert made.score(made.perfect()) == 1
    assert 0 < made.score(made.answers.assign(tags="oak")) < 1
