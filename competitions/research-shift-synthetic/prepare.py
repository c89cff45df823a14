from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, write_csv
from mlebench.research.networks import draw_network

from .sampled_classifiers import CLASSES, class_table, detection, joint_loss
from .shift_methods import entropy, linear
from .shifts import ALL_CLASSES, INPUTS, SEVERITIES, SHIFTS, choose_classes

TRAINING = 2000
UNSHIFTED = 300
PER_SHIFT_AND_SEVERITY = 40


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    network = draw_network(edition.rng("function"), INPUTS, ALL_CLASSES)
    classes = choose_classes(network, edition.rng("classes"))
    x, y = classes.draw(edition.rng("training"), TRAINING, known=True)
    parts = {
        ("none", 0, known): classes.draw(edition.rng(f"test known {known}"), UNSHIFTED, known=known) for known in (True, False)
    }
    for kind, shift in SHIFTS.items():
        for severity in SEVERITIES:
            rng = edition.rng(f"test {kind} {severity}")
            parts[kind, severity, True] = classes.draw_shifted(rng, PER_SHIFT_AND_SEVERITY, shift, severity)

    test = np.concatenate([inputs for inputs, _ in parts.values()]).astype(np.float32)
    answers = pd.concat([rows(key, labels) for key, (_, labels) in parts.items()], ignore_index=True)
    answers["pair"] = pairs(answers)
    order = edition.rng("order").permutation(len(test))
    test, answers = test[order], answers.iloc[order].reset_index(drop=True)
    answers.insert(0, "row_id", [f"r{number:04d}" for number in range(len(answers))])

    x = x.astype(np.float32)
    baseline = linear(x, y, test)
    answers["base_loss"] = joint_loss(answers, baseline)
    answers["base_detection"] = detection(answers, entropy(baseline))
    np.savez(public / "data.npz", x_train=x, y_train=y.astype(np.int8), x_test=test)
    uniform = np.full((len(answers), 1, CLASSES), 1 / CLASSES)
    write_csv(class_table(answers["row_id"], uniform, np.zeros(len(answers))), public / "sample_submission.csv")
    write_csv(answers, private / "answers.csv")


def rows(key: tuple[str, int, bool], labels: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"label": labels, "kind": key[0], "severity": key[1]})


def pairs(answers: pd.DataFrame) -> pd.Series:
    """Pairs of shifted rows within a kind and severity; −1 for all other rows and a left-over one."""
    place = answers.groupby(["kind", "severity"]).cumcount()
    group = answers.groupby(["kind", "severity"]).ngroup()
    size = answers.groupby(["kind", "severity"])["label"].transform("size")
    paired = (answers["kind"] != "none") & (place < size - size % 2)
    return (group * len(answers) + place // 2).where(paired, -1)
