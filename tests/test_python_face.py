"""`import mlebench` in other people's programs: from threads and event loops, with their logging, silent, and typed."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import queue
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest

import mlebench

ROOT = Path(__file__).parents[1]
Result = TypeVar("Result")


class Used(NamedTuple):
    """What a program made of the demo competition."""

    mock: list[str]
    scores: list[float | None]
    message: str
    states: list[str]
    outcomes: list[str]


def use(folder: Path) -> Used:
    """Prepare, grade, run and report."""
    raw = mlebench.make_mock("spaceship-titanic", folder / "raw", size=30)
    wine = mlebench.prepare("demo-wine", data_dir=folder / "data")
    (folder / "bad.csv").write_text("neither,of\nthese,columns\n")
    one = mlebench.grade_csv(wine.sample_submission, wine)
    bad = mlebench.grade_csv(folder / "bad.csv", wine)
    many = mlebench.grade_many([(wine.id, wine.sample_submission)], mlebench.Registry(folder / "data"))
    [group] = mlebench.run(
        agents="dummy",
        competitions=[wine.id],
        sandbox="plain",
        profile={"base": "demo", "cpus": 0.1, "memory": "1m"},
        data_dir=folder / "data",
        runs_dir=folder / "runs",
    )
    table = mlebench.report(group).to_frame()
    return Used(
        mock=sorted(path.name for path in raw.iterdir()),
        scores=[report.score for report in [one, bad, *many]],
        message=mlebench.validate_submission(folder / "bad.csv", wine)[1],
        states=[run.state for run in group.runs],
        outcomes=list(table["outcome"]),
    )


def in_a_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function, *arguments).result()


def within_a_coroutine(function: Callable[..., Result], *arguments: Any) -> Result:
    async def main() -> Result:
        loop = asyncio.get_running_loop()
        result = function(*arguments)
        assert asyncio.get_running_loop() is loop
        await asyncio.sleep(0)
        return result

    return asyncio.run(main())


def awaited_in_a_thread(function: Callable[..., Result], *arguments: Any) -> Result:
    async def main() -> Result:
        return await asyncio.to_thread(function, *arguments)

    return asyncio.run(main())


@pytest.fixture
def records() -> Iterator[queue.SimpleQueue[logging.LogRecord]]:
    """Gets what a `QueueHandler` on the logger `mlebench` is given."""
    found: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    logger, handler = logging.getLogger("mlebench"), logging.handlers.QueueHandler(found)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield found
    logger.removeHandler(handler)
    logger.setLevel(before)


def settings() -> dict[str, Any]:
    """What a program has set for itself: its loggers and its handlers of signals. A library's `NullHandler` does nothing."""
    loggers = [logging.getLogger(), logging.getLogger("mlebench"), logging.getLogger("grading")]
    handlers = {
        logger: [handler for handler in logger.handlers if not isinstance(handler, logging.NullHandler)] for logger in loggers
    }
    return {
        **{logger.name: (logger.level, handlers[logger], [*logger.filters], logger.propagate) for logger in loggers},
        "disabled": logging.root.manager.disable,
        "captured warnings": logging._warnings_showwarning,  # type: ignore[attr-defined]
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
    }


@pytest.mark.parametrize("call", [in_a_thread, within_a_coroutine, awaited_in_a_thread])
def test_everything_works_silently_wherever_it_is_called(
    call: Callable[..., Used],
    records: queue.SimpleQueue[logging.LogRecord],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = settings()
    used = call(use, tmp_path)
    assert used.mock == ["sample_submission.csv", "test.csv", "train.csv"]
    [one, bad, many] = used.scores
    assert one == many is not None and bad is None
    assert (used.states, used.outcomes) == (["finished"], ["valid"])
    assert capfd.readouterr() == ("", "")
    assert settings() == before
    messages = [records.get().getMessage() for _ in range(records.qsize())]
    assert any(message.startswith("demo-wine: prepared in") for message in messages)
    assert any(message.startswith("Invalid submission: missing columns") for message in messages)
    assert "missing columns" in used.message


def test_threads_use_one_competition_at_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    wine = mlebench.prepare("demo-wine", data_dir=tmp_path / "data")
    pairs = [(wine.id, wine.sample_submission)] * 3
    registry = mlebench.Registry(tmp_path / "data")

    async def main() -> list[list[mlebench.CompetitionReport]]:
        alone = [asyncio.to_thread(lambda: [mlebench.grade_csv(wine.sample_submission, wine)]) for _ in range(4)]
        return await asyncio.gather(*alone, asyncio.to_thread(mlebench.grade_many, pairs, registry, jobs=2))

    reports = [report for group in asyncio.run(main()) for report in group]
    assert [report.valid_submission for report in reports] == [True] * 7
    assert len({report.score for report in reports}) == 1
    assert capfd.readouterr() == ("", "")


def test_a_script_without_a_main_guard_runs_once_and_prints_its_own_words_alone(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import mlebench\n"
        "wine = mlebench.prepare('demo-wine', data_dir='data')\n"
        "reports = mlebench.grade_many([(wine.id, wine.sample_submission)] * 4, mlebench.Registry('data'), jobs=2)\n"
        "choices = {'agents': 'dummy', 'competitions': [wine.id], 'seeds': 2, 'sandbox': 'plain', 'name': 'first'}\n"
        "[group] = mlebench.run(**choices, data_dir='data')\n"
        "again = mlebench.grade_group('first', jobs=2)\n"
        "bundle = mlebench.bundle('first', 'first.zip')\n"
        "verdict = mlebench.verify(bundle.path, regrade=True, data_dir='data', jobs=2)\n"
        "print(len(reports), [run.state for run in group.runs], again.total_valid_submissions)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLEBENCH_")}
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("4 ['finished', 'finished'] 2\n", "")


def test_programs_are_typed(tmp_path: Path) -> None:
    """A strict program, and the code of `docs/python.md`, whose short functions have no annotations."""
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    assumed = (
        "# mypy: allow-untyped-defs, allow-untyped-calls, check-untyped-defs, allow-redefinition\n"
        "from pathlib import Path\nimport pandas as pd\nimport mlebench\n"
        "paths: list[str]\ntable: pd.DataFrame\n"
    )
    (tmp_path / "page.py").write_text(assumed + "\n".join(blocks), encoding="utf-8")
    (tmp_path / "program.py").write_text((ROOT / "tests" / "typed_program.py").read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--cache-dir=cache", "page.py", "program.py"],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": os.pathsep.join([str(ROOT), str(ROOT / "containers" / "runtime")])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
