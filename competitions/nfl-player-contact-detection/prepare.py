from pathlib import Path

import pandas as pd

from mlebench.data import Edition, link_files, read_csv, write_csv

from .views import VIEWS

TABLES = ("baseline_helmets", "player_tracking", "video_metadata")


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    labels = read(raw / "train_labels.csv")
    plays = pd.Series(labels["game_play"].unique())
    train, test = edition.split(plays, test_size=0.1 if edition.is_v1 else 0.2, v2_groups=plays.str.split("_").str[0])
    answers = labels[labels["game_play"].isin(test)]

    write_csv(labels[labels["game_play"].isin(train)], public / "train_labels.csv")
    write_csv(answers, private / "test.csv")
    write_csv(answers[["contact_id"]].assign(contact=0), public / "sample_submission.csv")
    for name in TABLES:
        table = read(raw / f"train_{name}.csv")
        for part, chosen in (("train", train), ("test", test)):
            write_csv(table[table["game_play"].isin(chosen)], public / f"{part}_{name}.csv")
    for part, chosen in (("train", train), ("test", test)):
        link_files(raw / "train", public / part, (f"{play}_{view}.mp4" for play in chosen for view in VIEWS))


def read(path: Path) -> pd.DataFrame:
    # v1's bytes come from pandas' fast parser of floats
    return read_csv(path, float_precision=None)
