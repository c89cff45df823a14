import random
from pathlib import Path

import pandas as pd

from mlebench.data import Edition, link_files, link_tree, read_csv, write_csv
from mlebench.data.groups import same_folders

SHARE = 0.1


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    studies = read_csv(raw / "train.csv")
    boxes = read_csv(raw / "train_bounding_boxes.csv")
    uid = studies["StudyInstanceUID"]
    boxed, segmented = set(boxes["StudyInstanceUID"]), {path.stem for path in (raw / "segmentations").glob("*.nii")}
    if edition.is_v1:
        train_ids, boxed, segmented = published_draw(uid.tolist(), boxed, segmented)
    else:
        copies = same_folders(raw / "train_images" / study for study in uid)
        train, _ = edition.split(studies, test_size=SHARE, groups=copies, stratify=studies["patient_overall"])
        train_ids = set(train["StudyInstanceUID"])
    train, test = studies[uid.isin(train_ids)], studies[~uid.isin(train_ids)]

    write_csv(train, public / "train.csv")
    write_csv(boxes[boxes["StudyInstanceUID"].isin(boxed & train_ids)], public / "train_bounding_boxes.csv")
    answers = test.melt(id_vars="StudyInstanceUID", var_name="prediction_type", value_name="fractured")
    answers["row_id"] = answers["StudyInstanceUID"] + "_" + answers["prediction_type"]
    write_csv(answers, private / "answers.csv")
    write_csv(answers.drop(columns="fractured"), public / "test.csv")
    write_csv(answers[["row_id"]].assign(fractured=0.5), public / "sample_submission.csv")

    link_files(raw / "segmentations", public / "segmentations", [f"{study}.nii" for study in sorted(segmented & train_ids)])
    place_images(raw, public / "train_images", train)
    place_images(raw, public / "test_images", test)


def published_draw(uids: list[str], boxed: set[str], segmented: set[str]) -> tuple[set[str], set[str], set[str]]:
    """The studies, those with boxes and those with segmentations that the published edition uses for training."""
    draw = random.Random(0)
    n_boxed, n_segmented, n_both = (round(len(part) * SHARE) for part in (boxed, segmented, boxed & segmented))
    both = draw.sample(sorted(boxed & segmented), n_both)
    only_segmented = draw.sample(sorted(segmented - boxed), n_segmented - n_both)
    only_boxed = draw.sample(sorted(boxed - segmented), n_boxed - n_both)
    picked = {*both, *only_segmented, *only_boxed}
    others = draw.sample([uid for uid in uids if uid not in picked], round(len(uids) * SHARE) - len(picked))
    return picked.union(others), {*both, *only_boxed}, {*both, *only_segmented}


def place_images(raw: Path, target: Path, studies: pd.DataFrame) -> None:
    for study in studies["StudyInstanceUID"]:
        link_tree(raw / "train_images" / study, target / study)
