"""Trajectories in ATIF, the Agent Trajectory Interchange Format: what an agent asked its models, was answered, and did.

They are made from what the gateway wrote down, so that they are the same for every agent, and no agent has a say in them. A file
holds one attempt at a run: the conversation with the most calls, and all others in `subagent_trajectories`. Every call stands in
it once, with what it cost; what an agent sent again does not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from grading.report import CompetitionReport
from grading.wording import counted
from mlebench._support.files import replacing
from mlebench._support.ledger import ledger_lines
from mlebench._support.quantities import show_size
from mlebench._support.version import VERSION
from mlebench.evidence.conversations.attempts import Attempt
from mlebench.evidence.conversations.call_text import CallText
from mlebench.evidence.conversations.calls import CALLS, UNREADABLE, LedgerCall, LedgerCalls, calls_path, reason_of, text_of
from mlebench.evidence.conversations.conversations import MOST_TEXT, Conversations, Node, Sums
from mlebench.evidence.conversations.steps import Step, blocks_of, steps_in, with_calls
from mlebench.gateway.model_call import ModelCall
from mlebench.runs.ledgers import MOST_BYTES

SCHEMA = "ATIF-v1.7"
"""Nothing in it is of a later version."""
_NOTES = (
    "Made by mlebench from the calls that its gateway to models wrote down. The totals are of all calls of the run, those of "
    "subagent_trajectories included. Images and documents stand by their hash."
)


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
        for entry, text in _calls(attempt, conversations, note):
            call = entry.call
            read.outcomes[call.outcome] += 1
            if call.counts:
                read.sums.add(call)
            if not entry.is_turn:
                read.counts += call.outcome != "probe"
                continue
            read.models[call.model or ""] += 1
            if entry.begun is not None:
                read.begun[entry.n] = entry.begun
            conversations.add(entry.n, entry.at, call, text)
        if not read.models:
            return None
        with replacing(target) as file:
            steps, paths = _Document(attempt, read, file).write()
    return Written(target, sum(read.models.values()), steps, paths)


def _calls(
    attempt: Attempt, conversations: Conversations, note: Callable[[str], None]
) -> Iterator[tuple[LedgerCall, CallText | None]]:
    """Each call of the ledger in order, with its texts."""
    left_out = 0
    unread: list[str] = []
    try:
        for entry in LedgerCalls().read(ledger_lines(calls_path(attempt), MOST_BYTES)):
            text = None
            left_out += entry.is_numbered and conversations.is_full
            try:
                text = None if conversations.is_full else text_of(attempt, entry)
            except UNREADABLE as error:
                unread.append(f"{entry.n} ({reason_of(error)})")
            yield entry, text
    except FileNotFoundError:
        pass
    except OSError as error:
        note(f"{attempt.name}: {CALLS}.jsonl cannot be read: {error.strerror or error}")
    if unread:
        note(f"{attempt.name}: the texts of {counted(len(unread), 'call')} cannot be read, the first is call {unread[0]}")
    if left_out:
        most = show_size(conversations.most_text)
        note(f"{attempt.name}: the texts of the last {counted(left_out, 'call')} are left out, as those before have {most}")


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
            self._conversation(number, with_calls(path, without_text) if number == 1 else path, origin)
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
        steps = 0
        for block in blocks_of(path):
            for step in steps_in(block, self._read.conversations):
                self._put((",\n" if steps else "") + _json({"step_id": (steps := steps + 1), **self._step(step)}))
                for node in step.nodes:
                    if len(node.next) > 1:
                        self._places[node] = {"trajectory_id": name, "step_id": steps}
        self._steps += steps
        sums = self._read.sums if is_root else _sums(calls)
        foot = {
            "notes": _NOTES if is_root else None,
            "final_metrics": self._final_metrics(sums, steps, is_root),
            "extra": self._about() if is_root else {"continues": self._places[origin]} if origin is not None else None,
        }
        self._put(f"\n], {_json(_known(foot))[1:-1]}")

    def _step(self, step: Step) -> dict[str, Any]:
        if step.call is not None:
            return self._call_step(step, step.call)
        at = self._read.begun.get(step.n)
        extra: dict[str, Any] = {"replaces_earlier_context": step.replaces or None, "call": step.n}
        if step.source == "tool":
            about = _known({"result_of": step.result_of, "tool": step.tool})
            results = [_known({"content": step.text, "extra": about})]
            return _step("system", "", at, extra, observation={"results": results})
        if step.source == "agent":
            extra |= {"not_by_a_call": True, "reasoning": step.reasoning or None}
            calls = _tool_calls(step)
            return _step("agent", step.text, at, extra, tool_calls=calls, llm_call_count=0, observation=_observation(step))
        return _step(step.source, step.text, at, extra)

    def _call_step(self, step: Step, call: ModelCall) -> dict[str, Any]:
        was_answered = call.outcome == "answered"
        extra = {
            "call": step.n,
            "outcome": None if was_answered else call.outcome,
            "status": None if call.status == 200 else call.status,
            "reason": call.reason,
            "text": "not kept" if was_answered and not step.has_text else None,
            "dialect": call.dialect,
            "served": call.served,
            "provider": call.provider,
            "seconds": call.seconds,
            "removed": list(call.removed) or None,
            "limited_to": call.limited_to,
        }
        return _step(
            "agent",
            step.text,
            step.at,
            extra,
            model_name=call.model if call.model != self._model else None,
            reasoning_content=step.reasoning or None,
            tool_calls=_tool_calls(step),
            metrics=_metrics(call) if call.counts else None,
            llm_call_count=1 if was_answered else 0,
            observation=_observation(step),
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


def _sums(calls: list[Node]) -> Sums:
    sums = Sums()
    for node in calls:
        if node.call is not None and node.call.counts:
            sums.add(node.call)
    return sums


def _step(source: str, message: str, at: str | None, extra: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return _known({"timestamp": at, "source": source, "message": message, **fields, "extra": _known(extra)})


def _tool_calls(step: Step) -> list[dict[str, Any]]:
    return [{"tool_call_id": use.id, "function_name": use.name, "arguments": use.arguments} for use in step.uses]


def _observation(step: Step) -> dict[str, Any]:
    results = [
        _known(
            {
                "source_call_id": result.use_id,
                "content": result.text,
                "extra": _known({"replaces_earlier_context": result.replaces or None}),
            }
        )
        for result in step.results
    ]
    return _known({"results": results})


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
