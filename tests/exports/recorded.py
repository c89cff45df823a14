"""Runs whose calls to models were written down by the gateway's own ledger and transcript, without a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlebench._support.ledger import Ledger
from mlebench.agents import AgentSpec
from mlebench.evidence.conversations.attempts import Attempt, attempts_in
from mlebench.exports.atif import Written, write_trajectory
from mlebench.gateway.account import cost_of
from mlebench.gateway.model_call import LEDGER, ModelCall
from mlebench.gateway.models import Model
from mlebench.gateway.tokens import Tokens
from mlebench.gateway.transcript import Transcript
from mlebench.gateway.usage import measured_usage
from mlebench.profiles import Profile
from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.record import now
from tests.exports.atif_schema import Trajectory
from tests.gateway.answers import Said, plain, stream

DIALECTS = ("chat", "responses", "messages", "gemini")
TOKENS = Tokens(input=100, cached=40, output=7, reasoning=2)
PRICED = Model.model_validate(
    {"name": "m", "provider": "p", "served": "served", "dialects": DIALECTS, "base_url": "http://127.0.0.1:1",
     "prices": {"input": 1, "cached_input": 0.5, "output": 2}}
)  # fmt: skip


def make_group(runs_dir: Path, name: str = "group", seeds: Sequence[int] = (0,)) -> Group:
    """A group whose runs have not begun."""
    agent = AgentSpec("scripted", "fast", runs_dir, arguments={"model": "m"}, version="1.2.3")
    profile = Profile.model_validate({"cpus": 1, "memory": "1g", "time_limit": "1h", "network": "models"})
    return Group.create(runs_dir, Plan(agent, ("toy-a",), tuple(seeds), profile, "local"), {}, name)


class Recording:
    """The calls of one attempt at a run."""

    def __init__(self, group: Group, seed: int = 0) -> None:
        self._group = group
        [self.run] = [run for run in group.plan.runs if run.seed == seed]
        self.folder = group.run_dir(self.run.run_id)
        self._record = group.record(self.run)
        self._record.begin("node", [])
        self._record.started_at = now()
        self._record.write(self.folder)
        self._ledger = Ledger(self.folder / f"{LEDGER}.jsonl")
        self._transcript = Transcript(self.folder / "transcript", (), True)

    def call(
        self,
        dialect: str,
        request: Mapping[str, Any],
        answer: Said | Mapping[str, Any] | bytes | None = None,
        *,
        is_streaming: bool = False,
        keep: bool = True,
        **fields: Any,
    ) -> int:
        """Write down one call; returns its line.

        Args:
            dialect: of both texts.
            request: the body.
            answer: what was said, a whole body, or bytes as they came; None: nothing.
            is_streaming: whether what was said came as events.
            keep: whether the texts are kept.
            fields: of `ModelCall`, apart from an answered call's.
        """
        body = answer if isinstance(answer, bytes) else b""
        if isinstance(answer, Said):
            body = b"".join(stream(dialect, answer)) if is_streaming else json.dumps(plain(dialect, answer)).encode()
        elif isinstance(answer, Mapping):
            body = json.dumps(answer).encode()
        call = ModelCall(
            "answered", 200, "generate", dialect, "m", "served", "p", tokens=TOKENS, cost_usd=cost_of(PRICED, TOKENS)
        )
        call = replace(call, **fields)
        if not call.counts:
            call = replace(call, tokens=Tokens(), cost_usd=None)
        n: int = self._ledger.append(call.to_entry())["n"]
        if keep:
            self._transcript.keep(n, json.dumps(request).encode(), body)
        return n

    def end(self) -> None:
        """The attempt is over; its record says what the gateway measured."""
        self._ledger.close()
        self._record.move("finished")
        self._record.ended_at = now()
        self._record.usage = measured_usage(self.folder)
        self._record.write(self.folder)

    @property
    def usage(self) -> dict[str, Any]:
        """What the gateway measured."""
        return measured_usage(self.folder)

    def attempt(self) -> Attempt:
        """The attempt as it stands in the group's folder."""
        with attempts_in(str(self._group.folder), self._group.folder.parent, [self.run.run_id]) as (_, attempts):
            *_, found = attempts
        assert isinstance(found, Attempt), found
        return found

    def exported(self, **options: Any) -> tuple[Trajectory, list[str]]:
        """Its trajectory, and what could not be read."""
        target, notes = self.folder.parent / "trajectory.json", list[str]()
        written = write_trajectory(self.attempt(), target, notes.append, **options)
        assert isinstance(written, Written)
        trajectory = Trajectory.model_validate_json(target.read_bytes())
        assert written.steps == sum(len(each.steps) for each in trajectory.all)
        assert written.conversations == len(trajectory.all)
        return trajectory, notes


def steps_of(trajectory: Trajectory) -> list[tuple[Any, ...]]:
    """The steps in short: who said what, the calls as name and arguments, and the results."""
    return [
        (
            step.source,
            step.message,
            *((call.function_name, call.arguments) for call in step.tool_calls or ()),
            *(result.content for result in (step.observation.results if step.observation else ())),
        )
        for step in trajectory.steps
    ]
