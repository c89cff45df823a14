"""What must stand in no bundle: every secret that this machine knows and that has to do with a group."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlebench.evidence.known_secrets import known_secrets
from mlebench.kaggle.credentials import kept_credentials
from mlebench.registry.keys import PUBLISHED_KEY
from mlebench.runs.group import Group


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without credentials."""
    for name in ("KAGGLE_KEY", "KAGGLE_API_TOKEN", "KAGGLE_CONFIG_DIR", "XDG_CONFIG_HOME", "MLEBENCH_SPLIT_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".kaggle").mkdir(parents=True)
    return tmp_path / "home"


def asking(group: Group, **environment: str) -> Group:
    agent = replace(group.plan.agent, environment=environment)
    return replace(group, plan=replace(group.plan, agent=agent))


def test_nothing_is_known_of_an_agent_that_asks_for_nothing(group: Group) -> None:
    assert known_secrets([group], None) == {}


def test_what_an_agent_asks_for_is_known_from_the_environment_and_from_a_file(
    group: Group, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOL_TOKEN", "tool-1234567")
    (root / ".env").write_text("OTHER_TOKEN=other-1234567\nUNASKED=unasked-1234567\n")
    asked = asking(group, A="${{ secrets.TOOL_TOKEN }}", B="x ${{ secrets.OTHER_TOKEN }}")
    assert known_secrets([asked], None) == {"TOOL_TOKEN": "tool-1234567", "OTHER_TOKEN": "other-1234567"}


def test_the_split_key_is_known_however_it_is_given(group: Group, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert known_secrets([group], "given-key") == {"MLEBENCH_SPLIT_KEY": "given-key"}
    (root / ".env").write_text("MLEBENCH_SPLIT_KEY=key-of-a-file\n")
    assert known_secrets([group], None) == {"MLEBENCH_SPLIT_KEY": "key-of-a-file"}
    monkeypatch.setenv("MLEBENCH_SPLIT_KEY", "key-of-the-environment")
    assert known_secrets([group], None) == {"MLEBENCH_SPLIT_KEY": "key-of-the-environment"}


@pytest.mark.parametrize("key", [PUBLISHED_KEY, "published"])
def test_the_published_key_is_no_secret(group: Group, key: str) -> None:
    assert known_secrets([group], key) == {}


def test_kaggles_credentials_are_known_wherever_they_lie(group: Group, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".kaggle" / "kaggle.json").write_text(json.dumps({"username": "somebody", "key": "key-of-kaggle-json"}))
    (home / ".kaggle" / "access_token").write_text("KGAT_token\n")
    (home / ".kaggle" / "credentials.json").write_text(json.dumps({"refresh_token": "refresh-123", "username": "somebody"}))
    monkeypatch.setenv("KAGGLE_KEY", "key-of-the-environment")
    assert sorted(kept_credentials().values()) == [
        "KGAT_token", "key-of-kaggle-json", "key-of-the-environment", "refresh-123",
    ]  # fmt: skip


@pytest.mark.parametrize("content", ["{", "[]", "3", '"text"', "\xff"])
def test_damaged_files_of_kaggles_know_nothing(group: Group, home: Path, content: str) -> None:
    for name in ("kaggle.json", "credentials.json"):
        (home / ".kaggle" / name).write_text(content, encoding="latin-1")
    assert kept_credentials() == {}


def test_the_key_of_generated_data_is_known(group: Group, made: Path) -> None:
    key = made / "data" / "toy-a" / "prepared" / "private" / "key.txt"
    key.write_text("0123456789abcdef\n")
    try:
        assert known_secrets([group], None) == {"the key of the data of toy-a": "0123456789abcdef"}
    finally:
        key.unlink()
