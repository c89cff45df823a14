"""Toy competitions, jobs of Harbor made of what its own models write, and a log that Inspect itself wrote."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench.registry import Registry
from tests.runs.conftest import TOYS, make_toy

RESULTS: dict[str, Any] = json.loads((Path(__file__).parent / "harbor_results.json").read_text(encoding="utf-8"))
"""By what they are about, see `write_harbor_results`."""


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three prepared competitions; the sample submission scores 1, which is bronze. Returns the folder of the test."""
    for name in TOYS:
        make_toy(tmp_path / "competitions" / name, tmp_path / "data" / name)
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "competitions"))
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MLEBENCH_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def registry(toys: Path) -> Registry:
    return Registry(toys / "data")


class Job:
    """A job's folder that grows trial by trial."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for name in ("config", "result"):
            (folder / f"{name}.json").write_text(json.dumps(RESULTS[name]), encoding="utf-8")
        self._count = 0

    def trial(self, kind: str = "bronze", submission: str | None = None, **changes: Any) -> Path:
        """Add a trial.

        Args:
            kind: of `RESULTS`.
            submission: content of the file that the agent submitted, where it was kept.
            changes: parts of `result.json`; rewards by their own names under `rewards`.

        Returns:
            its folder.
        """
        self._count += 1
        content = copy.deepcopy(RESULTS[kind])
        content["id"] = f"00000000-0000-0000-0000-{self._count:012d}"
        content["trial_name"] = f"{kind}__{self._count:07d}"
        if (rewards := changes.pop("rewards", None)) is not None:
            content["verifier_result"] = {"rewards": rewards}
        for part in (content, content["agent_execution"]):
            for key in ("started_at", "finished_at"):
                part[key] = f"{part[key][:11]}{10 + self._count:02d}{part[key][13:]}"
        content |= changes
        folder = self.folder / content["trial_name"].replace("/", "_").replace("\0", "_")
        (folder / "agent").mkdir(parents=True)
        (folder / "agent" / "log.txt").write_text("thinking\n")
        (folder / "trial.log").write_text("started\n")
        (folder / "result.json").write_text(json.dumps(content), encoding="utf-8")
        if submission is not None:
            kept = folder / "artifacts" / "home" / "submission" / "submission.csv"
            kept.parent.mkdir(parents=True)
            kept.write_text(submission)
        return folder


@pytest.fixture
def job(toys: Path) -> Job:
    """A job without trials."""
    return Job(toys / "job")


@pytest.fixture(scope="session")
def written_log(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes logs with Inspect itself and a model that answers from a list: `written_log("eval")`, each once."""
    logs: dict[str, Path] = {}

    def write(suffix: str) -> Path:
        from tests.exports.imported.inspect_task import run

        if suffix not in logs:
            logs[suffix] = run(tmp_path_factory.mktemp("logs"), suffix)
        return logs[suffix]

    return write
