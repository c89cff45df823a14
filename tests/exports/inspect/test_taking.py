"""What an engine says of a sample's files, and what is made of it when it does not see them; no engine is needed."""

from __future__ import annotations

import errno
import io
import stat
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from mlebench.errors import NotSeen
from mlebench.exports.inspect import taking
from mlebench.exports.inspect.taking import copied, taken_out
from mlebench.sandbox.docker.outputs import PathStatus

CONTENT = b"id,y\n1,0\n"


class Container:
    """A container with the folder `submission/`, or without, of which the engine sees nothing until it ends."""

    def __init__(self, *, holds: str = "file", is_seen: bool = True) -> None:
        self.is_seen = is_seen
        self.acts: list[str] = []
        self._holds = holds

    def status(self, path: str) -> PathStatus | None:
        if not self.is_seen:
            raise NotSeen(errno.EIO, "not seen")
        if path.endswith(".csv"):
            return PathStatus(stat.S_IFREG | 0o644, len(CONTENT), 0.0) if self._holds == "file" else None
        return None if self._holds == "nothing" else PathStatus(stat.S_IFDIR | 0o755, 0, 0.0)

    def archive(self, path: str) -> Iterator[bytes]:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo(path.rpartition("/")[2])
            member.size = len(CONTENT)
            archive.addfile(member, io.BytesIO(CONTENT))
        yield buffer.getvalue()

    def children(self, path: str) -> list[str]:
        return ["submission.csv"] if self._holds == "file" else []

    def kill(self, container_id: str) -> None:
        self.acts.append("kill")
        self.is_seen = True


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a container in the place of the engine's."""

    def install(container: Container) -> Container:
        class Client:
            class api:
                pause = unpause = staticmethod(lambda _: None)
                kill = container.kill
                wait = staticmethod(lambda _, timeout: container.acts.append("wait"))

        monkeypatch.setattr(taking, "connect", Client)
        monkeypatch.setattr(taking, "ContainerArchive", lambda *_: container)
        return container

    return install


def test_a_file_to_check_is_copied(engine: Any) -> None:
    engine(Container())
    with copied("id", "/home/submission/submission.csv") as (file, reason):
        assert reason == "" and file is not None and file.read_bytes() == CONTENT


@pytest.mark.parametrize("holds", ["folder", "nothing"])
def test_a_missing_file_to_check_is_named(engine: Any, holds: str) -> None:
    engine(Container(holds=holds))
    with copied("id", "/home/submission/submission.csv") as (file, reason):
        assert (file, reason) == (None, "/home/submission/submission.csv is missing; write a csv file")


def test_a_folder_that_the_agent_removed_is_named(engine: Any) -> None:
    container = engine(Container(holds="nothing"))
    with taken_out("id") as taken:
        assert not taken.submission.exists() and taken.left_out == {"submission/": "the agent removed it"}
    assert container.acts == []


def test_a_container_is_ended_only_where_the_engine_does_not_see_it(engine: Any) -> None:
    for is_seen, acts in ((True, []), (False, ["kill", "wait"])):
        container = engine(Container(is_seen=is_seen))
        with taken_out("id") as taken:
            assert taken.submission.read_bytes() == CONTENT
        assert container.acts == acts


def test_a_file_to_check_that_the_engine_does_not_see_ends_nothing(engine: Any) -> None:
    container = engine(Container(is_seen=False))
    with copied("id", "/home/submission/submission.csv") as (file, reason):
        assert file is None and "the engine does not see the container's files" in reason
    assert container.acts == []
