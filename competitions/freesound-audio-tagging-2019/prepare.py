from pathlib import Path, PurePosixPath

import pandas as pd

from mlebench.data import Edition, link, link_tree, open_zip, read_csv, unpack_files, write_csv
from mlebench.data.raw_faults import damaged, to_get_elsewhere

TABLES = ("sample_submission.csv", "train_curated.csv", "train_noisy.csv")
AUDIO = ("test", "train_curated", "train_noisy")
LABELS = "FSDKaggle2019.meta"
LABELS_URL = "https://zenodo.org/records/3612637"


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    sample = read_csv(raw / "sample_submission.csv")
    released = read_released_labels(raw)
    test = released[released["usage"] == "Private"]
    if len(test) != len(sample) or set(test["fname"]) != set(sample["fname"]):
        raise damaged(raw / "sample_submission.csv", f"{LABELS} does not list the same clips")
    tags = test["labels"].str.split(",")
    columns = {name: [int(name in of_clip) for of_clip in tags] for name in sample.columns[1:]}
    write_csv(pd.DataFrame({"fname": test["fname"].to_numpy(), **columns}), private / "test.csv")

    for name in TABLES:
        link(raw / name, public / name)
    for name in AUDIO:
        place_clips(raw / name, public / name)
    if edition.is_v1:
        publish_the_rest(raw, public)


def read_released_labels(raw: Path) -> pd.DataFrame:
    """The table of test labels that came out after the competition, from the zip or its unpacked folder."""
    inside = f"{LABELS}/test_post_competition.csv"
    if (raw / inside).exists():
        return read_csv(raw / inside)
    if not (raw / f"{LABELS}.zip").exists():
        raise to_get_elsewhere(raw / f"{LABELS}.zip", "the test labels", LABELS_URL)
    with open_zip(raw / f"{LABELS}.zip") as archive, archive.open(inside) as table:
        return read_csv(table)


def place_clips(source: Path, target: Path) -> None:
    """Link a folder of clips, or unpack the zip in its place."""
    archive = source.with_name(f"{source.name}.zip")
    if source.is_dir() or not archive.exists():
        link_tree(source, target)
        return
    with open_zip(archive) as opened:
        clips = {name: PurePosixPath(name).name for name in opened.namelist() if name.endswith(".wav")}
    unpack_files(archive, target, clips)


def publish_the_rest(raw: Path, public: Path) -> None:
    """Everything else in the download, as published."""
    known = {*TABLES, *AUDIO, *(f"{name}.zip" for name in AUDIO)}
    for entry in raw.iterdir():
        if LABELS in entry.name or entry.name in known:
            continue
        (link_tree if entry.is_dir() else link)(entry, public / entry.name)
