"""A folder laid out as a checkout of the published harness, for programs that read its files instead of asking the registry."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlebench._support.files import write_text, write_yaml
from mlebench.registry import Competition


def write_checkout(competitions: Iterable[Competition], splits: Path, root: Path) -> int:
    """Write `mlebench/competitions/<id>/` (config, description, checksums, a fetched leaderboard) and `experiments/splits/`.

    Args:
        competitions: which.
        splits: the folder with a file of ids for each split.
        root: the checkout, made if need be; what lies there of the same name is replaced.

    Returns:
        The number of competitions.
    """
    count = 0
    for count, competition in enumerate(competitions, start=1):  # noqa: B007  # what is returned
        _write_competition(competition, root / "mlebench" / "competitions" / competition.id)
    target = root / "experiments" / "splits"
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(splits.glob("*.txt")):
        shutil.copyfile(path, target / path.name)
    return count


def _write_competition(competition: Competition, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_yaml(folder / "config.yaml", _config(competition))
    write_text(folder / "description.md", competition.description)
    if competition.md5.prepared:
        write_yaml(folder / "checksums.yaml", competition.md5.stated)
    if competition.has_leaderboard:
        shutil.copyfile(competition.leaderboard, folder / "leaderboard.csv")


def _config(competition: Competition) -> dict[str, Any]:
    files = {"answers": competition.answers, "sample_submission": competition.sample_submission}
    files["gold_submission"] = competition.gold_submission
    package = f"mlebench.competitions.{competition.id}"
    return {
        "id": competition.id,
        "name": competition.name,
        "competition_type": competition.competition_type,
        "description": f"mlebench/competitions/{competition.id}/description.md",
        "dataset": {key: path.relative_to(competition.data_dir).as_posix() for key, path in files.items()},
        "grader": {"name": competition.metric, "grade_fn": f"{package}.grade:grader"},
        "preparer": f"{package}.prepare:prepare",
    }
