"""What is read of logs that Inspect itself wrote, and what becomes of files that are none."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlebench.errors import MissingExtra, UsageError
from mlebench.exports.imported import inspect_log, inspect_reader
from mlebench.exports.imported.found import Found
from mlebench.exports.imported.groups import Options, import_runs
from mlebench.exports.imported.inspect_log import read_inspect_log
from mlebench.registry import Registry
from mlebench.reports.places import load_results

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None and os.environ.get("MLEBENCH_REQUIRE_INSPECT") != "1",
    reason="inspect_ai is not installed",
)
WrittenLog = Callable[[str], Path]


@pytest.fixture(scope="module", params=["eval", "json"])
def found(request: pytest.FixtureRequest, written_log: WrittenLog) -> Found:
    return read_inspect_log(written_log(request.param))


def test_each_sample_in_each_epoch_is_a_run(found: Found) -> None:
    assert found.problems == () and found.format == "inspect-log"
    assert sorted((run.task, run.seed) for run in found.runs) == [
        (name, seed) for name in ("toy-a", "toy-b", "toy-c") for seed in (0, 1)
    ]
    assert len({run.id for run in found.runs}) == 6
    assert found.tool_version is not None and found.tool_version.startswith("0.3.")
    assert len(found.files) == 1


def test_a_run_tells_agent_model_times_usage_and_result(found: Found) -> None:
    run = next(run for run in found.runs if run.name == "toy-a, epoch 2")
    assert (run.agent.name, run.agent.models, run.edition) == ("careful", ("mockllm/model",), "v1")
    assert run.started_at is not None and run.ended_at is not None and run.seconds is not None
    assert run.usage == {
        "input_tokens": 14, "cached_tokens": 4, "cache_write_tokens": 0, "output_tokens": 5, "cost_usd": 0.5,
    }  # fmt: skip
    assert run.stated["score"] == 1.0 and run.stated["bronze_medal"] == 1 and run.stated["competition_version"] == 1


@pytest.mark.parametrize("suffix", ["eval", "json"])
def test_samples_beyond_the_bound_are_told(suffix: str, written_log: WrittenLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect_reader, "MOST_SAMPLES", 4)
    entries = list(inspect_reader._entries(written_log(suffix)))
    assert [entry["kind"] for entry in entries] == ["log", *["sample"] * 4, "error"]
    assert entries[-1]["error"] == "it holds 6 samples, more than 4"


def test_an_error_of_a_sample_is_no_result(found: Found) -> None:
    run = next(run for run in found.runs if run.task == "toy-c")
    assert (run.end.state, run.end.failure_class, run.stated) == ("failed", "infrastructure", {})
    assert run.end.detail is not None and "died" in run.end.detail and run.end.detail.isprintable()


def test_a_log_becomes_a_group_that_reports_can_hold(written_log: WrittenLog, toys: Path, registry: Registry) -> None:
    outcome = import_runs([read_inspect_log(written_log("eval"))], Options(toys / "runs", registry, name="inspect"))
    (made,) = outcome.made
    assert made.results == 4 and made.notes == () and outcome.problems == ()
    assert made.group.conditions.harness == "Inspect 0.3" and made.group.conditions.competition_versions["toy-a"] == 1
    (results,) = load_results([made.group.folder], toys / "runs")
    assert results.seeds[0]["toy-a"].report is not None and results.seeds[0]["toy-a"].report.medal == "bronze"
    assert results.seeds[1]["toy-b"].report is not None and results.seeds[1]["toy-b"].report.medal is None
    assert results.seeds[0]["toy-c"].failed_by_infrastructure
    assert any(note.startswith("inspect was imported from the Inspect log ") for note in results.notes)


def test_both_forms_of_one_evaluation_are_told_alike(written_log: WrittenLog) -> None:
    one, other = (read_inspect_log(written_log(suffix)) for suffix in ("eval", "json"))
    assert {run.agent.name for run in one.runs} == {run.agent.name for run in other.runs}
    assert one.runs[0].agent.arguments == other.runs[0].agent.arguments


# files that are not logs


def test_without_inspect_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'mlebench\[inspect\]'"):
        read_inspect_log(tmp_path / "a.eval")


def test_a_file_of_another_name_or_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in neither \.eval nor \.json"):
        read_inspect_log(tmp_path / "log.txt")
    with pytest.raises(UsageError, match=r"cannot read .*: No such file"):
        read_inspect_log(tmp_path / "log.eval")
    (tmp_path / "link.eval").symlink_to(tmp_path / "log.txt")
    with pytest.raises(UsageError, match=r"cannot read .*: a link"):
        read_inspect_log(tmp_path / "link.eval")


NO_LOGS = {"text.eval": b"hello\n", "other.json": b'{"plan": []}', "deep.json": b"[" * 200_000}


@pytest.mark.parametrize("name", NO_LOGS)
def test_what_is_no_log_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(NO_LOGS[name])
    with pytest.raises(UsageError, match=f"{name} is not a readable Inspect log .*give a log that") as caught:
        read_inspect_log(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_a_bomb_costs_its_process_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed, packed.open("header.json", "w") as file:
        for _ in range(600):
            file.write(b" " * 2**20)
    monkeypatch.setattr(inspect_log, "MOST_MEMORY", 3 * 2**29)
    with pytest.raises(UsageError, match=r"bomb.eval is not a readable Inspect log .*too much memory"):
        read_inspect_log(path)


def test_a_sample_that_is_damaged_is_named_and_the_others_are_read(written_log: WrittenLog, tmp_path: Path) -> None:
    path = tmp_path / "damaged.json"
    content = json.loads(written_log("json").read_text())
    samples = content["samples"]
    samples[0]["scores"] = {"graded": {"value": {"any_medal": 1, "score": 1}, "metadata": {"score": 2}}}
    samples[1]["scores"] = {"graded": {"value": {"any_medal": 10**25}}}
    samples[2]["epoch"] = 0
    path.write_text(json.dumps(content))
    found = read_inspect_log(path)
    assert len(found.runs) == 3
    assert len(found.problems) == 3 and all(problem.startswith("the sample toy-") for problem in found.problems)
    assert "two values of `score`" in found.problems[0] and "26 digits" in found.problems[1]


def test_a_log_is_cut_in_the_middle(written_log: WrittenLog, tmp_path: Path) -> None:
    path = tmp_path / "cut.eval"
    content = written_log("eval").read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UsageError, match=r"cut.eval is not a readable Inspect log"):
        read_inspect_log(path)


def test_numbers_that_are_none_are_unknown() -> None:
    assert inspect_reader._finite({"a": float("nan"), "b": [float("inf"), 1.0]}) == {"a": None, "b": [None, 1.0]}


SAMPLE: dict[str, Any] = {
    "kind": "sample", "id": "toy-a", "epoch": 1, "uuid": "u", "scores": {"graded": {"value": {"any_medal": 1}}},
}  # fmt: skip
LOG = inspect_log._Log(task="t", model="m")


@pytest.mark.parametrize(
    ("limit", "state", "reason"),
    [
        ("time", "timed-out", "timed-out"),
        ("token", "failed", "budget-exhausted"),
        ("cost", "failed", "budget-exhausted"),
        ("message", "failed", "agent-error"),
    ],
)
def test_a_limit_is_the_agents_own_end(limit: str, state: str, reason: str) -> None:
    run = inspect_log._run({**SAMPLE, "limit": limit}, LOG, Path("a.eval"))
    assert (run.end.state, run.end.reason, run.end.failure_class) == (state, reason, "agent")


def test_scores_of_the_benchmarks_other_packages_are_known() -> None:
    value = {"valid_submission": True, "above_median": 1, "any_medal": False}
    content = {**copy.deepcopy(SAMPLE), "scores": {"mle_bench_scorer": {"value": value, "metadata": None}}}
    assert inspect_log._run(content, LOG, Path("a.eval")).stated == value


def test_a_sample_that_was_invalidated_does_not_count() -> None:
    with pytest.raises(ValueError, match="it was invalidated"):
        inspect_log._run({**SAMPLE, "invalidated": True}, LOG, Path("a.eval"))


def test_nothing_in_the_working_directory_is_run(
    written_log: WrittenLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(written_log("eval"), tmp_path / "log.eval")
    (tmp_path / "inspect_ai.py").write_text("raise SystemExit('mine')")
    (tmp_path / "json.py").write_text("raise SystemExit('mine')")
    monkeypatch.chdir(tmp_path)
    assert len(read_inspect_log(Path("log.eval")).runs) == 6
