"""Suites: folders of competitions with splits and a version of their own."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

import mlebench
from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.registry import Registry, catalogue
from mlebench.registry.lists import ids_of_split, split_of_ids
from tests.runs.conftest import make_toy

SUITE = """\
name: my-suite
version: 1
splits:
  low: [toy-b, toy-a]
  high: [toy-c]
"""
OURS = "spaceship-titanic"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with a competition of no suite, `loose`, and the folder of a suite, `first`."""
    for name in ("first/toy-a", "first/toy-b", "first/toy-c", "loose"):
        make_toy(tmp_path / "home" / name, tmp_path / "data" / name)
    (tmp_path / "home" / "first" / "suite.yaml").write_text(SUITE)
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "home"))
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    catalogue._warn_once.cache_clear()
    return tmp_path / "home"


def refused(home: Path, content: str, split: str = "my-suite") -> str:
    (home / "first" / "suite.yaml").write_text(content)
    with pytest.raises(UsageError) as error:
        Registry().list_competition_ids(split)
    return str(error.value)


def test_a_split_of_a_suite_is_named_after_it(home: Path) -> None:
    assert ids_of_split("my-suite/low", Registry()) == ["toy-a", "toy-b"]
    assert ids_of_split("my-suite/high", Registry()) == ["toy-c"]
    assert [entry.id for entry in mlebench.list_competitions("my-suite/low")] == ["toy-a", "toy-b"]


def test_the_name_of_a_suite_stands_for_all_of_it(home: Path) -> None:
    for name in ("my-suite", "my-suite/all"):
        assert ids_of_split(name, Registry()) == ["toy-a", "toy-b", "toy-c"]


def test_a_folder_on_the_path_can_itself_be_a_suite(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # named a second time as the child of the other entry, it is still one suite
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", f"{home / 'first'}:{home}")
    assert ids_of_split("my-suite", Registry()) == ["toy-a", "toy-b", "toy-c"]
    assert [suite.name for suite in Registry().suites()] == ["my-suite"]


def test_competitions_of_a_suite_belong_to_no_other_split(home: Path) -> None:
    registry = Registry()
    assert registry.get_competition("toy-a").split == "my-suite/low"
    assert str(registry.get_competition("toy-a").suite) == "my-suite 1"
    assert registry.get_competition("loose").suite is registry.get_competition(OURS).suite is None
    by_split = registry.ids_by_split()
    assert (by_split["my-suite/low"], by_split["my-suite/high"]) == (["toy-a", "toy-b"], ["toy-c"])
    assert "toy-a" not in registry.list_competition_ids("own") + registry.list_competition_ids("dev")


def test_a_split_is_found_by_its_competitions(home: Path) -> None:
    assert split_of_ids(["toy-b", "toy-a"], Registry()) == "my-suite/low"
    assert split_of_ids(["toy-a", "toy-c"], Registry()) is None


def test_a_version_is_kept_as_it_is_written(home: Path) -> None:
    for written, version in (("3", 3), ("2.10", "2.10"), ("'2.1'", "2.1")):
        (home / "first" / "suite.yaml").write_text(SUITE.replace("version: 1", f"version: {written}"))
        assert Registry().suites()[0].facts.version == version


def test_ids_are_text_whatever_yaml_takes_them_for(home: Path, tmp_path: Path) -> None:
    for name in ("no", "2024"):
        make_toy(home / "first" / name, tmp_path / "data" / name)
    (home / "first" / "suite.yaml").write_text(SUITE.replace("[toy-c]", "[toy-c, no, 2024]"))
    assert Registry().suites()[0].splits["my-suite/high"] == ("toy-c", "no", "2024")


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("toy-c]", "toy-d]", "`splits.high` lists `toy-d`, but"),
        ("[toy-b, toy-a]", "[toy-a]", "`toy-b` in this folder is in no split"),
        ("[toy-b, toy-a]", "[toy-b, toy-a, toy-a]", "lists `toy-a` twice"),
        ("  high:", "  all:", "`all` always holds every competition"),
        ("[toy-c]", "[]", "`splits.high`"),
        ("[toy-c]", "[../loose]", "`splits.high.0`"),
        ("version: 1", "version: 0", "positive number such as 2 or 2.1, not `0`"),
        ("version: 1", "version: 1.2.3", "`version`"),
        ("version: 1\n", "", "`version` is missing"),
        ("my-suite", "My Suite", "`name`: expected at most 60 lower-case letters"),
        ("splits:", "color: red\nsplits:", "unknown key `color`"),
        (SUITE, "- a list", "expected keys with values"),
        ("splits:", "splits: [", "is not valid YAML"),
    ],
)
def test_a_faulty_suite_is_refused_in_one_sentence(home: Path, written: str, instead: str, said: str) -> None:
    # a suite whose name cannot be read is known by its folder
    sentence = refused(home, SUITE.replace(written, instead), split="first")
    assert said in sentence and str(home / "first" / "suite.yaml") in sentence and "\n" not in sentence


def test_no_suite_has_the_name_of_a_split_of_ours(home: Path) -> None:
    assert "`name` is `low`" in refused(home, SUITE.replace("my-suite", "low"), split="first")
    assert len(Registry().list_competition_ids("low")) == 22


def test_no_suite_has_the_name_of_another(home: Path, tmp_path: Path) -> None:
    make_toy(home / "second" / "toy-z", tmp_path / "data" / "toy-z")
    (home / "second" / "suite.yaml").write_text("name: my-suite\nversion: 2\nsplits: {low: [toy-z]}\n")
    assert f"{home / 'second'} holds a suite of the same name" in refused(home, SUITE)


def test_no_id_is_in_two_suites(home: Path, tmp_path: Path) -> None:
    make_toy(home / "second" / "toy-a", tmp_path / "data" / "second" / "toy-a")
    (home / "second" / "suite.yaml").write_text("name: other\nversion: 1\nsplits: {low: [toy-a]}\n")
    assert f"`toy-a` is also the id of a competition in {home / 'second'}, the suite `other`" in refused(home, SUITE)
    with pytest.raises(UsageError, match="`toy-a` is also the id"):
        Registry().get_competition("toy-a")


def test_a_suite_does_not_replace_a_competition_of_ours(home: Path, tmp_path: Path) -> None:
    make_toy(home / "first" / OURS, tmp_path / "data" / OURS)
    assert f"`{OURS}` is also the id of a competition in" in refused(home, SUITE.replace("[toy-c]", f"[toy-c, {OURS}]"))
    assert Registry().get_competition(OURS).title == "Spaceship Titanic"


def test_a_faulty_suite_keeps_nothing_else_from_being_listed(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    (home / "first" / "suite.yaml").write_text("name: my-suite\n")
    with caplog.at_level(logging.WARNING, "mlebench"):
        listed = {name for names in Registry().ids_by_split().values() for name in names}
        assert {"loose", OURS} <= listed and "toy-a" not in listed
        assert Registry().suites() == []
    assert [message.partition(":")[0] for message in caplog.messages] == ["a suite is left out"]
    with pytest.raises(UsageError, match="`version` is missing"):
        Registry().get_competition("toy-a")


def test_an_unknown_split_is_answered_with_near_ones(home: Path) -> None:
    for ask in (Registry().list_competition_ids, lambda name: ids_of_split(name, Registry())):
        with pytest.raises(UsageError, match="did you mean `my-suite/low`"):
            ask("my-suite/lwo")


def test_a_file_of_ids_may_lie_in_the_folder_of_a_suite(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    (home / "my-suite").mkdir()
    (home / "my-suite" / "ids.txt").write_text("toy-c\n")
    assert ids_of_split("my-suite/ids.txt", Registry()) == ["toy-c"]


def test_the_command_lists_suites_and_their_competitions(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--suites", "--json"]) == 0
    [suite] = json.loads(capsys.readouterr().out)
    assert (suite["name"], suite["version"], suite["folder"]) == ("my-suite", 1, str(home / "first"))
    assert suite["splits"]["my-suite/all"] == ["toy-b", "toy-a", "toy-c"]
    assert main(["list", "--split", "my-suite", "--json"]) == 0
    assert {row["id"]: row["split"] for row in json.loads(capsys.readouterr().out)} == {
        "toy-a": "my-suite/low",
        "toy-b": "my-suite/low",
        "toy-c": "my-suite/high",
    }
    assert main(["info", "toy-a", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["split"], told["suite"]) == ("my-suite/low", "my-suite 1")
    assert main(["list", "--suites", "--split", "low"]) == 2
