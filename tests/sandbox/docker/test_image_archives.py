"""Images travel as files: written once, known by their records, read in once, and only as what their records say."""

from __future__ import annotations

import io
import json
import tarfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from mlebench.agents import AgentSpec
from mlebench.cli.main import main
from mlebench.errors import UsageError, WorkFailed
from mlebench.sandbox.docker import image_archives
from mlebench.sandbox.docker.image_archives import Archive
from mlebench.sandbox.docker.images import Image
from mlebench.sandbox.docker.listing import agent_image


def make_image(client: Any, reference: str, content: str) -> Image:
    """An image of one file. It is built, as Podman names no tag of what it imports."""
    recipe = f"FROM scratch\nCOPY content /\nLABEL content={content}\n"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, text in {"Dockerfile": recipe, "content": content}.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    packed.seek(0)
    client.images.build(fileobj=packed, custom_context=True, tag=reference, rm=True)
    return Image(reference, client.images.get(reference).id)


@pytest.fixture
def image(client: Any) -> Iterator[Image]:
    reference = f"mlebench/test-{uuid.uuid4().hex[:8]}:toy"
    yield make_image(client, reference, "first")
    for found in client.images.list(name=reference.partition(":")[0]):
        client.images.remove(found.id, force=True)


@pytest.fixture
def lines() -> list[str]:
    return []


def forget(client: Any, image: Image) -> None:
    """What makes this engine another one, which never had the image."""
    client.images.remove(image.id, force=True)


def test_an_image_is_written_once_and_read_in_once(client: Any, image: Image, tmp_path: Path, lines: list[str]) -> None:
    folder = tmp_path / "shared" / "images"
    archive = image_archives.export(client, image, folder, lines.append)
    assert archive.path.name == f"{image.reference.replace('/', '-').replace(':', '-')}-{image.id[7:19]}.tar"
    assert image_archives.export(client, image, folder, lines.append) == archive
    assert len(lines) == 1
    assert image_archives.archives(folder) == [archive]

    assert image_archives.load(client, archive, lines.append) == image
    assert len(lines) == 1
    forget(client, image)
    with ThreadPoolExecutor(4) as pool:
        loaded = list(pool.map(lambda _: image_archives.load(client, archive, lines.append), range(4)))
    assert loaded == [image] * 4
    assert len(lines) == 2
    assert client.images.get(image.reference).labels["content"] == "first"


def test_the_newest_of_a_name_is_found_and_every_one_by_its_id(client: Any, image: Image, tmp_path: Path) -> None:
    first = image_archives.export(client, image, tmp_path, print)
    later = make_image(client, image.reference, "second")
    second = image_archives.export(client, later, tmp_path, print)
    assert image_archives.find(tmp_path, image.reference) == second
    assert image_archives.find(tmp_path, image.reference, image.id) == first
    assert image_archives.find(tmp_path, "mlebench/other:toy") is None
    # the engine has the second one under the name
    assert image_archives.load(client, first, print) == image
    assert client.images.get(image.reference).labels["content"] == "first"
    inventory = image_archives.inventory(tmp_path)
    stored = inventory.get(image.reference)
    assert stored is not None and (stored.id, stored.labels["content"]) == (later.id, "second")


def cut(archive: Archive) -> None:
    with archive.path.open("r+b") as file:
        file.truncate(archive.file_bytes // 2)


def change(archive: Archive) -> None:
    content = archive.path.read_bytes()
    archive.path.write_bytes(content.replace(b"first", b"worst"))


def remove(archive: Archive) -> None:
    archive.path.unlink()


@pytest.mark.parametrize(
    ("damage", "said"), [(cut, "does not have the size"), (change, "does not have the"), (remove, "cannot read")]
)
def test_a_damaged_archive_is_not_read_in_and_written_anew(
    client: Any, image: Image, tmp_path: Path, damage: Any, said: str
) -> None:
    archive = image_archives.export(client, image, tmp_path, print)
    damage(archive)
    forget(client, image)
    with pytest.raises(WorkFailed, match=rf"{said}.*copy it again.*mlebench images export {tmp_path}"):
        image_archives.load(client, archive, print)
    assert not client.images.list(name=image.reference)


def test_an_archive_that_went_missing_is_written_again(client: Any, image: Image, tmp_path: Path) -> None:
    archive = image_archives.export(client, image, tmp_path, print)
    archive.path.unlink()
    again = image_archives.export(client, image, tmp_path, print)
    assert again.file_digest == archive.file_digest
    with image_archives.checked(again) as file:
        assert file.read(1)


def test_an_archive_of_another_image_is_no_image_of_that_name(client: Any, image: Image, tmp_path: Path) -> None:
    archive = image_archives.export(client, image, tmp_path, print)
    other = make_image(client, f"{image.reference}-other", "other")
    foreign = image_archives.export(client, other, tmp_path, print)
    archive.path.write_bytes(foreign.path.read_bytes())
    forget(client, image)
    posing = replace(archive, file_bytes=foreign.file_bytes, file_digest=foreign.file_digest)
    with pytest.raises(WorkFailed, match="does not hold the image in its record"):
        image_archives.load(client, posing, print)


def test_an_image_for_another_processor_is_refused_before_it_is_read(client: Any, image: Image, tmp_path: Path) -> None:
    archive = replace(image_archives.export(client, image, tmp_path, print), architecture="s390x")
    assert not archive.fits_here
    with pytest.raises(WorkFailed, match="s390x"):
        image_archives.load(client, archive, print)


@pytest.mark.parametrize(
    "changed",
    [
        {"archive": "../other.tar"},
        {"id": "sha256:../../etc"},
        {"layers": [1]},
        {"size": "large"},
        {"labels": ["a"]},
        {"reference": "\x1b[2J"},
        {"unknown": 1},
    ],
)
def test_records_that_are_none_of_ours_are_left_out(client: Any, image: Image, tmp_path: Path, changed: dict[str, Any]) -> None:
    archive = image_archives.export(client, image, tmp_path, print)
    record = archive.path.with_suffix(".json")
    record.write_text(json.dumps(json.loads(record.read_text()) | changed))
    (tmp_path / "notes.json").write_text("[[[")
    assert image_archives.archives(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_said(client: Any, image: Image, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot write .*choose another folder"):
        image_archives.export(client, image, tmp_path / "file", print)


def test_an_image_that_the_engine_lacks_is_said(client: Any, tmp_path: Path) -> None:
    gone = Image("mlebench/never-built:toy", f"sha256:{'0' * 64}")
    with pytest.raises(WorkFailed, match="does not provide mlebench/never-built:toy"):
        image_archives.export(client, gone, tmp_path, print)
    assert list(tmp_path.iterdir()) == []


def test_an_image_is_asked_for_again_where_a_busy_engine_loses_a_layer(
    client: Any, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    get_image = client.api.get_image

    def lose_a_layer_once(reference: str, **options: Any) -> Any:
        asked.append(reference)
        if len(asked) == 1:
            raise APIError("500 Server Error", explanation="open /var/lib/engine/merged/x: no such file or directory")
        return get_image(reference, **options)

    monkeypatch.setattr(client.api, "get_image", lose_a_layer_once)
    assert image_archives.export(client, image, tmp_path, print).path.is_file()
    assert len(asked) == 2


def test_an_agents_image_travels_with_its_base_and_is_known_to_be_current(
    client: Any, base_image: Image, tmp_path: Path, lines: list[str]
) -> None:
    folder = tmp_path / "agent"
    folder.mkdir()
    (folder / "agent.yaml").write_text("description: a test\n")
    (folder / "start.sh").write_text("true\n")
    agent = AgentSpec(name="in-base", variant=None, directory=folder)
    images_dir = tmp_path / "images"
    assert image_archives.load_agent(client, agent, images_dir, lines.append) is None

    archive = image_archives.export_agent(client, agent, images_dir, lines.append)
    assert (archive.reference, archive.id) == (base_image.reference, base_image.id)
    assert image_archives.load_agent(client, agent, images_dir, lines.append) == base_image
    assert agent_image(image_archives.inventory(images_dir), agent).state == "current"

    (folder / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    assert agent_image(image_archives.inventory(images_dir), agent).state == "missing"
    assert image_archives.load_agent(client, agent, images_dir, lines.append) is None


def test_the_command_writes_the_base_alone_or_what_agents_run_in(
    base_image: Image, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["images", "export", str(tmp_path), "--json"]) == 0
    [told] = json.loads(capsys.readouterr().out)
    assert (told["image"], told["digest"]) == (base_image.reference, base_image.id)
    assert Path(told["file"]).stat().st_size == told["bytes"]
    # an agent without a Dockerfile runs in the base, which is there by now
    assert main(["images", "export", str(tmp_path), "react"]) == 0
    output = capsys.readouterr()
    assert output.out == f"{base_image.reference} ({base_image.id}): {told['file']}\n"
    assert f"MLEBENCH_IMAGES_DIR={tmp_path}" in output.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export"], "no folder given; run `mlebench images export DIR AGENT`"),
        (["export", "DIR", "no-such-agent"], "no-such-agent"),
        (["export", "DIR", "--gpu"], "`--gpu` is an option of `mlebench images build`"),
        (["build", "DIR"], "unexpected argument `DIR`"),
    ],
)
def test_what_is_not_to_be_exported_is_said(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["images", *words]) == 2
    assert said in capsys.readouterr().err
