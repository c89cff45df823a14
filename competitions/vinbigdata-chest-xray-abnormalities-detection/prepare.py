from pathlib import Path

import numpy as np
import pandas as pd

from grading.metrics.boxes import iou_matrix
from mlebench.data import Edition, link_files, read_csv, write_csv
from mlebench.data.groups import same_content

from .boxes import CORNERS, NO_FINDING, SAMPLE_BOX

FINDING = ["image_id", "class_id"]
SAME_LESION = 0.4


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    boxes = read_csv(raw / "train.csv")
    ids = boxes["image_id"].unique()
    copies = None if edition.is_v1 else same_content(raw / "train" / f"{name}.dicom" for name in ids)
    train_ids, test_ids = edition.split(ids, test_size=0.1, v2_groups=copies)
    train, test = (boxes[boxes["image_id"].isin(ids)] for ids in (train_ids, test_ids))

    fused = test.groupby(FINDING, as_index=False).first() if edition.is_v1 else fuse(test)
    answers = fused.fillna(0)
    answers.loc[answers["class_id"] == NO_FINDING, ["x_max", "y_max"]] = 1.0
    write_csv(train, public / "train.csv")
    write_csv(answers, private / "answers.csv")
    sample = pd.DataFrame({"image_id": test_ids, "PredictionString": SAMPLE_BOX})
    write_csv(sample, public / "sample_submission.csv")

    certain = answers["class_id"].astype(str) + " 1.0 " + answers[CORNERS].astype(float).astype(str).agg(" ".join, axis=1)
    gold = certain.groupby(answers["image_id"]).agg(" ".join).rename("PredictionString").reset_index()
    write_csv(gold, private / "gold_submission.csv")

    link_files(raw / "train", public / "train", [f"{name}.dicom" for name in train_ids])
    link_files(raw / "train", public / "test", [f"{name}.dicom" for name in test_ids])


def fuse(boxes: pd.DataFrame) -> pd.DataFrame:
    """One box per lesion: the mean of overlapping boxes of one class, in table order."""
    lesions = []
    for (image, label), finding in boxes.groupby(FINDING):
        corners = finding[CORNERS].to_numpy(dtype=float)
        found = mean_boxes(corners) if label != NO_FINDING else corners[:1]
        row = {"image_id": image, "class_id": label, "class_name": finding["class_name"].iloc[0]}
        lesions += [{**row, **dict(zip(CORNERS, box, strict=True))} for box in found.tolist()]
    return pd.DataFrame(lesions)


def mean_boxes(corners: np.ndarray) -> np.ndarray:
    """The mean box of each cluster; a box joins the first cluster whose mean it overlaps with more than 0.4 IoU."""
    clusters: list[list[np.ndarray]] = []
    means = np.empty((0, 4))
    for box in corners:
        near = np.flatnonzero(iou_matrix(means, box[None])[:, 0] > SAME_LESION)
        if len(near):
            clusters[near[0]].append(box)
            means[near[0]] = np.mean(clusters[near[0]], axis=0)
        else:
            clusters.append([box])
            means = np.vstack([means, box])
    return means
