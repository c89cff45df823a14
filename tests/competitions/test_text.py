"""What edition v2 of the text competitions fixes, as seen in the prepared files and in scores."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlebench.data import read_csv, read_json_lines
from mlebench.data.mocking import MISSING_LOOKING
from mlebench.grade import grade_csv
from mlebench.preparation import prepare
from mlebench.registry import Competition, Registry
from tests.cases import Cases


def table(path: Path) -> pd.DataFrame:
    return read_csv(path, text=True, dtype=str, sep="\t" if ".tsv" in path.name else ",")


def score(competition: Competition, submission: pd.DataFrame, tmp_path: Path) -> float | None:
    submission.to_csv(tmp_path / "submission.csv", index=False)
    return grade_csv(tmp_path / "submission.csv", competition).score


@pytest.mark.parametrize(
    ("name", "train", "test", "group"),
    [
        ("lmsys-chatbot-arena", "train.csv", "test.csv", "prompt"),
        ("movie-review-sentiment-analysis-kernels-only", "train.tsv.zip", "test.tsv.zip", "SentenceId"),
        ("us-patent-phrase-to-phrase-matching", "train.csv", "test.csv", "anchor"),
        ("google-quest-challenge", "train.csv", "test.csv", "question_body"),
        ("chaii-hindi-and-tamil-question-answering", "train.csv", "test.csv", "context"),
        ("facebook-recruiting-iii-keyword-extraction", "train.csv", "test.csv", "Body"),
    ],
)
def test_groups_lie_on_one_side(cases: Cases, name: str, train: str, test: str, group: str) -> None:
    shared = {}
    for edition in ("v1", "v2"):
        public = cases.prepared(name, edition).public_dir
        shared[edition] = set(table(public / train)[group]) & set(table(public / test)[group])
    assert shared["v1"], "the mock has no groups that v1 divides"
    assert not shared["v2"]


def test_questions_on_one_article_lie_on_one_side(cases: Cases) -> None:
    competition = cases.prepared("tensorflow2-question-answering")
    files = (competition.public_dir / "simplified-nq-train.jsonl", competition.private_dir / "test.jsonl")
    train, test = ({example["document_url"].split("oldid=")[0] for example in read_json_lines(file)} for file in files)
    assert not train & test


@pytest.mark.parametrize(
    ("name", "files", "column"),
    [
        ("spooky-author-identification", ("public/train.csv", "public/test.csv"), "text"),
        ("movie-review-sentiment-analysis-kernels-only", ("public/train.tsv.zip", "public/test.tsv.zip"), "Phrase"),
        ("tweet-sentiment-extraction", ("public/train.csv", "private/test.csv"), "selected_text"),
        ("chaii-hindi-and-tamil-question-answering", ("public/train.csv",), "answer_text"),
        ("facebook-recruiting-iii-keyword-extraction", ("public/train.csv", "private/test.csv"), "Tags"),
        ("text-normalization-challenge-russian-language", ("public/ru_train.csv.zip",), "before"),
        ("jigsaw-unintended-bias-in-toxicity-classification", ("public/test.csv",), "comment_text"),
    ],
)
def test_words_that_read_like_missing_values_are_kept(cases: Cases, name: str, files: tuple[str, ...], column: str) -> None:
    words = {}
    for edition in ("v1", "v2"):
        folder = cases.prepared(name, edition).prepared_dir
        words[edition] = {cell for file in files for cell in table(folder / file)[column]} & set(MISSING_LOOKING)
    assert not words["v1"]
    assert words["v2"]


def test_a_prediction_that_reads_like_a_missing_value_is_a_word(cases: Cases) -> None:
    competition = cases.prepared("tweet-sentiment-extraction")
    answers = competition.answers_table.assign(selected_text="null")
    competition.grader.score(answers[["textID", "selected_text"]], answers)
    assert competition.grader.score(answers.assign(selected_text=""), answers) == 0
    assert competition.grader.score(answers.assign(selected_text="NULL"), answers) == 1


@pytest.mark.parametrize("name", ["spooky-author-identification", "lmsys-chatbot-arena"])
def test_rows_of_probabilities_are_rescaled(cases: Cases, tmp_path: Path, name: str) -> None:
    doubled = {}
    for edition in ("v1", "v2"):
        competition = cases.prepared(name, edition)
        sample = table(competition.sample_submission)
        half = sample.assign(**{column: sample[column].astype(float) / 2 for column in sample.columns[1:]})
        doubled[edition] = score(competition, half, tmp_path)
    assert doubled["v1"] is None
    assert doubled["v2"] == score(competition, sample, tmp_path)


def test_toxicity_is_ranked_by_the_predictions_as_they_are(cases: Cases, tmp_path: Path) -> None:
    small = {}
    for edition in ("v1", "v2"):
        competition = cases.prepared("jigsaw-unintended-bias-in-toxicity-classification", edition)
        perfect = competition.grader.perfect_submission(competition.answers_table)
        small[edition] = score(competition, perfect.assign(prediction=perfect["prediction"] / 10), tmp_path)
    assert small == {"v1": 0.5, "v2": 1.0}


def test_blank_answers_earn_nothing_in_the_mended_f1(cases: Cases, tmp_path: Path) -> None:
    scores = {}
    for edition in ("v1", "v2"):
        competition = cases.prepared("tensorflow2-question-answering", edition)
        scores[edition] = score(competition, table(competition.sample_submission), tmp_path)
    assert scores["v1"] is not None and scores["v1"] > 0.1
    assert scores["v2"] == 0


def test_any_one_of_several_short_answers_is_right(cases: Cases, tmp_path: Path) -> None:
    competition = cases.prepared("tensorflow2-question-answering")
    answers = competition.answers_table
    several = answers["right"].str.split().str.len() > 1
    assert several.any()
    last = answers[["example_id"]].assign(PredictionString=answers["right"].str.split().str[-1].fillna(""))
    assert score(competition, last, tmp_path) == 1


def test_unknown_tags_cost_something(cases: Cases, tmp_path: Path) -> None:
    scores = {}
    for edition in ("v1", "v2"):
        competition = cases.prepared("facebook-recruiting-iii-keyword-extraction", edition)
        right = table(competition.answers)[["Id", "Tags"]]
        scores[edition] = score(competition, right.assign(Tags=right["Tags"] + " no-such-tag"), tmp_path)
    assert scores["v1"] == 1
    assert scores["v2"] is not None and scores["v2"] < 1


def test_insults_have_an_id_and_no_text_in_the_submission(cases: Cases) -> None:
    competition = cases.prepared("detecting-insults-in-social-commentary")
    assert list(table(competition.sample_submission)) == ["id", "Insult"]
    assert list(table(competition.public_dir / "test.csv")) == ["id", "Date", "Comment"]


def test_every_score_reaches_the_test_set_in_its_share(cases: Cases) -> None:
    competition = cases.prepared("learning-agency-lab-automated-essay-scoring-2")
    train, test = (table(file)["score"].value_counts() for file in (competition.public_dir / "train.csv", competition.answers))
    assert (np.abs(test - (train + test) / 10) <= 1).all()


def test_spelling_questions_reach_the_test_set(cases: Cases) -> None:
    competition = cases.prepared("google-quest-challenge")
    spelling = table(competition.answers)["question_type_spelling"].astype(float)
    assert 0 < (spelling > 0).mean() < 1


def test_a_constant_column_counts_nothing(cases: Cases, tmp_path: Path) -> None:
    constant = {}
    for edition in ("v1", "v2"):
        competition = cases.prepared("google-quest-challenge", edition)
        perfect = competition.grader.perfect_submission(competition.answers_table)
        constant[edition] = score(competition, perfect.assign(answer_helpful=0.5), tmp_path)
    assert constant["v1"] is None
    assert constant["v2"] == pytest.approx(29 / 30, abs=1e-5)


def test_notebooks_must_be_permutations_of_their_cells(cases: Cases, tmp_path: Path) -> None:
    competition = cases.prepared("AI4Code")
    perfect = competition.grader.perfect_submission(competition.answers_table)
    cells = perfect["cell_order"].iloc[0].split()
    for wrong in (cells[:-1], [*cells[:-1], cells[0]], [*cells[:-1], "00000000"], [*cells, cells[0]]):
        faulty = perfect.copy()
        faulty.loc[0, "cell_order"] = " ".join(wrong)
        faulty.to_csv(tmp_path / "faulty.csv", index=False)
        report = grade_csv(tmp_path / "faulty.csv", competition)
        assert report.error_kind == "invalid"
        assert str(perfect["id"].iloc[0]) in str(report.error)


def test_notebooks_of_one_family_lie_on_one_side(cases: Cases) -> None:
    competition = cases.prepared("AI4Code")
    family = table(cases.raw("AI4Code") / "train_ancestors.csv").set_index("id")["ancestor_id"]
    train, test = ({family[file.stem] for file in (competition.public_dir / part).iterdir()} for part in ("train", "test"))
    assert train and test and not train & test


def test_only_newlines_end_a_sentence(cases: Cases, tmp_path: Path) -> None:
    raw = cases.copied("billion-word-imputation", tmp_path)
    with zipfile.ZipFile(raw / "train_v2.txt.zip") as packed:
        text = packed.read("train_v2.txt").decode()
    with zipfile.ZipFile(raw / "train_v2.txt.zip", "w") as packed:
        packed.writestr("train_v2.txt", text.replace(" a ", " a\ra "))
    lines = {}
    for edition in ("v1", "v2"):
        competition = Registry(tmp_path, edition).get_competition("billion-word-imputation")
        prepare(competition, raw, mock=True)
        with zipfile.ZipFile(competition.public_dir / "train_v2.txt.zip") as packed:
            train = packed.read("train_v2.txt").decode().count("\n")
        lines[edition] = train + len(competition.answers_table)
    assert lines["v2"] == text.count("\n") < lines["v1"]


def test_exactly_one_inner_token_is_missing(cases: Cases) -> None:
    competition = cases.prepared("billion-word-imputation")
    sample = table(competition.sample_submission)["sentence"].str.split()
    whole = table(competition.answers)["sentence"].str.split()
    for reduced, tokens in zip(sample, whole, strict=True):
        assert any(tokens[:k] + tokens[k + 1 :] == reduced for k in range(1, len(tokens) - 1))
