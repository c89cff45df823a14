"""The files of a run: a list of bounded length, each to be saved or, if it is a text, to be read."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path, PurePosixPath

from grading.printable import printable
from mlebench._support.plain_files import first_entries, kind_of, open_plain, read_plain
from mlebench._support.quantities import show_size
from mlebench._support.terminal import printable_text
from mlebench.evidence.review.texts import is_text
from mlebench.reports.components import fold, note
from mlebench.reports.markup import Html, Section, link
from mlebench.reports.view.log_file import LOG
from mlebench.reports.view.view import Content, Page, Query, View
from mlebench.reports.view.watched_attempt import WatchedAttempt, find_attempt

_FOLDERS = ("submission", "code", "logs", "snapshots")
_FILES = (LOG, "run.json", "model_calls.jsonl", "checker_calls.jsonl", "resources.jsonl")
_MOST_ENTRIES = 1000
_DEEPEST = 12
_LARGEST_TEXT = 2**20
_LONGEST_PATH = 4096
_MOST_LINES = 20_000
_LOOKED_AT = 2**13
"""Bytes by which a text is told."""


@dataclass(frozen=True)
class Entry:
    """A file, or what else is in a run's folder."""

    path: tuple[str, ...]
    """Names from the attempt's folder."""
    status: os.stat_result
    inside: tuple[Entry, ...] = ()
    """Of a folder."""
    is_all: bool = True
    """Whether all that is in the folder is in `inside`."""

    @property
    def size(self) -> int:
        """Bytes, of a folder those of the files listed."""
        return sum(entry.size for entry in self.inside) if self.is_folder else self.status.st_size

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def count(self) -> int:
        """How many entries are listed below it."""
        return sum(1 + entry.count for entry in self.inside)


def files_section(view: View, attempt: WatchedAttempt) -> Section:
    """What is in the attempt's folder."""
    entries = list(list_files(attempt))
    if not entries:
        return Section("files", "Files", note("The folder of the run is empty or was removed."))
    rows = "".join(_row(view, attempt, entry) for entry in entries)
    cut = "" if all(map(_is_whole, entries)) else note(f"The first {_MOST_ENTRIES:,} entries, in the file system’s order.")
    return Section("files", "Files", f'{cut}<ul class="files">{rows}</ul>')


def list_files(attempt: WatchedAttempt) -> Iterator[Entry]:
    """Ours first, then the folders that the agent wrote to."""
    left = _MOST_ENTRIES
    for name in (*_FILES, *_FOLDERS):
        if name == "run.json" and not attempt.is_last:
            continue
        path = attempt.folder / name
        try:
            status = path.lstat()
        except (OSError, ValueError):
            continue
        entry = Entry((name,), status)
        if entry.is_folder:
            entry = _listed(attempt, entry, left)
            left -= entry.count
        yield entry


def _listed(attempt: WatchedAttempt, folder: Entry, most: int) -> Entry:
    """A folder with what is in it, at most so many entries in all."""
    if most <= 0 or len(folder.path) > _DEEPEST:
        return Entry(folder.path, folder.status, (), is_all=False)
    try:
        found, is_all = first_entries(attempt.folder.joinpath(*folder.path), attempt.run_dir, most)
    except OSError:
        return Entry(folder.path, folder.status, (), is_all=False)
    left, inside = most - len(found), []
    for name, status in found:
        entry = Entry((*folder.path, name), status)
        if entry.is_folder:
            entry = _listed(attempt, entry, left)
            left -= entry.count
        inside.append(entry)
    return Entry(folder.path, folder.status, tuple(inside), is_all)


def _is_whole(entry: Entry) -> bool:
    return entry.is_all and all(map(_is_whole, entry.inside))


def _row(view: View, attempt: WatchedAttempt, entry: Entry) -> str:
    name = printable(entry.path[-1], 120)
    if entry.is_folder:
        more = "" if entry.is_all else ", and more"
        count = f"{len(entry.inside):,} {'entry' if len(entry.inside) == 1 else 'entries'}"
        about = Html(f"{escape(name)}/ <small>{count}{more}, {show_size(entry.size)}</small>")
        inside = "".join(_row(view, attempt, inner) for inner in entry.inside)
        return f"<li>{fold(about, f'<ul>{inside}</ul>', name=_anchor(entry.path))}</li>"
    if not stat.S_ISREG(entry.status.st_mode):
        return f"<li>{escape(name)} <small>{kind_of(entry.status.st_mode)}</small></li>"
    path = "/".join(entry.path)
    shown = link(_reading(view, attempt, entry), name) if entry.size <= _LARGEST_TEXT else Html(escape(name))
    save = f'<a href="{escape(attempt.address(view, "file", path=path))}" download aria-label="Download {escape(name)}">↓</a>'
    return f"<li>{shown} <small>{show_size(entry.size)}</small> {save}</li>"


def _reading(view: View, attempt: WatchedAttempt, entry: Entry) -> str:
    if entry.path[0] == "code":
        return attempt.address(view, "code", file="/".join(entry.path))
    return attempt.address(view, "text", path="/".join(entry.path))


def _anchor(path: Sequence[str]) -> str:
    return "files-" + "-".join(name.encode("utf-8", "surrogateescape").hex() for name in path)


def send_file(view: View, query: Query, group: str, run_id: str) -> Content | None:
    """A file of an attempt, `path` in the query; None if no such file may be sent."""
    attempt = find_attempt(view, query, group, run_id)
    path = None if attempt is None else _path_of(attempt, query)
    if attempt is None or path is None:
        return None
    with contextlib.suppress(OSError), open_plain(path, attempt.run_dir):
        return Content(printable(path.name, 120), path=path, within=attempt.run_dir)
    return None


def make_text(view: View, query: Query, group: str, run_id: str) -> Page | None:
    """A file of an attempt as text, `path` in the query; None if there is no such run, or the path is none of its files."""
    attempt = find_attempt(view, query, group, run_id)
    path = None if attempt is None else _path_of(attempt, query)
    if attempt is None or path is None:
        return None
    name = printable(query["path"], 200)
    crumbs = [*view.crumbs(group), (attempt.address(view), run_id)]
    save = note(link(attempt.address(view, "file", path=query["path"]), "Download the file"))
    return Page(name, "", [Section("text", "Text", save + _text(path, attempt.run_dir))], crumbs, every=None)


def _text(path: Path, within: Path) -> str:
    try:
        content = read_plain(path, _LARGEST_TEXT, within)
    except OSError as error:
        return note(f"It cannot be shown: {error.strerror or 'it cannot be read'}.")
    if not is_text(content[:_LOOKED_AT]):
        return note("It is not a text file.")
    lines = content.decode("utf-8", "backslashreplace").split("\n", _MOST_LINES)
    cut = note(f"Only the first {_MOST_LINES:,} lines are shown.") if len(lines) > _MOST_LINES else ""
    shown = printable_text("\n".join(line.rstrip("\r") for line in lines[:_MOST_LINES]))
    return f'{cut}<pre class="text" tabindex="0">{escape(shown)}</pre>'


def _path_of(attempt: WatchedAttempt, query: Query) -> Path | None:
    """The file that an address names; None if it is none that the page lists."""
    text = query.get("path", "")
    parts = PurePosixPath(text).parts
    is_plain = len(text) <= _LONGEST_PATH and "\0" not in text and not text.startswith("/") and ".." not in parts
    if not is_plain or not parts or parts[0] not in (*_FOLDERS, *_FILES) or (parts[0] in _FILES and len(parts) > 1):
        return None
    return attempt.folder.joinpath(*parts)
