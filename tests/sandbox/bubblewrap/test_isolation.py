"""From within walls of bubblewrap nothing but the task is within reach."""

from __future__ import annotations

import http.server
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlebench.preparation.obfuscated import obfuscated_public
from mlebench.sandbox.bubblewrap import system
from tests.bubblewrap import needs_bubblewrap
from tests.preparation.test_obfuscated import put_public
from tests.sandbox.bubblewrap.conftest import Bench

pytestmark = needs_bubblewrap

CANARY = "ANSWER-CANARY-93f1"
PROBE = r"""
import ctypes, fcntl, json, os, pathlib, signal, socket, subprocess, sys, termios

arguments = json.loads(os.environ.pop("PROBE_ARGUMENTS"))
libc = ctypes.CDLL(None, use_errno=True)
def attempt(work):
    try:
        return ["done", str(work())]
    except BaseException as error:
        return ["refused", type(error).__name__]
def connect(host, port):
    with socket.create_connection((host, int(port)), 2):
        return "connected"
def connect_unix(name):
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(name)
def write(path):
    with open(path, "w") as file:
        file.write("x")
def kill(pid):
    os.kill(pid, signal.SIGKILL)
def call(name, *words):
    if getattr(libc, name)(*words) == -1:
        raise OSError(ctypes.get_errno(), name)
def type_ahead():
    first, second = os.openpty()
    fcntl.ioctl(second, termios.TIOCSTI, b"x")
def become_root():
    shown = subprocess.run(["su", "-c", "id -u"], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    assert shown.stdout.strip() == "0"
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
found = []
for folder, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in ("/proc", "/sys", "/usr")]
    for name in names:
        path = os.path.join(folder, name)
        try:
            if os.path.isfile(path) and os.path.getsize(path) < 10**6 and b"CANARY-93f1" in open(path, "rb").read():
                found.append(path)
        except OSError:
            pass
environments = []
for number in [name for name in os.listdir("/proc") if name.isdigit()]:
    for name in ("environ", "cmdline"):
        try:
            environments.append(open(f"/proc/{number}/{name}").read())
        except OSError:
            pass
report = {
    "uid": os.getuid(), "gid": os.getgid(), "home": str(pathlib.Path.home()), "folder": os.getcwd(),
    "status": {key: status.get(key) for key in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb", "NoNewPrivs", "Seccomp")},
    "environment": dict(os.environ),
    "environments": "\n".join(environments),
    "found": [path for path in found if not path.startswith("/home/agent/")],
    "host_paths": [path for path in arguments["paths"] if os.path.exists(path) and (os.path.isfile(path) or os.listdir(path))],
    "interfaces": [line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:]],
    "processes": [pid for pid in os.listdir("/proc") if pid.isdigit()],
    "devices": sorted(os.listdir("/dev")),
    "top": sorted(os.listdir("/")),
    "home_entries": sorted(os.listdir("/home")),
    "importable": [name for name in ("mlebench", "grading", "mlebench_agent") if subprocess.run(
        [sys.executable, "-c", f"import {name}; assert {name}.__file__"], stderr=subprocess.DEVNULL).returncode == 0],
    "attempts": {
        "write new data": attempt(lambda: write("/home/data/new")),
        "overwrite data": attempt(lambda: write("/home/data/train.csv")),
        "overwrite description": attempt(lambda: write("/home/data/description.md")),
        "remove data": attempt(lambda: os.remove("/home/data/train.csv")),
        "move data": attempt(lambda: os.rename("/home/data", "/home/elsewhere")),
        "chmod data": attempt(lambda: os.chmod("/home/data/train.csv", 0o777)),
        "link data": attempt(lambda: os.link("/home/data/train.csv", "/home/code/train.csv")),
        "replace the checker": attempt(lambda: write("/run/mlebench/other")),
        "remove the checker": attempt(lambda: os.remove("/run/mlebench/checker.sock")),
        "change the entrypoint": attempt(lambda: write("/opt/mlebench/entrypoint.py")),
        "change a program": attempt(lambda: write("/usr/bin/env")),
        "change Python": attempt(lambda: write(os.path.join(sys.prefix, "changed"))),
        "change a setting": attempt(lambda: write("/etc/passwd")),
        "write at the root": attempt(lambda: write("/new")),
        "make a disk": attempt(lambda: os.mknod("/home/disk", 0o60666, os.makedev(254, 0))),
        "make memory": attempt(lambda: os.mknod("/home/memory", 0o20666, os.makedev(1, 1))),
        "mount": attempt(lambda: subprocess.run(["mount", "-t", "tmpfs", "x", "/mnt"], check=True, stderr=subprocess.DEVNULL)),
        "unmount": attempt(lambda: call("umount2", b"/home/data", 2)),
        "new namespace": attempt(lambda: call("unshare", 0x10000000)),
        "become root": attempt(lambda: os.setuid(0)),
        "become root by a program": attempt(become_root),
        "chroot": attempt(lambda: os.chroot("/home")),
        "set host name": attempt(lambda: socket.sethostname("x")),
        "write kernel setting": attempt(lambda: write("/proc/sys/kernel/core_pattern")),
        "write another kernel setting": attempt(lambda: write("/proc/sys/vm/overcommit_memory")),
        "restart the machine": attempt(lambda: write("/proc/sysrq-trigger")),
        "read kernel memory": attempt(lambda: open("/proc/kcore", "rb").read(1)[0]),
        "read passwords": attempt(lambda: open("/etc/shadow").read()),
        "type into a terminal": attempt(type_ahead),
        "kill the keeper": attempt(lambda: kill(arguments["keeper"])),
        "look at the harness": attempt(lambda: open(f"/proc/{arguments['harness']}/environ").read()),
        "outside by address": attempt(lambda: connect("1.1.1.1", 53)),
        "outside by name": attempt(lambda: connect("example.org", 80)),
        "host by loopback": attempt(lambda: connect("127.0.0.1", arguments["port"])),
        "abstract socket of the host": attempt(lambda: connect_unix(b"\0" + arguments["abstract"].encode())),
        "socket of the host": attempt(lambda: connect_unix(arguments["socket"])),
        "docker": attempt(lambda: connect_unix("/var/run/docker.sock")),
    },
}
json.dump(report, open("/home/logs/probe.json", "w"))
"""


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    bench = Bench(tmp_path_factory.mktemp("isolation"))
    request = bench.request("true")
    private = request.public_dir.parent / "private"
    other_run = bench.folder / "runs" / "group" / "other_seed0" / "submission"
    for folder in (private, other_run):
        folder.mkdir(parents=True)
        (folder / "test.csv").write_text(CANARY)
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    abstract = f"mlebench-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as nameless, socket.socket(socket.AF_UNIX) as named:
        nameless.bind(f"\0{abstract}")
        named.bind(str(bench.folder / "s"))
        nameless.listen()
        named.listen()
        paths = [bench.folder, private, other_run, Path(__file__), Path.cwd() / "pyproject.toml", "/var/lib", "/etc/shadow",
                 "/root/.ssh", "/var/run/docker.sock", "/run/docker.sock", "/run/systemd", *system.harness()]  # fmt: skip
        arguments = {"paths": [str(path) for path in paths], "port": server.server_port, "abstract": abstract,
                     "socket": str(bench.folder / "s"), "harness": os.getpid(), "keeper": os.getpid()}  # fmt: skip
        os.environ["HARNESS_SECRET"] = CANARY
        try:
            ended = bench.run(
                f"exec {sys.executable} /home/agent/probe.py", files={"probe.py": PROBE},
                environment={"DECLARED": "yes", "PROBE_ARGUMENTS": json.dumps(arguments)},
            )  # fmt: skip
        finally:
            del os.environ["HARNESS_SECRET"]
            server.shutdown()
            server.server_close()
    assert ended.outcome.state == "finished", ended.log
    yield json.loads((ended.run_dir / "logs" / "probe.json").read_text())


def test_agent_is_an_unprivileged_user_without_capabilities(probe: dict[str, Any]) -> None:
    assert (probe["uid"], probe["gid"], probe["home"], probe["folder"]) == (1000, 1000, "/home", "/home")
    assert {probe["status"][key] for key in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {"0" * 16}
    assert probe["status"]["NoNewPrivs"] == "1"
    assert probe["status"]["Seccomp"] == "2"


def test_answers_host_files_other_runs_and_the_harness_are_not_there(probe: dict[str, Any]) -> None:
    assert probe["found"] == []
    assert probe["host_paths"] == []
    assert probe["importable"] == ["mlebench_agent"]
    assert len(probe["processes"]) < 10
    assert CANARY not in probe["environments"]


def test_nothing_that_is_not_the_agents_can_be_changed_or_reached(probe: dict[str, Any]) -> None:
    done = {name: result for name, (how, result) in probe["attempts"].items() if how == "done"}
    assert done == {}


def test_without_network_there_is_only_loopback(probe: dict[str, Any]) -> None:
    assert probe["interfaces"] == ["lo"]


def test_devices_are_those_that_every_program_needs(probe: dict[str, Any]) -> None:
    needed = {"core", "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"}
    assert set(probe["devices"]) <= needed | {"console"}


def test_home_is_that_of_a_container(probe: dict[str, Any]) -> None:
    entries = {"agent", "data", "submission", "logs", "code", "instructions.txt", "validate_submission.sh"}
    assert set(probe["home_entries"]) - {".lib"} == entries


def test_environment_holds_only_what_was_declared(probe: dict[str, Any]) -> None:
    known = {"PATH", "HOME", "PWD", "OLDPWD", "SHLVL", "_", "LANG", "LC_CTYPE", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE",
             "PYTHONPATH", "DECLARED", "DATA_DIR", "SUBMISSION_DIR", "LOGS_DIR", "CODE_DIR", "AGENT_DIR", "COMPETITION_ID",
             "TIME_LIMIT_SECS", "NVIDIA_VISIBLE_DEVICES", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME",
             "OPENBLAS_THREAD_TIMEOUT", "JULIA_CPU_THREADS", "LOKY_MAX_CPU_COUNT", "GOMAXPROCS", "MC_CORES",
             "PYTHON_CPU_COUNT"}  # fmt: skip
    threads = {name for name in probe["environment"] if name.endswith(("_THREADS", "_NUM_THREADS"))}
    own = {"MLEBENCH_HOME", "MLEBENCH_SEED", "MLEBENCH_CPUS"}
    assert set(probe["environment"]) <= known | threads | own
    assert probe["environment"]["DECLARED"] == "yes"
    assert probe["environment"]["MLEBENCH_HOME"] == "/home"


TELLTALE = r"""
import os, socket, subprocess, sys
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
    skipped = ("/proc", "/sys", "/usr", "/etc", sys.prefix, sys.base_prefix, "/home/agent")
    folders[:] = [name for name in folders if os.path.join(folder, name) not in skipped]
    look("the name", os.fsencode(" ".join([folder, *folders, *names])))
    for name in names:
        path = os.path.join(folder, name)
        try:
            if os.path.isfile(path) and os.path.getsize(path) < 10**6:
                look(path, open(path, "rb").read())
        except OSError:
            pass
for name in ("net/unix", "keys", "cmdline"):
    try:
        look(name, open(f"/proc/{name}", "rb").read())
    except OSError:
        pass
look("the host's name", socket.gethostname().encode())
for file in ("/home/data/train.csv", "/nowhere"):
    answer = subprocess.run(["/home/validate_submission.sh", file], capture_output=True)
    look("the checker", answer.stdout + answer.stderr)
open("/home/submission/submission.csv", "w").write("id,y\n")
open("/home/code/mine.py", "w").write("pass\n")
print("looked")
"""


def test_an_obfuscated_run_finds_its_competition_nowhere_and_its_work_comes_home(bench: Bench) -> None:
    competition = put_public(bench.folder / "data")
    ended = bench.run(
        f"exec {sys.executable} /home/agent/telltale.py", files={"telltale.py": TELLTALE}, run_id="spaceship-titanic_seed0",
        competition_id=competition.id, public_dir=obfuscated_public(competition), obfuscated=True,
        validate=lambda path: (False, "the submission has no rows"),
    )  # fmt: skip
    assert ended.said == ["looked"]
    assert (ended.run_dir / "submission" / "submission.csv").read_text() == "id,y\n"
    assert (ended.run_dir / "code" / "mine.py").exists()
    # nothing is left of the folder in which it worked
    assert [path.name for path in ended.run_dir.parent.iterdir()] == ["spaceship-titanic_seed0"]


def test_an_obfuscated_runs_closed_folders_come_home(bench: Bench) -> None:
    script = "echo kept > /home/code/kept; chmod 0 /home/code /home/logs /home/submission /home"
    ended = bench.run(script, obfuscated=True)
    assert ended.outcome.state == "finished", ended.log
    assert (ended.run_dir / "code" / "kept").read_text() == "kept\n"
