"""What the harness itself costs a run, whether its memory grows, and how close its schedule comes to the best one.

    python -m benchmarks.run_groups [overhead] [memory] [schedule]

overhead   1,000 runs of an agent that does nothing in the local sandbox, one at a time, compared with starting the same
           processes directly.
memory     10,000 simulated runs through the real scheduler, every record written.
schedule   the 225 runs of 75 competitions × 3 seeds on 1, 8 and 64 GPUs with a simulated clock; the figure is the
           makespan over a lower bound that no schedule can beat.
"""

from __future__ import annotations

import argparse
import heapq
import os
import random
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread, forget_peak, own_peak
from benchmarks.toy import make_agent, make_competition
from mlebench.agents import AgentSpec
from mlebench.profiles import Profile
from mlebench.registry import Registry
from mlebench.runs.executors.base import Ended, Executor
from mlebench.runs.executors.booking import Booking, Need
from mlebench.runs.executors.local import LocalExecutor
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from mlebench.runs.schedule.guess import relative_length
from mlebench.runs.schedule.overview import Overview, RunView, Silent
from mlebench.runs.schedule.scheduler import run_groups
from mlebench.runs.settings import RunSettings
from mlebench.runs.task import RunTask
from mlebench.sandbox.base import Outcome

HOUR = 3600.0
DRAWS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="overhead, memory or schedule (default: all)")
    parser.add_argument("--runs", type=int, default=1000, help="of the overhead (default: 1000)")
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 8, 64], help="of the schedules (default: 1 8 64)")
    benchmark(measure, parser, "run_groups")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    parts: dict[str, Callable[[Path], Iterator[Figure]]] = {
        "overhead": lambda root: overhead(root, options.runs),
        "memory": memory,
        "schedule": lambda root: schedule(root, options.gpus),
    }
    for name in options.parts or parts:
        with tempfile.TemporaryDirectory() as folder:
            yield from parts[name](Path(folder))


def overhead(root: Path, count: int) -> Iterator[Figure]:
    """Time per run, with and without the harness, in alternating blocks of runs."""
    agent = _agent(root, 'cp "$DATA_DIR/s.csv" "$SUBMISSION_DIR/submission.csv"')
    make_competition(root)
    os.environ["MLEBENCH_COMPETITIONS_PATH"] = str(root / "competitions")
    blocks, size = 5, max(1, count // 5)
    more, processor = [], []
    forget_peak()
    for block in range(blocks):
        group = Group.create(root / "runs", _plan(agent, ["toy"], size, root / "data"), {}, f"group{block}")
        executor = LocalExecutor(RunSettings(parallel=1))
        started, used = time.perf_counter(), time.process_time()
        run_groups([group], executor, RunSettings())
        with_harness = (time.perf_counter() - started) / size
        processor.append(1000 * (time.process_time() - used) / size)
        assert all(record.has_valid_submission for record in group.records())
        more.append(1000 * (with_harness - _bare_start(agent, root / f"bare{block}", root, size)))
    what = f"a run of an agent that does nothing, local sandbox, {blocks * size} runs"
    yield Figure(
        f"{what}: beyond its bare processes, grading included", Spread.of(more), "ms", against="wall time", peak=own_peak()
    )
    yield Figure(f"{what}: processor time in the harness", Spread.of(processor), "ms", peak=own_peak())


def memory(root: Path, count: int = 10_000) -> Iterator[Figure]:
    """Memory of the harness after a tenth of this many simulated runs through the real scheduler, and after all of them."""
    group = Group.create(root / "runs", _plan(_agent(root), ["toy"], count, root), {}, "group")
    held: list[int] = []

    class Watch(Silent):
        ended_runs = 0

        def ended(self, view: RunView, overview: Overview) -> None:
            self.ended_runs += 1
            if self.ended_runs in (count // 10, count):
                held.append(_resident())

    started = time.process_time()
    forget_peak()
    run_groups([group], Simulated(64, lambda task: HOUR, write=True), RunSettings(), Watch())
    seconds = time.process_time() - started
    growth = Spread.of([(held[1] - held[0]) / 1e6])
    yield Figure(
        f"memory from {count // 10:,} to {count:,} runs", growth, "MB", against="growth", goal="at most 5", peak=own_peak()
    )
    yield Figure("scheduling, per run", Spread.of([1000 * seconds / count]), "ms", against="processor time", peak=own_peak())


def schedule(root: Path, gpu_counts: Sequence[int]) -> Iterator[Figure]:
    """Makespan over the lower bound, for runs that use their whole limit and for runs of very different lengths.

    A duration is drawn for each competition; those of its three runs vary around it by 15 %. If the scheduler knows only its
    guess from the facts, durations are drawn in two ways: around the guess, from a lognormal with a standard deviation of 0.5, so
    that one in three is off by more than a factor of 1.6; and independently of the guess, as if it carried no information.
    """
    registry = Registry()
    competitions = registry.list_competition_ids("all")
    guesses = {name: relative_length(registry.get_competition(name).facts) for name in competitions}
    middle = statistics.median(guesses.values())
    plan = _plan(_agent(root), competitions, 3, root, gpus=1, time_limit=24 * HOUR)
    cases: dict[str, tuple[str, Callable[[random.Random, str], float], str]] = {
        "every run takes its 24 hours": ("unknown", lambda rng, name: 24.0, "at most 2"),
        "lengths known to 15 %": ("known", lambda rng, name: rng.lognormvariate(2.0, 0.8), ""),
        "lengths not known, scattered about the guess": (
            "unknown",
            lambda rng, name: guesses[name] / middle * rng.lognormvariate(2.0, 0.5),
            "at most 8",
        ),
        "lengths not known and the guess says nothing": ("unknown", lambda rng, name: rng.lognormvariate(2.0, 0.8), ""),
    }
    for title, (folder, draw, goal) in cases.items():
        for gpus in gpu_counts:
            over = [
                _over_bound(root / f"{title.replace(' ', '-')}-{gpus}-{number}", plan, folder, draw, gpus, number)
                for number in range(DRAWS if gpus == 64 else 1)
            ]
            peak = _resident()
            yield Figure(
                f"schedule of 225 runs, {title}, {gpus} GPUs",
                Spread.of(over),
                "%",
                against="over the lower bound",
                goal=goal,
                peak=peak,
            )


def _over_bound(
    runs_dir: Path, plan: Plan, known: str, draw: Callable[[random.Random, str], float], gpus: int, number: int
) -> float:
    """Percentage by which a schedule exceeds the bound."""
    rng = random.Random(number)
    typical = {name: min(24.0, draw(rng, name)) * HOUR for name in plan.competitions}
    is_full = min(typical.values()) == 24 * HOUR
    noise = {run: 1.0 if is_full else rng.uniform(0.85, 1.15) for run in plan.runs}
    if known == "known":
        _history(runs_dir, plan, typical)
    executor = Simulated(gpus, lambda task: min(24 * HOUR, typical[task.run.competition_id] * noise[task.run]))
    run_groups([Group.create(runs_dir, plan, {}, "group")], executor, RunSettings())
    return 100 * abs(executor.now / lower_bound([*executor.durations.values()], gpus) - 1)


def lower_bound(durations: list[float], slots: int) -> float:
    """A lower bound on any schedule: the work spread evenly, the longest run, and k + 1 runs that must share a slot.

    Of the k · slots + 1 longest runs, some slot runs k + 1, which take at least as long as the k + 1 shortest of them.
    """
    longest = sorted(durations, reverse=True)
    bounds = [sum(longest) / slots, longest[0]]
    for k in range(1, (len(longest) - 1) // slots + 1):
        bounds.append(sum(longest[k * slots - k : k * slots + 1]))
    return max(bounds)


class Simulated(Executor):
    """An executor whose runs take no real time: `wait` moves the clock to the next end."""

    name = "simulated"

    def __init__(self, gpus: int, duration: Callable[[RunTask], float], *, write: bool = False) -> None:
        self.now = 0.0
        self.durations: dict[str, float] = {}
        self._booking = Booking(1e9, 2**60, [str(number) for number in range(gpus)])
        self._slots = gpus
        self._duration = duration
        self._write = write
        self._at_work: list[tuple[float, str, RunTask]] = []

    def shortage(self, need: Need) -> str | None:
        return None

    def slots(self, need: Need) -> int:
        return self._slots

    def submit(self, task: RunTask) -> bool:
        need = Need(1, 1, 1)
        if self._booking.take(task.key, need) is None:
            return False
        self.durations[task.key] = self._duration(task)
        heapq.heappush(self._at_work, (self.now + self.durations[task.key], task.key, task))
        return True

    def wait(self, seconds: float) -> list[Ended]:
        self.now, key, task = heapq.heappop(self._at_work)
        self._booking.give_back(key)
        record = task.group.record(task.run)
        record.begin("simulated", [])
        record.end(_finished(self.durations[key]))
        record.report = {"valid_submission": True, "score": 0.5, "bronze_medal": True, "competition_id": "toy", "any_medal": True}
        if self._write:
            record.write(task.run_dir)
        return [Ended(key, record)]

    def stop(self, key: str, grace: float) -> None:
        """Never asked for."""

    def stop_all(self, grace: float) -> None:
        """Never asked for."""

    def detach_all(self) -> None:
        """Never asked for."""

    def close(self) -> None:
        """Nothing is held."""


def _finished(seconds: float) -> Outcome:
    end = datetime.now(UTC)
    return Outcome("finished", "exited", "ended", 0, None, end - timedelta(seconds=seconds), end)


def _history(runs_dir: Path, plan: Plan, typical: dict[str, float]) -> None:
    """An earlier group of the same agent, from which the scheduler learns how long each competition takes."""
    group = Group.create(runs_dir, plan, {}, "earlier")
    for run in plan.runs:
        record: RunRecord = group.record(run)
        record.begin("simulated", [])
        record.end(_finished(typical[run.competition_id]))
        record.write(group.run_dir(run.run_id))


def _agent(root: Path, script: str = "true") -> AgentSpec:
    return make_agent(root / "agents" / "nothing", script)


def _plan(agent: AgentSpec, competitions: list[str], seeds: int, data: Path, gpus: int = 0, time_limit: float = 60.0) -> Plan:
    profile = Profile(name="benchmark", cpus=1, memory=2**20, gpus=gpus, time_limit=time_limit, snapshot_every=0)
    return Plan(agent, tuple(competitions), tuple(range(seeds)), profile, "local", data_dir=data)


def _bare_start(agent: AgentSpec, folder: Path, root: Path, count: int) -> float:
    """Seconds for only the agent's processes."""
    folder.mkdir()
    environment = {**os.environ, "DATA_DIR": str(root / "data/toy/prepared/public"), "SUBMISSION_DIR": str(folder)}
    command = ["sh", "-c", '"$@"; echo $? > exit_code', "sh", str(agent.directory / "start.sh")]
    started = time.perf_counter()
    for _ in range(count):
        with (folder / "log").open("ab") as log:
            subprocess.run(command, cwd=folder, env=environment, stdout=log, stderr=log, check=True, start_new_session=True)
    return (time.perf_counter() - started) / count


def _resident() -> int:
    """Bytes in memory now; the peak if the system does not report the current size."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
