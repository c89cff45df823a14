"""The steps of a conversation as HTML: what was said as text, reasoning and tools folded, and what each call took."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from grading.printable import printable
from grading.wording import counted
from mlebench._support.quantities import show_duration
from mlebench.evidence.conversations.calls import Call
from mlebench.evidence.conversations.conversations import Sums
from mlebench.evidence.conversations.steps import Step, ToolResult, ToolUse
from mlebench.reports.components import fold
from mlebench.reports.markup import Html, link
from mlebench.reports.notation import usd, whole
from mlebench.runs.record import seconds_between

_SOURCES = {"system": "System", "user": "User", "agent": "Agent", "tool": "Result"}
_LEAST = 500
"""Characters that are shown of each text, however much is on the page."""
_LONG, _LONG_LINES = 1_200, 15
"""Characters and lines of a text that is folded."""
_LONG_ANSWER, _LONG_ANSWER_LINES = 6_000, 100
_BEGINNING, _BEGINNING_LINES = 240, 3
"""What a folded text shows of itself."""
_SUMMARY = 140
_MOST_ARGUMENTS = 50
_MOST_USES = 100
_MOST_RESULTS = 10
_FENCE = re.compile(r"^[ \t]{0,3}```[^\n`]*\n?", re.MULTILINE)


class Room:
    """How much of the texts of a page is shown, so that no page is too large for a browser."""

    def __init__(self, most: int, most_each: int) -> None:
        """With the characters of all texts together and of each."""
        self._left, self._most_each = most, most_each

    def cut(self, text: str) -> tuple[str, int]:
        """The beginning of a text that is shown, and how many characters are not."""
        shown = text[: max(_LEAST, min(self._left, self._most_each))]
        self._left -= len(shown)
        return shown, len(text) - len(shown)


class StepWriter:
    """Writes steps; ids of what it writes are unique on a page."""

    def __init__(
        self,
        room: Room,
        address: Callable[[int], str],
        started_at: str | None,
        sums: Mapping[int, Sums],
        begun: Mapping[int, str],
        unread: Mapping[int, str],
    ) -> None:
        """Args:
        room: for texts.
        address: of a call by its line of the ledger, with whole texts.
        started_at: when the attempt began.
        sums: what was used up to each call.
        begun: when each call was made.
        unread: why texts of a call cannot be shown.
        """
        self._room, self._address, self._started_at = room, address, started_at
        self._sums, self._begun, self._unread = sums, begun, unread
        self._ids: set[str] = set()

    def html(self, step: Step) -> str:
        """The `article` of a step."""
        anchor = self._id(f"call-{step.n}" if step.call is not None else f"turn-{step.n}")
        body = "".join(self._body(step, anchor))
        return f'<article class="step {step.source}" id="{anchor}"><header>{self._head(step, anchor)}</header>{body}</article>'

    def _id(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._ids:
            number += 1
            name = f"{wanted}-{number}"
        self._ids.add(name)
        return name

    def _head(self, step: Step, anchor: str) -> str:
        if step.call is None:
            remarks = ["replaces earlier turns"] if step.replaces else []
            if step.source == "agent":
                remarks.append("answer of a call on another page")
            if step.source == "tool":
                remarks.append(f"of {printable(step.tool)}" if step.tool else "of no call on this page")
            return f"<b>{_SOURCES[step.source]}</b>{_spans(remarks)}"
        return f"<b>{link(f'#{anchor}', f'Call {step.n:,}')}</b>{_spans(call_facts(step.call))}{_spans(self._moments(step))}"

    def _moments(self, step: Step) -> Iterator[str]:
        if self._started_at and (begun := self._begun.get(step.n)):
            yield f"{show_duration(seconds_between(self._started_at, begun))} after the start"
        if (sums := self._sums.get(step.n)) is not None and sums.cost is not None and sums.calls > 1:
            yield f"USD {usd(float(sums.cost))} so far"

    def _body(self, step: Step, anchor: str) -> Iterator[str]:
        if step.call is not None:
            if why := outcome_words(step.call):
                yield f'<p class="outcome">{escape(why)}</p>'
            if step.n in self._unread:
                yield f'<p class="note">Its texts cannot be shown: {escape(self._unread[step.n])}.</p>'
            elif step.call.outcome == "answered" and not step.has_text:
                yield '<p class="note">Its text was not kept.</p>'
        if step.reasoning:
            summary = f"Reasoning, {counted(len(step.reasoning), 'character')}: {_one_line(step.reasoning)}"
            yield fold(summary, self._text(step.reasoning, step.n), name=f"{anchor}-reasoning", css="reasoning")
        if step.text:
            yield self._said(step, anchor)
        yield from self._tools(step, anchor)

    def _said(self, step: Step, anchor: str) -> str:
        is_answer = step.source == "agent"
        most, most_lines = (_LONG_ANSWER, _LONG_ANSWER_LINES) if is_answer else (_LONG, _LONG_LINES)
        if len(step.text) <= most and step.text.count("\n") < most_lines:
            return self._text(step.text, step.n)
        return self._folded(step.text, step.n, f"{anchor}-text")

    def _folded(self, text: str, n: int, name: str, before: str = "") -> str:
        beginning = "\n".join(text[:_BEGINNING].split("\n")[:_BEGINNING_LINES])
        lines = text.count("\n") + 1
        size = f"{counted(len(text), 'character')}, {counted(lines, 'line')}"
        summary = f'{before}<span class="beginning">{escape(beginning)}…</span> <small>{size}</small>'
        return fold(Html(summary), self._text(text, n), name=name, css="long")

    def _text(self, text: str, n: int) -> str:
        """A text in full, blocks of code set as such; of a very long one its beginning."""
        shown, left = self._room.cut(text)
        more = ""
        if left:
            more = f'<p class="note">{counted(left, "more character")}: {link(self._address(n), f"call {n:,} alone")}.</p>'
        return "".join(_blocks(shown)) + more

    def _tools(self, step: Step, anchor: str) -> Iterator[str]:
        results: dict[str, list[ToolResult]] = {}
        for result in step.results:
            results.setdefault(result.use_id, []).append(result)
        for number, use in enumerate(step.uses[:_MOST_USES], start=1):
            name = f"{anchor}-tool-{number}"
            summary = f"<b>{escape(printable(use.name))}</b> <code>{escape(arguments_line(use))}</code>"
            yield fold(Html(summary), self._arguments(use, step.n), name=name, css="tool")
            found = results.pop(use.id, [])
            for place, result in enumerate(found[:_MOST_RESULTS], start=1):
                yield self._result(result, step.n, f"{name}-result-{place}")
            if len(found) > _MOST_RESULTS:
                yield f'<p class="note">{counted(len(found) - _MOST_RESULTS, "more result")} of it.</p>'
        if len(step.uses) > _MOST_USES:
            yield f'<p class="note">{counted(len(step.uses) - _MOST_USES, "more call")} of tools.</p>'

    def _result(self, result: ToolResult, n: int, name: str) -> str:
        size = counted(len(result.text), "character")
        words = "Result, replacing an earlier one" if result.replaces else "Result"
        summary = f"{words}, {size}: <code>{escape(_one_line(result.text))}</code>"
        return fold(Html(summary), self._text(result.text, n), name=name, css="result")

    def _arguments(self, use: ToolUse, n: int) -> str:
        rows = [
            f"<dt>{escape(printable(key))}</dt><dd>{self._text(_as_text(value), n)}</dd>"
            for key, value in list(use.arguments.items())[:_MOST_ARGUMENTS]
        ]
        more = len(use.arguments) - _MOST_ARGUMENTS
        return f"<dl>{''.join(rows)}</dl>" + (f'<p class="note">{counted(more, "more argument")}.</p>' if more > 0 else "")


def call_facts(call: Call) -> list[str]:
    """Model, tokens, cost and seconds of a call, as far as it has them."""
    facts = [call.model] if call.model else []
    if call.counts:
        cached = f" ({whole(call.tokens.cached)} cached)" if call.tokens.cached else ""
        facts.append(f"{whole(call.tokens.input)} tokens in{cached}, {whole(call.tokens.output)} out")
        facts.append("cost unknown" if call.cost_usd is None else f"USD {usd(call.cost_usd)}")
        facts += ["tokens estimated"] if call.estimated else []
    facts.append(f"{call.seconds:,.1f} s")
    return facts


def outcome_words(call: Call) -> str:
    """What became of a call that was not answered by its provider; empty of one that was."""
    if call.outcome == "answered":
        return ""
    if call.outcome == "replayed":
        words = "answered from an earlier answer, without calling the provider"
    else:
        words = f"{call.outcome} with HTTP status {call.status}"
    return f"{words}: {call.reason}" if call.reason else words


def arguments_line(use: ToolUse) -> str:
    """A call's arguments on one line; of a single one its value alone."""
    values = list(use.arguments.values())
    said = values[0] if len(values) == 1 and isinstance(values[0], str) else None
    if said is None:
        # what is behind the end of a line need not be written
        few = {key: value[:_SUMMARY] if isinstance(value, str) else value for key, value in list(use.arguments.items())[:10]}
        said = json.dumps(few, ensure_ascii=False)
    return _one_line(said)


def _one_line(text: str) -> str:
    """How a text begins, on one line."""
    begins = " ".join(text[: 4 * _SUMMARY].split())
    return begins if len(begins) <= _SUMMARY and len(text) <= 4 * _SUMMARY else f"{begins[: _SUMMARY - 1]}…"


def _blocks(text: str) -> Iterator[str]:
    """The text; what stands between fences is code."""
    for number, part in enumerate(_FENCE.split(text)):
        if part.strip("\n"):
            kept = part.strip("\n")
            yield f'<pre class="{"code" if number % 2 else "said"}">{escape(kept)}</pre>'


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)


def _spans(facts: Sequence[str] | Iterator[str]) -> str:
    return "".join(f" <span>{escape(fact)}</span>" for fact in facts)
