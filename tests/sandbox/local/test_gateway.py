"""The gateway to models of a local run: its port, its ends, and a harness that comes back."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mlebench.agents import AgentSpec
from mlebench.gateway import gateway as gateways
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.usage import measured_usage
from mlebench.sandbox import get_sandbox
from mlebench.sandbox.base import Outcome, RunRequest
from mlebench.sandbox.local import processes
from mlebench.sandbox.local.gateway import MODELS_NOTICE, Forwarder
from mlebench.sandbox.local.handle import LocalHandle
from mlebench.sandbox.local.places import STATE
from mlebench.sandbox.local.plain import PlainWalls
from mlebench.sandbox.local.sandbox import LocalSandbox
from mlebench.sandbox.model_status import ModelStatus, read_status
from tests.bubblewrap import needs_bubblewrap
from tests.gateway.asking import CLIENT, access
from tests.gateway.provider import KEY, Answer, Provider
from tests.waiting import wait_until

Asking = Callable[..., RunRequest]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(KEY) as made:
        yield made


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The minute after a spent budget passes at once."""
    monkeypatch.setattr(gateways, "Bounds", partial(Bounds, grace_seconds=0.2))


@pytest.fixture
def asking(
    agent: Callable[..., AgentSpec], request_for: Callable[..., RunRequest], provider: Provider, tmp_path: Path
) -> Iterator[Asking]:
    """Makes the request of an agent that is a Python program; `budget` and others are of its access to models."""

    def make(program: str, limits: dict[str, Any] | None = None, **given: Any) -> RunRequest:
        spec = agent(f"exec python {tmp_path}/program.py")
        (tmp_path / "program.py").write_text(CLIENT + program)
        models = access(provider, **given)
        profile = {"network": "models", "budget": models.budget, "patience": models.patience, **(limits or {})}
        return request_for(spec, profile, models=models, secrets=(KEY,))

    yield make


def play(request: RunRequest) -> Outcome:
    return end(request, LocalSandbox(PlainWalls()).start(request))


def end(request: RunRequest, handle: LocalHandle) -> Outcome:
    return handle.wait(handle.started_at + timedelta(seconds=request.profile.time_limit))


def log_of(request: RunRequest) -> str:
    return (request.run_dir / "run.log").read_text(errors="replace")


def is_ready(request: RunRequest) -> bool:
    return (request.run_dir / "logs" / "ready").exists()


def ledger(request: RunRequest) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (request.run_dir / "model_calls.jsonl").read_text().splitlines()]


def test_an_agent_asks_models_at_a_port_of_its_own(asking: Asking, provider: Provider) -> None:
    program = """
print(ask()[0], ask(token="sk-mlebench-wrong")[0])
for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
    assert os.environ[name].startswith("sk-mlebench-")
print(os.environ["ANTHROPIC_BASE_URL"] + "/v1" == BASE, os.environ["GOOGLE_GEMINI_BASE_URL"] + "/v1" == BASE)
"""
    request = asking(program)
    outcome = play(request)
    assert (outcome.state, outcome.reason) == ("finished", "exited"), log_of(request)
    assert "200 401\nTrue True" in log_of(request)
    assert MODELS_NOTICE in log_of(request)
    assert [received.key for received in provider.received] == [KEY]
    assert measured_usage(request.run_dir)["calls"] == 1
    assert not (request.run_dir / STATE).exists()
    assert read_status(request.run_dir) is None
    files = [path for path in request.run_dir.rglob("*") if path.is_file()]
    assert files and [path for path in files if KEY.encode() in path.read_bytes()] == []


@needs_bubblewrap
def test_within_walls_models_are_where_a_container_finds_them(asking: Asking, tmp_path: Path, provider: Provider) -> None:
    """A harness that comes back serves the same socket, which the agent is shown in a folder."""
    request = asking("")
    program = """
import os, time
print(BASE, ask()[0], flush=True)
open("/home/logs/ready", "w").close()
while not os.path.exists("/home/logs/go"):
    time.sleep(0.05)
print("again", ask()[0], ask(token="sk-mlebench-wrong")[0])
"""
    (request.agent.directory / "program.py").write_text(CLIENT + program)
    (request.agent.directory / "start.sh").write_text("exec python /home/agent/program.py\n")
    sandbox = get_sandbox("bubblewrap")
    assert isinstance(sandbox, LocalSandbox)
    first = sandbox.start(request)
    wait_until(lambda: is_ready(request), explain=lambda: log_of(request))
    first.detach()
    assert end(request, first).reason == "detached"
    second = sandbox.attach(request)
    assert second is not None
    (request.run_dir / "logs" / "go").touch()
    assert end(request, second).state == "finished", log_of(request)
    assert "http://localhost:5001/v1 200\nagain 200 401" in log_of(request)
    assert [line["outcome"] for line in ledger(request)] == ["answered", "answered"]
    assert MODELS_NOTICE not in log_of(request)


def test_hosts_are_open_through_a_proxy_where_a_run_has_some(asking: Asking) -> None:
    program = 'print(os.environ.get("HTTPS_PROXY") == os.environ.get("https_proxy"), "HTTPS_PROXY" in os.environ)'
    for allow, told in (((), "True False"), (("pypi.org",), "True True")):
        request = asking(program, allow=allow)
        play(request)
        assert told in log_of(request)


def test_an_agents_own_variables_count(asking: Asking) -> None:
    request = replace(asking("print(BASE)"), environment={"OPENAI_BASE_URL": "http://own/v1"})
    play(request)
    assert "http://own/v1" in log_of(request)


@pytest.mark.usefixtures("soon")
def test_a_run_whose_budget_is_spent_is_ended(asking: Asking, provider: Provider) -> None:
    request = asking("while True: ask() and time.sleep(0.1)", budget={"calls": 2})
    outcome = play(request)
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", "budget-exhausted", "agent")
    assert "calls=2" in outcome.detail
    # how often it can ask after that is a matter of its speed
    assert [line["outcome"] for line in ledger(request)][:3] == ["answered", "answered", "refused"]
    assert len(provider.billed) == 2


@pytest.mark.parametrize(("code", "state"), [(0, "finished"), (3, "failed")])
def test_an_agent_that_ends_after_its_budget_is_spent_ended_for_that(asking: Asking, code: int, state: str) -> None:
    request = asking(f"ask(); ask(); sys.exit({code})", budget={"calls": 1})
    outcome = play(request)
    assert (outcome.state, outcome.reason, outcome.exit_code) == (state, "budget-exhausted", code)
    assert outcome.failure_class == "agent"


def test_a_run_whose_provider_is_gone_is_the_infrastructures(asking: Asking, provider: Provider) -> None:
    provider.answer = Answer(status=500)
    request = asking("while True: ask(); time.sleep(0.1)", patience=0.5)
    outcome = play(request)
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", "model-unavailable", "infrastructure")


def test_an_agent_that_gives_up_on_a_dead_provider_is_tried_again(asking: Asking, provider: Provider) -> None:
    provider.answer = Answer(status=503)
    request = asking("sys.exit(ask()[0] != 200)")
    assert play(request).reason == "model-unavailable"


def test_no_agent_chooses_that_its_models_were_away(asking: Asking, provider: Provider) -> None:
    """Its last call failed, but the provider answers when the gateway asks."""
    provider.script = [Answer(status=503)]
    request = asking("sys.exit(ask()[0] != 200)")
    outcome = play(request)
    assert (outcome.reason, outcome.failure_class) == ("exit-code", "agent")


def test_a_harness_that_comes_back_serves_the_same_port_and_token(asking: Asking, tmp_path: Path) -> None:
    program = f"""
print("first", ask()[0], flush=True); ready()
until("{tmp_path}/go")
print("second", ask()[0], flush=True); print("third", ask()[0], flush=True)
"""
    request = asking(program, budget={"calls": 2})
    first = LocalSandbox(PlainWalls()).start(request)
    wait_until(lambda: is_ready(request), explain=lambda: log_of(request))
    first.detach()
    assert end(request, first).reason == "detached"
    assert len(ledger(request)) == 1

    second = LocalSandbox(PlainWalls()).attach(request)
    assert second is not None
    (tmp_path / "go").touch()
    outcome = end(request, second)
    assert "second 200\nthird 400" in log_of(request)
    assert outcome.reason == "budget-exhausted"
    lines = ledger(request)
    assert [line["outcome"] for line in lines] == ["answered", "answered", "refused"]
    assert [line["previous"] for line in lines] == [None, lines[0]["hash"], lines[1]["hash"]]


def ended_alone(request: RunRequest, go: Path) -> Outcome:
    """The outcome of an agent that goes on, and ends, while no harness is there."""
    first = LocalSandbox(PlainWalls()).start(request)
    wait_until(lambda: is_ready(request))
    first.detach()
    end(request, first)
    go.touch()
    wait_until(lambda: (request.run_dir / STATE / "ending.json").exists())
    second = LocalSandbox(PlainWalls()).attach(request)
    assert second is not None
    return end(request, second)


def test_an_agent_that_failed_while_no_gateway_was_there_is_not_to_blame(asking: Asking, tmp_path: Path) -> None:
    request = asking(f'ready()\nuntil("{tmp_path}/go")\nsys.exit(ask()[0] != 200)')
    outcome = ended_alone(request, tmp_path / "go")
    assert (outcome.reason, outcome.failure_class) == ("model-unavailable", "infrastructure")
    assert "while its model gateway was not available" in outcome.detail


def test_an_agent_that_ended_alone_is_not_to_blame_though_its_keeper_lives(asking: Asking, tmp_path: Path) -> None:
    """A harness may come back between the end of the agent and that of who held it."""
    request = asking(f'ready()\nuntil("{tmp_path}/go")\nsys.exit(ask()[0] != 200)')
    first = LocalSandbox(PlainWalls()).start(request)
    wait_until(lambda: is_ready(request))
    first.detach()
    end(request, first)
    keeper = processes.keeper(processes.mark_of(request.run_dir, request.attempt))
    assert keeper is not None
    keeper.suspend()
    try:
        (tmp_path / "go").touch()
        wait_until(lambda: (request.run_dir / STATE / "ending.json").exists())
        second = LocalSandbox(PlainWalls()).attach(request)
    finally:
        keeper.resume()
    assert second is not None
    outcome = end(request, second)
    assert (outcome.reason, outcome.failure_class) == ("model-unavailable", "infrastructure")


def test_the_port_of_an_agent_is_none_that_outgoing_connections_get(tmp_path: Path) -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for _ in range(5):
        forwarder = Forwarder(tmp_path / "nothing.sock")
        forwarder.close()
        assert forwarder.port < lowest


def test_a_port_is_found_where_the_system_gives_all_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlebench.sandbox.local.gateway._first_given_port", lambda: 1024)
    forwarder = Forwarder(tmp_path / "nothing.sock")
    forwarder.close()
    assert forwarder.port > 0


def test_a_port_that_another_program_took_is_said(asking: Asking, tmp_path: Path) -> None:
    request = asking(f'ready()\nuntil("{tmp_path}/go")\nsys.exit(5)')
    first = LocalSandbox(PlainWalls()).start(request)
    wait_until(lambda: is_ready(request))
    port = int((request.run_dir / STATE / "gateway-port").read_text())
    first.detach()
    end(request, first)
    with socket.create_server(("127.0.0.1", port)):
        second = LocalSandbox(PlainWalls()).attach(request)
        assert second is not None
        (tmp_path / "go").touch()
        outcome = end(request, second)
    # whatever it failed for, it had no models any more
    assert (outcome.reason, outcome.exit_code, outcome.failure_class) == ("model-unavailable", 5, "infrastructure")
    assert f"the model gateway is no longer available: port {port}" in log_of(request)


def test_a_new_attempt_has_a_new_token(asking: Asking) -> None:
    tokens = set()
    for attempt in (1, 2):
        request = replace(asking('print("token", os.environ["OPENAI_API_KEY"])'), attempt=attempt)
        play(request)
        tokens |= {line for line in log_of(request).splitlines() if line.startswith("token ")}
    assert len(tokens) == 2


def test_who_watches_sees_what_is_used(asking: Asking, tmp_path: Path) -> None:
    request = asking(f'ask(); ready(); until("{tmp_path}/go")')
    handle = LocalSandbox(PlainWalls()).start(request)
    thread = threading.Thread(target=end, args=(request, handle))
    thread.start()
    status = wait_until(lambda: (found := read_status(request.run_dir)) and found.calls and found)
    (tmp_path / "go").touch()
    thread.join()
    assert status == ModelStatus(1, 100, 7, pytest.approx(0.000114))


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"calls": "many", "cost_usd": NaN}', '{"calls": -1, "waiting": 7}', "[" * 9999]
)
def test_a_status_that_anybody_wrote_harms_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / ".model_status.json").write_text(content)
    assert read_status(tmp_path) in (None, ModelStatus())


def test_a_status_is_short_and_printable(tmp_path: Path) -> None:
    (tmp_path / ".model_status.json").write_text(json.dumps({"calls": 3, "waiting": "\x1b[31m" + "x" * 9999}))
    status = read_status(tmp_path)
    assert status is not None and status.waiting is not None
    assert status.waiting.isprintable() and len(status.waiting) < 300
    (tmp_path / ".model_status.json").unlink()
    (tmp_path / ".model_status.json").symlink_to("/etc/passwd")
    assert read_status(tmp_path) is None


@pytest.fixture
def echo() -> Iterator[Path]:
    """A Unix socket that answers with what it gets, in capitals, until its client ends."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/echo.sock")
        listening.listen(64)

        def serve(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                while block := connection.recv(2**16):
                    connection.sendall(block.upper())

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield Path(folder) / "echo.sock"
        listening.shutdown(socket.SHUT_RDWR)


def test_bytes_pass_both_ways_and_each_connection_ends_alone(echo: Path) -> None:
    forwarder = Forwarder(echo)
    try:
        with socket.create_connection(("127.0.0.1", forwarder.port), 30) as one:
            with socket.create_connection(("127.0.0.1", forwarder.port), 30) as other:
                other.sendall(b"gone")
            sent = os.urandom(2**20).hex().encode()
            threading.Thread(target=one.sendall, args=(sent,), daemon=True).start()
            got = b""
            while len(got) < len(sent):
                got += one.recv(2**16)
            assert got == sent.upper()
            one.shutdown(socket.SHUT_WR)
            assert one.recv(1) == b""
    finally:
        forwarder.close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", forwarder.port), 5)


def test_a_gateway_that_is_gone_ends_the_connection(tmp_path: Path) -> None:
    forwarder = Forwarder(tmp_path / "nothing.sock")
    try:
        with socket.create_connection(("127.0.0.1", forwarder.port), 30) as asking:
            assert asking.recv(1) == b""
    finally:
        forwarder.close()


def test_a_closed_forwarder_cuts_what_is_under_way(echo: Path) -> None:
    forwarder = Forwarder(echo)
    with socket.create_connection(("127.0.0.1", forwarder.port), 30) as asking:
        asking.sendall(b"a")
        assert asking.recv(1) == b"A"
        forwarder.close()
        with contextlib.suppress(ConnectionResetError):
            assert asking.recv(1) == b""


HOSTILE = {
    "status folder": "put(os.mkdir, run + '/.model_status.json')",
    "status link": "put(lambda path: os.symlink('/etc/passwd', path), run + '/.model_status.json')",
    "status pipe": "put(os.mkfifo, run + '/.model_status.json')",
    "ledger gone": "os.remove(run + '/model_calls.jsonl')",
    "ledger folder": "os.remove(run + '/model_calls.jsonl'); os.mkdir(run + '/model_calls.jsonl')",
    "ledger link": "os.remove(run + '/model_calls.jsonl'); os.symlink('/dev/zero', run + '/model_calls.jsonl')",
    "ledger pipe": "os.remove(run + '/model_calls.jsonl'); os.mkfifo(run + '/model_calls.jsonl')",
    "ledger of noise": "open(run + '/model_calls.jsonl', 'wb').write(os.urandom(10**6))",
    "transcript gone": "import shutil; shutil.rmtree(run + '/transcript')",
    "transcript link": "import shutil; shutil.rmtree(run + '/transcript'); os.symlink('/etc', run + '/transcript')",
    "state gone": "import shutil; shutil.rmtree(run + '/.local')",
}


@pytest.mark.parametrize("attack", HOSTILE.values(), ids=HOSTILE)
def test_whatever_an_agent_makes_of_the_files_its_run_ends(asking: Asking, attack: str) -> None:
    program = f"""
run = os.path.dirname(os.path.realpath(os.environ["LOGS_DIR"]))

def put(make, path):
    # the harness writes the file about once a second
    while True:
        try:
            return make(path)
        except FileExistsError:
            try:
                os.remove(path)
            except FileNotFoundError:
                pass

ask()
# the texts of a call are written when its answer has left
until(run + "/transcript/000001.json.gz")
try:
    {attack}
except OSError as error:
    print("attack failed", error, flush=True)
print("then", ask()[0], ask()[0], flush=True)
"""
    request = asking(program, budget={"calls": 2})
    outcome = play(request)
    assert "attack failed" not in log_of(request)
    assert outcome.reason == "budget-exhausted", log_of(request)
    assert "then 200 400" in log_of(request)
    measured_usage(request.run_dir)
    assert sorted(path.name for path in Path("/etc").glob("*.json.gz")) == []


def test_a_budget_that_was_spent_before_the_harness_left_is_spent_after(asking: Asking, tmp_path: Path) -> None:
    """Not even an agent that fails while nobody serves its gateway gets another budget."""
    request = asking(f'ask(); ask(); ready()\nuntil("{tmp_path}/go")\nsys.exit(3)', budget={"calls": 1})
    outcome = ended_alone(request, tmp_path / "go")
    assert (outcome.reason, outcome.failure_class) == ("budget-exhausted", "agent")
