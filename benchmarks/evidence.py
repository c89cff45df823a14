"""How long bundling and verifying take, and whether their memory use grows with the size of logs.

    python -m benchmarks.evidence [--runs 225] [--logs 2g] [--folder DIR]

A real group of this many runs, three seeds each, is run in the local sandbox, bundled and verified; its agent calls the
submission checker and submits. Then the group gets `--logs` bytes of logs, spread over 20 runs, in lines that compress about as
well as a training log, and is bundled and verified again, with the logs and with `--leave-out logs`. Each command is a separate
process; its peak memory includes what this process held when the command started.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import mlebench
from benchmarks.results import Figure, benchmark
from benchmarks.timing import Spread, command
from benchmarks.toy import FACTS, GRADE, make_agent
from mlebench._support.quantities import parse_size, show_size

SCRIPT = """\
awk 'BEGIN { print "id,y"; for (row = 0; row < 20000; row++) print row "," row * 1.000173 }' > "$SUBMISSION_DIR/submission.csv"
for _ in 1 2 3; do bash "$MLEBENCH_HOME/validate_submission.sh" "$SUBMISSION_DIR/submission.csv"; done
for _ in $(seq 50); do echo "epoch $RANDOM loss 0.$RANDOM"; done | tee "$LOGS_DIR/training.log"
cp "$AGENT_DIR/start.sh" "$CODE_DIR/"
"""
SEEDS = 3
WITH_LOGS = 20
SECRET = "sk-benchmark-0123456789abcdefghijklmnop"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=225)
    parser.add_argument("--logs", type=parse_size, default=parse_size("2g"))
    parser.add_argument("--folder", type=Path, help="where to create the group (default: the temporary folder)")
    benchmark(measure, parser, "evidence")


def measure(options: argparse.Namespace) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        root = Path(folder)
        _make_group(root, options.runs)
        yield from _measure(root, f"{options.runs} runs")
        if options.logs:
            _write_logs(root, options.logs)
            yield from _measure(root, f"{options.runs} runs with {show_size(options.logs)} of logs")
            yield from _measure(
                root, f"{options.runs} runs with {show_size(options.logs)} of logs, left out", "--leave-out", "logs"
            )


def _make_group(root: Path, runs: int) -> None:
    """A finished group in `root/runs/group`."""
    names = [f"toy-{number:03d}" for number in range(-(-runs // SEEDS))]
    for name in names:
        folder, prepared = root / "competitions" / name, root / "data" / name / "prepared"
        for path in (folder, prepared / "public", prepared / "private"):
            path.mkdir(parents=True)
        (folder / "competition.yaml").write_text(FACTS.format(name=name))
        (folder / "grade.py").write_text(GRADE)
        (folder / "description.md").write_text("Nothing to do.\n")
        rows = "".join(f"{row},{row}\n" for row in range(20000))
        (prepared / "public" / "s.csv").write_text("id,y\n" + rows.replace(",", ",1"))
        (prepared / "private" / "a.csv").write_text("id,y\n" + rows)
    os.environ |= {
        "MLEBENCH_COMPETITIONS_PATH": str(root / "competitions"),
        "MLEBENCH_DATA_DIR": str(root / "data"),
        "MLEBENCH_SPLIT_KEY": SECRET,
    }
    agent = make_agent(root / "agent", SCRIPT)
    started = time.perf_counter()
    (result,) = mlebench.run(
        agents=str(agent.directory), competitions=names, seeds=SEEDS, profile="demo", sandbox="plain", name="group",
        runs_dir=root / "runs",
    )  # fmt: skip
    assert all(record.has_valid_submission for record in result.records), [record.detail for record in result.records][:3]
    print(f"made: {len(result.records)} runs in {time.perf_counter() - started:.0f} s", flush=True)


def _write_logs(root: Path, size: int) -> None:
    rng = random.Random(0)
    words = ["loss", "accuracy", "epoch", "fold", "validation", "INFO", "step", "lr", "batch", "/home/data/train.csv"]
    lines = [
        f"2026-11-28 12:{rng.random() * 60:06.3f} {rng.choice(words)} {rng.choice(words)}={rng.random():.12f}\n"
        for _ in range(200_000)
    ]
    folders = sorted(path.parent for path in (root / "runs" / "group").glob("*/run.json"))[:WITH_LOGS]
    for folder in folders:
        left = size // len(folders)
        with (folder / "run.log").open("a") as log:
            while left > 0:
                block = "".join(rng.choices(lines, k=20_000))[:left]
                left -= log.write(block)


def _measure(root: Path, what: str, *options: str) -> Iterator[Figure]:
    bundle = root / "group.mlebench.zip"
    words = ["bundle", "group", "--runs-dir", str(root / "runs"), "-o", str(bundle), "--force", "--no-check", "-q", *options]
    for name, arguments in (("bundle", words), ("verify", ["verify", str(bundle)])):
        used = command([sys.executable, "-m", "mlebench", *arguments])
        found = (("Processor time", f"{used.processor:.1f} s"), ("Bundle", show_size(bundle.stat().st_size)))
        yield Figure(f"`mlebench {name}` of {what}", Spread.of([used.wall]), "s", peak=used.peak, extra=found)


if __name__ == "__main__":
    main()
