"""A group of one run whose folder a test fills, and the page of that run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

from mlebench._support.ledger import Ledger, Whose
from mlebench.agents import AgentSpec
from mlebench.gateway.model_call import ModelCall
from mlebench.gateway.tokens import Tokens
from mlebench.profiles import Profile
from mlebench.reports.view.run_page import make_run
from mlebench.reports.view.view import Page, View
from mlebench.reports.view.watched_runs import WatchedRuns
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from mlebench.sandbox.base import Outcome
from mlebench.sandbox.checker_call import CheckerCall
from tests.reports.builders import report

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
COMPETITION = "leaf-classification"
RUN = f"{COMPETITION}_seed0"
HOSTILE = "</section><script>window.owned=1</script><img src=x onerror=window.owned=1>\x1b[2J\u202egpj\u202c ${7*7}"


class Watched:
    """The group `one`, whose only run is `RUN`."""

    def __init__(self, runs_dir: Path, manifest: Mapping[str, Any] | None = None, **plan: Any) -> None:
        spec = AgentSpec("tree", None, Path("/agents/tree"))
        profile = Profile(name="standard", time_limit=4 * 3600, cpus=4, memory=2**34)
        made = Plan(spec, (COMPETITION,), (0,), profile, "docker", data_dir=Path("/data"))
        self.group = Group.create(runs_dir, replace(made, **plan), dict(manifest or {}), "one")
        self.folder = self.group.run_dir(RUN)
        self._runs_dir = runs_dir

    @property
    def view(self) -> View:
        """Of a server that has not looked yet, as one looks at most once a second."""
        return View(WatchedRuns(self._runs_dir))

    @property
    def record(self) -> RunRecord:
        return self.group.record(self.group.plan.runs[0])

    def write(self, record: RunRecord) -> None:
        record.write(self.folder)

    def start(self) -> RunRecord:
        """The agent starts at `START`."""
        record = self.record
        record.begin("node-7", ["0", "1"])
        record.started_at = START.isoformat()
        record.cpu_ids = [2, 3]
        self.write(record)
        return record

    def end(self, state: Any = "finished", reason: str = "exited", detail: str = "exited (0)", **changes: Any) -> RunRecord:
        """Two hours after its start."""
        record = self.record
        end = START + timedelta(hours=2)
        record.end(Outcome(state, reason, detail, 0, started_at=START, ended_at=end, **changes))
        self.write(record)
        return record

    def grade(self, outcome: str = "silver") -> None:
        """Book a report, see `tests.reports.builders`."""
        record = self.record
        record.report = report(COMPETITION, outcome, rank=120, leaderboard_size=1596, percentile=92.5).to_dict()
        self.write(record)

    def ask_models(self, minutes: Iterable[float], folder: Path | None = None) -> None:
        """A call at each of these minutes: 1,000 tokens in, 100 out, 0.01 US dollars."""
        call = ModelCall("answered", 200, model="m-1", served="m-1", tokens=Tokens(input=1000, output=100), cost_usd=0.01)
        self._append(folder or self.folder, "model_calls", ((minute, call.to_entry()) for minute in minutes))

    def check(self, verdicts: Iterable[tuple[float, bool | None, str]], folder: Path | None = None) -> None:
        """Calls of the checker: minute, verdict (None: refused) and answer."""
        entries = (
            (minute, CheckerCall("refused" if valid is None else "checked", 200, valid, words, rows=594, bytes=2**20).to_entry())
            for minute, valid, words in verdicts
        )
        self._append(folder or self.folder, "checker_calls", entries)

    def _append(self, folder: Path, name: str, entries: Iterable[tuple[float, Mapping[str, Any]]]) -> None:
        ledger = _LedgerAt(folder / f"{name}.jsonl", whose=Whose("one", RUN, 1))
        for minute, entry in entries:
            ledger.at = START + timedelta(minutes=minute)
            ledger.append(entry)
        ledger.close()

    def page(self, **query: str) -> Page:
        made = make_run(self.view, query, "one", RUN)
        assert made is not None
        return made

    def section(self, anchor: str, **query: str) -> str:
        """The HTML of a section."""
        return next(part.html for part in self.page(**query).sections if part.anchor == anchor)

    def text(self, anchor: str, **query: str) -> str:
        """What a reader sees of a section, blanks and line ends made one blank."""
        return text_of(self.section(anchor, **query))


class _LedgerAt(Ledger):
    """A ledger whose clock the test sets."""

    at = START

    def _now(self) -> str:
        return self.at.isoformat(timespec="microseconds")


def text_of(html: str) -> str:
    """The words of HTML."""
    inline = re.sub(r"</?(?:a|b|code|i|span|time)\b[^>]*>", "", html)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", inline)).split())


def write_snapshot(folder: Path, name: str, content: str = "id,y\n1,2\n") -> None:
    """`010000.csv` is of an hour after the start."""
    (folder / "snapshots").mkdir(exist_ok=True)
    (folder / "snapshots" / name).write_text(content)


def write_graded_snapshots(group: Group, scores: Mapping[int, float]) -> None:
    """As `mlebench grade` does, by seconds since the start."""
    entries = [
        {"run_id": RUN, "seconds": seconds, "report": replace(report(COMPETITION, "none"), score=score).to_dict()}
        for seconds, score in scores.items()
    ]
    (group.folder / "snapshot_reports.json").write_text(json.dumps({"snapshots": entries}))
