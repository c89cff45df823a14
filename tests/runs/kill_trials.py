"""Kills a harness with SIGKILL at random moments, resumes its group, and looks whether anything was lost, done twice or left.

    python -m tests.runs.kill_trials --trials 100 --sandbox plain --seed 1

Each trial is a real `mlebench run` of several runs in processes of its own; a third of the resumed harnesses is killed, too. The
program prints a line per trial with what was wrong, and ends with 1 when anything was. A trial can be repeated by its seed.
With `--forked` a harness is a fork of this program, so that starting Python and loading the harness take no time; it is killed
all the same, and sooner meets a moment that matters.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord, seconds_between
from mlebench.sandbox.local import processes
from tests.runs.conftest import make_toy
from tests.scripted import SUBMIT, scripted_agent

COMPETITIONS = ("toy-a", "toy-b")
SEEDS, PARALLEL, TIME_LIMIT = 3, 3, 60
RUNS = len(COMPETITIONS) * SEEDS
_POLL_SECONDS = 0.01
LONGEST_RESUME = TIME_LIMIT + 120
"""Seconds; a machine may be busy, but no harness waits for longer than its runs may take."""
GRADE = """
from grading import Grader, Real


def mean_error(truth, prediction):
    return float(abs(truth - prediction).mean())


grader = Grader(id="id", columns={"y": Real()}, metric=mean_error)
"""
"""Needs no library that takes long to load."""
SCRIPT = f"""
    echo begun >> "$LOGS_DIR/trace"
    (trap '' TERM; exec sleep 900) &
    sleep 0.$((RANDOM % 9))
    {SUBMIT}
    echo ended >> "$LOGS_DIR/trace"
"""
"""An agent that works for a part of a second and leaves something in the background."""


class Harness:
    """`mlebench` in a process of its own, alone in being killed."""

    def __init__(self, words: list[str], environment: dict[str, str], errors: Path, *, is_forked: bool) -> None:
        """Args:
        words: the command line.
        environment: variables beside those of this process.
        errors: file for what it says.
        is_forked: spare the start of another Python.
        """
        self._errors = errors
        self.returncode: int | None = None
        if is_forked:
            self._pid = os.fork()
            if self._pid == 0:
                os._exit(_command(words, environment, errors))
        else:
            command = [sys.executable, "-m", "mlebench.cli.main", *words]
            with errors.open("w") as file:
                process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=file, env={**os.environ, **environment})
            self._pid = process.pid
            # collected here alone
            process.returncode = 0

    @property
    def errors(self) -> str:
        """What it has said."""
        return self._errors.read_text()

    def wait(self, seconds: float) -> None:
        """Wait for its end.

        Raises:
            TimeoutExpired: it has not ended within `seconds`.
        """
        end = time.monotonic() + seconds
        while self.returncode is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= end:
                raise subprocess.TimeoutExpired("mlebench", seconds)
            else:
                select.select([], [], [], _POLL_SECONDS)

    def kill(self) -> None:
        """SIGKILL."""
        os.kill(self._pid, signal.SIGKILL)
        self.wait(60)


def _command(words: list[str], environment: dict[str, str], errors: Path) -> int:
    from mlebench.cli.main import main

    os.environ.update(environment)
    descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(descriptor, number)
    try:
        return main(words)
    finally:
        sys.stderr.flush()


@dataclass
class Trial:
    """One group, killed once or more."""

    folder: Path
    sandbox: str
    draw: random.Random
    is_forked: bool = False
    problems: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    @property
    def group_dir(self) -> Path:
        """The group's folder; its name is unique on the machine, as containers carry it."""
        return self.folder / "runs" / self.folder.name

    def play(self, span: float) -> None:
        """Start, kill within `span` seconds, resume until all is done, and look at what stands.

        Args:
            span: seconds that an undisturbed group takes.
        """
        self._prepare()
        self._killed(self._begin(), self.draw.uniform(0, span))
        while self.draw.random() < 1 / 3:
            self._killed(self._go_on(), self.draw.uniform(0, span))
        begun = time.monotonic()
        last = self._go_on()
        try:
            last.wait(LONGEST_RESUME)
        except subprocess.TimeoutExpired:
            last.kill()
            self.problems.append(f"resuming took more than {LONGEST_RESUME} s")
            return
        errors = last.errors
        self.story.append(f"resumed in {time.monotonic() - begun:.1f} s")
        if last.returncode:
            self.problems.append(f"resuming ended with {last.returncode}: {errors.strip()[-300:]}")
        if "Traceback" in errors:
            self.problems.append("a traceback")
        self._judge()

    def undisturbed(self) -> float:
        """Seconds that a group takes that nobody kills."""
        self._prepare()
        begun = time.monotonic()
        harness = self._begin()
        harness.wait(LONGEST_RESUME)
        self._judge()
        if self.problems:
            raise SystemExit(f"an undisturbed group does not come to its end: {self.problems}\n{harness.errors}")
        return time.monotonic() - begun

    def clean_up(self) -> None:
        """Nothing of the trial stays on the machine."""
        for _, process in self._left():
            with contextlib.suppress(processes.psutil.Error):
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _prepare(self) -> None:
        for name in COMPETITIONS:
            make_toy(self.folder / "competitions" / name, self.folder / "data" / name)
            (self.folder / "competitions" / name / "grade.py").write_text(GRADE)
        scripted_agent(self.folder / "agents" / "scripted", SCRIPT)

    def _begin(self) -> Harness:
        toys = [word for name in COMPETITIONS for word in ("-c", name)]
        return self._harness(
            "--agent", str(self.folder / "agents" / "scripted"), *toys, "--seeds", str(SEEDS), "--sandbox", self.sandbox,
            "--name", self.folder.name, "--profile", "demo", "--profile-set", "cpus=0.1", "--profile-set", "memory=256m",
            "--profile-set", "grace=1", "--profile-set", f"time_limit={TIME_LIMIT}", "--parallel", str(PARALLEL),
        )  # fmt: skip

    def _go_on(self) -> Harness:
        if not (self.group_dir / "group.yaml").exists():
            # killed before there was a group
            self.story.append("begun anew")
            shutil.rmtree(self.group_dir, ignore_errors=True)
            return self._begin()
        return self._harness("--resume", self.folder.name, "--parallel", str(PARALLEL))

    def _harness(self, *words: str) -> Harness:
        folders = {
            "MLEBENCH_COMPETITIONS_PATH": str(self.folder / "competitions"),
            "MLEBENCH_DATA_DIR": str(self.folder / "data"),
            "MLEBENCH_RUNS_DIR": str(self.folder / "runs"),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        return Harness(["run", *words], folders, self.folder / "errors", is_forked=self.is_forked)

    def _killed(self, harness: Harness, after: float) -> None:
        try:
            harness.wait(after)
            self.story.append("ended before it was killed")
        except subprocess.TimeoutExpired:
            harness.kill()
            self.story.append(f"killed after {after:.2f} s with {self._states()}")

    def _states(self) -> str:
        if not (self.group_dir / "group.yaml").exists():
            return "no group"
        counts = collections.Counter(record.state for record in Group.open(self.group_dir).records())
        return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))

    def _judge(self) -> None:
        records = Group.open(self.group_dir).records()
        if len({record.run_id for record in records}) != RUNS or len(records) != RUNS:
            self.problems.append(f"{len(records)} records")
        for record in records:
            self.problems += [f"{record.run_id}: {problem}" for problem in self._faults(record)]
        report = json.loads((self.group_dir / "grading_report.json").read_text())
        if report["total_runs"] != RUNS or report["total_valid_submissions"] != RUNS:
            self.problems.append(f"the report counts {report['total_runs']} runs")
        self.problems += [f"left on the machine: {name}" for name, _ in self._left()]
        self.problems += [f"left on the machine: container {name}" for name in self._containers()]

    def _faults(self, record: RunRecord) -> Iterator[str]:
        if record.state != "finished" or not record.has_valid_submission or record.report is None:
            yield f"{record.state} ({record.reason}: {record.detail})"
        if record.attempt != 1 or record.attempts:
            yield f"attempt {record.attempt} after {[each['reason'] for each in record.attempts]}"
        if (trace := (self.group_dir / record.run_id / "logs" / "trace").read_text().split()) != ["begun", "ended"]:
            yield f"its agent wrote {trace}"
        if (seconds := seconds_between(record.started_at, record.ended_at)) > TIME_LIMIT + 5:
            yield f"took {seconds:.0f} s"

    def _left(self) -> list[tuple[str, processes.psutil.Process]]:
        found = []
        for process in processes.psutil.process_iter():
            try:
                name = " ".join(process.cmdline())
                is_ours = str(self.folder) in name or process.environ().get("MLEBENCH_HOME", "").startswith(str(self.folder))
            except (processes.psutil.Error, OSError):
                continue
            if is_ours and process.pid != os.getpid():
                found.append((name, process))
        return found

    def _containers(self) -> list[str]:
        if self.sandbox != "docker":
            return []
        names = subprocess.run(
            ["docker", "ps", "-a", "--format", "{{.Names}}"], capture_output=True, text=True, check=True
        ).stdout
        return [name for name in names.split() if self.folder.name in name]


def main() -> int:
    """Play the trials; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.runs.kill_trials", description=str(__doc__).splitlines()[0])
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--sandbox", choices=("plain", "docker"), default="plain")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--forked", action="store_true", help="spare the start of Python for each harness")
    parser.add_argument("--folder", type=Path, default=None, help="where trials are played; a temporary folder by default")
    options = parser.parse_args()
    wrong = 0
    if options.forked:
        # all that a harness needs later
        import mlebench.cli.commands.run
        import mlebench.grade.one
        import mlebench.runs.start
        import mlebench.sandbox.local.sandbox  # noqa: F401
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="kill-", ignore_cleanup_errors=True) as folder:
        span = trial_at(Path(folder), "span", options, 0).undisturbed()
        print(f"an undisturbed group takes {span:.1f} s", flush=True)
        for number in range(options.trials):
            trial = trial_at(Path(folder), f"trial-{number}", options, number)
            try:
                trial.play(span)
            finally:
                trial.clean_up()
            wrong += bool(trial.problems)
            print(f"{number}: {'; '.join(trial.problems) or 'well'} ({'; '.join(trial.story)})", flush=True)
    print(f"{options.trials - wrong} of {options.trials} trials well")
    return 1 if wrong else 0


def trial_at(folder: Path, name: str, options: argparse.Namespace, number: int) -> Trial:
    """A trial in a folder of its own, whose name no other trial on this machine has."""
    own = folder / f"{name}-{os.getpid()}"
    own.mkdir()
    return Trial(own, options.sandbox, random.Random(options.seed * 100_003 + number), options.forked)


if __name__ == "__main__":
    sys.exit(main())
