"""Trajectories in ATIF, the Agent Trajectory Interchange Format: what an agent asked its models, was answered, and did.

They are made from what the gateway wrote down, so that they are the same for every agent, and no agent has a say in them. A file
holds one attempt at a run: the conversation with the most calls, and all others in `subagent_trajectories`. Every call stands in
it once, with what it cost; what an agent sent again does not.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from grading.printable import printable
from grading.report import CompetitionReport
from grading.wording import counted
from mlebench._support.files import replacing
from mlebench._support.ledger import ledger_lines
from mlebench._support.quantities import show_size
from mlebench._support.version import VERSION
from mlebench.errors import ContainerFault
from mlebench.evidence.conversations.attempts import Attempt
from mlebench.evidence.conversations.call_text import CallText, read_call
from mlebench.evidence.conversations.conversations import MOST_TEXT, Conversations, Node, Sums
from mlebench.gateway.model_call import LEDGER, ModelCall
from mlebench.gateway.transcript import unpack_texts
from mlebench.runs.ledgers import MOST_BYTES, ledger_path
from mlebench.runs.record import known_time

SCHEMA = "ATIF-v1.7"
"""Nothing in it is of a later version."""
_NOTES = (
    "Made by mlebench from the calls that its gateway to models wrote down. The totals are of all calls of the run, those of "
    "subagent_trajectories included. Images and documents stand by their hash."
)
_LARGEST_NUMBER = 2**53
_LONGEST_REASON = 160


@dataclass(frozen=True)
class Written:
    """What a file holds."""

    path: Path
    calls: int
    """Lines of the ledger that are in it."""
    steps: int
    conversations: int


@dataclass
class _Read:
    """What was read of an attempt's calls."""

    conversations: Conversations
    sums: Sums = field(default_factory=Sums)
    outcomes: Counter[str] = field(default_factory=Counter)
    """Calls by outcome."""
    counts: int = 0
    """Calls that count tokens alone, which are in no conversation."""
    models: Counter[str] = field(default_factory=Counter)
    begun: dict[int, str] = field(default_factory=dict)
    """By line of the ledger when the call was made."""


def write_trajectory(attempt: Attempt, target: Path, note: Callable[[str], None], most_text: int = MOST_TEXT) -> Written | None:
    """Write the trajectory of an attempt.

    Args:
        attempt: ended, or under way: its calls up to now.
        target: the file; a file that lies there is replaced at once.
        note: gets a sentence for each thing that could not be read.
        most_text: bytes of texts that are kept.

    Returns:
        None where the attempt asked no model through the gateway; nothing is written then.

    Raises:
        OSError: the file cannot be written.
    """
    with Conversations(most_text) as conversations:
        read = _Read(conversations)
        for n, at, call, text in _calls(attempt, conversations, note):
            read.outcomes[call.outcome] += 1
            if call.counts:
                read.sums.add(call)
            if call.action != "generate" or call.outcome == "probe":
                read.counts += call.outcome != "probe"
                continue
            read.models[call.model or ""] += 1
            if at is not None:
                read.begun[n] = _before(at, call.seconds)
            conversations.add(n, at, call, text)
        if not read.models:
            return None
        with replacing(target) as file:
            steps, paths = _Document(attempt, read, file).write()
    return Written(target, sum(read.models.values()), steps, paths)


def _calls(
    attempt: Attempt, conversations: Conversations, note: Callable[[str], None]
) -> Iterator[tuple[int, str | None, ModelCall, CallText | None]]:
    """Each call of the ledger in order: its line, when it ended, what the ledger says of it, and its texts."""
    last = left_out = 0
    unread: list[str] = []
    try:
        for entry in ledger_lines(ledger_path(attempt.folder, LEDGER), MOST_BYTES):
            if (call := ModelCall.from_entry(entry)) is None:
                continue
            text = None
            stated, at = entry.get("n"), entry.get("at")
            # in a ledger that somebody changed no texts are read twice
            if isinstance(stated, int) and not isinstance(stated, bool) and last < stated < _LARGEST_NUMBER:
                last = stated
                left_out += conversations.is_full
                try:
                    text = None if conversations.is_full else _text_of(attempt, last, call)
                except (OSError, ContainerFault, ValueError) as error:
                    why = getattr(error, "strerror", None) or str(error)
                    unread.append(f"{last} ({printable(why, _LONGEST_REASON)})")
            yield last, at if known_time(at) is not None else None, call, text
    except FileNotFoundError:
        pass
    except OSError as error:
        note(f"{attempt.name}: {LEDGER}.jsonl cannot be read: {error.strerror or error}")
    if unread:
        note(f"{attempt.name}: the texts of {counted(len(unread), 'call')} cannot be read, the first is call {unread[0]}")
    if left_out:
        most = show_size(conversations.most_text)
        note(f"{attempt.name}: the texts of the last {counted(left_out, 'call')} are left out, as those before have {most}")


def _text_of(attempt: Attempt, n: int, call: ModelCall) -> CallText | None:
    """What a call said; None where its texts were not kept, or are those of another call."""
    if call.action != "generate" or call.outcome in ("probe", "replayed"):
        return None
    try:
        packed = attempt.packed_texts(n)
    except FileNotFoundError:
        return None
    return read_call(unpack_texts(packed), call)


def _before(at: str, seconds: float) -> str:
    try:
        return (datetime.fromisoformat(at) - timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        return at


class _Document:
    """The JSON document, written as it is made: a run's texts may be larger than a memory."""

    def __init__(self, attempt: Attempt, read: _Read, file: IO[bytes]) -> None:
        self._attempt, self._read, self._file = attempt, read, file
        self._model = read.models.most_common(1)[0][0] or None
        self._places: dict[Node, dict[str, Any]] = {}
        """Where conversations branch: the trajectory and step that a node became."""
        self._steps = 0

    def write(self) -> tuple[int, int]:
        """Returns the numbers of steps and of conversations."""
        without_text = self._read.conversations.without_text
        number = 0
        for number, (path, origin) in enumerate(self._read.conversations.paths(), start=1):
            if number > 1:
                self._put(', "subagent_trajectories": [\n' if number == 2 else ",\n")
            self._conversation(number, _with(path, without_text) if number == 1 else path, origin)
            if number > 1:
                self._put("}")
        if not number:
            self._conversation(1, without_text, None)
        self._put("]}\n" if number > 1 else "}\n")
        return self._steps, max(number, 1)

    def _conversation(self, number: int, path: list[Node], origin: Node | None) -> None:
        """One trajectory, its last brace left open."""
        is_root = number == 1
        name = self._attempt.name if is_root else f"{self._attempt.name}/{number}"
        calls = [node for node in path if node.call is not None]
        agent = self._attempt.group.plan.agent
        head = {
            "schema_version": SCHEMA,
            "session_id": self._attempt.name,
            "trajectory_id": name,
            "agent": {
                "name": agent.name,
                "version": agent.version or self._attempt.group.plan.agent_fingerprint or "unknown",
                "model_name": self._model,
                "tool_definitions": self._read.conversations.tools(calls),
                "extra": {"variant": agent.variant, "arguments": dict(agent.arguments)},
            },
        }
        self._put(f'{_json(_known(head))[:-1]}, "steps": [\n')
        steps = _Steps(lambda step, is_first: self._put(("" if is_first else ",\n") + _json(step)))
        for node, step_id in self._path_steps(path, steps):
            if len(node.next) > 1:
                self._places[node] = {"trajectory_id": name, "step_id": step_id}
        steps.end()
        self._steps += steps.count
        sums = self._read.sums if is_root else _sums(calls)
        foot = {
            "notes": _NOTES if is_root else None,
            "final_metrics": self._final_metrics(sums, steps.count, is_root),
            "extra": self._about() if is_root else {"continues": self._places[origin]} if origin is not None else None,
        }
        self._put(f"\n], {_json(_known(foot))[1:-1]}")

    def _path_steps(self, path: list[Node], steps: _Steps) -> Iterator[tuple[Node, int]]:
        """Write the steps of a path; yields each node with the step that it is part of."""
        waiting: list[tuple[int, int]] = []
        for node in path:
            waiting += [(place, node.n) for place in node.before]
            turn = self._read.conversations.turn(node.place) if node.place >= 0 else None
            if node.call is None and turn is not None and turn["source"] == "tool":
                # what is new elsewhere comes behind the results, which belong to the step before
                yield node, self._turn_step(turn, node.n, steps)
                continue
            self._news(waiting, steps)
            waiting = []
            if node.call is not None:
                yield node, steps.agent(self._call_step(node, turn), node.sent_ids)
            elif turn is not None:
                yield node, self._turn_step(turn, node.n, steps)
        self._news(waiting, steps)

    def _news(self, waiting: list[tuple[int, int]], steps: _Steps) -> None:
        """System texts that are new, as one step, and what an agent put in place of older turns."""
        turns = [(self._read.conversations.turn(place), n) for place, n in waiting]
        if system := [turn["text"] for turn, _ in turns if turn["source"] == "system"]:
            self._turn_step({"source": "system", "text": "\n\n".join(system)}, turns[0][1], steps)
        for turn, n in turns:
            if turn["source"] != "system":
                self._turn_step(turn, n, steps, {"replaces_earlier_context": True})

    def _turn_step(self, turn: dict[str, Any], n: int, steps: _Steps, extra: dict[str, Any] | None = None) -> int:
        """A turn of a request that is no model's answer on record."""
        extra = {**(extra or {}), "call": n}
        at = self._read.begun.get(n)
        if turn["source"] == "tool":
            return steps.result(turn, at, extra)
        if turn["source"] == "agent":
            extra |= {"not_by_a_call": True, "reasoning": turn["reasoning"] or None}
            calls = _tool_calls(turn, n)
            return steps.agent(_step("agent", turn["text"], at, extra, tool_calls=calls, llm_call_count=0))
        return steps.other(_step(turn["source"], turn["text"], at, extra))

    def _call_step(self, node: Node, turn: dict[str, Any] | None) -> dict[str, Any]:
        call = node.call
        assert call is not None
        was_answered = call.outcome == "answered"
        extra = {
            "call": node.n,
            "outcome": None if was_answered else call.outcome,
            "status": None if call.status == 200 else call.status,
            "reason": call.reason,
            "text": "not kept" if was_answered and turn is None else None,
            "dialect": call.dialect,
            "served": call.served,
            "provider": call.provider,
            "seconds": call.seconds,
            "removed": list(call.removed) or None,
            "limited_to": call.limited_to,
        }
        return _step(
            "agent",
            turn["text"] if turn else "",
            node.at,
            extra,
            model_name=call.model if call.model != self._model else None,
            reasoning_content=(turn["reasoning"] if turn and was_answered else None) or None,
            tool_calls=_tool_calls(turn, node.n, node.sent_ids) if turn else None,
            metrics=_metrics(call) if call.counts else None,
            llm_call_count=1 if was_answered else 0,
        )

    def _final_metrics(self, sums: Sums, steps: int, is_root: bool) -> dict[str, Any]:
        outcomes = self._read.outcomes
        others = {f"{name}_calls": outcomes[name] for name in ("failed", "refused", "replayed") if outcomes[name]}
        counting = {"token_counting_calls": self._read.counts} if self._read.counts else {}
        return _known(
            {
                "total_prompt_tokens": sums.prompt,
                "total_completion_tokens": sums.completion,
                "total_cached_tokens": sums.cached,
                "total_cost_usd": None if sums.cost is None else float(sums.cost),
                "total_steps": steps,
                "extra": {"calls": sums.calls, **(others | counting if is_root else {})},
            }
        )

    def _about(self) -> dict[str, Any]:
        """The run, and what came of it."""
        attempt = self._attempt
        said = {key: attempt.said.get(key) for key in ("state", "reason", "started_at", "ended_at")}
        graded = attempt.record.graded if attempt.is_last else None
        return _known(
            {
                "harness": f"mlebench {VERSION}",
                "competition_id": attempt.run.competition_id,
                "seed": attempt.run.seed,
                "edition": attempt.group.plan.edition,
                "attempt": attempt.number,
                **{key: value for key, value in said.items() if isinstance(value, str)},
                **({} if graded is None else _result(graded)),
            }
        )

    def _put(self, text: str) -> None:
        self._file.write(text.encode("utf-8", "backslashreplace"))


class _Steps:
    """Numbers steps, and holds each of an agent's back until the results of its calls are known."""

    def __init__(self, put: Callable[[dict[str, Any], bool], None]) -> None:
        """With `put` called with each step that is whole, and whether it is the first."""
        self._put = put
        self._held: list[dict[str, Any]] = []
        self._ids: dict[str, str] = {}
        """Of the calls of the step that is held, by each name that they have."""
        self.count = 0

    def agent(self, step: dict[str, Any], sent_ids: tuple[str | None, ...] = ()) -> int:
        """A step of the agent's; returns its number.

        Args:
            step: with its calls of tools.
            sent_ids: other ids of these calls, by which results may name them.
        """
        self.end()
        ids = [call["tool_call_id"] for call in step.get("tool_calls") or ()]
        self._ids = {name: identity for name, identity in zip(sent_ids, ids, strict=False) if name is not None}
        self._ids |= {identity: identity for identity in ids}
        return self.other(step)

    def other(self, step: dict[str, Any]) -> int:
        """A step of the system's or the user's; returns its number."""
        self.count += 1
        self._held.append({"step_id": self.count, **step})
        return self.count

    def result(self, turn: dict[str, Any], at: str | None, extra: dict[str, Any]) -> int:
        """A tool's result: with the step that called it, or a step of the system's where that is another one; returns its
        number."""
        step = self._held[0] if self._held else None
        found = (
            None if step is None else _free_call(step, turn) if turn["result_of"] is None else self._ids.get(turn["result_of"])
        )
        if step is None or found is None:
            about = _known({"result_of": turn["result_of"], "tool": turn["name"]})
            result = {"content": turn["text"], "extra": about}
            return self.other(_step("system", "", at, extra, observation={"results": [_known(result)]}))
        said = {key: value for key, value in extra.items() if key != "call"}
        result = {"source_call_id": found, "content": turn["text"], "extra": said}
        step.setdefault("observation", {"results": []})["results"].append(_known(result))
        number: int = step["step_id"]
        return number

    def end(self) -> None:
        """Write what is held."""
        self._ids = {}
        for step in self._held:
            # `extra` comes last, wherever an observation was added
            extra = step.pop("extra")
            self._put({**step, "extra": extra}, step["step_id"] == 1)
        self._held.clear()


def _free_call(step: dict[str, Any], turn: dict[str, Any]) -> str | None:
    """Which of a step's calls a result is of that does not say it: the first one of that name without a result."""
    answered = {result["source_call_id"] for result in step.get("observation", {"results": []})["results"]}
    free = (
        call["tool_call_id"]
        for call in step.get("tool_calls") or ()
        if call["tool_call_id"] not in answered and turn["name"] in (None, call["function_name"])
    )
    return next(free, None)


def _with(path: list[Node], others: list[Node]) -> list[Node]:
    """A path and the calls of unknown text, each where it was made; no call stands between another one and its results."""
    whole: list[Node] = []
    left = iter(others)
    following = next(left, None)
    for node in path:
        while node.call is not None and following is not None and following.n < node.n:
            whole.append(following)
            following = next(left, None)
        whole.append(node)
    return [*whole, *([following] if following is not None else []), *left]


def _sums(calls: list[Node]) -> Sums:
    sums = Sums()
    for node in calls:
        if node.call is not None and node.call.counts:
            sums.add(node.call)
    return sums


def _step(source: str, message: str, at: str | None, extra: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return _known({"timestamp": at, "source": source, "message": message, **fields, "extra": _known(extra)})


def _tool_calls(turn: dict[str, Any], n: int, sent_ids: tuple[str | None, ...] = ()) -> list[dict[str, Any]] | None:
    """The calls of a turn; where a provider gave no ids, with those that the agent gave when it sent the answer again."""
    given = itertools.zip_longest(turn["calls"], sent_ids[: len(turn["calls"])])
    return [
        {
            "tool_call_id": call["id"] or sent or f"call-{n}-{position}",
            "function_name": call["name"],
            "arguments": call["arguments"],
        }
        for position, (call, sent) in enumerate(given, start=1)
    ] or None


def _metrics(call: ModelCall) -> dict[str, Any]:
    more = {name: getattr(call.tokens, name) or None for name in ("cache_write", "reasoning")}
    return _known(
        {
            "prompt_tokens": call.tokens.input,
            "completion_tokens": call.tokens.output,
            "cached_tokens": call.tokens.cached,
            "cost_usd": call.cost_usd,
            "extra": _known(
                {**{f"{name}_tokens": value for name, value in more.items()}, "estimated": True if call.estimated else None}
            ),
        }
    )


def _result(graded: CompetitionReport) -> dict[str, Any]:
    medal = next((name for name in ("gold", "silver", "bronze") if getattr(graded, f"{name}_medal")), None)
    return {"score": graded.score, "valid_submission": graded.valid_submission, "medal": medal}


def _known(content: dict[str, Any]) -> dict[str, Any]:
    """Without what is unknown, or empty and no text."""
    return {key: value for key, value in content.items() if value is not None and value not in ({}, [])}


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False)
