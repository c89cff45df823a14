"""A container on `network: models`: its gateway is all that it reaches, and no key of a provider comes near it."""

from __future__ import annotations

import contextlib
import json
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mlebench.gateway import gateway as gateways
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.usage import measured_usage
from mlebench.sandbox.base import RunRequest
from mlebench.sandbox.docker import images
from mlebench.sandbox.docker.container import FOLDER_LABEL, HostFolder
from mlebench.sandbox.docker.handle import DockerHandle
from tests.gateway.asking import CLIENT, access
from tests.gateway.provider import KEY, Answer, Provider
from tests.sandbox.docker.conftest import Bench, Ended, until, wait_for_output

PROBE = r"""
import subprocess, socket
print("models", ask()[0], ask(token="sk-mlebench-" + "0" * 48)[0], flush=True)

def attempt(name, work):
    try:
        print(name, "REACHED", work(), flush=True)
    except OSError as error:
        print(name, "refused", flush=True)

def connect(host, port):
    with socket.create_connection((host, port), 3):
        return "connected"

for host in ("1.1.1.1", "10.0.0.1", "172.17.0.1", "169.254.169.254", "192.168.0.1"):
    for port in (53, 80, 443):
        attempt("address", lambda: connect(host, port))
attempt("name", lambda: socket.getaddrinfo("example.org", 80))
attempt("name", lambda: socket.getaddrinfo("host.docker.internal", 80))
for number in open("/etc/resolv.conf").read().split()[1::2]:
    attempt("resolver", lambda: connect(number, 53))
datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
attempt("datagram", lambda: datagram.sendto(b"x", ("1.1.1.1", 53)))
attempt("ipv6", lambda: connect("2606:4700:4700::1111", 53))
print("interfaces", [line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:]], flush=True)

KEY = bytes.fromhex("KEY_IN_HEX")
found = []
for number in [name for name in os.listdir("/proc") if name.isdigit()]:
    for name in ("environ", "cmdline"):
        try:
            if KEY in open(f"/proc/{number}/{name}", "rb").read():
                found.append(f"{number}/{name}")
        except OSError:
            pass
for folder, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys")]
    for name in names:
        path = os.path.join(folder, name)
        try:
            if os.path.isfile(path) and os.path.getsize(path) < 10**7 and KEY in open(path, "rb").read():
                found.append(path)
        except OSError:
            pass
print("found", found, flush=True)
print("mounted", sorted(os.listdir("/run/mlebench")), flush=True)
"""


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(KEY) as made:
        yield made


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The minute after a spent budget passes at once."""
    monkeypatch.setattr(gateways, "Bounds", partial(Bounds, grace_seconds=0.2))


Asking = Callable[..., RunRequest]


@pytest.fixture
def asking(bench: Bench, provider: Provider) -> Asking:
    """Makes the request of an agent that is a Python program; `budget` and others are of its access to models."""

    def make(program: str, run_id: str = "toy_seed0", **given: Any) -> RunRequest:
        models = access(provider, **given)
        profile = {"network": "models", "budget": models.budget, "patience": models.patience}
        files = {"program.py": CLIENT + program}
        return bench.request(
            "exec python /home/agent/program.py", run_id=run_id, files=files, models=models, secrets=(KEY,), profile=profile
        )

    return make


def play(bench: Bench, request: RunRequest) -> Ended:
    return bench.end(bench.sandbox.start(request), request)


def ledger(run_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_dir / "model_calls.jsonl").read_text().splitlines()]


def test_the_gateway_is_all_that_a_container_reaches(bench: Bench, asking: Asking, provider: Provider) -> None:
    # in hexadecimal and cut, so that the agent's own file is not what is found
    program = PROBE.replace('"KEY_IN_HEX"', f'"{KEY.encode().hex()[:30]}" "{KEY.encode().hex()[30:]}"')
    ended = play(bench, asking(program))
    told = ended.log.splitlines()
    assert "models 200 401" in told, ended.log
    assert [line for line in told if "REACHED" in line] == []
    assert sum(line.endswith("refused") for line in told) >= 20
    assert "interfaces ['lo']" in told
    assert "found []" in told
    assert "mounted ['models.sock']" in told
    # the run's own folder holds the key as little, whatever was kept of calls
    assert [received.key for received in provider.received] == [KEY]
    files = [path for path in ended.run_dir.rglob("*") if path.is_file()]
    assert ended.run_dir / "model_calls.jsonl" in files
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_no_label_and_no_variable_of_a_container_holds_a_key(bench: Bench, asking: Asking) -> None:
    request = asking(f"import subprocess; ready(); subprocess.run(['sh', '-c', {until()!r}])")
    handle = bench.sandbox.start(request)
    [container] = bench.containers()
    container.reload()
    described = json.dumps(container.attrs)
    bench.let_go()
    bench.end(handle, request)
    assert KEY not in described and "SCRIPTED_KEY" not in described


def test_a_token_is_worth_nothing_after_its_run_and_at_another_runs_gateway(
    bench: Bench, asking: Asking, provider: Provider
) -> None:
    first = play(bench, asking('print("token", os.environ["OPENAI_API_KEY"], ask()[0])', run_id="first_seed0"))
    token = next(line.split()[1] for line in first.log.splitlines() if line.startswith("token sk-mlebench-"))
    second = play(bench, asking(f'print("stolen", ask(token="{token}")[0], "own", ask()[0])', run_id="second_seed0"))
    assert "stolen 401 own 200" in second.log
    assert len(provider.received) == 2


def test_the_token_of_a_run_lies_where_no_agent_looks(bench: Bench, asking: Asking) -> None:
    request = asking(f"import subprocess; subprocess.run(['sh', '-c', {until()!r}])")
    handle = bench.sandbox.start(request)
    [container] = bench.containers()
    folder = HostFolder(Path(container.labels[FOLDER_LABEL]))
    mode, mounted = folder.token.stat().st_mode & 0o777, {mount["Source"] for mount in container.attrs["Mounts"]}
    bench.let_go()
    bench.end(handle, request)
    assert mode == 0o600
    assert str(folder.token) not in mounted and str(folder.path) not in mounted
    assert not folder.path.exists()


@pytest.mark.parametrize("network", ["none", "open"])
def test_no_gateway_without_models(bench: Bench, network: str) -> None:
    script = "ls /run/mlebench; env | grep -c -E '^(OPENAI|ANTHROPIC|GEMINI|GOOGLE)_'; grep -c ':1389 ' /proc/net/tcp; exit 0"
    ended = bench.run(script, profile={"network": network})
    assert "models.sock" not in ended.log
    assert [line for line in ended.log.splitlines() if line.isdigit()] == ["0", "0"]


@pytest.mark.usefixtures("soon")
def test_a_spent_budget_ends_a_run(bench: Bench, asking: Asking, provider: Provider) -> None:
    ended = play(bench, asking("ask(); ask(); ask(); time.sleep(600)", budget={"calls": 2}))
    assert [line["outcome"] for line in ledger(ended.run_dir)] == ["answered", "answered", "refused"]
    outcome = ended.outcome
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", "budget-exhausted", "agent")
    assert measured_usage(ended.run_dir)["calls"] == len(provider.billed) == 2


def test_an_agent_that_ends_with_its_budget_did_so_by_itself(bench: Bench, asking: Asking) -> None:
    outcome = play(bench, asking("ask(); ask()", budget={"calls": 1})).outcome
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("finished", "budget-exhausted", "agent")


def test_a_provider_that_is_gone_ends_a_run(bench: Bench, asking: Asking, provider: Provider) -> None:
    provider.answer = Answer(status=502)
    outcome = play(bench, asking("while True: ask(); time.sleep(0.1)", patience=0.5)).outcome
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", "model-unavailable", "infrastructure")


def test_a_harness_that_comes_back_goes_on_with_token_budget_and_ledger(bench: Bench, asking: Asking) -> None:
    program = f"""
import subprocess
print("first", ask()[0], flush=True)
print("ready", flush=True)
subprocess.run(["sh", "-c", {until()!r}])
print("second", ask()[0], "third", ask()[0], flush=True)
"""
    request = asking(program, budget={"calls": 2})
    first = bench.sandbox.start(request)
    wait_for_output(request, "ready")
    first.detach()
    assert bench.end(first, request).outcome.reason == "detached"
    second = bench.sandbox.attach(request)
    assert isinstance(second, DockerHandle)
    bench.let_go()
    ended = bench.end(second, request)
    assert "second 200 third 400" in ended.log
    assert ended.outcome.reason == "budget-exhausted"
    lines = ledger(ended.run_dir)
    assert [line["outcome"] for line in lines] == ["answered", "answered", "refused"]
    assert [line["previous"] for line in lines] == [None, lines[0]["hash"], lines[1]["hash"]]


def test_an_agent_that_failed_without_a_gateway_is_not_to_blame(bench: Bench, asking: Asking) -> None:
    request = asking(f"""
import subprocess
print("ready", flush=True)
subprocess.run(["sh", "-c", {until()!r}])
sys.exit(ask()[0] != 200)
""")
    first = bench.sandbox.start(request)
    wait_for_output(request, "ready")
    first.detach()
    bench.end(first, request)
    [container] = bench.containers()
    bench.let_go()
    container.wait(timeout=60)
    second = bench.sandbox.attach(request)
    assert second is not None
    outcome = bench.end(second, request).outcome
    assert (outcome.reason, outcome.failure_class) == ("model-unavailable", "infrastructure")


STREAMS = r"""
import threading
def stream(number):
    body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": str(number)}]}).encode()
    headers = {"Authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(BASE + "/chat/completions", body, headers), timeout=240) as answer:
        if b"[DONE]" in answer.read():
            whole.append(number)
whole = []
threads = [threading.Thread(target=stream, args=(number,)) for number in range(64)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("whole", len(whole), flush=True)
"""


def test_many_streams_pass_at_once(bench: Bench, asking: Asking, provider: Provider) -> None:
    ended = play(bench, asking(STREAMS))
    assert "whole 64" in ended.log
    assert measured_usage(ended.run_dir)["calls"] == 64


def test_hosts_are_reached_through_the_proxy_alone_and_only_those_named(bench: Bench, asking: Asking) -> None:
    program = """
import socket, subprocess
for host in ("example.org", "pypi.org.example.org", "169.254.169.254"):
    done = subprocess.run(["curl", "-sS", "-m", "120", "-o", "/dev/null", f"https://{host}/"], capture_output=True, text=True)
    print("refused" if "403" in done.stderr else done.stderr, flush=True)
try:
    print("resolved", socket.getaddrinfo("pypi.org", 443))
except OSError:
    print("no name", flush=True)
words = ["curl", "-sS", "-m", "120", "-x", "http://localhost:5001", "https://pypi.org/"]
bare = subprocess.run(words, capture_output=True, text=True)
print("bare", "407" in bare.stderr, flush=True)
"""
    ended = play(bench, asking(program, allow=("pypi.org",)))
    assert [line for line in ended.log.splitlines() if not line.startswith("[mlebench]")] == [
        "refused", "refused", "refused", "no name", "bare True"
    ]  # fmt: skip


def test_both_loopback_addresses_answer_where_there_are_two(tmp_path: Path, client: Any, base_image: images.Image) -> None:
    """Newer engines give every container `::1`; some clients take it for localhost and try no other."""
    hosts = ("127.0.0.1", "[::1]", "localhost")
    lines = [f"curl -sS -o /dev/null -w '%{{http_code}}\\n' 'http://{host}:5001/'" for host in hosts]
    (tmp_path / "start.sh").write_text("\n".join([*lines, ""]))
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"{folder}/models.sock")
        Path(folder).chmod(0o755)
        Path(f"{folder}/models.sock").chmod(0o666)
        listening.listen(8)

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with listening.accept()[0] as connection:
                        connection.recv(2**16)
                        connection.sendall(b"HTTP/1.1 204 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        said = client.containers.run(
            base_image.id,
            ["/home/agent/start.sh"],
            user="1000:1000",
            remove=True,
            stderr=True,
            network_mode="none",
            sysctls={"net.ipv6.conf.lo.disable_ipv6": "0"},
            volumes={
                folder: {"bind": "/run/mlebench", "mode": "ro"},
                str(tmp_path / "start.sh"): {"bind": "/home/agent/start.sh", "mode": "ro"},
            },
        )
        listening.shutdown(socket.SHUT_RDWR)
    assert said.decode().split() == ["204", "204", "204"]
