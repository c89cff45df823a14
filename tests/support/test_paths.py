"""Where files are stored, and a folder for sockets that nobody else can access."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from mlebench._support import paths
from mlebench._support.paths import make_private, socket_dir
from mlebench.errors import UsageError


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "{home}/.cache/mle-bench/data"),
        ("linux", {"XDG_CACHE_HOME": "{home}/caches"}, "{home}/caches/mle-bench/data"),
        ("linux", {"XDG_CACHE_HOME": ""}, "{home}/.cache/mle-bench/data"),
        ("darwin", {}, "{home}/Library/Caches/mle-bench/data"),
        ("darwin", {"XDG_CACHE_HOME": "{home}/caches"}, "{home}/Library/Caches/mle-bench/data"),
        ("win32", {"LOCALAPPDATA": "{home}/local"}, "{home}/local/mle-bench/data"),
        ("win32", {}, "{home}/AppData/Local/mle-bench/data"),
        ("linux", {"MLEBENCH_DATA_DIR": "~/data"}, "{home}/data"),
    ],
)
def test_data_lies_in_the_users_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "MLEBENCH_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(home=tmp_path))
    assert paths.data_dir() == Path(expected.format(home=tmp_path))
    assert paths.data_dir(tmp_path / "given") == tmp_path / "given"


def test_sockets_have_short_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/var/tmp")
    assert socket_dir() == Path(f"/var/tmp/mlebench-{os.getuid()}")
    monkeypatch.setattr(tempfile, "tempdir", "/scratch/" + "long/" * 20)
    assert socket_dir() == Path(f"/tmp/mlebench-{os.getuid()}")


def test_a_private_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    for _ in range(2):
        make_private(tmp_path / "ours")
        assert (tmp_path / "ours").stat().st_mode & 0o777 == 0o700


def test_a_private_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(elsewhere)
    with pytest.raises(UsageError, match="is a link"):
        make_private(tmp_path / "link")
    (tmp_path / "dangling").symlink_to(tmp_path / "not-there")
    with pytest.raises(UsageError, match="is a link"):
        make_private(tmp_path / "dangling")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file"):
        make_private(tmp_path / "file")


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o1777, 0o701])
def test_a_private_folder_that_others_can_enter_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)
    with pytest.raises(UsageError, match="chmod 700"):
        make_private(tmp_path / "open")


def test_a_private_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: (tmp_path / "theirs").stat().st_uid + 1)
    with pytest.raises(UsageError, match="another user"):
        make_private(tmp_path / "theirs")
