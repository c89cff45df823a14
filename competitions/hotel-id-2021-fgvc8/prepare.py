from pathlib import Path

import pandas as pd

from mlebench.data import Edition, link_files, read_csv, write_csv
from mlebench.data.groups import same_content, united

from .photos import CONTRADICTING, SAMPLE_HOTELS


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    photos = read_csv(raw / "train.csv")
    photos = photos[photos["image"] != CONTRADICTING].reset_index(drop=True)
    by_chain = photos["chain"].astype(str) + "/" + photos["image"]
    if edition.is_v1:
        train, test = edition.split(photos, test_size=0.1)
    else:
        copies = same_content(raw / "train_images" / file for file in by_chain)
        train, test = split_by_visit(photos, copies, edition)

    link_files(raw / "train_images", public / "train_images", by_chain[train.index])
    flat_names = dict(zip(by_chain[test.index], test["image"], strict=True))
    link_files(raw / "train_images", public / "test_images", flat_names, hide_origin=not edition.is_v1)
    write_csv(train, public / "train.csv")
    write_csv(test, private / "test.csv")
    sample = test[["image"]].assign(hotel_id=SAMPLE_HOTELS)
    write_csv(sample, public / "sample_submission.csv")


def split_by_visit(photos: pd.DataFrame, copies: list[str], edition: Edition) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Photos of one hotel and time, and equal photos, stay together; one visit to each hotel stays in the training set."""
    by_time = photos.groupby(["hotel_id", "timestamp"], sort=False, dropna=False).ngroup()
    visit = pd.Series(united(by_time, copies), index=photos.index)
    shuffled = photos.assign(visit=visit).sample(frac=1, random_state=edition.rng("visit that stays"))
    stays = visit.isin(shuffled.groupby("hotel_id")["visit"].first())
    wanted = max(1, round(0.1 * len(photos)))
    _, test = edition.split(photos[~stays], test_size=wanted, groups=visit[~stays])
    train = photos.drop(test.index).sample(frac=1, random_state=edition.rng("order of train"))
    return train, test
