"""What raw data does not show is said in one sentence; no folder is written then."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench.data import write_csv
from mlebench.data.mocking import image_bytes, write_files
from mlebench.errors import CannotDraft, UsageError
from mlebench.scaffold.draft import draft, write_draft
from tests.scaffold.draft.raw_data import Workshop, numbers, origin, plain

PICTURE = partial(image_bytes, np.random.default_rng(0), "PNG", (4, 4))


def refused(raw: Path, **facts: object) -> str:
    with pytest.raises(CannotDraft) as refusal:
        draft(raw, origin(**facts))  # type: ignore[arg-type]
    sentence = str(refusal.value)
    assert "\n" not in sentence
    return sentence


def test_an_unknown_metric(workshop: Workshop) -> None:
    plain(workshop.raw, "height", 0)
    assert "flying colours" in refused(workshop.raw, metric="flying colours")


def test_no_metric_at_all(workshop: Workshop) -> None:
    plain(workshop.raw, "height", 0)
    assert "--metric NAME" in refused(workshop.raw, metric=None, pages={"Evaluation": "Read the rules."})


@pytest.mark.parametrize(
    ("target", "metric", "reason"),
    [
        ("species", "RMSE", "needs numbers"),
        ("species", "ROC AUC", "needs two classes"),
        ("height", "ROC AUC", "needs 0 or 1"),
        ("height", "accuracy", "numbers with fractions"),
        ("species", "quadratic weighted kappa", "needs whole numbers"),
        ("species", "multi-class log loss", "one probability for each class"),
    ],
)
def test_a_metric_that_does_not_fit_the_target(target: str, metric: str, reason: str, workshop: Workshop) -> None:
    plain(workshop.raw, target, 0)
    assert reason in refused(workshop.raw, metric=metric)


def test_two_words_of_which_neither_means_yes(workshop: Workshop) -> None:
    table = numbers().drop(columns=["species", "height"])
    write_csv(table.assign(flag=table["flag"].map({0: "benign", 1: "malignant"})), workshop.raw / "train.csv")
    write_csv(numbers(1)[["id"]].assign(flag=0.5), workshop.raw / "sample_submission.csv")
    assert "replace them by 0 and 1" in refused(workshop.raw, metric="ROC AUC")


def test_empty_cells_of_the_target(workshop: Workshop) -> None:
    table = numbers().drop(columns=["flag", "species"])
    table.loc[:4, "height"] = np.nan
    write_csv(table, workshop.raw / "train.csv")
    write_csv(numbers(1)[["id"]].assign(height=0), workshop.raw / "sample_submission.csv")
    assert "empty in 5 of 80 rows" in refused(workshop.raw, metric="RMSE")


def test_no_sample_submission(workshop: Workshop) -> None:
    plain(workshop.raw, "height", 0)
    (workshop.raw / "sample_submission.csv").unlink()
    assert "is a sample submission" in refused(workshop.raw, metric="RMSE")


def test_a_sample_whose_target_no_table_has(workshop: Workshop) -> None:
    plain(workshop.raw, "height", 0)
    write_csv(numbers(1)[["id"]].head(30).assign(mask="", size=0), workshop.raw / "sample_submission.csv")
    assert "`mask`, `size`" in refused(workshop.raw, metric="RMSE")


def test_a_sample_of_other_rows_than_those_of_the_test_table(workshop: Workshop) -> None:
    plain(workshop.raw, "height", 0)
    write_csv(numbers(5)[["id"]].head(30).assign(height=0), workshop.raw / "sample_submission.csv")
    assert "30 ids of `sample_submission.csv` are not in `id` of `test.csv`" in refused(workshop.raw, metric="RMSE")


def test_ids_that_repeat(workshop: Workshop) -> None:
    plain(workshop.raw, "height", 0)
    table = numbers().drop(columns=["flag", "species"])
    write_csv(pd.concat([table, table.head(3)]), workshop.raw / "train.csv")
    assert "3 rows of 83 repeat an id" in refused(workshop.raw, metric="RMSE")


def test_two_tables_that_could_have_the_labels(workshop: Workshop) -> None:
    plain(workshop.raw, "height", 0)
    write_csv(numbers(3).drop(columns=["flag", "species"]), workshop.raw / "train_noisy.csv")
    assert "both `train.csv` and `train_noisy.csv`" in refused(workshop.raw, metric="RMSE")


def test_features_in_another_table_than_the_labels(workshop: Workshop) -> None:
    write_csv(numbers()[["id", "height"]], workshop.raw / "train_labels.csv")
    write_csv(numbers()[["id", "width", "colour"]], workshop.raw / "train_features.csv")
    write_csv(numbers(1)[["id", "width", "colour"]], workshop.raw / "test_features.csv")
    write_csv(numbers(1)[["id"]].assign(height=0), workshop.raw / "sample_submission.csv")
    assert "into one table" in refused(workshop.raw, metric="RMSE")


def test_rows_without_their_file(workshop: Workshop) -> None:
    plain(workshop.raw, "flag", 0)
    write_files(workshop.raw / "train", [f"{name}.png" for name in numbers()["id"][:-3]], PICTURE)
    assert "3 rows of 80" in refused(workshop.raw, metric="ROC AUC")


def test_paths_that_reveal_the_class(workshop: Workshop) -> None:
    table = numbers()[["id", "species"]]
    paths = table["species"] + "/" + table["id"] + ".png"
    write_csv(table.assign(path=paths), workshop.raw / "train.csv")
    write_csv(numbers(1)[["id"]].assign(species="ash"), workshop.raw / "sample_submission.csv")
    write_files(workshop.raw / "images", paths, PICTURE)
    assert "would reveal it" in refused(workshop.raw, metric="accuracy")


def test_too_few_rows(workshop: Workshop) -> None:
    write_csv(numbers(rows=10).drop(columns=["flag", "species"]), workshop.raw / "train.csv")
    assert "too few" in refused(workshop.raw, metric="RMSE", source="folder", target="height")


@pytest.mark.parametrize(
    ("target", "instead"), [("hieght", "did you mean `height`?"), ("mass", "the columns of `all.csv` are `id`,")]
)
def test_a_target_that_no_table_has(target: str, instead: str, workshop: Workshop) -> None:
    write_csv(numbers(), workshop.raw / "all.csv")
    with pytest.raises(UsageError, match=f"no table has the column '{target}'; {re.escape(instead)}"):
        draft(workshop.raw, origin("RMSE", source="folder", target=target))


@pytest.mark.parametrize(
    ("change", "target", "metric", "reason"),
    [
        ({"flag": 1}, "flag", "ROC AUC", "`flag` of `all.csv` is '1' in all 80 rows"),
        ({}, "id", "accuracy", "all 80 values of `id` in `all.csv` differ"),
        ({}, "species", "F1", "F1 needs 0 and 1"),
        ({"height": [f"{number},5" for number in range(80)]}, "height", "RMSE", "decimal commas, such as '0,5'"),
        ({"row_id": 1, "id": "a b"}, "height", "RMSE", "`row_id` of `all.csv` has the same value in several rows"),
        ({"id": "a b"}, "row_id", "accuracy", "`row_id` of `all.csv` is the target"),
        ({"two\nlines": 1}, "height", "RMSE", "control character (`two\\nlines`); rename it"),
    ],
)
def test_a_table_of_ones_own_that_has_to_be_corrected(
    change: dict[str, object], target: str, metric: str, reason: str, workshop: Workshop
) -> None:
    table = numbers().assign(**change)
    write_csv(table.rename(columns={"flag": target}) if target not in table else table, workshop.raw / "all.csv")
    assert reason in refused(workshop.raw, metric=metric, source="folder", target=target)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("id,größe\n1,2\n".encode("latin-1"), "in an encoding other than UTF-8; save it as UTF-8"),
        (b"", "it is an empty file; correct the file"),
        (b"id,height\n1,2\n3,4,5\n", "Expected 2 fields in line 3, saw 3"),
    ],
)
def test_a_table_that_cannot_be_read(content: bytes, reason: str, workshop: Workshop) -> None:
    (workshop.raw / "all.csv").write_bytes(content)
    sentence = refused(workshop.raw, metric="RMSE", source="folder", target="height")
    assert sentence.startswith("all.csv cannot be read as csv") and reason in sentence
    assert "download" not in sentence


def test_json_of_another_form_is_named_and_not_called_damaged(workshop: Workshop) -> None:
    plain(workshop.raw, "height", 0)
    (workshop.raw / "train.csv").unlink()
    (workshop.raw / "annotations.json").write_text('{"images": [{"id": 1}], "annotations": []}')
    sentence = refused(workshop.raw, metric="RMSE")
    assert "no table has both the ids and the targets (`height`) of `sample_submission.csv`" in sentence
    assert "(annotations.json holds no table: it holds no rows with the same fields)" in sentence


def test_links_out_of_the_folder_are_not_followed(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    plain(tmp_path / "elsewhere", "height", 0)
    for path in (tmp_path / "elsewhere").iterdir():
        (workshop.raw / path.name).symlink_to(path)
    assert "there is no csv, tsv, parquet or JSON table (links are not followed)" in refused(workshop.raw, metric="RMSE")


def test_a_folder_that_has_files_already_stays_as_it_is(workshop: Workshop, tmp_path: Path) -> None:
    plain(workshop.raw, "height", 0)
    worked_out = draft(workshop.raw, origin("RMSE"))
    folder = tmp_path / "drafted"
    folder.mkdir()
    (folder / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="not empty"):
        write_draft(worked_out, folder)
    with pytest.raises(UsageError, match="another name"):
        write_draft(worked_out, tmp_path / "other")
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
