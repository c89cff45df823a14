"""A page is not made again at once that took much work, whoever did it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mlebench.reports.view.renderings import Renderings
from mlebench.reports.view.view import Page, View
from mlebench.reports.view.watched_runs import WatchedRuns
from tests.reports.view.builders import write_group

BUSY = "import time\nwhile time.process_time() < 0.5: pass"


def test_the_work_of_processes_counts(tmp_path: Path) -> None:
    """A file that keeps the marker of code busy is marked again a long time later, however often it is changed."""
    now = [0.0]
    clock = lambda: now[0]  # noqa: E731

    def make(view: View, query: Mapping[str, str]) -> Page:
        subprocess.run([sys.executable, "-c", BUSY], check=True)
        return Page("Code")

    async def made_by(seconds: float) -> int:
        now[0] = seconds
        write_group(tmp_path, f"changed-{seconds}", ("gold",))
        await pages.page("/", make, {}, {})
        return pages.made

    async def look() -> list[int]:
        return [await made_by(seconds) for seconds in (0.0, 2.0, 8.0, 5000.0)]

    pages = Renderings(View(WatchedRuns(tmp_path, clock=clock)), clock)
    assert asyncio.run(look()) == [1, 1, 1, 2]
    pages.close()
