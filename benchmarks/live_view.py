"""What `mlebench view` costs: a listing of 10,000 runs, fifty viewers of a running group, and the first paint of its pages.

    python -m benchmarks.live_view [look] [viewers] [paint] [--seconds S]

look       10,000 runs, in 45 groups and in one: processor time of the first look and of a look without changes.
viewers    fifty pages that poll every three seconds a group whose agents print a line per second: the processor time of
           the harness with and without them, in turn, and that of the server, as shares of one core.
paint      pages in Chromium with 10,000 runs: time from the start of the navigation to the first contentful paint, and the
           bytes transferred for it.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import psutil

from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread, alone
from benchmarks.toy import make_agent, make_competition
from tests.browser import open_browser
from tests.reports.view.builders import DONE, a_plan, seconds_of_looks, write_group, write_large_folder
from tests.waiting import wait_until

RUNS = 10_000
VIEWERS, EVERY_SECONDS = 50, 3.0
AGENTS = 2
ROUNDS = 5
PAGES: dict[str, tuple[str, ...]] = {
    "all groups": (),
    "a group of 10,000 runs": ("g", "large"),
    "a group of 223 runs": ("g", "01-done"),
    "a run": ("g", "large", "{run}"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="look, viewers or paint (default: all)")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each round with and without viewers (default: 15)")
    benchmark(measure, parser, "live_view")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    parts: dict[str, Callable[[Path], Iterator[Figure]]] = {
        "look": look,
        "viewers": lambda root: viewers(root, options.seconds),
        "paint": paint,
    }
    for name in options.parts or parts:
        with tempfile.TemporaryDirectory() as folder:
            yield from parts[name](Path(folder))


def look(root: Path) -> Iterator[Figure]:
    """Processor time of looks, the first of which reads every record."""
    write_large_folder(root / "many", RUNS)
    write_group(root / "one", "large", DONE, a_plan(RUNS))
    for where, words in (("many", "45 groups"), ("one", "one group")):
        used = alone(seconds_of_looks, root / where, ROUNDS)
        first, *others = used.result
        yield Figure(f"the first look at {RUNS:,} runs in {words}", Spread.of([first]), "s", peak=used.peak)
        milliseconds = [1000 * seconds for seconds in others]
        yield Figure(
            f"a look at {RUNS:,} runs in {words} without a change",
            Spread.of(milliseconds),
            "ms",
            goal="at most 100",
            peak=used.peak,
        )


def viewers(root: Path, seconds: float) -> Iterator[Figure]:
    """Shares of a core in percent."""
    make_competition(root)
    agent = make_agent(root / "agents" / "talker", 'while sleep 1; do echo "a line"; done')
    environment = {**os.environ, "MLEBENCH_COMPETITIONS_PATH": str(root / "competitions")}
    words = ["run", "--agent", agent.directory, "-c", "toy", "--seeds", AGENTS, "--parallel", AGENTS, "--sandbox", "plain"]
    words += ["--data-dir", root / "data", "--runs-dir", root / "runs", "--name", "group", "--profile-set", "cpus=0.1", "-q"]
    with _harness(words, environment) as harness:
        logs = [root / "runs" / "group" / f"toy_seed{seed}" / "run.log" for seed in range(AGENTS)]
        wait_until(lambda: all(log.is_file() and b"a line" in log.read_bytes() for log in logs), seconds=300)
        with _served(root / "runs") as (server, address):
            quiet: list[float] = []
            watched: list[float] = []
            served: list[float] = []
            for number in range(2 * ROUNDS):
                with _watching(f"{address}g/group") if number % 2 else contextlib.nullcontext():
                    before, started = (_used(harness), _used(server)), time.perf_counter()
                    time.sleep(seconds)
                    passed = time.perf_counter() - started
                shares = [100 * (_used(process) - used) / passed for process, used in zip((harness, server), before, strict=True)]
                (watched if number % 2 else quiet).append(shares[0])
                if number % 2:
                    served.append(shares[1])
            peak = server.memory_info().rss
    more = [round(there - without, 3) for there, without in zip(watched, quiet, strict=True)]
    what = f"{VIEWERS} viewers of a group with {AGENTS} active runs"
    yield Figure(f"{what}: the harness beyond itself unwatched", Spread.of(more), "% of a core", goal="at most 2")
    yield Figure(f"{what}: the harness", Spread.of(watched), "% of a core", Spread.of(quiet), "unwatched")
    yield Figure(f"{what}: the server, a process of its own", Spread.of(served), "% of a core", peak=peak)


def paint(root: Path) -> Iterator[Figure]:
    """First contentful paints of warm pages, as everybody but the first viewer sees them."""
    write_large_folder(root / "runs", RUNS)
    group = write_group(root / "runs", "large", DONE, a_plan(RUNS))
    with _served(root / "runs") as (_, address), open_browser(root / "profile", offline=False) as browser:
        browser.resize(1300, 900)
        for name, parts in PAGES.items():
            path = "/".join(quote(part.format(run=group.plan.runs[0].run_id), safe="") for part in parts)
            taken, weight = [], 0
            for _ in range(1 + ROUNDS):
                browser.call("Network.clearBrowserCache")
                browser.visit(f"{address}{path}")
                taken.append(
                    wait_until(lambda: browser.run("performance.getEntriesByName('first-contentful-paint')[0]?.startTime"))
                )
                weight = browser.run(
                    "['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
                    ".filter((entry) => entry.initiatorType !== 'fetch').reduce((sum, entry) => sum + entry.transferSize, 0)"
                )
            yield Figure(
                f"first paint of the page of {name}, {2 * RUNS:,} runs in the folder",
                Spread.of(taken[1:]),
                "ms",
                goal="at most 300",
                extra=(("transferred", f"{weight / 1000:.0f} kB"),),
            )


@contextlib.contextmanager
def _harness(words: Sequence[object], environment: dict[str, str]) -> Iterator[psutil.Process]:
    """A harness that runs the group `group`, which is cancelled at the end."""
    mlebench = [sys.executable, "-m", "mlebench"]
    process = subprocess.Popen(
        [*mlebench, *map(str, words)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        # agents outlive a harness that is told to stop
        runs_dir = str(words[words.index("--runs-dir") + 1])
        subprocess.run([*mlebench, "runs", "group", "--cancel", "--runs-dir", runs_dir], stdout=subprocess.DEVNULL, check=True)
        process.wait(300)


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[tuple[psutil.Process, str]]:
    """A server, and the address of its first page."""
    words = [sys.executable, "-m", "mlebench", "view", str(folder), "--port", "0", "-q"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield psutil.Process(process.pid), process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def _watching(address: str) -> Iterator[None]:
    """Simulates pages that poll as `view.js` does: each on its own connection, and only for changes."""
    ended = threading.Event()
    host, _, path = address.removeprefix("http://").partition("/")
    threads = [threading.Thread(target=_watch, args=(host, f"/{path}", number, ended)) for number in range(VIEWERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _watch(host: str, path: str, number: int, ended: threading.Event) -> None:
    tag = ""
    ended.wait(EVERY_SECONDS * number / VIEWERS)
    with contextlib.closing(http.client.HTTPConnection(host, timeout=60)) as connection:
        while not ended.is_set():
            connection.request("GET", path, headers={"If-None-Match": tag, "Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            answer.read()
            assert answer.status in (200, 304), answer.status
            tag = answer.headers["ETag"]
            ended.wait(EVERY_SECONDS)


def _used(process: psutil.Process) -> float:
    """Seconds of processor time so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
