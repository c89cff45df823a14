"""Harbor itself takes our trajectories: its own models, and its own validator of files.

They need nothing but pydantic, so `pip install --no-deps harbor==0.26.0` is enough (on Python 3.11 with
`--ignore-requires-python`). Without it these tests are skipped, or fail with MLEBENCH_REQUIRE_HARBOR=1.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from tests.exports.recorded import DIALECTS, Recording
from tests.exports.requests import Agent, Result, Said, User, request
from tests.exports.test_atif import HOSTILE
from tests.gateway import answers

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("harbor") is None and os.environ.get("MLEBENCH_REQUIRE_HARBOR") != "1",
    reason="harbor is not installed",
)


def faults(path: Path) -> list[str]:
    from harbor.utils.trajectory_validator import TrajectoryValidator  # type: ignore[import-not-found]

    validator = TrajectoryValidator()
    assert validator.validate(path) is (not validator.get_errors())
    return list(validator.get_errors())


def test_harbor_takes_a_file_with_everything_in_it(recording: Recording) -> None:
    for dialect in DIALECTS:
        said: list[Said] = [User(f"go in {dialect}")]
        recording.call(dialect, request(dialect, "rules", said), answers.Said(tool=("bash", {"command": "ls"})))
        said += [Agent("", "ls", "call_1"), Result("a b", "call_1")]
        recording.call(dialect, request(dialect, "10 minutes left", said), answers.Said("done"), is_streaming=True)
        recording.call(dialect, request(dialect, "rules", [*said, Agent("done"), User("Who is next?")]), answers.Said("user"))
        recording.call(dialect, request(dialect, "rules", [*said, Agent("done"), User("on")]), answers.Said("done"))
        recording.call(dialect, request(dialect, "rules", [*said, Agent("done"), User("on")]), None, outcome="failed", status=500)
        recording.call(dialect, {}, None, keep=False, outcome="refused", status=400, reason="the budget is spent")
    for asked in HOSTILE.values():
        recording.call("chat", asked, answers.Said(tool=("f", {"x": "\ud800"})), cost_usd=None)
    recording.end()
    trajectory, notes = recording.exported()
    assert notes == [] and len(trajectory.all) > len(DIALECTS)
    assert faults(recording.folder.parent / "trajectory.json") == []


def test_harbor_notices_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text('{"schema_version": "ATIF-v1.7", "agent": {"name": "a", "version": "1"}, "steps": [], "more": 1}')
    assert len(faults(path)) == 2
