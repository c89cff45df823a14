"""What a run asked its models and was answered, as a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from grading.printable import printable
from grading.wording import counted
from mlebench._support.quantities import show_duration
from mlebench.evidence.conversations.attempts import Attempt, Unreadable, attempts_at
from mlebench.evidence.conversations.calls import LedgerCall
from mlebench.evidence.conversations.steps import Step, steps_in
from mlebench.evidence.conversations.watched_calls import Part, RecentCalls, WatchedCalls, Window
from mlebench.reports.components import Card, cards, fold, note, pager, warning
from mlebench.reports.markup import Cell, Section, link, sortable_table, with_code
from mlebench.reports.notation import NOTHING, usd, whole
from mlebench.reports.view.conversation_steps import Room, StepWriter, outcome_words
from mlebench.reports.view.view import Page, Query, View
from mlebench.runs.record import known_time, seconds_between

_ON_A_PAGE = 50
"""Calls."""
_MOST_AT_ONCE = 60
"""Turns between two calls, and answers before the first one."""
_MOST_TEXT, _MOST_EACH = 1_500_000, 20_000
"""Characters of all texts of a page, and of each."""
_MOST_ALONE = 2_000_000
"""Characters of the texts of a call that is shown alone."""
_EVERY = 3.0
_FIRST_WORDS = 100
_recent = RecentCalls()


@dataclass(frozen=True)
class _Shown:
    """The part of an attempt's calls that a page shows: places in `WatchedCalls.calls`."""

    start: int
    end: int
    page: int
    pages: int
    is_alone: bool = False
    """Whether it is one call with its whole texts."""


def make_conversation(view: View, query: Query, group: str, run_id: str) -> Page | None:
    """The conversation of an attempt, `attempt` in the query, the last by default; None if there is no such run.

    Shown are 50 calls, the newest by default: those of `page`, or those around the line `call` of the ledger; with `whole` that
    call alone, with its whole texts.
    """
    found = view.runs.group(group)
    record = None if found is None else found.record(run_id)
    if found is None or found.group is None or record is None:
        return None
    run = next(run for run in found.group.plan.runs if run.run_id == run_id)
    attempts = attempts_at(found.group, run)
    wanted = query.get("attempt")
    attempt = next((one for one in reversed(attempts) if isinstance(one, Attempt) and wanted in (None, str(one.number))), None)
    crumbs = view.crumbs(group, run_id)
    title = f"Conversation of {run_id}"
    if attempt is None:
        if wanted is not None and any(isinstance(one, Attempt) for one in attempts):
            return None
        said = next((one.sentence for one in attempts if isinstance(one, Unreadable)), "No attempt at the run has started yet.")
        every = None if record.has_ended else _EVERY
        return Page(title, "", [Section("conversation", "Conversation", note(said))], crumbs, every)
    talk = _Talk(view, query, attempt, [one.number for one in attempts if isinstance(one, Attempt)])
    is_over = record.has_ended or not attempt.is_last
    return Page(title, talk.lead, talk.sections(), crumbs, None if is_over else _EVERY)


class _Talk:
    """The page of one attempt."""

    def __init__(self, view: View, query: Query, attempt: Attempt, numbers: Sequence[int]) -> None:
        self._view, self._query, self._attempt, self._numbers = view, query, attempt, numbers
        self._is_default = attempt.is_last

    @property
    def lead(self) -> str:
        many = f"Attempt {self._attempt.number} of {max(self._numbers)}" if len(self._numbers) > 1 else "The only attempt"
        agent = self._attempt.group.plan.agent.id
        return f"{many}, by {agent}. Everything below was written by the agent, its models and their tools."

    def sections(self) -> list[Section]:
        watched = _recent.of(self._attempt)
        with watched.lock:
            try:
                watched.look()
            except OSError as error:
                why = f"The ledger of calls cannot be read: {error.strerror or error}."
                return [Section("conversation", "Conversation", warning(why))]
            if not watched.calls:
                return [Section("conversation", "Conversation", self._attempts() + note(self._nothing()))]
            shown = self._shown(watched)
            window = watched.window(shown.start, shown.end)
            return self._filled(watched, shown, window)

    def _nothing(self) -> str:
        plan = self._attempt.group.plan
        if not plan.has_gateway:
            network = plan.agents_network
            return (
                "The run has no model gateway, so its model calls are unknown: its network is "
                f"“{network}”, and gateways are for `network: models` and for agents whose agent.yaml lists `models`."
            )
        return "The agent has not called a model yet." if self._is_default else "The agent called no model."

    def _shown(self, watched: WatchedCalls) -> _Shown:
        count = len(watched.calls)
        pages = -(-count // _ON_A_PAGE)
        page = pages
        wanted, call = self._query.get("page", ""), self._query.get("call", "")
        place = watched.place_of(int(call)) if call.isdecimal() and len(call) < 20 else None
        if place is not None:
            page = place // _ON_A_PAGE + 1
            if "whole" in self._query:
                return _Shown(place, place + 1, page, pages, is_alone=True)
        elif wanted.isdecimal() and len(wanted) < 10:
            page = min(max(int(wanted), 1), pages)
        return _Shown((page - 1) * _ON_A_PAGE, page * _ON_A_PAGE, page, pages)

    def _filled(self, watched: WatchedCalls, shown: _Shown, window: Window) -> list[Section]:
        entries = watched.calls[shown.start : shown.end]
        sums = {entry.n: watched.sums[shown.start + place] for place, entry in enumerate(entries) if entry.is_numbered}
        room = Room(_MOST_ALONE, _MOST_ALONE) if shown.is_alone else Room(_MOST_TEXT, _MOST_EACH)
        whole_of = lambda n: self._address(call=n, whole=1)  # noqa: E731
        writer = StepWriter(room, whole_of, self._started_at, sums, window.begun, window.unread)
        parts = window.parts()
        written = [self._part(part, number, writer, window) for number, part in enumerate(parts, start=1)]
        first, *others = written
        sections = [
            Section("about", "So far" if self._is_default else "In all", self._about(watched, shown, parts, written)),
            Section("conversation", "Conversation", self._pager(shown) + first.html + self._pager(shown)),
        ]
        if others:
            title = f"{counted(len(others), 'other conversation')} on this page"
            sections.append(Section("others", title, "\n".join(part.html for part in others)))
        sections.append(Section("calls", "Calls", self._table(entries)))
        return sections

    def _address(self, **query: str | int | None) -> str:
        attempt = None if self._is_default else self._attempt.number
        run = self._attempt.run.run_id
        return self._view.address("g", self._attempt.group.name, run, "conversation", attempt=attempt, **query)

    @property
    def _started_at(self) -> str | None:
        at = self._attempt.said.get("started_at")
        return at if known_time(at) is not None else None

    def _about(self, watched: WatchedCalls, shown: _Shown, parts: Sequence[Part], written: Sequence[_WrittenPart]) -> str:
        html = [self._attempts(), _sums(watched)]
        if watched.is_full:
            html.append(warning(f"Only the first {len(watched.calls):,} calls are shown."))
        if shown.is_alone:
            n = watched.calls[shown.start].n
            html.append(f"<p>{link(self._address(call=n) + f'#call-{n}', f'Call {n:,} among the others')}</p>")
        elif shown.pages > 1:
            last = min(shown.end, len(watched.calls))
            html.append(note(f"This page shows calls {shown.start + 1:,} to {last:,} of {len(watched.calls):,}."))
        if self._attempt.group.plan.profile.record == "usage":
            html.append(
                note(with_code("`record: usage` in the profile keeps no texts; `record: full` keeps those of later groups."))
            )
        if len(parts) > 1:
            rows = [f'<li><a href="#{part.anchor}">{escape(part.title)}</a></li>' for part in written]
            html.append(f'<nav aria-label="Conversations"><ol class="parts">{"".join(rows)}</ol></nav>')
        return "".join(html)

    def _attempts(self) -> str:
        if len(self._numbers) < 2:
            return ""
        links = []
        for number in self._numbers:
            is_last, is_here = number == max(self._numbers), number == self._attempt.number
            address = self._view.address(
                "g", self._attempt.group.name, self._attempt.run.run_id, "conversation", attempt=None if is_last else number
            )
            words = f"Attempt {number}"
            links.append(f'<a aria-current="page">{words}</a>' if is_here else link(address, words))
        return f'<nav class="pager" aria-label="Attempts">{"".join(links)}</nav>'

    def _pager(self, shown: _Shown) -> str:
        return "" if shown.is_alone else pager(shown.page, shown.pages, lambda page: self._address(page=page))

    def _part(self, part: Part, number: int, writer: StepWriter, window: Window) -> _WrittenPart:
        steps = list(_few_steps(part, window))
        anchor = f"talk-{number}"
        said = [step for step in steps if isinstance(step, Step)]
        title = f"{_first_words(part, said, window)} ({counted(len(part.calls), 'call')})"
        notes = []
        if part.begins_earlier:
            notes.append("It began on an earlier page, whose content is omitted here.")
        if part.continues is not None:
            notes.append(f"It branches off from call {part.continues:,}.")
        head = f'<h3 id="{anchor}">{escape(title)}</h3>{"".join(map(note, notes))}'
        written = (
            note(f"{counted(step, 'turn')} omitted here.") if isinstance(step, int) else writer.html(step) for step in steps
        )
        return _WrittenPart(anchor, title, head + "\n".join(written))

    def _table(self, entries: Sequence[LedgerCall]) -> str:
        header = ["Call", "After the start", "Outcome", "Model", "Input", "Cached", "Output", "USD", "Seconds"]
        rows = [self._row(entry) for entry in entries]
        words = "Each call as measured by the gateway."
        return fold(words, sortable_table(header, rows, sticky=True), name="table-of-calls", is_open=not self._has_texts())

    def _has_texts(self) -> bool:
        return self._attempt.group.plan.profile.record != "usage"

    def _row(self, entry: LedgerCall) -> list[object]:
        call, begun = entry.call, entry.begun
        after = seconds_between(self._started_at, begun) if begun and self._started_at else None
        used: list[object] = [Cell(), Cell(), Cell(), Cell()]
        if call.counts:
            tokens = call.tokens
            used = [Cell(whole(count), count) for count in (tokens.input, tokens.cached, tokens.output)]
            used.append(Cell(usd(call.cost_usd), call.cost_usd))
        return [
            Cell(f"{entry.n:,}", entry.n, links=[(f"#call-{entry.n}", f"{entry.n:,}")]),
            Cell(NOTHING if after is None else show_duration(after), after),
            Cell(outcome_words(call) or "answered", long=True),
            Cell(call.model or NOTHING, text=True),
            *used,
            Cell(f"{call.seconds:,.1f}", call.seconds),
        ]


@dataclass(frozen=True)
class _WrittenPart:
    """A conversation as HTML."""

    anchor: str
    title: str
    html: str


def _sums(watched: WatchedCalls) -> str:
    sums = watched.sums[-1]
    others = len(watched.calls) - sums.calls
    not_counted = f"{counted(others, 'other')}: failed, refused or replayed" if others else ""
    seconds = sum(entry.call.seconds for entry in watched.calls)
    cost = "unknown" if sums.cost is None else usd(float(sums.cost))
    return cards(
        [
            Card("Calls answered", f"{sums.calls:,}", [not_counted]),
            Card("Tokens in", whole(sums.prompt), [f"{whole(sums.cached)} of them cached"]),
            Card("Tokens out", whole(sums.completion)),
            Card("Cost, USD", cost, [] if sums.cost is not None else ["the price of a call is unknown"]),
            Card("Time waiting for models", show_duration(seconds), ["sum over all calls"]),
        ]
    )


def _few_steps(part: Part, window: Window) -> Iterator[Step | int]:
    """The steps of a part; a number stands for as many turns, where an agent sent very many at once."""
    first = next((place for place, block in enumerate(part.blocks) if block.calls), len(part.blocks))
    left_out = range(_MOST_AT_ONCE // 2, max(_MOST_AT_ONCE // 2, first - _MOST_AT_ONCE // 2))
    for place, block in enumerate(part.blocks):
        if place in left_out:
            if place == left_out.start:
                yield sum(len(part.blocks[other].items) for other in left_out)
            continue
        steps = steps_in(block, window.conversations)
        if len(steps) <= _MOST_AT_ONCE:
            yield from steps
        else:
            yield from steps[: _MOST_AT_ONCE // 2]
            yield len(steps) - _MOST_AT_ONCE
            yield from steps[-_MOST_AT_ONCE // 2 :]


def _first_words(part: Part, steps: Sequence[Step], window: Window) -> str:
    """Identifies a conversation by the beginning of its first user text."""
    opening = "" if part.opening is None else str(window.conversations.turn(part.opening.place)["text"])
    text = next((text for text in (opening, *(step.text for step in steps)) if text.strip()), "Without texts")
    words = " ".join(text[: 4 * _FIRST_WORDS].split())
    return printable(words if len(words) <= _FIRST_WORDS else f"{words[: _FIRST_WORDS - 1]}…", None)
