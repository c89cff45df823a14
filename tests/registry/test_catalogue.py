"""The registry: what it is told, every competition that it gives holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlebench._support.paths import content_dir
from mlebench.registry import Registry
from mlebench.registry.keys import PUBLISHED_KEY

NAME = "spaceship-titanic"


def test_another_edition_or_data_directory_keeps_the_key(tmp_path: Path) -> None:
    registry = Registry(tmp_path, "v1", split_key="our key")
    for changed in (registry.set_edition("v2"), registry.set_edition("v2").set_data_dir(tmp_path / "elsewhere")):
        assert changed.get_competition(NAME).edition.key == "our key"
    assert registry.set_edition("v2", "published").get_competition(NAME).edition.key == PUBLISHED_KEY


def test_generated_data_has_no_key_until_one_is_given_or_drawn() -> None:
    [name, *_] = Registry().list_competition_ids("research")
    assert Registry().get_competition(name).edition.key is None
    assert Registry(split_key="published").get_competition(name).edition.key == PUBLISHED_KEY


def test_facts_are_those_of_the_edition() -> None:
    for name in Registry().list_competition_ids():
        v1, v2 = (Registry(edition=edition).get_competition(name) for edition in ("v1", "v2"))
        assert v1.facts.v2.thresholds is None or v2.facts.thresholds == v1.facts.v2.thresholds
        assert v1.facts.v2.files is None or v2.facts.files == v1.facts.v2.files
        assert v1.facts.v2.metric is None or v2.facts.metric == v1.facts.v2.metric


def test_a_folder_of_ones_own_stands_in_for_ours_of_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(content_dir("competitions") / NAME, tmp_path / NAME)
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path))
    assert Registry().get_competition(NAME).folder == tmp_path / NAME
    assert Registry().list_competition_ids().count(NAME) == 1
