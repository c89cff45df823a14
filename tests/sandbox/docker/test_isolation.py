"""From inside the container, as its user, nothing but the task is within reach."""

from __future__ import annotations

import http.server
import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlebench.preparation.obfuscated import obfuscated_public
from mlebench.sandbox.docker import images
from tests.preparation.test_obfuscated import put_public
from tests.sandbox.docker.conftest import Bench, make_bench
from tests.waiting import wait_until

CANARY = "ANSWER-CANARY-93f1"
PROBE = r"""
import json, os, socket, subprocess, sys

arguments = dict(word.split("=", 1) for word in sys.argv[1:])
def attempt(work):
    try:
        return ["done", str(work())]
    except BaseException as error:
        return ["refused", type(error).__name__]
def connect(host, port):
    with socket.create_connection((host, int(port)), 2):
        return "connected"
def write(path):
    with open(path, "w") as file:
        file.write("x")
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
found = []
for folder, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/usr", "/opt/venv")]
    for name in names:
        path = os.path.join(folder, name)
        try:
            if os.path.isfile(path) and os.path.getsize(path) < 10**6 and b"CANARY-93f1" in open(path, "rb").read():
                found.append(path)
        except OSError:
            pass
found = [path for path in found if not path.startswith("/home/agent/")]
report = {
    "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
    "status": {key: status.get(key) for key in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp")},
    "environment": dict(os.environ),
    "found": found,
    "host_paths": [path for path in arguments["paths"].split(":") if os.path.exists(path)],
    "sockets": [path for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock")
                if os.path.exists(path)],
    "interfaces": [line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:]],
    "processes": [pid for pid in os.listdir("/proc") if pid.isdigit()],
    "description": open("/home/data/description.md").read(),
    "instructions": open("/home/instructions.txt").read(),
    "attempts": {
        "write new data": attempt(lambda: write("/home/data/new")),
        "overwrite data": attempt(lambda: write("/home/data/train.csv")),
        "overwrite description": attempt(lambda: write("/home/data/description.md")),
        "remove data": attempt(lambda: os.remove("/home/data/train.csv")),
        "move data": attempt(lambda: os.rename("/home/data", "/home/elsewhere")),
        "chmod data": attempt(lambda: os.chmod("/home/data/train.csv", 0o777)),
        "replace the checker": attempt(lambda: write("/run/mlebench/other")),
        "remove the checker": attempt(lambda: os.remove("/run/mlebench/checker.sock")),
        "change the entrypoint": attempt(lambda: write("/opt/mlebench/entrypoint.sh")),
        "make a disk": attempt(lambda: os.mknod("/home/disk", 0o60666, os.makedev(254, 0))),
        "mount": attempt(lambda: subprocess.run(["mount", "-t", "tmpfs", "x", "/mnt"], check=True, stderr=subprocess.DEVNULL)),
        "become root": attempt(lambda: os.setuid(0)),
        "chroot": attempt(lambda: os.chroot("/home")),
        "set host name": attempt(lambda: socket.sethostname("x")),
        "write kernel setting": attempt(lambda: write("/proc/sys/kernel/core_pattern")),
        "read kernel memory": attempt(lambda: open("/proc/kcore", "rb").read(1)),
        "outside by address": attempt(lambda: connect("1.1.1.1", 53)),
        "outside by name": attempt(lambda: connect("example.org", 80)),
        "host by gateway": attempt(lambda: connect(arguments["gateway"], arguments["port"])),
        "host by loopback": attempt(lambda: connect("127.0.0.1", arguments["port"])),
    },
}
json.dump(report, open("/home/logs/probe.json", "w"))
"""


@pytest.fixture(scope="module")
def host_port() -> Iterator[int]:
    """A server on every address of the host."""
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory, base_image: images.Image, host_port: int, client: Any) -> dict[str, Any]:
    bench = make_bench(tmp_path_factory.mktemp("isolation"))
    for name in ("private", "raw"):
        (bench.folder / name).mkdir()
        (bench.folder / name / "test.csv").write_text(CANARY)
    other_run = bench.folder / "runs" / "other_seed0" / "submission"
    other_run.mkdir(parents=True)
    (other_run / "submission.csv").write_text(CANARY)
    subnet = client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Subnet"]
    gateway = str(ipaddress.ip_network(subnet)[1])
    paths = ":".join(map(str, [bench.folder, bench.folder / "private", other_run, Path(__file__), Path.cwd() / "pyproject.toml"]))
    arguments = {"paths": paths, "gateway": gateway, "port": host_port}
    ended = bench.run('exec python /home/agent/probe.py "$@"', files={"probe.py": PROBE}, arguments=arguments,
                      environment={"DECLARED": "yes"})  # fmt: skip
    assert ended.outcome.state == "finished", ended.log
    return dict(json.loads((ended.run_dir / "logs" / "probe.json").read_text()))


def test_agent_is_an_unprivileged_user_without_capabilities(probe: dict[str, Any]) -> None:
    assert (probe["uid"], probe["gid"]) == (1000, 1000)
    assert set(probe["groups"]) <= {1000}
    assert {probe["status"][key] for key in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {"0" * 16}
    assert probe["status"]["NoNewPrivs"] == "1"
    assert probe["status"]["Seccomp"] == "2"


def test_answers_host_files_and_other_runs_are_not_there(probe: dict[str, Any]) -> None:
    assert probe["found"] == []
    assert probe["host_paths"] == []
    assert probe["sockets"] == []
    assert len(probe["processes"]) < 10


def test_nothing_that_is_not_the_agents_can_be_changed(probe: dict[str, Any]) -> None:
    done = {name: result for name, (how, result) in probe["attempts"].items() if how == "done"}
    assert done == {}


def test_without_network_there_is_only_loopback(probe: dict[str, Any]) -> None:
    assert probe["interfaces"] == ["lo"]


def test_task_and_instructions_are_laid_in(probe: dict[str, Any]) -> None:
    assert probe["description"] == "the task"
    assert probe["instructions"] == "the instructions"


def test_environment_holds_only_what_was_declared(probe: dict[str, Any], base_image: images.Image, client: Any) -> None:
    environment = probe["environment"]
    assert environment["DECLARED"] == "yes"
    known = {"PATH", "HOME", "HOSTNAME", "PWD", "OLDPWD", "SHLVL", "_", "PYTHONUNBUFFERED", "DECLARED",
             "DATA_DIR", "SUBMISSION_DIR", "LOGS_DIR", "CODE_DIR", "AGENT_DIR", "COMPETITION_ID", "TIME_LIMIT_SECS",
             "NVIDIA_VISIBLE_DEVICES", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OPENBLAS_THREAD_TIMEOUT",
             "LC_CTYPE", "TERM", "container", "PYTHONPATH"}  # fmt: skip
    counts = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
              "NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT", "POLARS_MAX_THREADS",
              "RAYON_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "GOMAXPROCS", "JULIA_CPU_THREADS",
              "MC_CORES", "PYTHON_CPU_COUNT"}  # fmt: skip
    # such as a package index that a site's own parent image names
    parent = client.images.get(client.images.get(base_image.id).labels[images.PARENT_LABEL])
    of_parent = {line.partition("=")[0] for line in parent.attrs["Config"]["Env"] or ()}
    assert {name for name in environment if not name.startswith("MLEBENCH_")} <= known | counts | of_parent


def listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 1).close()
    except OSError:
        return False
    return True


def test_open_network_reaches_the_host_but_no_other_run(bench: Bench, host_port: int, client: Any) -> None:
    serve = "cd /tmp && exec python -m http.server 7000 --bind 0.0.0.0"
    listener_request = bench.request(serve, run_id="listener_seed0", profile={"network": "open", "grace": 1})
    listener = bench.sandbox.start(listener_request)
    [container] = bench.containers()
    container.reload()
    [address] = [network["IPAddress"] for network in container.attrs["NetworkSettings"]["Networks"].values()]
    script = (
        f"curl -sS -m 120 -o /dev/null http://host.docker.internal:{host_port}/ && touch /home/logs/host\n"
        f"curl -sS -m 2 -o /dev/null http://{address}:7000/ && touch /home/logs/other\n"
        "exit 0"
    )
    wait_until(lambda: listens(address, 7000))
    ended = bench.run(script, profile={"network": "open"})
    listener.stop(0)
    bench.end(listener, listener_request)
    assert sorted(path.name for path in (ended.run_dir / "logs").iterdir()) == ["host"], ended.log


TELLTALE = r"""
import os, socket, subprocess
words = (b"spaceship", b"titanic", b"prepared")
def look(place, content):
    for word in words:
        if word in content.lower():
            print("told by", place, word.decode(), content[:300])
for number in [name for name in os.listdir("/proc") if name.isdigit()]:
    for name in ("mountinfo", "mounts", "environ", "cmdline", "cgroup", "maps", "status", "comm"):
        try:
            look(f"/proc/{number}/{name}", open(f"/proc/{number}/{name}", "rb").read())
        except OSError:
            pass
for folder, folders, names in os.walk("/"):
    skipped = ("/proc", "/sys", "/usr", "/opt", "/var/lib", "/home/agent")
    folders[:] = [name for name in folders if os.path.join(folder, name) not in skipped]
    look("the name", os.fsencode(" ".join([folder, *folders, *names])))
    for name in names:
        path = os.path.join(folder, name)
        try:
            if os.path.isfile(path) and os.path.getsize(path) < 10**6:
                look(path, open(path, "rb").read())
        except OSError:
            pass
for name in ("net/unix", "keys", "cmdline", "self/net/route"):
    try:
        look(name, open(f"/proc/{name}", "rb").read())
    except OSError:
        pass
look("the host's name", socket.gethostname().encode())
resolver = next(line.split()[1] for line in open("/etc/resolv.conf") if line.startswith("nameserver"))
for line in open("/etc/hosts"):
    if line.split()[0].count(".") == 3:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            labels = [*reversed(line.split()[0].split(".")), "in-addr", "arpa"]
            name = b"".join(bytes([len(label)]) + label.encode() for label in labels)
            asking.settimeout(60)
            asking.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0" + name + b"\0\0\x0c\0\1", (resolver, 53))
            look("the resolver", asking.recv(4096) if line.split()[0] != "127.0.0.1" else b"")
for file in ("/home/data/train.csv", "/nowhere"):
    answer = subprocess.run(["/home/validate_submission.sh", file], capture_output=True)
    look("the checker", answer.stdout + answer.stderr)
print("looked")
"""


def test_an_obfuscated_run_finds_its_competition_nowhere(bench: Bench) -> None:
    competition = put_public(bench.folder / "data")
    ended = bench.run(
        "exec python /home/agent/telltale.py", files={"telltale.py": TELLTALE}, run_id="spaceship-titanic_seed0",
        competition_id=competition.id, public_dir=obfuscated_public(competition), obfuscated=True,
        validate=lambda path: (False, "the submission has no rows"), profile={"network": "open"},
    )  # fmt: skip
    assert [line for line in ended.log.splitlines() if not line.startswith("[mlebench]")] == ["looked"]
