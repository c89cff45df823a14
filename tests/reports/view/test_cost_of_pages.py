"""What agents leave keeps neither the server nor a browser busy."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from mlebench.reports.view.highlighting import Highlighting
from mlebench.reports.view.renderings import Renderings
from mlebench.reports.view.view import Page, View
from mlebench.reports.view.watched_runs import WatchedRuns
from tests.reports.view.builders import write_group

MOST_SECONDS = 60.0
"""However busy the machine is."""
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


def test_a_file_of_nothing_but_small_words_is_not_marked() -> None:
    """A megabyte of brackets would be ten of marks, with which a browser is busy for long."""
    marking = Highlighting()
    [lines] = marking.lines("few.json", ["[1,\n" * 1000], MOST_SECONDS) or [[]]
    assert lines[0] == '[<span class="hl-m">1</span>,'
    assert marking.lines("many.json", [("[1," * 600 + "\n") * 400], MOST_SECONDS) is None
