"""A run whose image is shipped starts in that image and in no other, and what nobody waits for any more is ended."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlebench.errors import EngineUnreachable, StartFailed
from mlebench.sandbox.base import ShippedImage
from mlebench.sandbox.docker import image_archives, images
from mlebench.sandbox.docker.sandbox import DockerSandbox
from tests.sandbox.docker.conftest import Bench
from tests.scripted import scripted_agent


@pytest.fixture
def own_image(client: Any, base_image: images.Image) -> Iterator[str]:
    """A name of this test's own for the base."""
    name = f"mlebench-test-{uuid.uuid4().hex[:8]}:base"
    client.images.get(base_image.id).tag(*name.split(":"))
    yield name
    client.images.remove(name)


def test_an_agent_runs_in_what_was_shipped(client: Any, bench: Bench, own_image: str, tmp_path: Path) -> None:
    agent = scripted_agent(tmp_path / "ready", settings=f"image: {own_image}")
    folder = tmp_path / "shared"
    written = DockerSandbox().ship([agent], folder)[agent.id]
    shipped = ShippedImage(folder, written["name"], written["digest"])
    # what makes this engine that of another node, which never had the image
    client.images.remove(written["name"])
    ended = bench.run("exit 0", shipped=shipped)
    try:
        assert (ended.outcome.state, ended.outcome.resources["image_digest"]) == ("finished", written["digest"])
        assert f"in {written['name']}" in ended.log
    finally:
        client.images.remove(written["name"], force=True)


def test_an_image_that_did_not_arrive_is_said(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="holds no archive of toy:1") as failure:
        bench.start("exit 0", shipped=ShippedImage(tmp_path, "toy:1", f"sha256:{'0' * 64}"))
    assert failure.value.reason == "image-missing"


def test_an_archive_that_is_not_what_its_record_says_is_refused(
    client: Any, bench: Bench, own_image: str, tmp_path: Path
) -> None:
    image = images.Image(own_image, client.images.get(own_image).id)
    archive = image_archives.export(client, image, tmp_path / "shared", print)
    with archive.path.open("ab") as file:
        file.write(b"more")
    shipped = ShippedImage(tmp_path / "shared", own_image, image.id)
    client.images.remove(own_image)
    try:
        with pytest.raises(StartFailed) as failure:
            bench.start("exit 0", shipped=shipped)
    finally:
        client.images.get(image.id).tag(*own_image.split(":"))
    assert failure.value.reason == "image-differs"


def test_what_nobody_waits_for_any_more_is_ended_and_its_next_attempt_is_not(client: Any, bench: Bench) -> None:
    sandbox = DockerSandbox()
    bench.start("sleep 600", run_id="left").detach()
    request = bench.request("sleep 600", run_id="other")
    handle = bench.sandbox.start(request)
    assert sandbox.end_left(bench.folder / "runs" / "left", 1)
    assert not sandbox.end_left(bench.folder / "runs" / "left", 1)
    assert not sandbox.end_left(request.run_dir, 2)
    (found,) = bench.containers()
    assert found.status == "running"
    handle.stop(0)
    assert bench.end(handle, request).outcome.state == "cancelled"


def test_a_head_without_an_engine_ships_what_the_folder_holds(
    bench: Bench, own_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = scripted_agent(tmp_path / "ready", settings=f"image: {own_image}")
    folder = tmp_path / "shared"
    written = DockerSandbox().ship([agent], folder)
    bench.sandbox._client.images.remove(written[agent.id]["name"], force=True)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    assert DockerSandbox().ship([agent], folder) == written
    with pytest.raises(EngineUnreachable):
        DockerSandbox().ship([agent], tmp_path / "empty")
