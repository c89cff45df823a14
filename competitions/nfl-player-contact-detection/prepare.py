from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import Edition, LargeTable, link_files
from mlebench.data.groups import same_files, united

from .views import VIEWS

TABLES = ("baseline_helmets", "player_tracking", "video_metadata")


def prepare(raw: Path, public: Path, private: Path, edition: Edition) -> None:
    labels, play_of_label = read(raw / "train_labels.csv")
    plays = pd.Series(np.asarray(play_of_label.unique()))
    films = [[raw / "train" / f"{play}_{view}.mp4" for view in VIEWS] for play in plays]
    games = None if edition.is_v1 else united(plays.str.split("_").str[0], same_files(films))
    train, test = edition.split(plays, test_size=0.1 if edition.is_v1 else 0.2, v2_groups=games)
    answers = np.flatnonzero(play_of_label.isin(test))

    labels.write(np.flatnonzero(play_of_label.isin(train)), public / "train_labels.csv")
    labels.write(answers, private / "test.csv")
    sample = {"contact": np.zeros(len(answers), np.int64)}
    labels.write(answers, public / "sample_submission.csv", only=["contact_id", "contact"], given=sample)
    for name in TABLES:
        table, play_of_row = read(raw / f"train_{name}.csv")
        for part, chosen in (("train", train), ("test", test)):
            table.write(np.flatnonzero(play_of_row.isin(chosen)), public / f"{part}_{name}.csv")
    for part, chosen in (("train", train), ("test", test)):
        link_files(raw / "train", public / part, (f"{play}_{view}.mp4" for play in chosen for view in VIEWS))


def read(path: Path) -> tuple[LargeTable, pd.Series]:
    """A table and the play of each of its rows."""
    # v1's bytes come from pandas' fast float parser
    table = LargeTable.scan(path, float_precision=None)
    return table, table.columns(["game_play"])["game_play"]
