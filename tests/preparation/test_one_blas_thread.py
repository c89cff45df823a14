"""Data that is generated from a key is made in one thread of linear algebra, and the caller gets all threads back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from mlebench.preparation import build
from mlebench.registry import Competition, Registry


def blas_threads() -> set[int]:
    return {entry["num_threads"] for entry in threadpool_info() if entry["user_api"] == "blas"}


@pytest.mark.parametrize(("name", "expected"), [("research-nnn-retrieval", {1}), ("demo-wine", {2})])
def test_threads_while_preparing(name: str, expected: set[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[int]] = []
    competition = Registry(tmp_path, split_key="k").get_competition(name)

    def generate(raw: Path, public: Path, private: Path) -> None:
        seen.append(blas_threads())
        raise KeyboardInterrupt

    changed: dict[str, Any] = {"prepare_fn": generate}
    with threadpool_limits(2), pytest.raises(KeyboardInterrupt):
        build.prepare(Competition(**{**competition.__getstate__(), "replaced": changed}), tmp_path, mock=True)
        assert blas_threads() == {2}
    assert seen == [expected]
