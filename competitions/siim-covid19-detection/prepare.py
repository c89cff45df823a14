from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, link_tree, read_csv, write_csv
from mlebench.data.groups import same_content, united
from mlebench.data.raw_faults import damaged

from .labels import APPEARANCES, NOTHING, SAMPLE_STUDY


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    studies, images = read_csv(raw / "train_study_level.csv"), read_csv(raw / "train_image_level.csv")
    groups = None if edition.is_v1 else studies_with_equal_images(raw / "train", studies["id"])
    train, test = (part.sort_values("id") for part in edition.split(studies, test_size=0.1, v2_groups=groups))
    study = images["StudyInstanceUID"] + "_study"
    if not study.isin(studies["id"]).all():
        raise damaged(raw / "train_image_level.csv", "it lists studies that are missing from the study table")
    train_images, test_images = (images[study.isin(part["id"])].sort_values("id") for part in (train, test))

    write_csv(train, public / "train_study_level.csv")
    write_csv(train_images, public / "train_image_level.csv")
    appearance = np.array(APPEARANCES)[test.iloc[:, 1:].to_numpy().argmax(axis=1)]
    answers = pd.concat(
        [
            pd.DataFrame({"id": test["id"], "PredictionString": [f"{word} 1 0 0 1 1" for word in appearance]}),
            test_images[["id", "label"]].set_axis(["id", "PredictionString"], axis=1),
        ]
    )
    write_csv(answers, private / "test.csv")
    sample = np.where(answers["id"].str.endswith("_study"), SAMPLE_STUDY, NOTHING)
    write_csv(answers.assign(PredictionString=sample), public / "sample_submission.csv")

    for part, side in ((train, "train"), (test, "test")):
        for name in part["id"].str.removesuffix("_study"):
            link_tree(raw / "train" / name, public / side / name)


def studies_with_equal_images(folder: Path, studies: pd.Series) -> pd.Series:
    """A group for each study; studies that share an image are in one group."""
    files = [(study, path) for study in studies for path in (folder / study.removesuffix("_study")).rglob("*.dcm")]
    study_of_file = [study for study, _ in files]
    groups = united(study_of_file, same_content(path for _, path in files))
    return studies.map(dict(zip(study_of_file, groups, strict=True)))
