"""What an engine says of a container's files, and what is made of it when the engine is busy; no engine is needed."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from mlebench.errors import NotSeen
from mlebench.sandbox.docker.archive import ContainerArchive

PATH = "/home/submission/submission.csv"
STATUS = base64.b64encode(json.dumps({"name": "x", "size": 3, "mode": 0o644, "mtime": "2026-01-02T03:04:05Z"}).encode())


class Engine:
    """Answers each request with the next code of `codes`, then with 200."""

    base_url, api_version = "http://engine", "1.41"

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.asked: list[str] = []

    def _next(self, method: str) -> int:
        self.asked.append(method)
        return self.codes.pop(0) if self.codes else 200

    def head(self, url: str, **_: Any) -> Any:
        code = self._next("HEAD")
        headers = {"X-Docker-Container-Path-Stat": STATUS} if code == 200 else {}
        return SimpleNamespace(status_code=code, headers=headers, raise_for_status=lambda: None)

    @contextlib.contextmanager
    def get(self, url: str, **_: Any) -> Iterator[Any]:
        code = self._next("GET")
        yield SimpleNamespace(status_code=code, raise_for_status=lambda: None, iter_content=lambda size: iter([b"tar"]))

    def inspect_container(self, container_id: str) -> dict[str, Any]:
        return {}


def archive_of(engine: Engine) -> ContainerArchive:
    return ContainerArchive(SimpleNamespace(api=engine), "box", 60)


@pytest.mark.parametrize("misses", [0, 1, 2])
def test_a_path_that_a_busy_engine_failed_to_find_is_asked_for_again(misses: int) -> None:
    status = archive_of(Engine(*[404] * misses)).status(PATH)
    assert status is not None and status.size == 3


def test_a_path_that_is_missing_three_times_is_missing() -> None:
    engine = Engine(404, 404, 404)
    assert archive_of(engine).status(PATH) is None
    assert engine.asked == ["HEAD"] * 4


def test_an_engine_that_finds_nothing_at_all_does_not_see_the_container() -> None:
    with pytest.raises(NotSeen, match="does not see the container's files"):
        archive_of(Engine(*[404] * 4)).status(PATH)


def test_a_file_that_a_busy_engine_failed_to_find_is_asked_for_again() -> None:
    engine = Engine(404)
    assert list(archive_of(engine).archive(PATH)) == [b"tar"]
    assert engine.asked == ["GET", "HEAD", "GET"]


def test_a_file_that_is_missing_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        list(archive_of(Engine(404, 404, 404, 404)).archive(PATH))
