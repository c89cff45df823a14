"""Pages made ready to be sent, each once for all who look at it, and again when what it shows has changed."""

from __future__ import annotations

import asyncio
import logging
import os
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from mlebench._support.plain_files import entries_plain
from mlebench.reports.markup import linked_page
from mlebench.reports.view.prepared import HTML, Prepared
from mlebench.reports.view.routes import Maker
from mlebench.reports.view.view import Page, View
from mlebench.reports.view.watched_runs import Seen

Sign = tuple[object, ...]
"""Of what a page is made from; another one wherever any of it may have changed."""

_log = logging.getLogger(__name__)
_THREADS = 4
_MOST_BYTES = 64 * 2**20
_MOST_PAGES = 1000
_MOST_LISTED = 10_000
_MOST_FAULTS = 1000
_LEAST_AGE, _AGE_PER_WORK = 1.0, 20.0
"""Seconds for which a page is not made again whatever has changed, and as a multiple of the work that it was."""
_UNCHANGED_AGE, _UNCHANGED_AGE_PER_WORK = 30.0, 100.0
"""The same where nothing is known to have changed: what a sign does not tell shows up then."""


@dataclass
class Rendering:
    """A page as it is sent."""

    page: Prepared
    sign: Sign
    made_at: float
    """By a monotonic clock."""
    seen_at: float
    """When it was last known to be of now."""
    work: float
    """Seconds of processor time."""

    def still_holds(self, sign: Sign, now: float) -> bool:
        """Whether it would be made the same again; a fault may have been one of the moment."""
        most = max(_UNCHANGED_AGE, _UNCHANGED_AGE_PER_WORK * self.work)
        return sign == self.sign and now - self.made_at < most and self.page.status != FAULT.status


class Renderings:
    """The pages of a view that have been asked for lately."""

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic) -> None:
        """Args:
        view: what is shown.
        clock: seconds that pass.
        """
        self._view, self._clock = view, clock
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="page")
        self._kept: OrderedDict[object, Rendering] = OrderedDict()
        self._tasks: dict[object, asyncio.Task[Rendering]] = {}
        self._faults: set[str] = set()
        self.made = 0
        """How many pages were made."""

    async def page(self, path: str, maker: Maker, query: Mapping[str, str], parts: Mapping[str, str]) -> Prepared:
        """A page, made now or lately."""
        key = (path, tuple(sorted(query.items())))
        kept = self._kept.get(key)
        if kept is not None and self._is_fresh(kept):
            self._kept.move_to_end(key)
            return kept.page
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(self._renew(key, kept, maker, query, parts))
            task.add_done_callback(lambda _: self._tasks.pop(key, None))
        # one who goes away takes nobody else's page with them
        return (await asyncio.shield(task)).page

    def forget(self) -> None:
        """Make every page again: something is known to have changed."""
        self._kept.clear()
        self._view.runs.look_anew()

    def close(self) -> None:
        """Nobody asks any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _is_fresh(self, kept: Rendering) -> bool:
        now = self._clock()
        return now - kept.seen_at < _LEAST_AGE or now - kept.made_at < _AGE_PER_WORK * kept.work

    async def _renew(
        self, key: object, kept: Rendering | None, maker: Maker, query: Mapping[str, str], parts: Mapping[str, str]
    ) -> Rendering:
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._threads, self._made, kept, maker, query, parts)
        self._kept[key] = made
        self._kept.move_to_end(key)
        self._make_room()
        return made

    def _make_room(self) -> None:
        held = sum(entry.page.size for entry in self._kept.values())
        while len(self._kept) > _MOST_PAGES or (held > _MOST_BYTES and len(self._kept) > 1):
            held -= self._kept.popitem(last=False)[1].page.size

    def _made(self, kept: Rendering | None, maker: Maker, query: Mapping[str, str], parts: Mapping[str, str]) -> Rendering:
        """In a thread: the page that is kept, where it still holds, else a new one."""
        now = self._clock()
        seen = self._view.runs.look()
        sign = _sign_of(seen, parts)
        if kept is not None and kept.still_holds(sign, now):
            kept.seen_at = now
            return kept
        self.made += 1
        began = _work()
        view = replace(self._view, runs=seen)
        status, text = self._text(view, lambda: maker(view, query, **parts))
        page = Prepared.of(status, HTML, text.encode("utf-8", "backslashreplace"))
        return Rendering(page, sign, now, now, _work() - began)

    def _text(self, view: View, make: Callable[[], Page | None]) -> tuple[int, str]:
        """The status and the text of a page; a fault of ours is in the log alone."""
        try:
            page = make() or NOT_FOUND
            return page.status, framed(view, page)
        except Exception:
            told = traceback.format_exc()
            # every viewer's page asks for it again and again
            if told not in self._faults and len(self._faults) < _MOST_FAULTS:
                self._faults.add(told)
                _log.exception("a page could not be created")
            return FAULT.status, framed(view, FAULT)


NOT_FOUND = Page("Not found", "There is no such page.", status=404, every=None)
FAULT = Page("Problem", "This page could not be created; see the output of `mlebench view`.", status=500)


def framed(view: View, page: Page) -> str:
    """The whole page; its own script runs first, while the sections are as they were sent."""
    return linked_page(
        page.title,
        page.lead,
        page.sections,
        style=view.address("static", "page.css"),
        scripts=[view.address("static", f"{name}.js") for name in ("view", "page", *page.scripts)],
        crumbs=page.crumbs,
        every=page.every,
    )


def _work() -> float:
    """Seconds for which the processor worked for this thread, and for processes that have ended, such as those that mark code."""
    times = os.times()
    return time.thread_time() + times.children_user + times.children_system


def _sign_of(seen: Seen, parts: Mapping[str, str]) -> Sign:
    """What a page is made from: of all runs, of one group, or of one run with the files in its folder."""
    if "group" not in parts:
        return (seen.version,)
    watched = seen.group(parts["group"])
    if watched is None or watched.group is None:
        return (watched,)
    folder = watched.group.folder
    if "run_id" not in parts:
        return (watched, _changed(folder))
    return (watched, *_files_in(watched.group.run_dir(parts["run_id"]), folder))


def _changed(folder: Path) -> int:
    """When something was last made, replaced or removed in a folder; 0 if that cannot be told."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _files_in(folder: Path, within: Path) -> Sign:
    try:
        found = entries_plain(folder, within, _MOST_LISTED)
    except (OSError, ValueError) as error:
        return (str(error),)
    return tuple((name, status.st_mtime_ns, status.st_size) for name, status in found)
