from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, link_files, link_tree, read_csv, write_csv
from mlebench.data.groups import same_folders
from mlebench.data.raw_faults import damaged, missing, some_missing

DAYS_IN_TRAIN = 4


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    masks = read_csv(raw / "train.csv")
    day = masks["id"].str.split("_slice_").str[0]
    days = day.drop_duplicates()
    case = days.str.split("_").str[0]
    _, test_cases = edition.split(case.unique(), test_size=0.1, v1_seed=42)
    visit = days.str.extract(r"_day(\d+)$")[0].astype(int).groupby(case).rank()
    is_test_day = case.isin(test_cases) | (visit > DAYS_IN_TRAIN)
    if not edition.is_v1:
        folders = [raw / "train" / of_case / of_day for of_case, of_day in zip(case, days, strict=True)]
        scans = pd.Series(same_folders(folders), index=days.index)
        is_test_day |= scans.isin(scans[is_test_day])
    is_test = day.isin(days[is_test_day])

    for name in case.unique():
        place_case(raw / "train" / name, public, name in test_cases, set(days[is_test_day]))

    train, test = masks[~is_test], masks[is_test]
    sizes = image_sizes(raw, test["id"])
    answers = test.rename(columns={"segmentation": "predicted"}).assign(image_width=sizes[:, 0], image_height=sizes[:, 1])
    if edition.is_v1:
        answers = answers.astype({"image_width": float, "image_height": float})
    write_csv(train, public / "train.csv")
    write_csv(test[["id", "class"]], public / "test.csv")
    write_csv(test[["id", "class"]].assign(predicted="1 1 5 2"), public / "sample_submission.csv")
    write_csv(answers, private / "test.csv")


def place_case(source: Path, public: Path, is_test_case: bool, test_days: set[str]) -> None:
    """Link each day of a case to its side; days without masks, and files next to the days, stay with their case."""
    if not source.is_dir():
        raise missing(f"the folder {source}")
    own_side = "test" if is_test_case else "train"
    link_files(source, public / own_side / source.name, sorted(path.name for path in source.iterdir() if path.is_file()))
    for day in sorted(path.name for path in source.iterdir() if path.is_dir()):
        side = "test" if day in test_days else own_side
        link_tree(source / day, public / side / source.name / day)


def image_sizes(raw: Path, ids: pd.Series) -> np.ndarray:
    """Width and height of the image of each id, from the file names; shape (ids, 2)."""
    parts = ids.str.split("_")
    folders = "train/" + parts.str[0] + "/" + parts.str[0] + "_" + parts.str[1] + "/scans/"
    files = [folder + path.name for folder in folders.unique() for path in (raw / folder).glob("slice_*.png")]
    name = pd.Series(files, dtype=str).str.rsplit("/", n=1).str[1].str.split("_")
    sizes = pd.DataFrame({"slice": pd.Series(files).str.extract(r"^(.*/slice_[^_]+)_")[0], "w": name.str[2], "h": name.str[3]})
    wanted = folders + "slice_" + parts.str[-1]
    sizes = sizes.dropna()[lambda table: table["slice"].isin(wanted)]
    if sizes["slice"].duplicated().any():
        several = sizes.loc[sizes["slice"].duplicated(), "slice"].iloc[0]
        raise damaged(raw, f"several images of one slice: {several}")
    found = sizes.set_index("slice").reindex(wanted.unique())
    if found.isna().any(axis=None):
        lacking = found.index[found.isna().any(axis=1)].tolist()
        raise some_missing(lacking, raw)
    return found.loc[wanted].to_numpy(dtype=np.int64)
