"""What every page of the live view is made from, and what it is made into."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode

from mlebench.reports.markup import Section
from mlebench.reports.view.watched_runs import Runs

_MOST_SAID = 100
_MANY_RUNS = 2000

Query = Mapping[str, str]
"""What stands behind the `?` of an address; a word that is given twice counts once."""


class Said:
    """What the last acts came to: sentences, by names that nobody can guess, for the pages they lead to. Any thread may ask."""

    def __init__(self) -> None:
        self._sentences: dict[str, str] = {}
        self._lock = threading.Lock()

    def keep(self, sentence: str) -> str:
        """Keep a sentence; returns its name."""
        name = secrets.token_urlsafe(12)
        with self._lock:
            self._sentences[name] = sentence
            while len(self._sentences) > _MOST_SAID:
                del self._sentences[next(iter(self._sentences))]
        return name

    def get(self, name: str) -> str | None:
        """The sentence of that name; None if it is not, or no longer, known."""
        with self._lock:
            return self._sentences.get(name)


@dataclass(frozen=True)
class View:
    """One server: what it shows, and where."""

    runs: Runs
    root: str = ""
    """What every path begins with, such as `/TOKEN`; without a slash at its end."""
    allows_control: bool = False
    """Whether pages offer acts, and acts are carried out."""

    said: Said = field(default_factory=Said)
    """What acts came to."""

    def address(self, *parts: str, **query: str | int | None) -> str:
        """The path of a page; parts are quoted, a word of the query that is None is left out.

        `address()` is the overview, `address("g", GROUP)` a group, `address("g", GROUP, RUN)` a run.
        """
        # names of files need not be UTF-8
        path = "/".join(quote(part, safe="", errors="surrogateescape") for part in parts)
        told = {key: value for key, value in query.items() if value is not None}
        words = urlencode(told, errors="surrogateescape")
        return f"{self.root}/{path}{f'?{words}' if words else ''}"

    def crumbs(self, group: str | None = None, run_id: str | None = None) -> list[tuple[str, str]]:
        """Address and words of the pages above one about all groups, a group or a run."""
        names = [name for name in (group, run_id) if name is not None]
        below = [(self.address("g", *names[:place]), name) for place, name in enumerate(names, start=1)]
        return [(self.address(), "Runs"), *below]


def seconds_between_looks(runs: int) -> float:
    """How often a page that shows so many runs looks for news; a large one costs its readers and the server more."""
    return 3.0 if runs < _MANY_RUNS else 10.0


@dataclass(frozen=True)
class Page:
    """One page, as plain data; `server` puts the frame around it."""

    title: str
    lead: str = ""
    sections: Sequence[Section] = ()
    """Each is replaced on its own when it has changed; their anchors are unique on the page."""
    crumbs: Sequence[tuple[str, str]] = ()
    """Address and words of the pages above it, outermost first."""
    every: float | None = 3.0
    """Seconds until a reader's page looks for news; None if there will be none."""
    scripts: Sequence[str] = field(default=())
    """Names of scripts in `reports/view/` that it needs besides `view`, such as `log`."""
    status: int = 200


ContentType = Literal["text/plain; charset=utf-8", "application/octet-stream"]
"""No other type is ever sent of what an agent left: a browser shows neither as a page."""


@dataclass(frozen=True)
class Content:
    """A response other than a page: text, bytes, or a file of a run, which is sent by ranges."""

    name: str
    """Of the file that a browser saves it as."""
    type: ContentType = "application/octet-stream"
    body: bytes = b""
    """The whole of it, where there is no `path`."""
    path: Path | None = None
    """The file; it is opened as `open_plain` opens files, and read as far as it goes when it is asked for."""
    within: Path | None = None
    """A folder of ours above `path`, such as that of the run; by default the file's own."""
