"""A run's folder that is carried from another node: nothing that an agent left in it ends the harness or loses the record."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from mlebench.runs.executors.parcel import pack, unpack


def test_a_folder_arrives_as_it_was(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    (there / "logs" / "empty").mkdir(parents=True)
    (there / "run.json").write_text("{}")
    (there / "logs" / "start.sh").write_text("true")
    (there / "logs" / "start.sh").chmod(0o755)
    (here / "logs").mkdir(parents=True)
    (here / "logs" / "of an earlier attempt").touch()
    assert unpack(pack(there), here) == []
    assert sorted(str(path.relative_to(here)) for path in here.rglob("*")) == ["logs", "logs/empty", "logs/start.sh", "run.json"]
    assert (here / "logs" / "start.sh").stat().st_mode & stat.S_IXUSR


def test_links_pipes_and_closed_folders_lose_nothing_else(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    (there / "code" / "closed").mkdir(parents=True)
    (there / "code" / "closed" / "kept").write_text("kept")
    (there / "code" / "closed").chmod(0o500)
    os.mkfifo(there / "code" / "pipe")
    (there / "code" / "link").symlink_to("/etc/passwd")
    (there / "code" / os.fsdecode(b"\xff name")).touch()
    (there / "run.json").write_text("{}")
    here.mkdir()
    assert unpack(pack(there), here) == []
    assert (here / "run.json").exists()
    assert (here / "code" / "closed" / "kept").read_text() == "kept"
    assert sorted(os.fsencode(entry.name) for entry in (here / "code").iterdir()) == [b"closed", b"\xff name"]


def test_what_is_too_deep_below_the_other_folder_is_named_and_the_record_arrives(tmp_path: Path) -> None:
    """It ended the harness in a traceback: paths on a node are shorter than here."""
    there, here = tmp_path / "there", tmp_path / ("here" + "e" * 200)
    deep = there / "logs"
    while len(os.fsencode(deep)) < 3950:
        deep /= "d" * min(200, 3960 - len(os.fsencode(deep)))
    deep.mkdir(parents=True)
    (there / "run.json").write_text("{}")
    here.mkdir()
    left_out = unpack(pack(there), here)
    assert left_out and all(name.startswith("logs/d") for name in left_out)
    assert (here / "run.json").read_text() == "{}"


def test_a_folder_deeper_than_any_path_can_be_packed(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    (there / "run.json").write_text("{}")
    place = os.open(there, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=place)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    here.mkdir()
    unpack(pack(there), here)
    assert (here / "run.json").read_text() == "{}"
