"""The log of a run: its end in the page, and the ranges that the page's script asks for."""

from __future__ import annotations

import json
from html import escape

from mlebench._support.quantities import show_size
from mlebench.reports.components import note
from mlebench.reports.markup import Section
from mlebench.reports.view.log_file import LOG, LogLine, LogPart, read_earlier, read_end, read_later
from mlebench.reports.view.view import Content, Query, View
from mlebench.reports.view.watched_attempt import WatchedAttempt, find_attempt

_LARGEST_PLACE = 2**53


def log_section(view: View, attempt: WatchedAttempt) -> Section:
    """The last lines; the script `log` goes on from there."""
    part = read_end(attempt.folder / LOG, attempt.run_dir)
    if part.problem:
        return Section("log", "Log", note(f"{LOG} cannot be shown: it is {part.problem}."))
    if not part.file:
        return Section("log", "Log", note(_why_none(attempt)))
    size = show_size(part.size)
    about = f"{size} in total" if part.start == 0 else f"the last {show_size(part.size - part.start)} of {size}"
    whole = escape(attempt.address(view, "file", path=LOG))
    address = escape(attempt.address(view, "log"))
    live = " data-live" if attempt.is_under_way else ""
    lines = "\n".join(map(_line, [*part.lines, *([part.last] if part.last else [])]))
    return Section(
        "log",
        "Log",
        f'<div data-own class="log" data-log="{address}"{live}>'
        f'<p class="tools"><output>{about}</output> <a href="{whole}">Download {LOG}</a></p>'
        f'<pre tabindex="0" role="log" aria-live="off" aria-label="Log of the run">{lines}\n</pre></div>',
    )


def send_log(view: View, query: Query, group: str, run_id: str) -> Content | None:
    """A range of the log as JSON, see `LogPart`: from `from` on, before `before`, or its end where neither is given."""
    attempt = find_attempt(view, query, group, run_id)
    if attempt is None:
        return None
    path, within = attempt.folder / LOG, attempt.run_dir
    start, before = _place(query, "from"), _place(query, "before")
    if start is not None:
        part = read_later(path, within, start, query.get("file", ""), _place(query, "searched") or 0)
    elif before is not None:
        part = read_earlier(path, within, before, query.get("file", ""))
    else:
        part = read_end(path, within)
    return Content("log.json", "text/plain; charset=utf-8", _json(part, is_live=attempt.is_under_way))


def _json(part: LogPart, *, is_live: bool) -> bytes:
    return json.dumps({**part.to_dict(), "live": is_live}, ensure_ascii=False, separators=(",", ":")).encode()


def _place(query: Query, name: str) -> int | None:
    """A place in a file; None if the address names none."""
    text = query.get(name, "")
    return min(int(text), _LARGEST_PLACE) if text.isascii() and text.isdecimal() and len(text) <= 16 else None


def _line(line: LogLine) -> str:
    inner = "".join(f'<i class="{span.css}">{escape(span.text)}</i>' if span.css else escape(span.text) for span in line.spans)
    return f'<b class="harness">{inner}</b>' if line.is_harness else inner


def _why_none(attempt: WatchedAttempt) -> str:
    if attempt.group.imported is not None:
        return f"Runs imported from {attempt.group.imported.tool} have no log here."
    if attempt.started is None and attempt.is_last:
        return "There is no log yet: the agent has not started."
    return "There is no log: nothing was printed, or it was removed."
