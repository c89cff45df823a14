"""A busy engine that says of what is there that it is not is asked again; one that says it of a missing file is believed."""

from __future__ import annotations

import io
import stat
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from mlebench.exports.inspect import taking
from mlebench.exports.inspect.taking import copied, taken_out
from mlebench.sandbox.docker.outputs import PathStatus

CONTENT = b"id,y\n1,0\n"


class Busy:
    """A container with one submission, of which the engine says `forgets` times that nothing is there."""

    def __init__(self, forgets: int, has_submission: bool = True) -> None:
        self.forgets = forgets
        self.asked = 0
        self._has_submission = has_submission

    def status(self, path: str) -> PathStatus | None:
        self.asked += 1
        if path.endswith(".csv"):
            self.forgets, is_forgotten = max(0, self.forgets - 1), self.forgets > 0
            return PathStatus(stat.S_IFREG | 0o644, len(CONTENT), 0.0) if self._has_submission and not is_forgotten else None
        return None if self.forgets else PathStatus(stat.S_IFDIR | 0o755, 0, 0.0)

    def archive(self, path: str) -> Iterator[bytes]:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo(path.rpartition("/")[2])
            member.size = len(CONTENT)
            archive.addfile(member, io.BytesIO(CONTENT))
        yield buffer.getvalue()

    def children(self, path: str) -> list[str]:
        return ["submission.csv"] if self._has_submission else []


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a container in the place of the engine's; nobody waits between two questions."""

    class Client:
        class api:
            pause = unpause = staticmethod(lambda _: None)

    def install(container: Busy) -> Busy:
        monkeypatch.setattr(taking, "connect", Client)
        monkeypatch.setattr(taking, "ContainerArchive", lambda *_: container)
        monkeypatch.setattr(taking, "_PAUSE_SECONDS", 0.0)
        return container

    return install


@pytest.mark.parametrize("forgets", [0, 1, 3])
def test_what_is_there_is_found_though_the_engine_forgets_it(engine: Any, forgets: int) -> None:
    engine(Busy(forgets))
    with copied("id", "/home/submission/submission.csv") as (file, reason):
        assert reason == "" and file is not None and file.read_bytes() == CONTENT


def test_a_missing_file_in_a_folder_that_is_there_is_asked_for_once(engine: Any) -> None:
    container = engine(Busy(0, has_submission=False))
    with copied("id", "/home/submission/submission.csv") as (file, reason):
        assert (file, reason) == (None, "/home/submission/submission.csv is missing; write a csv file")
    assert container.asked == 3


def test_a_folder_that_stays_away_is_gone(engine: Any) -> None:
    engine(Busy(1000))
    with copied("id", "/home/submission/submission.csv") as (file, reason):
        assert (file, reason) == (None, "/home/submission/submission.csv is missing; write a csv file")
    with taken_out("id") as taken:
        assert not taken.submission.exists() and taken.left_out == {"submission/": "the agent removed it"}
