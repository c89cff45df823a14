"""Runs whose agents ask models: what their records hold, how they end, and what is tried again, resumed and shown."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlebench._support.ledger import stated_whose
from mlebench.agents import AgentSpec
from mlebench.cli.main import main
from mlebench.profiles import Budget
from mlebench.runs.group import Group
from mlebench.runs.models import with_models
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from mlebench.runs.resume import make_ready
from mlebench.runs.schedule.scheduler import run_groups
from mlebench.runs.settings import RunSettings
from mlebench.runs.start import run as start
from mlebench.runs.task import Secrets
from tests.gateway.asking import CLIENT, MODELS
from tests.gateway.provider import KEY, Answer, Gate, Provider
from tests.scripted import SUBMIT
from tests.waiting import wait_until

from .conftest import local_executor
from .test_survival import harness, kill_marked, wait_for

AT_ONCE = RunSettings(retry_delay=0.01)


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(KEY) as made:
        yield made


@pytest.fixture(autouse=True)
def no_models_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLEBENCH_MODELS", raising=False)


@pytest.fixture
def models_file(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCRIPTED_KEY", KEY)
    path = tmp_path / "models.yaml"
    path.write_text(MODELS.format(url=provider.base_url("chat")))
    return path


@pytest.fixture
def asking_agent(agent: Callable[..., AgentSpec], tmp_path: Path) -> Callable[[str], AgentSpec]:
    """Makes an agent that submits the sample and is a Python program then."""

    def make(program: str) -> AgentSpec:
        (tmp_path / "program.py").write_text(CLIENT + program)
        return agent(f"{SUBMIT}exec python {tmp_path}/program.py", settings="models: [m]")

    return make


@pytest.fixture
def play(
    plan: Callable[..., Plan], asking_agent: Callable[[str], AgentSpec], models_file: Path, runs_dir: Path
) -> Callable[..., tuple[Group, list[RunRecord]]]:
    """Runs a group of such an agent; keywords are limits of its profile."""

    def run(program: str, seeds: int = 1, settings: RunSettings = AT_ONCE, **limits: Any) -> tuple[Group, list[RunRecord]]:
        made = plan(
            agent=asking_agent(program),
            competitions=("toy-a",),
            seeds=tuple(range(seeds)),
            limits={"network": "models", **limits},
        )
        made = with_models(replace(made, model_files=(str(models_file),)))
        group = Group.create(runs_dir, made, {"engine": {}}, "group")
        [result] = run_groups([group], local_executor(parallel=1), settings, secrets=Secrets.of([made], None))
        return group, result.records

    return run


Play = Callable[..., tuple[Group, list[RunRecord]]]


def ledger(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "model_calls.jsonl").read_text().splitlines()]


def test_a_record_holds_what_was_measured_apart_from_what_is_claimed(play: Play, provider: Provider) -> None:
    claim = 'open(os.environ["LOGS_DIR"] + "/usage.json", "w").write(json.dumps({"input_tokens": 1, "cost_usd": 0}))'
    group, [record] = play(f"ask(); ask(); print(os.environ)\n{claim}")
    folder = group.run_dir(record.run_id)
    assert record.state == "finished", (folder / "run.log").read_text()
    assert {key: record.usage[key] for key in ("calls", "input_tokens", "output_tokens", "failed_calls", "refused_calls")} == {
        "calls": 2, "input_tokens": 200, "output_tokens": 14, "failed_calls": 0, "refused_calls": 0
    }  # fmt: skip
    assert record.usage["cost_usd"] == pytest.approx(0.000228)
    assert record.usage["models"]["m"]["calls"] == 2
    assert record.reported_usage == {"input_tokens": 1, "cost_usd": 0}
    assert record.ledgers == {
        "checker_calls": {"lines": 0, "head": None}, "model_calls": {"lines": 2, "head": ledger(folder)[-1]["hash"]}
    }  # fmt: skip
    assert RunRecord.read(folder).usage["calls"] == 2
    assert json.loads((group.folder / "grading_report.json").read_text())["run_group"]["usage"]["calls"] == 2
    assert KEY not in "".join(path.read_text() for path in group.folder.rglob("*.y*ml"))


def test_a_gateway_that_nobody_asked_measured_nothing_used(play: Play) -> None:
    _, [record] = play("pass")
    assert (record.usage["calls"], record.usage["cost_usd"]) == (0, 0)
    assert record.ledgers == {name: {"lines": 0, "head": None} for name in ("checker_calls", "model_calls")}


def test_a_key_that_an_agent_came_by_is_masked_in_its_log(play: Play) -> None:
    """In the plain sandbox it can; what it prints is masked all the same."""
    group, [record] = play(f'print("the key", {KEY[:20]!r} + {KEY[20:]!r})')
    log = (group.run_dir(record.run_id) / "run.log").read_text()
    assert "the key ***" in log and KEY not in log


def test_a_run_that_spent_its_budget_is_a_result(play: Play, provider: Provider) -> None:
    """It is graded and not done again, and several of them in a row stop no group."""
    _, records = play("ask(); ask(); sys.exit(3)", seeds=4, budget=Budget(calls=1), settings=AT_ONCE)
    assert {(record.state, record.reason, record.failure_class) for record in records} == {
        ("failed", "budget-exhausted", "agent")
    }
    assert all(record.has_valid_submission for record in records)
    assert len(provider.billed) == 4


def test_a_run_that_spent_its_budget_without_a_submission_is_not_done_again(play: Play) -> None:
    program = 'os.remove(os.environ["SUBMISSION_DIR"] + "/submission.csv"); ask(); ask(); sys.exit(3)'
    group, records = play(program, seeds=4, budget=Budget(calls=1))
    assert {record.reason for record in records} == {"budget-exhausted"}
    make_ready(group)
    assert {record.state for record in group.records()} == {"failed"}


def test_a_run_without_models_is_tried_again_with_a_budget_of_its_own(play: Play, provider: Provider) -> None:
    # the answer and the gateway's own question fail; then all is well
    provider.script = [Answer(), Answer(status=503), Answer(status=503)]
    group, [record] = play("ask(); sys.exit(ask()[0] != 200)", budget=Budget(calls=2))
    assert (record.state, record.reason, record.attempt) == ("finished", "exited", 2)
    folder = group.run_dir(record.run_id)
    [earlier] = record.attempts
    assert (earlier["reason"], earlier["failure_class"]) == ("model-unavailable", "infrastructure")
    assert (earlier["usage"]["calls"], earlier["usage"]["failed_calls"]) == (1, 1)
    kept = folder / "attempts" / "1"
    assert [line["outcome"] for line in ledger(kept)] == ["answered", "failed", "probe"]
    assert earlier["ledgers"]["model_calls"]["lines"] == 3
    assert (kept / "transcript").is_dir()
    for place, attempt in ((kept, 1), (folder, 2)):
        assert {stated_whose(line) for line in ledger(place)} == {(group.name, record.run_id, attempt)}
    assert (record.usage["calls"], len(ledger(folder)), ledger(folder)[0]["previous"]) == (2, 2, None)


def test_a_run_whose_models_stay_away_is_lost_to_the_infrastructure(play: Play, provider: Provider) -> None:
    provider.answer = Answer(status=500)
    _, [record] = play("sys.exit(ask()[0] != 200)", settings=RunSettings(retries=1, retry_delay=0.01))
    assert (record.reason, record.failure_class, record.report, record.attempt) == (
        "model-unavailable",
        "infrastructure",
        None,
        2,
    )


def test_runs_are_shown_with_what_they_used(play: Play, capsys: pytest.CaptureFixture[str]) -> None:
    group, _ = play("ask(); ask()")
    assert main(["runs", "group", "--runs-dir", str(group.folder.parent)]) == 0
    shown = capsys.readouterr().out
    assert "2 calls" in shown and "models" in shown
    assert main(["runs", "group", "--runs-dir", str(group.folder.parent), "--json"]) == 0
    [run] = json.loads(capsys.readouterr().out)["runs"]
    assert (run["usage"]["calls"], run["model_status"]) == (2, None)


def test_programs_start_runs_with_models(
    toys: Path, asking_agent: Callable[[str], AgentSpec], models_file: Path, runs_dir: Path
) -> None:
    [result] = start(
        agents=str(asking_agent("sys.exit(ask()[0] != 200)").directory), competitions=["toy-a"], profile="demo", sandbox="plain",
        network="models", budget="usd=1,calls=7", models=[str(models_file)], runs_dir=runs_dir,
    )  # fmt: skip
    [record] = result.records
    assert (record.state, record.usage["calls"]) == ("finished", 1)
    content = (result.group.folder / "group.yaml").read_text()
    assert "m-served" in content and KEY not in content


def test_a_killed_harness_is_resumed_with_token_budget_and_ledger(
    toys: Path, asking_agent: Callable[[str], AgentSpec], models_file: Path, runs_dir: Path, tmp_path: Path, provider: Provider
) -> None:
    program = f"""
print("first", ask()[0], flush=True); ready(); until("{tmp_path}/go")
print("then", ask()[0], ask()[0], flush=True)
"""
    first = harness(
        "--agent", str(asking_agent(program).directory), "-c", "toy-a", "--sandbox", "plain", "--name", "group",
        "--profile", "demo", "--profile-set", "cpus=0.1", "--profile-set", "memory=1m",
        "--network", "models", "--budget", "calls=2", "--models", str(models_file),
    )  # fmt: skip
    folder = runs_dir / "group" / "toy-a_seed0"
    wait_until(lambda: first.poll() is None and (folder / "logs" / "ready").exists(), seconds=120)
    first.kill()
    first.communicate(timeout=300)
    second = harness("--resume", "group")
    try:
        wait_until(lambda: port_answers(folder), seconds=120)
        (tmp_path / "go").touch()
        [record] = wait_for(runs_dir / "group", lambda records: records[0].has_ended)
        second.communicate(timeout=300)
    finally:
        kill_marked(folder)
    assert "first 200" in log_of(folder) and "then 200 400" in log_of(folder)
    assert (record.reason, record.attempt, record.usage["calls"], record.usage["refused_calls"]) == ("budget-exhausted", 1, 2, 1)
    lines = ledger(folder)
    assert [line["previous"] for line in lines] == [None, lines[0]["hash"], lines[1]["hash"]]
    assert len(provider.billed) == 2


def log_of(folder: Path) -> str:
    return (folder / "run.log").read_text(errors="replace")


def port_answers(folder: Path) -> bool:
    """Whether somebody serves the gateway at the port that the agent knows."""
    port = int((folder / ".local" / "gateway-port").read_text())
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def test_whoever_watches_sees_a_run_at_work(
    toys: Path, asking_agent: Callable[[str], AgentSpec], models_file: Path, runs_dir: Path, provider: Provider,
    capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    gate = Gate()
    provider.script = [Answer(), Answer(gate=gate)]
    running = harness(
        "--agent", str(asking_agent("ask(); ask()").directory), "-c", "toy-a", "--sandbox", "plain", "--name", "group",
        "--profile", "demo", "--profile-set", "cpus=0.1", "--profile-set", "memory=1m", "--network", "models",
        "--models", str(models_file),
    )  # fmt: skip
    try:

        def status() -> Any:
            if not (runs_dir / "group" / "group.yaml").exists():
                return None
            assert main(["runs", "group", "--runs-dir", str(runs_dir), "--json"]) == 0
            [run] = json.loads(capsys.readouterr().out)["runs"]
            return run["model_status"] if run["model_status"] and run["model_status"]["calls"] else None

        found = wait_until(status, seconds=120, every=0.2)
    finally:
        gate.open()
        running.communicate(timeout=300)
    assert (found["calls"], found["input_tokens"], found["output_tokens"], found["waiting"]) == (1, 100, 7, None)
