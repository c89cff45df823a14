"""`mlebench run` with the shipped agents on a prepared competition, in real containers, to a graded report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlebench.cli.main import main
from mlebench.sandbox.docker import engine, images
from mlebench.sandbox.docker.container import RUN_LABEL
from tests.gateway.asking import CLIENT
from tests.gateway.asking import MODELS as ONE_MODEL
from tests.gateway.provider import Provider
from tests.sandbox.docker.conftest import until
from tests.sandbox.docker.model_server import ModelServer, ScriptedModel
from tests.waiting import wait_until

COMPETITION = "spaceship-titanic"
SECRET = "sk-test-key-4711-0815"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory, base_image: images.Image) -> Path:
    folder = tmp_path_factory.mktemp("data")
    assert main(["prepare", COMPETITION, "--mock", "--data-dir", str(folder)]) == 0
    return folder


@pytest.fixture
def model_server() -> Iterator[ModelServer]:
    server = ModelServer()
    yield server
    server.close()


def command(data_dir: Path, runs_dir: Path, *words: str) -> list[str]:
    where = ["--data-dir", str(data_dir), "--runs-dir", str(runs_dir), "--name", "group", "--profile", "demo", "--json"]
    return [sys.executable, "-m", "mlebench.cli.main", "run", "-c", COMPETITION, *where, *words]


def run(data_dir: Path, runs_dir: Path, *words: str, **environment: str) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """The grading report, the run's record and its folder."""
    done = subprocess.run(
        command(data_dir, runs_dir, *words), capture_output=True, text=True, env={**os.environ, **environment}, timeout=300
    )
    assert done.returncode == 0, done.stderr
    folder = runs_dir / "group" / f"{COMPETITION}_seed0"
    report = json.loads((runs_dir / "group" / "grading_report.json").read_text())
    return report, json.loads((folder / "run.json").read_text()), folder


def left_over(runs_dir: Path) -> list[str]:
    found = engine.connect().containers.list(all=True, ignore_removed=True, filters={"label": engine.LABEL})
    return [each.name for each in found if each.labels.get(RUN_LABEL, "").startswith(f"{runs_dir}/")]


def wait_for_begin(process: subprocess.Popen[Any], log: Path) -> None:
    """Wait until the agent has printed that it has started."""

    def has_begun() -> bool:
        assert process.poll() is None, process.stderr
        return log.exists() and "at work" in log.read_text()

    wait_until(has_begun, seconds=120)


@pytest.mark.parametrize("agent", ["dummy", "baseline"])
def test_shipped_agents_end_with_a_graded_report(data_dir: Path, tmp_path: Path, agent: str) -> None:
    report, record, folder = run(data_dir, tmp_path, "--agent", agent)
    [graded] = report["competition_reports"]
    assert graded["valid_submission"] is True
    assert 0 <= graded["score"] <= 1
    assert record["state"] == "finished"
    assert (folder / "submission" / "submission.csv").exists()
    group = (tmp_path / "group" / "group.yaml").read_text()
    assert record["resources"]["image_digest"] in group
    assert left_over(tmp_path) == []


SEARCH = ("steps=3", "agent.search.num_drafts=2", "agent.search.debug_prob=0")
MODELS = """
providers:
  scripted: {{dialects: [{dialect}], base_url: "{url}", key: SCRIPTED_KEY}}
models:
  "{name}": {{provider: scripted, served: the-model, prices: {{input: 1, output: 2}}, most_output: 4096}}
"""


def arguments(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("--argument", setting)]


def check_search(folder: Path, report: dict[str, Any], record: dict[str, Any], model: ScriptedModel) -> None:
    """AIDE's real loop: a buggy draft, a good one, an improvement of the good one."""
    journal = json.loads((folder / "logs" / "aide" / "journal.json").read_text())
    buggy, good, improved = journal["nodes"]
    assert buggy["is_buggy"] and buggy["exc_type"] == "KeyError"
    assert not good["is_buggy"] and good["metric"]["value"] == 0.5
    assert not improved["is_buggy"] and improved["metric"]["value"] == 0.75
    assert journal["node2parent"] == {improved["id"]: good["id"]}
    assert "accuracy" in "".join(improved["_term_out"])
    assert (folder / "logs" / "aide" / "tree_plot.html").exists()
    assert (folder / "logs" / "aide" / "report.md").read_text().startswith("# Report")

    # what the best solution wrote is submitted, together with its code, and graded
    [graded] = report["competition_reports"]
    assert graded["valid_submission"] is True
    assert "CryoSleep" in (folder / "code" / "solution.py").read_text()
    assert "submitted solution 2: valid: the submission is valid" in (folder / "run.log").read_text()
    assert [call["valid"] for call in record["checker_calls"]] == [True, True]

    # it was told the task, and AIDE counted its use of the model
    assert "PassengerId" in model.prompts[0]
    assert record["reported_usage"]["calls"] == len(model.prompts) == 7
    assert record["reported_usage"]["input_tokens"] == 700


@pytest.mark.parametrize(
    ("name", "dialect"),
    [("scripted", "chat"), ("gpt-scripted", "responses"), ("gpt-by-chat", "chat"), ("claude-scripted", "messages")],
)
def test_aide_searches_with_the_gateway_alone(data_dir: Path, tmp_path: Path, name: str, dialect: str) -> None:
    model = ScriptedModel()
    with Provider(SECRET) as provider:
        provider.answer = model.answer
        models = tmp_path / "models.yaml"
        models.write_text(MODELS.format(name=name, dialect=dialect, url=provider.base_url(dialect)))
        words = ["--agent", "aide", "--models", str(models), "--budget", "usd=1"]
        words += arguments(f"model={name}", f"feedback_model={name}", *SEARCH)
        report, record, folder = run(data_dir, tmp_path, *words, SCRIPTED_KEY=SECRET)
    check_search(folder, report, record, model)

    # all that it asked is measured, as the provider counts it
    usage = record["usage"]
    assert (usage["calls"], usage["input_tokens"], usage["output_tokens"]) == (7, 700, 70)
    assert usage["cost_usd"] == pytest.approx(7 * (100 + 20) / 10**6)
    assert provider.billed_tokens.input == usage["input_tokens"]
    assert usage["models"][name]["calls"] == 7
    lines = [json.loads(line) for line in (folder / "model_calls.jsonl").read_text().splitlines()]
    assert record["ledgers"]["model_calls"] == {"lines": len(lines), "head": lines[-1]["hash"]}
    assert {line["dialect"] for line in lines if line["outcome"] == "answered"} == {dialect}
    assert len(list((folder / "transcript").iterdir())) >= 7
    manifest = yaml.safe_load((tmp_path / "group" / "group.yaml").read_text())["manifest"]
    assert (manifest["network"], manifest["models_served"]) == ("models", {name: "the-model of scripted"})
    assert {received.key for received in provider.received} == {SECRET}
    check_no_secret(tmp_path)


def test_aide_searches_past_the_gateway_on_an_open_network(data_dir: Path, tmp_path: Path, model_server: ModelServer) -> None:
    words = ["--agent", "aide/compatible"]
    where = f"base_url=http://host.docker.internal:{model_server.port}/v1"
    words += arguments(where, "model=scripted", "feedback_model=scripted", *SEARCH)
    report, record, folder = run(data_dir, tmp_path, *words, OPENAI_API_KEY=SECRET)
    check_search(folder, report, record, model_server.model)
    assert record["usage"] == {}
    assert list(record["ledgers"]) == ["checker_calls"]
    assert model_server.keys == {f"Bearer {SECRET}"}
    check_no_secret(tmp_path)


def check_no_secret(folder: Path) -> None:
    assert [path for path in folder.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []
    history = engine.connect().api.history("mlebench/agent-aide:light")
    assert SECRET not in json.dumps(history)
    assert left_over(folder) == []


def test_command_runs_any_command_line_in_a_given_image(data_dir: Path, tmp_path: Path) -> None:
    # an image that has none of our tools' Python packages: the parent of the base
    parent = images.base_recipe("light", client=engine.connect()).parent
    line = "cp /home/data/sample_submission.csv /home/submission/submission.csv && /home/validate_submission.sh"
    words = ["--agent", "command", "--argument", f"image={parent}", "--argument", f"command={line}"]
    report, record, folder = run(data_dir, tmp_path, *words)
    assert report["competition_reports"][0]["valid_submission"] is True
    assert "valid: the submission is valid" in (folder / "run.log").read_text()
    assert [call["valid"] for call in record["checker_calls"]] == [True]


def test_ctrl_c_leaves_no_container(data_dir: Path, tmp_path: Path) -> None:
    agent = tmp_path / "sleeper"
    agent.mkdir()
    (agent / "agent.yaml").write_text("description: sleeps\n")
    (agent / "start.sh").write_text("echo id > /home/submission/submission.csv; echo at work; sleep 600\n")
    words = command(data_dir, tmp_path, "--agent", str(agent))
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # in the background of a script the tests themselves ignore Ctrl-C, and would pass that on
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    log = tmp_path / "group" / f"{COMPETITION}_seed0" / "run.log"
    wait_for_begin(process, log)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)
    record = json.loads((log.parent / "run.json").read_text())
    assert record["state"] == "cancelled"
    assert (log.parent / "submission" / "submission.csv").exists()
    assert left_over(tmp_path) == []


def test_a_killed_harness_finds_its_container_again(data_dir: Path, tmp_path: Path) -> None:
    agent = tmp_path / "worker"
    agent.mkdir()
    (agent / "agent.yaml").write_text("description: works for a while\n")
    (agent / "start.sh").write_text(
        f"echo at work; {until()}cp /home/data/sample_submission.csv /home/submission/submission.csv\n"
    )
    process = subprocess.Popen(command(data_dir, tmp_path, "--agent", str(agent)), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    folder = tmp_path / "group" / f"{COMPETITION}_seed0"
    wait_for_begin(process, folder / "run.log")
    process.kill()
    process.communicate(timeout=60)
    [name] = left_over(tmp_path)
    engine.connect().containers.get(name).exec_run(["touch", "/tmp/go"])
    resume = [sys.executable, "-m", "mlebench.cli.main", "run", "--resume", "group", "--runs-dir", str(tmp_path)]
    done = subprocess.run(resume, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    record = json.loads((folder / "run.json").read_text())
    assert (record["state"], record["attempt"]) == ("finished", 1)
    assert record["report"]["valid_submission"] is True
    assert (folder / "run.log").read_text().count("at work\n") == 1
    assert left_over(tmp_path) == []


def test_a_killed_harness_goes_on_with_budget_and_ledger(data_dir: Path, tmp_path: Path) -> None:
    agent = tmp_path / "asker"
    agent.mkdir()
    (agent / "agent.yaml").write_text("models: [m]\n")
    submit = "import shutil; shutil.copy('/home/data/sample_submission.csv', '/home/submission/submission.csv')"
    program = (
        f'{submit}\nprint("first", ask()[0])\nprint("at work", flush=True)\nuntil("/tmp/go")\nprint("then", ask()[0], ask()[0])\n'
    )
    (agent / "program.py").write_text(CLIENT + program)
    (agent / "start.sh").write_text("exec python /home/agent/program.py\n")
    with Provider(SECRET) as provider:
        (tmp_path / "models.yaml").write_text(ONE_MODEL.format(url=provider.base_url("chat")))
        words = ["--agent", str(agent), "--models", str(tmp_path / "models.yaml"), "--network", "models", "--budget", "calls=2"]
        environment = {**os.environ, "SCRIPTED_KEY": SECRET}
        process = subprocess.Popen(
            command(data_dir, tmp_path, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
        )
        folder = tmp_path / "group" / f"{COMPETITION}_seed0"
        wait_for_begin(process, folder / "run.log")
        process.kill()
        process.communicate(timeout=60)
        [name] = left_over(tmp_path)
        resume = [sys.executable, "-m", "mlebench.cli.main", "run", "--resume", "group", "--runs-dir", str(tmp_path)]
        resumed = subprocess.Popen(resume, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        wait_until(lambda: "the harness is back" in (folder / "run.log").read_text(), seconds=120)
        container = engine.connect().containers.get(name)
        asked = "curl -s -o /dev/null -H \"Authorization: Bearer $OPENAI_API_KEY\" $OPENAI_BASE_URL/models -w '%{http_code}'"
        wait_until(lambda: container.exec_run(["sh", "-c", asked]).output == b"200", seconds=120)
        container.exec_run(["touch", "/tmp/go"])
        _, said = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, said
    record = json.loads((folder / "run.json").read_text())
    assert (record["reason"], record["attempt"]) == ("budget-exhausted", 1), (folder / "run.log").read_text()
    assert record["report"]["valid_submission"] is True
    assert (record["usage"]["calls"], record["usage"]["refused_calls"], len(provider.billed)) == (2, 1, 2)
    assert "first 200" in (folder / "run.log").read_text() and "then 200 400" in (folder / "run.log").read_text()
    lines = [json.loads(line) for line in (folder / "model_calls.jsonl").read_text().splitlines()]
    assert [line["previous"] for line in lines] == [None, lines[0]["hash"], lines[1]["hash"]]
    assert [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []
    assert left_over(tmp_path) == []
