"""Images are made of archives once, and where one is missing the sentence says how to get it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlebench.agents import AgentSpec
from mlebench.errors import WorkFailed
from mlebench.sandbox.apptainer import sif
from mlebench.sandbox.apptainer.program import find_program
from tests.sandbox.apptainer.archives import make_archive
from tests.sandbox.apptainer.site import Site

Agents = Callable[..., AgentSpec]
LAYERS = [{"kept": "first", "gone": "first", "changed": "first"}, {".wh.gone": "", "changed": "second"}]


@pytest.fixture
def folder(site: Site, tmp_path: Path) -> Path:
    """Where archives are looked for."""
    return tmp_path / "images"


def unpacked(made: Path) -> dict[str, str]:
    root = Path(json.loads(made.read_text())["root"])
    return {path.name: path.read_text() for path in sorted(root.iterdir())}


def test_an_archive_is_converted_once_beside_itself(site: Site, folder: Path, agent: Agents) -> None:
    archive = make_archive(folder, LAYERS)
    assert sif.find(agent()) is None
    lines: list[str] = []
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: sif.ensure(find_program(), agent(), lines.append), range(4)))
    assert set(made) == {sif.Sif(archive.path.with_suffix(".sif"), "mlebench/base:light", archive.id)}
    assert unpacked(made[0].path) == {"kept": "first", "changed": "second"}
    assert len(lines) == 1
    [call] = site.calls("build")
    assert call["words"][:2] == ["build", "--force"]
    assert call["words"][3] == f"docker-archive:{archive.path}"
    # the archive itself is not needed any more
    archive.path.unlink()
    assert sif.find(agent()) == made[0]
    assert sif.problem(agent()) is None
    assert [path.name for path in folder.iterdir() if path.name.startswith(".") and not path.name.endswith(".lock")] == []


def test_a_folder_that_cannot_be_written_is_left_alone(
    site: Site, folder: Path, agent: Agents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive(folder, LAYERS)
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != folder and real(path, mode))
    made = sif.ensure(find_program(), agent(), print)
    assert made.path == tmp_path / "cache" / "mle-bench" / "images" / f"{archive.path.stem}.sif"
    assert sif.find(agent()) == made


def test_without_an_archive_the_sentence_says_where_to_write_one(folder: Path, agent: Agents) -> None:
    spec = agent()
    fault = sif.problem(spec)
    assert fault == (
        f"the image of agent {spec.id} is missing in {folder}; write it on a machine with Docker by "
        f"`mlebench images export DIR {spec.id}`, copy DIR to a place shared by all nodes, and set MLEBENCH_IMAGES_DIR to it"
    )
    with pytest.raises(WorkFailed, match="images export"):
        sif.ensure(find_program(), spec, print)


def test_an_image_of_other_files_is_not_taken(folder: Path, agent: Agents) -> None:
    make_archive(folder, LAYERS, labels={"mlebench.recipe": "0123456789abcdef", "mlebench.parent": "parent:1"})
    assert "is outdated in" in str(sif.problem(agent()))
    assert sif.find(agent()) is None


def test_an_image_for_another_processor_is_not_taken(folder: Path, agent: Agents) -> None:
    archive = make_archive(folder, LAYERS, architecture="s390x")
    archive.path.with_suffix(".sif").write_text("")
    assert "is for s390x processors" in str(sif.problem(agent()))
    assert sif.find(agent()) is None


def test_a_record_alone_is_no_image(folder: Path, agent: Agents) -> None:
    make_archive(folder, LAYERS).path.unlink()
    assert "is missing, although its record exists" in str(sif.problem(agent()))


def test_an_archive_that_was_cut_off_is_not_converted(folder: Path, agent: Agents, site: Site) -> None:
    archive = make_archive(folder, LAYERS)
    archive.path.write_bytes(archive.path.read_bytes()[:-100])
    with pytest.raises(WorkFailed, match=r"does not have the .* stated in its record; copy it again"):
        sif.ensure(find_program(), agent(), print)
    assert site.calls("build") == []


def test_what_the_program_says_of_an_archive_is_handed_on(folder: Path, agent: Agents, site: Site) -> None:
    archive = make_archive(folder, LAYERS)
    site.change(unpacked="/proc/nowhere")
    with pytest.raises(WorkFailed, match=f"cannot convert .*try it manually with `{site.folder}/apptainer build"):
        sif.ensure(find_program(), agent(), print)
    assert not archive.path.with_suffix(".sif").exists()


def test_a_path_that_the_program_cannot_take_is_said(
    folder: Path, agent: Agents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_archive(tmp_path / "a:b", LAYERS)
    monkeypatch.setenv("MLEBENCH_IMAGES_DIR", str(tmp_path / "a:b"))
    assert "does not accept paths with a colon" in str(sif.problem(agent()))
