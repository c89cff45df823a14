import re
from pathlib import Path

import pandas as pd

from mlebench.data import Edition, link_tree, read_csv, write_csv
from mlebench.data.raw_faults import damaged, missing

from .position import POSITION, SAMPLE_POSITION

DRIVE = re.compile(r"(\d+)-(\d+)-(\d+)")


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    drives = pd.Series(sorted(path.name for path in (raw / "train").iterdir() if path.is_dir()))
    dates = drives.map(date_of)
    train_dates, test_dates = edition.split(sorted(dates.unique()), test_size=0.1)

    for drive in drives[dates.isin(train_dates)]:
        link_tree(raw / "train" / drive, public / "train" / drive)
    truth = []
    for drive in drives[dates.isin(test_dates)]:
        truth += read_truth(raw / "train" / drive)
        hide_truth(raw / "train" / drive, public / "test" / drive, edition)
    link_tree(raw / "metadata", public / "metadata")

    answers = pd.concat(truth, ignore_index=True)
    write_csv(answers, private / "test.csv")
    write_csv(answers.assign(**SAMPLE_POSITION), public / "sample_submission.csv")


def date_of(drive: str) -> str:
    numbers = DRIVE.match(drive)
    if numbers is None:
        raise damaged(f"the folder train/{drive}", "its name does not start with a date")
    year, month, day = numbers.groups()
    return f"{year}-{month.zfill(2)}-{day.zfill(2)}"


def read_truth(drive: Path) -> list[pd.DataFrame]:
    """The true positions of each phone of a drive."""
    files = sorted(drive.glob("*/ground_truth.csv"))
    if not files:
        raise missing(f"ground_truth.csv of every phone of {drive}")
    columns = ["tripId", "UnixTimeMillis", *POSITION]
    # v1's bytes come from pandas' fast float parser
    tables = (read_csv(file, float_precision=None).assign(tripId=f"{drive.name}-{file.parent.name}") for file in files)
    return [table[columns] for table in tables]


def hide_truth(drive: Path, target: Path, edition: Edition) -> None:
    """Link a drive without its true positions; v2 also omits the reference track and the phone's fixes."""
    link_tree(drive, target)
    for path in list(target.rglob("*")):
        if path.name == "ground_truth.csv" or (path.suffix == ".nmea" and not edition.is_v1):
            path.unlink()
        elif path.name == "gnss_log.txt" and not edition.is_v1:
            path.unlink()  # a link to the raw file
            copy_without_fixes(drive / path.relative_to(target), path)


def copy_without_fixes(log: Path, target: Path) -> None:
    with log.open("rb") as lines, target.open("wb") as kept:
        kept.writelines(line for line in lines if not line.startswith(b"Fix"))
