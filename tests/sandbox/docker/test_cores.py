"""Cores of a container: those of the request, held against the agent; none where the engine refuses or is elsewhere."""

from __future__ import annotations

import os
import platform
from types import SimpleNamespace
from typing import Any

import pytest

from mlebench._support.machine import usable_cores
from mlebench.sandbox.docker import engine
from tests.sandbox.docker.conftest import Bench

WIDEN = """
import os
print("own", *sorted(os.sched_getaffinity(0)))
try:
    os.sched_setaffinity(0, range(4096))
except OSError as error:
    print("refused", error)
print("then", *sorted(os.sched_getaffinity(0)))
for how in (lambda: os.nice(-5), lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))):
    try:
        how()
        print("favored")
    except OSError:
        pass
"""


def test_a_container_counts_its_own_cores_and_cannot_get_others(bench: Bench) -> None:
    core = max(usable_cores())
    script = 'nproc; exec python "$AGENT_DIR/widen.py"'
    request = bench.request(script, files={"widen.py": WIDEN}, cpu_ids=(core,))
    handle = bench.sandbox.start(request)
    assert handle.cpu_ids == (core,)
    log = bench.end(handle, request).log
    assert "\n1\n" in log
    assert f"own {core}\n" in log
    assert f"then {core}\n" in log
    assert "favored" not in log


def test_an_engine_that_refuses_cores_starts_the_container_without(bench: Bench) -> None:
    request = bench.request("nproc", cpu_ids=(100_000,))
    handle = bench.sandbox.start(request)
    ended = bench.end(handle, request)
    assert ended.outcome.state == "finished"
    assert handle.cpu_ids == ()
    assert "the engine refuses to bind the container to dedicated cores" in ended.log
    assert len(bench.containers()) == 0


def client(url: str = "http+docker://localhost", **info: Any) -> Any:
    here = {"KernelVersion": platform.release(), "NCPU": os.sysconf("SC_NPROCESSORS_ONLN"), "CPUSet": True}
    return SimpleNamespace(api=SimpleNamespace(base_url=url), info=lambda: here | info)


@pytest.mark.parametrize(
    "elsewhere",
    [
        client("https://build.example.org:2376"),
        client("http+docker://ssh"),
        client(KernelVersion="6.6.12-linuxkit"),
        client(NCPU=10**4),
        client(CPUSet=False),
    ],
    ids=["over a network", "over ssh", "in a virtual machine", "with other cores", "without the controller"],
)
def test_only_an_engine_on_these_cores_is_given_some(elsewhere: Any) -> None:
    assert engine.shares_cores(client())
    assert not engine.shares_cores(elsewhere)
