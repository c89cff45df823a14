"""The steps of a conversation: who said what, and the results of tools with the calls that they are of.

A trajectory and a page are made from the same steps. They come in blocks: an agent's step with all that follows it up to the
agent's next one. Which blocks there are is known without a text; texts are read when a block's steps are asked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mlebench.evidence.conversations.conversations import Conversations, Node
from mlebench.evidence.conversations.turns import Source
from mlebench.gateway.model_call import ModelCall


class ToolUse(NamedTuple):
    """A call of a tool, as a step has it."""

    id: str
    """By which results name it; made up where neither the provider nor the agent gave one."""
    name: str
    arguments: Mapping[str, Any]


class ToolResult(NamedTuple):
    """What a tool answered."""

    use_id: str
    """Of the call in the same step."""
    text: str
    replaces: bool


@dataclass(slots=True, eq=False)
class Step:
    """What one side said at once."""

    source: Source
    """`tool` is a result of which the step before has no call."""
    n: int
    """Line of the ledger: of the call that this is, or with which this was first sent."""
    text: str = ""
    reasoning: str = ""
    uses: list[ToolUse] = field(default_factory=list)
    results: list[ToolResult] = field(default_factory=list)
    call: ModelCall | None = None
    """Of an agent's step: the call that it is; None of one that the agent wrote in a model's name."""
    at: str | None = None
    """When the call ended, as the ledger says it."""
    has_text: bool = True
    """Of a call: whether its answer is known."""
    replaces: bool = False
    """Whether the agent put it in place of older turns."""
    result_of: str | None = None
    """Of a tool: the id that it names."""
    tool: str | None = None
    """Of a tool: its name, where it is said."""
    nodes: list[Node] = field(default_factory=list)
    """Those that became this step."""


class Block(NamedTuple):
    """A part of a conversation that begins with an agent's step, but for the first one."""

    items: list[Node | list[tuple[int, int]]]
    """Nodes, and what is new next to them: places in the file of turns, each with its line of the ledger."""

    @property
    def calls(self) -> list[Node]:
        """The calls in it, none or one."""
        return [item for item in self.items if isinstance(item, Node) and item.call is not None]

    @property
    def begins_with_agent(self) -> bool:
        """Whether an agent's step is its first."""
        return bool(self.items) and isinstance(self.items[0], Node) and self.items[0].source == "agent"


def blocks_of(path: Sequence[Node]) -> Iterator[Block]:
    """The blocks of a conversation, in order; no text is read."""
    block = Block([])
    waiting: list[tuple[int, int]] = []
    for node in path:
        waiting += [(place, node.n) for place in node.before]
        # what is new elsewhere comes behind results, which belong to the step before
        if node.source != "tool" and waiting:
            block.items.append(waiting)
            waiting = []
        if node.source == "agent" and block.items:
            yield block
            block = Block([])
        block.items.append(node)
    if waiting:
        block.items.append(waiting)
    if block.items:
        yield block


def steps_in(block: Block, conversations: Conversations) -> list[Step]:
    """The steps of a block, with their texts."""
    making = _Making(conversations)
    for item in block.items:
        if isinstance(item, Node):
            making.node(item)
        else:
            making.news(item)
    return making.steps


def with_calls(path: list[Node], others: list[Node]) -> list[Node]:
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


class _Making:
    """Makes steps in order; results go to the agent's latest step where it has the call that they are of."""

    def __init__(self, conversations: Conversations) -> None:
        self.steps: list[Step] = []
        self._conversations = conversations
        self._agent: Step | None = None
        self._ids: dict[str, str] = {}
        """Ids of the calls of the agent's latest step, by each name that they have."""

    def node(self, node: Node) -> None:
        turn = self._conversations.turn(node.place) if node.place >= 0 else None
        if node.call is not None:
            self._put(_call_step(node, turn), node, node.sent_ids)
        elif turn is not None:
            self._turn(turn, node.n, node)

    def news(self, places: list[tuple[int, int]]) -> None:
        """System texts that are new, as one step, and what an agent put in place of older turns."""
        turns = [(self._conversations.turn(place), n) for place, n in places]
        if system := [turn["text"] for turn, _ in turns if turn["source"] == "system"]:
            self._put(Step("system", turns[0][1], "\n\n".join(system)))
        for turn, n in turns:
            if turn["source"] != "system":
                self._turn(turn, n, None, replaces=True)

    def _turn(self, turn: dict[str, Any], n: int, node: Node | None, replaces: bool = False) -> None:
        """A turn of a request that is not a recorded model answer."""
        if turn["source"] == "tool" and self._agent is not None and (use_id := self._use_id(self._agent, turn)) is not None:
            self._agent.results.append(ToolResult(use_id, turn["text"], replaces))
            self._agent.nodes += [node] if node is not None else []
            return
        uses = _uses(turn, n) if turn["source"] == "agent" else []
        step = Step(turn["source"], n, turn["text"], turn["reasoning"], uses, replaces=replaces)
        step.result_of, step.tool = turn["result_of"], turn["name"]
        self._put(step, node)

    def _use_id(self, step: Step, turn: dict[str, Any]) -> str | None:
        """Which of a step's calls a result is of; of one that does not say it, the first of that name without a result."""
        if turn["result_of"] is not None:
            return self._ids.get(turn["result_of"])
        answered = {result.use_id for result in step.results}
        return next((use.id for use in step.uses if use.id not in answered and turn["name"] in (None, use.name)), None)

    def _put(self, step: Step, node: Node | None = None, sent_ids: tuple[str | None, ...] = ()) -> None:
        step.nodes += [node] if node is not None else []
        self.steps.append(step)
        if step.source == "agent":
            ids = [use.id for use in step.uses]
            self._agent = step
            self._ids = {name: identity for name, identity in zip(sent_ids, ids, strict=False) if name is not None}
            self._ids |= {identity: identity for identity in ids}


def _call_step(node: Node, turn: dict[str, Any] | None) -> Step:
    assert node.call is not None
    step = Step("agent", node.n, call=node.call, at=node.at, has_text=turn is not None)
    if turn is not None:
        step.text, step.uses = turn["text"], _uses(turn, node.n, node.sent_ids)
        step.reasoning = turn["reasoning"] if node.call.outcome == "answered" else ""
    return step


def _uses(turn: dict[str, Any], n: int, sent_ids: tuple[str | None, ...] = ()) -> list[ToolUse]:
    """The calls of a turn; where a provider gave no ids, with those that the agent gave when it sent the answer again."""
    given = itertools.zip_longest(turn["calls"], sent_ids[: len(turn["calls"])])
    return [
        ToolUse(call["id"] or sent or f"call-{n}-{position}", call["name"], call["arguments"])
        for position, (call, sent) in enumerate(given, start=1)
    ]
