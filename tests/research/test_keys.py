"""The key that research data is generated from: drawn, kept beside the answers, given, told to nobody."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.grade import grade_csv
from mlebench.preparation import prepare
from mlebench.preparation.record import PreparationRecord
from mlebench.registry import Competition, Registry
from mlebench.registry.keys import KEY_FILE, MEASURED_LEADERBOARD, PUBLISHED_KEY, hash_of, kept_key
from tests.cases import Cases

RESEARCH = Registry().list_competition_ids("research")

PREPARE = """
import pandas as pd
from mlebench.data import write_csv

def prepare(raw, public, private, edition):
    table = pd.DataFrame({"id": range(20), "y": edition.rng("labels").integers(2, size=20)})
    write_csv(table, private / "answers.csv")
    write_csv(table.assign(y=0), public / "sample_submission.csv")
"""
GRADE = """
from grading import Grader, Integer
from grading.metrics.classification import accuracy

grader = Grader(id="id", columns={"y": Integer(0, 1)}, metric=accuracy)
"""
REFERENCES = """
import pandas as pd

def references(public, rng):
    sample = pd.read_csv(public / "sample_submission.csv")
    for y in (0, 1):
        yield f"always {y}", sample.assign(y=y)
"""


@pytest.fixture
def coin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A generated competition of twenty coins."""
    folder = tmp_path / "competitions" / "coin"
    folder.mkdir(parents=True)
    facts = {
        "id": "coin", "version": 1, "title": "Coins", "split": "research", "modality": "tabular", "task": "classification",
        "metric": {"name": "accuracy", "direction": "maximize", "best": 1.0}, "generated": True, "keyed": True,
        "files": {"answers": "private/answers.csv", "sample_submission": "public/sample_submission.csv",
                  "public": ["sample_submission.csv"], "private": ["answers.csv"]},
    }  # fmt: skip
    (folder / "competition.yaml").write_text(yaml.safe_dump(facts))
    for name, content in (("prepare", PREPARE), ("grade", GRADE), ("references", REFERENCES)):
        (folder / f"{name}.py").write_text(content)
    for name in ("description", "description_obfuscated"):
        (folder / f"{name}.md").write_text("Guess.")
    (folder / "leaderboard.csv").write_text("name,score\nsomebody,0.75\n")
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(folder.parent))
    return "coin"


def prepared(data_dir: Path, name: str, key: str | None = None) -> Competition:
    competition = Registry(data_dir, split_key=key).get_competition(name)
    prepare(competition, data_dir)
    return competition


def labels(competition: Competition) -> list[int]:
    return pd.read_csv(competition.answers)["y"].tolist()


def test_a_fresh_key_is_drawn_and_kept(coin: str, data_dir: Path, tmp_path: Path) -> None:
    here, there = prepared(data_dir, coin), prepared(tmp_path / "elsewhere", coin)
    keys = [kept_key(competition.private_dir) for competition in (here, there)]
    assert keys[0] != keys[1]
    assert all(key is not None and len(bytes.fromhex(key)) >= 16 for key in keys)
    assert labels(here) != labels(there)
    assert (here.private_dir / KEY_FILE).stat().st_mode & 0o077 == 0


def test_preparing_again_keeps_the_instance(coin: str, data_dir: Path) -> None:
    competition = prepared(data_dir, coin)
    key, before = kept_key(competition.private_dir), labels(competition)
    assert labels(prepared(data_dir, coin)) == before
    assert kept_key(competition.private_dir) == key


def test_a_published_key_reproduces_the_shared_instance(coin: str, data_dir: Path, tmp_path: Path) -> None:
    here, there = prepared(data_dir, coin, "published"), prepared(tmp_path / "elsewhere", coin, PUBLISHED_KEY)
    assert labels(here) == labels(there)
    assert here.instance_hash == there.instance_hash == hash_of(PUBLISHED_KEY)


def test_only_the_hash_of_a_key_is_recorded(coin: str, data_dir: Path) -> None:
    competition = prepared(data_dir, coin, "very secret")
    record = PreparationRecord.read(competition.prepared_dir)
    report = grade_csv(competition.sample_submission, competition)
    assert record is not None
    assert record.instance_hash == report.instance_hash == competition.instance_hash == hash_of("very secret")
    everywhere = [path for path in competition.root.rglob("*") if path.is_file() and path.name != KEY_FILE]
    assert not any(b"very secret" in path.read_bytes() for path in everywhere)


def test_the_board_of_a_fresh_instance_is_measured_on_it(coin: str, data_dir: Path, tmp_path: Path) -> None:
    fresh, shared = prepared(data_dir, coin), prepared(tmp_path / "elsewhere", coin, "published")
    share = float(np.mean(labels(fresh)))
    best, worst = sorted([round(share, 5), round(1 - share, 5)], reverse=True)
    assert fresh.read_leaderboard()["score"].tolist() == [best, worst]
    assert fresh.thresholds is not None and fresh.thresholds.gold == best
    assert shared.read_leaderboard()["name"].tolist() == ["somebody"]
    assert (shared.private_dir / MEASURED_LEADERBOARD).exists()


def test_without_a_key_nothing_can_be_drawn(coin: str, data_dir: Path) -> None:
    with pytest.raises(UsageError, match="mlebench prepare coin"):
        Registry(data_dir).get_competition(coin).edition.rng("labels")


def test_command_line(coin: str, data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data-dir", str(data_dir)]
    private = data_dir / coin / "prepared" / "private"
    assert main(["prepare", coin, *options]) == 0
    drawn = kept_key(private)
    assert main(["prepare", coin, "--force", *options]) == 0
    assert kept_key(private) == drawn
    assert main(["prepare", coin, "--force", "--new-key", *options]) == 0
    assert kept_key(private) not in (drawn, None)
    assert main(["prepare", coin, "--split-key", "mine", *options]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["prepare", coin, "--split-key", "mine", "--force", *options]) == 0
    assert kept_key(private) == "mine"


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in RESEARCH])
def test_knowing_the_code_and_the_public_files_but_not_the_key_does_not_give_the_answers(
    name: str, cases: Cases, tmp_path: Path
) -> None:
    """The red team runs the generator with the keys that it can think of, and looks for the public files."""
    secret = cases.prepared(name)
    files = [file for file in secret.facts.files.public if file != "sample_submission.csv"]
    derived = secret.with_key(hashlib.sha256((secret.public_dir / files[0]).read_bytes()).hexdigest())
    (tmp_path / "public").mkdir()
    (tmp_path / "private").mkdir()
    derived.prepare_fn(tmp_path, tmp_path / "public", tmp_path / "private")
    # that the right key makes the very same files is part of the contract
    for made in (tmp_path / "public", cases.published(name).public_dir):
        assert [(made / file).read_bytes() for file in files] != [(secret.public_dir / file).read_bytes() for file in files]


@pytest.mark.parametrize("name", RESEARCH)
def test_streams_are_of_128_bits_and_independent(name: str) -> None:
    edition = Registry(split_key="some key").get_competition(name).edition
    seeds = [edition.seed(purpose) for purpose in ("inputs", "function", "labels", "evaluation")]
    assert len(set(seeds)) == 4
    assert all(2**96 < seed < 2**128 for seed in seeds)
