"""The shipped agents: what dummy and baseline submit, run as the sandboxes run them, by their start scripts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import py7zr
import pytest
from sklearn import datasets
from sklearn.metrics import log_loss, roc_auc_score

from mlebench.agents import get_agent


class Task:
    """A competition folder in which an agent works."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "data"
        self.data.mkdir()
        (home / "submission").mkdir()

    def tables(self, train: pd.DataFrame, test: pd.DataFrame, sample: pd.DataFrame, description: str = "") -> None:
        train.to_csv(self.data / "train.csv", index=False)
        test.to_csv(self.data / "test.csv", index=False)
        sample.to_csv(self.data / "sample_submission.csv", index=False)
        (self.data / "description.md").write_text(description)

    def play(self, agent: str, seed: int = 0) -> pd.DataFrame:
        spec = get_agent(agent)
        self.log = subprocess.run(
            ["bash", str(spec.directory / spec.start), *spec.command_arguments],
            env={
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "MLEBENCH_HOME": str(self.home),
                "DATA_DIR": str(self.data),
                "SUBMISSION_DIR": str(self.home / "submission"),
                "AGENT_DIR": str(spec.directory),
                "MLEBENCH_SEED": str(seed),
                "OMP_NUM_THREADS": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        ).stdout
        return pd.read_csv(self.home / "submission" / "submission.csv", dtype={"id": str})


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return Task(tmp_path)


def rows(frame: pd.DataFrame, share: float = 0.7) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shuffled rows with an id, split into train and test."""
    shuffled = frame.sample(frac=1, random_state=0).reset_index(drop=True)
    shuffled.insert(0, "id", [f"row{number:05d}" for number in range(len(shuffled))])
    cut = int(share * len(shuffled))
    return shuffled[:cut], shuffled[cut:]


def test_tables_in_7z_archives_are_read(task: Task) -> None:
    train = pd.DataFrame({"id": range(200), "x": np.linspace(0, 1, 200)})
    test = train.assign(id=train["id"] + 200)
    task.tables(train.assign(y=3 * train["x"]), test, test[["id"]].assign(y=0.5))
    for path in task.data.glob("*.csv"):
        with py7zr.SevenZipFile(f"{path}.7z", "w") as archive:
            archive.write(path, path.name)
        path.unlink()
    filled = task.play("baseline")
    assert np.corrcoef(filled["y"], test["x"])[0, 1] > 0.99
    assert task.play("dummy")["y"].eq(0.5).all()


def test_dummy_hands_in_the_sample(task: Task) -> None:
    frame = pd.DataFrame({"id": ["1"], "y": [0.5]})
    task.tables(frame, frame, frame)
    assert task.play("dummy").equals(frame)


def test_labels_are_predicted_for_a_classification(task: Task) -> None:
    train, test = rows(datasets.load_wine(as_frame=True).frame)
    sample = test[["id"]].assign(target=0).iloc[::-1]
    task.tables(train, test.drop(columns="target"), sample, "Scored by accuracy.")
    handed_in = task.play("baseline")
    assert list(handed_in["id"]) == list(sample["id"])
    truth = test.set_index("id").loc[handed_in["id"], "target"].to_numpy()
    assert (handed_in["target"].to_numpy() == truth).mean() > 0.9
    assert set(handed_in["target"]) <= {0, 1, 2}


def test_probabilities_are_predicted_where_they_are_asked_for(task: Task) -> None:
    train, test = rows(datasets.load_breast_cancer(as_frame=True).frame)
    task.tables(train, test.drop(columns="target"), test[["id"]].assign(target=0), "Scored by the area under the ROC curve.")
    handed_in = task.play("baseline")
    assert roc_auc_score(test["target"], handed_in["target"]) > 0.97
    assert handed_in["target"].nunique() > 10


def test_one_column_per_class_is_filled_with_probabilities(task: Task) -> None:
    frame = datasets.load_wine(as_frame=True).frame
    frame["target"] = frame["target"].map({0: "red", 1: "white", 2: "green"})
    train, test = rows(frame)
    sample = test[["id"]].assign(green=1 / 3, red=1 / 3, white=1 / 3)
    task.tables(train, test.drop(columns="target"), sample, "Multi-class log loss.")
    handed_in = task.play("baseline")[["green", "red", "white"]]
    assert np.allclose(handed_in.sum(axis=1), 1)
    assert log_loss(test["target"], handed_in) < 0.3


def test_regression_stays_within_the_range_of_train(task: Task) -> None:
    train, test = rows(datasets.load_diabetes(as_frame=True).frame)
    task.tables(train, test.drop(columns="target"), test[["id"]].assign(target=1.5))
    handed_in = task.play("baseline")["target"]
    assert train["target"].min() <= handed_in.min() and handed_in.max() <= train["target"].max()
    assert np.abs(handed_in - test["target"].to_numpy()).mean() < np.abs(test["target"] - train["target"].mean()).mean()


def test_every_target_is_predicted(task: Task) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=300), "b": rng.choice(["x", "y", None], 300)})
    frame["first"] = frame["a"] * 2 + (frame["b"] == "x")
    frame["second"] = np.exp(frame["a"])
    train, test = rows(frame)
    task.tables(
        train, test.drop(columns=["first", "second"]), test[["id"]].assign(first=0.0, second=0.0), "Mean column-wise RMSLE."
    )
    handed_in = task.play("baseline")
    assert np.corrcoef(handed_in["first"], test["first"])[0, 1] > 0.95
    assert np.corrcoef(handed_in["second"], test["second"])[0, 1] > 0.9
    assert (handed_in["second"] > 0).all()


def test_true_and_false_are_handed_in_as_the_sample_writes_them(task: Task) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=300), "cabin": [f"B/{number % 50}/P" for number in range(300)]})
    frame["flag"] = frame["a"] > 0
    train, test = rows(frame)
    task.tables(train, test.drop(columns="flag"), test[["id"]].assign(flag=False))
    task.play("baseline")
    text = (task.home / "submission" / "submission.csv").read_text()
    assert {line.split(",")[1] for line in text.split()[1:]} == {"True", "False"}


def test_texts_are_read(task: Task) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    words = [["the cat sat quietly here", "a dog barks loudly there"][label] for label in labels]
    frame = pd.DataFrame(
        {"text": [f"{word} number {rng.integers(1000)} of many" for word in words], "cat": 1 - labels, "dog": labels}
    )
    train, test = rows(frame)
    task.tables(train, test[["id", "text"]], test[["id"]].assign(cat=0.5, dog=0.5), "Mean column-wise ROC AUC.")
    handed_in = task.play("baseline")
    assert roc_auc_score(test["dog"], handed_in["dog"]) > 0.99
    assert roc_auc_score(test["cat"], handed_in["cat"]) > 0.99


def test_seed_changes_the_model_and_a_seed_repeats_it(task: Task) -> None:
    train, test = rows(datasets.load_diabetes(as_frame=True).frame)
    task.tables(train, test.drop(columns="target"), test[["id"]].assign(target=1.5))
    first, again, other = task.play("baseline", 1), task.play("baseline", 1), task.play("baseline", 2)
    assert first.equals(again)
    assert not first.equals(other)


@pytest.mark.parametrize("case", ["no tables", "no targets", "foreign ids", "broken table", "one class"])
def test_sample_stays_where_the_task_is_not_understood(task: Task, case: str) -> None:
    frame = pd.DataFrame({"id": [f"r{number}" for number in range(40)], "x": range(40), "y": [0.5, 1.5] * 20})
    sample = pd.DataFrame({"id": ["r38", "r39"], "y": [0.1, 0.1]})
    train, test = frame[:38], frame[38:].drop(columns="y")
    if case == "no targets":
        train = train.rename(columns={"y": "other"}).assign(more=1)
    if case == "foreign ids":
        sample["id"] = ["p1", "q2"]
    if case == "one class":
        train = train.assign(y=1)
    task.tables(train, test, sample)
    if case == "no tables":
        (task.data / "train.csv").unlink()
    if case == "broken table":
        (task.data / "train.csv").write_bytes(b"\xff\xfe\x00")
    assert task.play("baseline").equals(sample)
    assert "the sample submission stays" in task.log


def test_rows_of_one_id_share_a_prediction(task: Task) -> None:
    """Two views of each patient; one row of the sample per patient."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"patient": np.repeat(np.arange(200), 2), "x": rng.normal(size=400)})
    frame["ill"] = (frame.groupby("patient")["x"].transform("mean") > 0).astype(int)
    train, test = frame[frame["patient"] < 150], frame[frame["patient"] >= 150].sample(frac=1, random_state=0)
    sample = pd.DataFrame({"patient": range(150, 200), "ill": 0.3})
    task.tables(train, test.drop(columns="ill"), sample)
    handed_in = task.play("baseline")
    truth = test.groupby("patient")["ill"].first()
    assert list(handed_in["patient"]) == list(sample["patient"])
    assert roc_auc_score(truth, handed_in["ill"]) > 0.85


def test_sample_without_an_id_is_filled_in_order(task: Task) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"label": rng.integers(0, 2, 300), "when": "2012", "noise": rng.normal(size=300)})
    frame["x"] = frame["label"] + rng.normal(scale=0.1, size=300)
    test = frame[200:]
    task.tables(frame[:200], test.drop(columns="label"), test.assign(label=0), "Scored by AUC.")
    assert roc_auc_score(test["label"], task.play("baseline")["label"]) > 0.99


def test_three_probabilities_sum_to_one_where_those_of_the_sample_do(task: Task) -> None:
    rng = np.random.default_rng(0)
    winner = rng.integers(0, 3, 300)
    frame = pd.DataFrame(
        {"x": winner + rng.normal(size=300)} | {f"wins_{name}": (winner == name).astype(int) for name in range(3)}
    )
    train, test = rows(frame)
    wins = {f"wins_{name}": 1 / 3 for name in range(3)}
    task.tables(train, test[["id", "x"]], test[["id"]].assign(**wins), "Log loss.")
    handed_in = task.play("baseline")[list(wins)]
    assert np.allclose(handed_in.sum(axis=1), 1)
    assert handed_in.nunique().min() > 10


@pytest.mark.parametrize("agent", ["dummy", "baseline"])
def test_packed_sample_is_handed_in_unpacked(task: Task, agent: str) -> None:
    sample = pd.DataFrame({"id": ["0_1", "0_2"], "after": ["a", "b,c"]})
    sample.to_csv(task.data / "en_sample_submission_2.csv.zip", index=False)
    assert task.play(agent).equals(sample)


def test_votes_become_shares_where_the_sample_holds_shares(task: Task) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=300)})
    frame["a_vote"] = rng.binomial(10, 1 / (1 + np.exp(-2 * frame["x"])))
    frame["b_vote"] = 10 - frame["a_vote"]
    train, test = rows(frame)
    task.tables(
        train, test[["id", "x"]], test[["id"]].assign(a_vote=0.5, b_vote=0.5), "Kullback-Leibler divergence of the votes."
    )
    handed_in = task.play("baseline")
    assert np.allclose(handed_in["a_vote"] + handed_in["b_vote"], 1)
    assert np.corrcoef(handed_in["a_vote"], test["a_vote"])[0, 1] > 0.8
