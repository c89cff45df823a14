"""Folders of tasks appear whole, replace their own kind alone, and need data that is there."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from mlebench.cli.main import main
from tests.exports.harbor.conftest import Exported

WINE = "demo-wine"


def test_what_is_not_prepared_is_refused_with_the_command_that_helps(
    exported: Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "harbor", WINE, "demo-digits", "--edition", "v2", "-o", str(exported.folder)]) == 2
    said = capsys.readouterr().err
    assert "`mlebench prepare demo-wine demo-digits --edition v2`" in said and "--without-data" in said
    assert not exported.folder.exists()


def test_prepared_data_is_enough(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", WINE, "--quiet"]) == 0
    capsys.readouterr()
    exported.export(WINE, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "tasks": [{"competition": WINE, "path": str(exported.folder / WINE)}],
        "volumes": str(exported.folder / "mlebench-volumes.sh"),
    }


def test_a_task_takes_the_place_of_an_earlier_one(exported: Exported) -> None:
    exported.export(WINE, "--without-data", "--with-oracle")
    exported.export("demo-digits", "--without-data")
    (exported.folder / WINE / "left.txt").touch()
    exported.export(WINE, "--without-data")
    assert [task.name for task in exported.tasks] == ["demo-digits", WINE]
    assert not {"left.txt", "solution/solve.sh"} & exported.files(WINE).keys()
    assert not list(exported.folder.glob(".partial-*"))


@pytest.mark.parametrize(
    "content", [None, "", "[metadata]\n", 'metadata = "mlebench"\n', "\xff", '[metadata]\nharness = "other"\n']
)
def test_what_is_not_ours_stays(content: str | None, exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    (exported.folder / WINE).mkdir(parents=True)
    if content is not None:
        (exported.folder / WINE / "task.toml").write_text(content, encoding="latin-1")
    words = ["export", "harbor", "demo-digits", WINE, "--without-data", "-o", str(exported.folder)]
    assert main(words) == 2
    assert "is not a task that `mlebench export harbor` wrote" in capsys.readouterr().err
    assert [path.name for path in exported.folder.iterdir()] == [WINE]


def test_a_link_is_not_followed(exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Exported(tmp_path / "elsewhere").export(WINE, "--without-data")
    exported.folder.mkdir()
    (exported.folder / WINE).symlink_to(tmp_path / "elsewhere" / WINE)
    before = Exported(tmp_path / "elsewhere").files(WINE)
    main(["export", "harbor", WINE, "--without-data", "--reward", "gold", "-o", str(exported.folder)])
    assert Exported(tmp_path / "elsewhere").files(WINE) == before


def test_a_folder_that_cannot_be_written_is_named(exported: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["export", "harbor", WINE, "--without-data", "-o", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err.strip().endswith("choose another folder with -o")


def test_what_is_no_wheel_is_refused(exported: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--wheel", __file__, "-o", str(exported.folder)]
    assert main(["export", "harbor", WINE, "--without-data", *words]) == 2
    assert "is not a wheel" in capsys.readouterr().err


def test_the_script_says_which_data_is_missing(exported: Exported, tmp_path: Path) -> None:
    """The engine is never asked then."""
    exported.export(WINE, "--without-data")
    script = exported.folder / "mlebench-volumes.sh"
    done = subprocess.run(
        ["sh", script], env={"PATH": "/usr/bin:/bin", "MLEBENCH_ENGINE": "false"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"there is no {tmp_path}/data/demo-wine;" in done.stderr and "mlebench prepare" in done.stderr
