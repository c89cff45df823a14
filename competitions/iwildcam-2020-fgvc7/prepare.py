import json
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, link, link_files, read_json, write_csv
from mlebench.data.groups import same_content
from mlebench.data.raw_faults import damaged

from .categories import LAST_CATEGORY

TEST_SIZE = 0.22


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    train_file = read_json(raw / "iwildcam2020_train_annotations.json")
    test_file = read_json(raw / "iwildcam2020_test_information.json")
    images, annotations = pd.DataFrame(train_file["images"]), pd.DataFrame(train_file["annotations"])

    in_test = images["location"].isin(draw_locations(images["location"], edition))
    if not edition.is_v1:
        # too many locations share black frames to be moved together
        content = pd.Series(same_content(raw / "train" / f"{name}.jpg" for name in images["id"]), index=images.index)
        in_test &= ~content.isin(content[~in_test])
    train, test = images[~in_test], images[in_test]
    shown = {
        "annotations": records(annotations[annotations["image_id"].isin(train["id"])]),
        "images": records(train),
        "categories": records(pd.DataFrame(train_file["categories"])),
        "info": train_file["info"],
    }
    write_json(shown, public / "iwildcam2020_train_annotations.json")
    shown = {"images": records(test), "categories": records(pd.DataFrame(test_file["categories"])), "info": test_file["info"]}
    write_json(shown, public / "iwildcam2020_test_information.json")

    answers = annotations.loc[annotations["image_id"].isin(test["id"]), ["image_id", "category_id"]]
    answers = answers.set_axis(["Id", "Category"], axis="columns")
    if edition.is_v1:
        guess = np.random.RandomState(0).randint(0, LAST_CATEGORY + 1, size=len(answers))
    else:
        answers, guess = one_row_per_image(answers), 0
    write_csv(answers, private / "answers.csv")
    write_csv(answers.assign(Category=guess), public / "sample_submission.csv")

    link(raw / "iwildcam2020_megadetector_results.json", public / "iwildcam2020_megadetector_results.json")
    link_files(raw / "train", public / "train", train["id"] + ".jpg")
    link_files(raw / "train", public / "test", test["id"] + ".jpg")


def draw_locations(location: pd.Series, edition: Edition) -> list[object]:
    """Test locations, moved one by one between the sides until test has about the desired share of images.

    The published share counts test images twice, so test ends up with up to 28 % of all images.
    """
    train, test = (list(side) for side in edition.split(location.unique(), test_size=TEST_SIZE))
    size = location.value_counts()
    n_test = int(size[test].sum())

    def share() -> float:
        return n_test / (len(location) + n_test)

    while share() < TEST_SIZE and train:
        test.append(train.pop())
        n_test += size[test[-1]]
    while share() > TEST_SIZE and test:
        train.append(test.pop())
        n_test -= size[train[-1]]
    if not test or not train:
        raise damaged("the raw data", "it has too few locations to split")
    return test


def one_row_per_image(answers: pd.DataFrame) -> pd.DataFrame:
    """The most frequent category of each image (the first one if tied), in image order."""
    votes = answers.groupby(["Id", "Category"])["Id"].transform("size")
    best = answers.assign(votes=votes).sort_values("votes", ascending=False, kind="stable").drop_duplicates("Id")
    return best.sort_index()[["Id", "Category"]]


def records(table: pd.DataFrame) -> list[dict]:
    return table.to_dict(orient="records")


def write_json(document: dict, path: Path) -> None:
    with path.open("w") as file:
        json.dump(document, file)
