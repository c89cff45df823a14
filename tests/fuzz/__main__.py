"""Fuzzes graders with hostile submissions.

    python -m tests.fuzz --count 100000 --jobs 2 --competition tgs-salt-identification-challenge

Each competition and edition is a task. How far each has come, and every fault with the seed and number that make its file, is
written to `--state` as it happens; the same command goes on from there. `--show` prints the file of one number.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.cases import EDITIONS, Cases
from tests.fuzz.judge import Judge

STEP = 1_000
MEMORY = Path("/dev/shm")
MOST_FAULTS = 200
"""Kept of each task; what comes after is mostly more of the same."""


def fuzz(task: tuple[str, str], options: argparse.Namespace) -> str:
    """Do what is left of one task and tell what came of it in a line."""
    name, edition = task
    # a crash that is looked for needs no traceback in the log
    logging.disable(logging.CRITICAL)
    state_file = options.state / f"{name}-{edition}-{options.seed}.json"
    state = json.loads(state_file.read_text()) if state_file.exists() else {"done": 0, "seconds": 0.0, "faults": []}
    judge = Judge(Cases(options.cases).prepared(name, edition, options.size), options.seed, options.scratch)
    while state["done"] < options.count and len(state["faults"]) < MOST_FAULTS:
        begun, last = time.process_time(), min(state["done"] + STEP, options.count)
        for number in range(state["done"], last):
            fault = judge.fault(number)
            if fault:
                state["faults"].append({"seed": options.seed, "case": number, "what": fault.what, "file": repr(fault.data[:400])})
        state["seconds"] += time.process_time() - begun
        state["done"] = last
        state_file.write_text(json.dumps(state, indent=1))
    rate = state["done"] / max(state["seconds"], 1e-9)
    return f"{name} {edition}: {state['done']:,} files, {rate:,.0f} a second, {len(state['faults'])} faults"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=1_000, help="files per competition and edition")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--competition", action="append", metavar="ID", help="only this one; may be given several times")
    parser.add_argument("--edition", choices=("v1", "v2"), action="append", help="only this one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=24, help="rows of the mock data")
    parser.add_argument(
        "--state", type=Path, default=Path("fuzz-state"), help="folder of what was found and how far each has come"
    )
    parser.add_argument(
        "--cases", type=Path, default=Path(tempfile.gettempdir()) / "mlebench-fuzz-cases", help="folder of the mock data"
    )
    parser.add_argument("--show", type=int, metavar="NUMBER", help="write the file of this number to stdout")
    options = parser.parse_args()
    options.scratch = Path(tempfile.mkdtemp(prefix="mlebench-fuzz-", dir=MEMORY if MEMORY.is_dir() else None))
    options.state.mkdir(parents=True, exist_ok=True)
    tasks = [
        (name, edition)
        for name, edition in EDITIONS
        if name in (options.competition or [name]) and edition in (options.edition or [edition])
    ]
    if options.show is not None:
        judge = Judge(Cases(options.cases).prepared(*tasks[0], options.size), options.seed, options.scratch)
        sys.stdout.buffer.write(judge.case(options.show)[0])
        return 0
    # a process for each task, so that the memory of one is not counted as another's
    with multiprocessing.get_context("fork").Pool(options.jobs, maxtasksperchild=1) as pool:
        for line in pool.imap_unordered(partial(fuzz, options=options), tasks, chunksize=1):
            print(line, flush=True)
    found = [json.loads(path.read_text())["faults"] for path in options.state.glob("*.json")]
    return 1 if any(found) else 0


if __name__ == "__main__":
    sys.exit(main())
