"""How much longer a run takes beside three others than alone, with dedicated cores and without.

    python -m benchmarks.neighbors [--sandbox local,docker] [--case same,greedy,parts,outside] [--repeat 1]

Each run trains scikit-learn's gradient boosting (OpenMP) and times only the training. `before` is the harness without the
measured feature: runs are not bound to cores, and no wait policy is set. Both variants run in turn, and the best repetition
counts. On a machine with fewer than four cores, runs that need whole CPUs queue for cores, so fewer than three run alongside.

same       a quarter of the machine's CPUs (at least 1) per run; the three others repeat the same training
greedy     the same, but each of the others starts one endless process for each core that it sees
parts      half a CPU per run, all four in parallel
outside    one run with every CPU of the machine, beside an endless process on each core that is not part of a run
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread, own_peak, ratio
from benchmarks.toy import make_agent, make_competition
from mlebench.profiles import Profile
from mlebench.runs.cores import Cores
from mlebench.runs.executors.local import LocalExecutor
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.schedule.scheduler import run_groups
from mlebench.runs.settings import RunSettings
from mlebench.sandbox import base

LIMIT = 60.0
"""Seconds after which a training is abandoned."""
SETTLE = 3.0
"""Seconds that the timed run gives the others to start."""
OTHERS = 3
AGENT = """
import os, subprocess, sys, time
from pathlib import Path
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

kind = sys.argv[1].partition("=")[2]
timed = os.environ["MLEBENCH_SEED"] == "0"
rng = np.random.default_rng(0)
table = rng.normal(size=(10_000, 20))
target = table[:, :5].sum(axis=1) + rng.normal(size=len(table)) > 0

def train():
    start, used = time.perf_counter(), time.process_time()
    HistGradientBoostingClassifier(max_iter=100, early_stopping=False, random_state=0).fit(table, target)
    return time.perf_counter() - start, time.process_time() - used

if timed:
    time.sleep(float(os.environ["SETTLE"]))
    Path(os.environ["LOGS_DIR"], "seconds").write_text("{} {}".format(*train()))
elif kind == "greedy":
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    busy[0].wait()
while not timed:
    train()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sandbox", default="local,docker")
    parser.add_argument("--case", default="same,greedy,parts,outside")
    parser.add_argument("--repeat", type=int, default=1)
    benchmark(measure, parser, "neighbors")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), len(os.sched_getaffinity(0)))
        for sandbox in options.sandbox.split(","):
            for case in options.case.split(","):
                yield from bench.compare(sandbox, case, options.repeat)


class Training(NamedTuple):
    """Seconds that a training took."""

    wall: float
    processor: float
    """Processor time of all its threads together; spinning threads use more."""


class Bench:
    """Groups of runs in one folder."""

    def __init__(self, root: Path, cpus: int) -> None:
        self._root = root
        self._cpus = cpus
        self._count = 0
        make_competition(root)
        os.environ["MLEBENCH_COMPETITIONS_PATH"] = str(root / "competitions")
        settings = f"description: trains\narguments: {{kind: same}}\nenvironment: {{SETTLE: '{SETTLE}'}}"
        self._agent = make_agent(root / "agents" / "neighbor", 'exec python "$AGENT_DIR/train.py" "$@"', settings)
        (self._agent.directory / "train.py").write_text(AGENT)

    def compare(self, sandbox: str, case: str, repeat: int) -> Iterator[Figure]:
        """A figure for each variant: the training beside others compared with the training alone."""
        shares = {"parts": 0.5, "outside": float(self._cpus)}
        cpus = shares.get(case, float(max(1, self._cpus // (OTHERS + 1))))
        best: dict[tuple[str, bool], Training] = {}
        for _ in range(repeat):
            for way in ("before", "own cores"):
                for has_others in (False, True):
                    with as_before() if way == "before" else contextlib.nullcontext():
                        found = self._time(sandbox, case, cpus, beside=has_others)
                    best[way, has_others] = min(found, best.get((way, has_others), found))
        for way in ("before", "own cores"):
            alone, beside = best[way, False], best[way, True]
            what = f"training beside others ({case}), {cpus:g} CPUs, {sandbox} sandbox, {way}"
            # a training that did not end by then took at least that long
            seconds, limit = Spread.of([beside.wall]), Spread.of([alone.wall])
            share = ratio([alone.wall], [beside.wall])
            used = (("Processor time", f"{beside.processor:.1f} s beside others, {alone.processor:.1f} s alone"),)
            yield Figure(
                what, seconds, "s", limit, f"alone; ended by force after {LIMIT:g} s", share, peak=own_peak(), extra=used
            )

    def _time(self, sandbox: str, case: str, cpus: float, *, beside: bool) -> Training:
        """Times of the timed training; `LIMIT` if it did not end by then."""
        self._count += 1
        runs = OTHERS + 1 if beside and case != "outside" else 1
        profile = Profile(
            name="benchmark", cpus=cpus, memory=2**29, time_limit=LIMIT + SETTLE, grace=0, snapshot_every=0, network="none"
        )
        agent = self._agent.with_arguments({"kind": case})
        plan = Plan(agent, ("toy",), tuple(range(runs)), profile, sandbox, data_dir=self._root / "data")  # type: ignore[arg-type]
        group = Group.create(self._root / "runs", plan, {}, f"group-{self._count}")
        over = threading.Event()
        threading.Thread(target=cancel_others, args=(group, over), daemon=True).start()
        with busy_processes(self._cpus if beside and case == "outside" else 0):
            run_groups([group], LocalExecutor(RunSettings()), RunSettings(retries=0, fail_fast=0))
        over.set()
        path = group.run_dir("toy_seed0") / "logs" / "seconds"
        record = group.record(plan.runs[0])
        assert record.state in ("finished", "timed-out"), (group.run_dir("toy_seed0") / "run.log").read_text()
        return Training(*map(float, path.read_text().split())) if path.exists() else Training(LIMIT, math.nan)


@contextlib.contextmanager
def as_before() -> Iterator[None]:
    """The harness without dedicated cores and without a wait policy."""
    with (
        mock.patch.object(Cores, "take", lambda *_: ()),
        mock.patch.object(base, "_WAIT_POLICY", {}),
        mock.patch.object(base, "_OPENBLAS_WAIT", {}),
    ):
        yield


def cancel_others(group: Group, over: threading.Event) -> None:
    """Once the timed run has ended, stop the others, including those that wait for cores."""
    while not over.wait(0.2):
        if group.record(group.plan.runs[0]).has_ended:
            (group.folder / "cancel").touch()
            return


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Endless processes outside any run."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
