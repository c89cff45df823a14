"""A folder laid out as a checkout of the published harness: what adapters read there is what the registry says."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mlebench.cli.main import main
from mlebench.registry import Registry
from mlebench.utils import import_fn


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    assert main(["dev", "write-checkout", "--split", "low", "--into", str(root), "-q"]) == 0
    return root


def test_an_adapter_finds_each_competitions_config_and_description(checkout: Path) -> None:
    registry = Registry()
    files = checkout.glob("mlebench/competitions/*/config.yaml")
    configs = {path.parent.name: yaml.safe_load(path.read_text()) for path in files}
    assert sorted(configs) == registry.list_competition_ids("low")
    for name, config in configs.items():
        competition = registry.get_competition(name)
        assert (config["id"], config["name"]) == (name, competition.name)
        assert (checkout / config["description"]).read_text() == competition.description
        assert registry.get_data_dir() / config["dataset"]["answers"] == competition.answers
        assert registry.get_data_dir() / config["dataset"]["sample_submission"] == competition.sample_submission
        assert import_fn(config["grader"]["grade_fn"]).for_edition("v1").columns


def test_checksums_are_the_published_ones(checkout: Path) -> None:
    name = "aerial-cactus-identification"
    sums = yaml.safe_load((checkout / "mlebench" / "competitions" / name / "checksums.yaml").read_text())
    assert sums["public"] == Registry().get_competition(name).md5.public


def test_splits_lie_where_a_checkout_has_them(checkout: Path) -> None:
    assert (checkout / "experiments" / "splits" / "low.txt").read_text().split() == Registry().list_competition_ids("low")


def test_a_leaderboard_that_was_fetched_lies_there_too(tmp_path: Path) -> None:
    competition = Registry(tmp_path / "data").get_competition("spaceship-titanic")
    competition.root.mkdir(parents=True)
    (competition.root / "leaderboard.csv").write_text("score\n0.9\n0.8\n")
    words = ["dev", "write-checkout", "-c", competition.id, "--into", str(tmp_path / "x"), "--data-dir", str(tmp_path / "data")]
    assert main(words) == 0
    board = tmp_path / "x" / "mlebench" / "competitions" / competition.id / "leaderboard.csv"
    assert board.read_text() == "score\n0.9\n0.8\n"


def test_a_place_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dev", "write-checkout", "--all"]) == 2
    assert "`--into` is missing" in capsys.readouterr().err
