"""What walls of bubblewrap need, say of themselves, and show of GPUs; the network that they open."""

from __future__ import annotations

import http.server
import json
import os
import sys
import threading
from pathlib import Path

import pytest

from mlebench.profiles import Profile
from mlebench.sandbox import get_sandbox, resolve_sandbox
from mlebench.sandbox.bubblewrap import network, program, system, walls
from mlebench.sandbox.bubblewrap.gpus import device_files
from mlebench.sandbox.bubblewrap.program import Program
from tests.bubblewrap import needs_bubblewrap
from tests.sandbox.bubblewrap.conftest import Bench

MISSING = "bwrap is not there; install it"
PROFILE = Profile(name="toy", time_limit=60, network="none")


def test_a_machine_without_it_says_so_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walls, "find_program", lambda: MISSING)
    assert get_sandbox("bubblewrap").problems([], PROFILE) == [f"{MISSING}; or use `--sandbox docker` or `--sandbox plain`"]


def test_local_is_the_best_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "find_program", lambda: Program("/usr/bin/bwrap", (0, 8, 0)))
    monkeypatch.setattr(network, "problem", lambda: "no slirp4netns")
    assert [resolve_sandbox("local", kind) for kind in ("none", "models", "open")] == ["bubblewrap", "bubblewrap", "plain"]
    monkeypatch.setattr(program, "find_program", lambda: MISSING)
    assert resolve_sandbox("local", "none") == "plain"
    assert resolve_sandbox("docker", "none") == "docker"


def test_an_open_network_needs_a_program_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walls, "find_program", lambda: Program("/usr/bin/bwrap", (0, 8, 0)))
    monkeypatch.setattr(network.shutil, "which", lambda name: None)
    [problem] = get_sandbox("bubblewrap").problems([], PROFILE.model_copy(update={"network": "open"}))
    assert "apt-get install slirp4netns" in problem
    assert get_sandbox("bubblewrap").problems([], PROFILE) == []


def test_old_versions_are_asked_for_no_more_than_they_can() -> None:
    old, new = Program("bwrap", (0, 6, 2)), Program("bwrap", (0, 8, 0))
    assert "--disable-userns" in program.namespaces(new) and "--disable-userns" not in program.namespaces(old)
    assert (old.limits_sizes, new.limits_sizes) == (False, True)


def test_gpus_are_shown_by_index_and_uuid_in_the_order_of_the_bus(tmp_path: Path) -> None:
    known, devices = tmp_path / "gpus", tmp_path / "dev"
    for place, minor, uuid in (("0000:41:00.0", 1, "GPU-b"), ("0000:01:00.0", 0, "GPU-a"), ("0000:c1:00.0", 3, "GPU-d")):
        (known / place).mkdir(parents=True)
        (known / place / "information").write_text(f"Model: \t\t H200\nGPU UUID: \t {uuid}\nDevice Minor: \t {minor}\n")
    devices.mkdir()
    for name in ("nvidiactl", "nvidia-uvm"):
        (devices / name).touch()
    assert [path.name for path in device_files(["2"], known, devices)] == ["nvidia3", "nvidiactl", "nvidia-uvm"]
    assert next(path.name for path in device_files(["GPU-b"], known, devices)) == "nvidia1"
    assert device_files([], known, devices) == []
    with pytest.raises(KeyError):
        device_files(["7"], known, devices)


@needs_bubblewrap
def test_what_is_isolated_is_on_record(bench: Bench) -> None:
    described = get_sandbox("bubblewrap").describe([])
    assert described["engine"] == "bubblewrap" and described["images"] == {}
    assert {"files", "network", "processes"} <= set(described["isolates"])
    ended = bench.run("exit 0")
    assert "files, processes and network are isolated" in ended.log


FETCH = r"""
import json, socket, sys, urllib.request
def reach(url, seconds=5):
    try:
        return urllib.request.urlopen(url, timeout=seconds).status
    except OSError:
        return None
port = sys.argv[1].partition("=")[2]
names = [line.split(":")[0].strip() for line in open("/proc/net/dev").read().splitlines()[2:]]
json.dump({"names": names, "loopback": reach(f"http://127.0.0.1:{port}"), "gateway": reach(f"http://10.0.2.2:{port}"),
           "checker": reach("http://localhost:5000/health", 120)}, open("/home/logs/x.json", "w"))
"""


LATE = r"""
for word in "$@"; do case "$word" in --userns-path=*) owner=$(readlink "${word#*=}") ;; esac; done
inside=$(pgrep -P "$(pgrep -P $PPID -x bwrap)")
until [ "$(readlink /proc/$inside/ns/user)" != "$owner" ]; do sleep 0.01; done
exec "$SLIRP" "$@"
"""
"""Begins once bwrap has moved its process on into a second user namespace."""

needs_network = pytest.mark.skipif(
    network.problem() is not None and not os.environ.get("MLEBENCH_REQUIRE_BUBBLEWRAP"), reason="slirp4netns is not there"
)


def with_network_program(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Put a program in the place of slirp4netns, which finds the real one in `$SLIRP`."""
    path = folder / "slirp4netns"
    path.write_text(f"#!/bin/sh\nSLIRP={network.shutil.which('slirp4netns')}\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


@needs_bubblewrap
@needs_network
def test_an_open_network_leaves_this_machines_loopback_out(bench: Bench) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script = f"exec {sys.executable} /home/agent/x.py port={server.server_port}"
    try:
        ended = bench.run(script, files={"x.py": FETCH}, profile={"network": "open"})
    finally:
        server.shutdown()
        server.server_close()
    found = json.loads((ended.run_dir / "logs" / "x.json").read_text())
    assert set(found["names"]) == {"lo", "tap0"}
    assert (found["loopback"], found["gateway"], found["checker"]) == (None, None, 200)


@needs_bubblewrap
@needs_network
def test_a_network_may_come_late(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_network_program(monkeypatch, tmp_path, LATE)
    ended = bench.run("grep -c tap0: /proc/net/dev", profile={"network": "open"})
    assert (ended.outcome.state, ended.said) == ("finished", ["1"]), ended.log


@needs_bubblewrap
def test_a_network_that_fails_is_not_the_agents_fault(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_network_program(monkeypatch, tmp_path, r"printf 'no \033[31mtap\n' >&2; exit 1")
    outcome = bench.run("echo started", profile={"network": "open"}).outcome
    assert (outcome.state, outcome.reason, outcome.failure_class) == ("failed", "start-failed", "infrastructure")
    assert outcome.detail == r"the network could not be set up: no \x1b[31mtap"


@needs_bubblewrap
def test_python_is_there_though_it_lies_where_folders_of_the_agent_stand(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    # as below a user's own /home, or /tmp
    folder, known = bench.folder / "python", system._pythons()
    folder.mkdir()
    (folder / "library").write_text("seen\n")
    monkeypatch.setattr(system, "_pythons", lambda: (*known, folder))
    assert bench.run(f"cat {folder}/library; rm -f {folder}/library 2>/dev/null || echo kept").said == ["seen", "kept"]
