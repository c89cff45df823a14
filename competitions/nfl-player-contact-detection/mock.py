from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from mlebench.data import write_csv
from mlebench.data.mocking import write_files

from .views import VIEWS

START = pd.Timestamp("2020-09-11T03:01:48.000")
TINY_MP4 = bytes.fromhex("00000018667479706d703432000000006d70343269736f6d") + bytes.fromhex("000000086d646174")


def mock(raw: Path, rng: np.random.Generator, size: int) -> None:
    plays = make_plays(rng, max(12, min(240, size // 20)))
    # four players give ten rows per step: six pairs, and each with the ground
    steps = max(1, size // len(plays) // 10)
    tables = [make_play(rng, play, steps) for play in plays]
    labels, tracking, helmets, metadata = (pd.concat(parts) for parts in zip(*tables, strict=True))
    test = labels["game_play"].isin(plays[-1:])
    write_csv(labels, raw / "train_labels.csv")
    write_csv(labels[test][["contact_id"]].assign(contact=0), raw / "sample_submission.csv")
    for name, table in (("player_tracking", tracking), ("baseline_helmets", helmets), ("video_metadata", metadata)):
        write_csv(table, raw / f"train_{name}.csv")
        write_csv(table[table["game_play"].isin(plays[-1:])], raw / f"test_{name}.csv")
    for folder, shown in (("train", plays), ("test", plays[-1:])):
        names = (f"{play}_{view}.mp4" for play in shown for view in VIEWS)
        write_files(raw / folder, names, lambda: TINY_MP4 + rng.bytes(20))


def make_plays(rng: np.random.Generator, count: int) -> list[str]:
    """Names of plays, several of each game."""
    games = rng.choice(np.arange(58168, 58700), max(3, count // 3), replace=False)
    return [f"{games[k % len(games)]}_{number:06d}" for k, number in enumerate(rng.choice(4000, count, replace=False))]


def make_play(rng: np.random.Generator, play: str, steps: int) -> tuple[pd.DataFrame, ...]:
    key, number = play.split("_")
    named = {"game_play": play, "game_key": int(key), "play_id": int(number)}
    players = sorted(rng.choice(np.arange(30_000, 54_000), 4, replace=False).tolist())
    pairs = [*combinations(players, 2), *((player, "G") for player in players)]
    labels = pd.DataFrame(
        [
            (f"{play}_{step}_{a}_{b}", play, stamp(step / 10), step, a, b, int(rng.random() < 0.3))
            for step in range(steps)
            for a, b in pairs
        ],
        columns=["contact_id", "game_play", "datetime", "step", "nfl_player_id_1", "nfl_player_id_2", "contact"],
    )
    # every play has both contact and no contact, as the metric needs both in test
    labels.loc[:1, "contact"] = [0, 1]
    moments = [(player, step) for player in players for step in range(-1, steps)]
    return labels, make_tracking(rng, named, moments), make_helmets(rng, named, players), make_metadata(named)


def stamp(seconds: float) -> str:
    return f"{(START + pd.Timedelta(seconds=seconds)).isoformat(timespec='milliseconds')}Z"


def make_tracking(rng: np.random.Generator, named: dict, moments: list[tuple[int, int]]) -> pd.DataFrame:
    player, step = zip(*moments, strict=True)
    count = len(moments)
    return pd.DataFrame(
        {
            **named,
            "nfl_player_id": player,
            "datetime": [stamp(k / 10) for k in step],
            "step": step,
            "team": rng.choice(["home", "away"], count),
            "position": rng.choice(["QB", "CB", "WR", "T"], count),
            "jersey_number": rng.integers(1, 100, count),
            "x_position": rng.uniform(0, 120, count).round(2),
            "y_position": rng.uniform(0, 53, count).round(2),
            # one digit more than a fast float parser reads correctly
            **{name: rng.normal(0, 3, count) for name in ("speed", "distance")},
            **{name: rng.uniform(0, 360, count).round(2) for name in ("direction", "orientation")},
            **{name: rng.normal(0, 3, count) for name in ("acceleration", "sa")},
        }
    )


def make_helmets(rng: np.random.Generator, named: dict, players: list[int]) -> pd.DataFrame:
    rows = [(view, player) for view in ("Endzone", "Sideline") for player in players]
    return pd.DataFrame(
        {
            **named,
            "view": [view for view, _ in rows],
            "video": [f"{named['game_play']}_{view}.mp4" for view, _ in rows],
            "frame": rng.integers(290, 400, len(rows)),
            "nfl_player_id": [player for _, player in rows],
            "player_label": [f"{side}{number}" for side, number in zip("HVHVHVHV", rng.integers(1, 100, 8), strict=True)],
            **{name: rng.integers(0, 1200, len(rows)) for name in ("left", "width", "top", "height")},
        }
    )


def make_metadata(named: dict) -> pd.DataFrame:
    times = {"start_time": stamp(-5), "end_time": stamp(7.5), "snap_time": stamp(0)}
    return pd.DataFrame([{**named, "view": view, **times} for view in ("Endzone", "Sideline")])
