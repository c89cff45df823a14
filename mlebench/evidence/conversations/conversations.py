"""The conversations that the calls of a run were part of, told from what each call repeats of earlier ones.

Agents send a conversation again and again, each time a little longer. All requests together are a tree: a node is one turn, its
path from the root what stands before it, and a call is a node below the prompt that it asked with. A request is followed down the
tree as far as it repeats what is there; only what is new becomes nodes. So nothing is there twice, however often it is sent,
and what is kept in memory is a hash and a place of each turn: the turns themselves are in a file.

Agents change what they send again: they leave reasoning out, cut answers, clear old results, drop turns or sum them up. An answer
that was changed is known by its calls' ids or by how it begins; behind a change in older turns the tree is entered again at the
last answer that the request still holds, and what is unknown before it is kept as news of that call.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import IO, Any

from mlebench.evidence.conversations.call_text import CallText
from mlebench.evidence.conversations.turns import Source, Turn, digest
from mlebench.gateway.model_call import ModelCall

MOST_TEXT = 4 * 2**30
"""Bytes of all turns of a run; what comes later counts as not kept."""
_MOST_TOOLS = 32 * 2**20
"""Bytes of all lists of tools of a conversation; agents change some of them in every request."""
_HEAD = 200
"""Characters by which a changed answer is known."""
_LEAST = 40
"""Characters of an answer without ids that tell it from others in any conversation."""


@dataclass(slots=True, eq=False)
class Answered:
    """What is remembered of a call's answer."""

    fingerprint: bytes
    head: str
    ids: frozenset[str]

    @classmethod
    def of(cls, turn: Turn) -> Answered:
        """Of an answer, or of one that an agent sends again."""
        return cls(turn.fingerprint, " ".join(turn.text[: 2 * _HEAD].split())[:_HEAD], turn.call_ids)

    def is_like(self, other: Answered) -> bool:
        """Whether one may be the other, changed by an agent."""
        if self.fingerprint == other.fingerprint:
            return True
        if self.ids or other.ids:
            return bool(self.ids & other.ids)
        return bool(self.head and other.head) and (self.head.startswith(other.head) or other.head.startswith(self.head))


@dataclass(slots=True, eq=False)
class Node:
    """A turn of a conversation, or a call."""

    n: int
    """Of the call that it was first sent with, or of the call that it is."""
    place: int
    """In the file of turns; -1 of a call without an answer."""
    tree: Tree | None
    source: Source = "agent"
    call: ModelCall | None = None
    at: str | None = None
    """When the call ended, as the ledger says it."""
    answered: Answered | None = None
    sent_ids: tuple[str | None, ...] = ()
    """Ids of the calls of tools in the answer, as the agent sent it again; agents give ids where providers give none."""
    tools: bytes | None = None
    """Which tools the call offered."""
    before: tuple[int, ...] = ()
    """Places of what is new with this call and stands elsewhere than at its end: system texts, and turns put in place of older
    ones."""
    parent: Node | None = None
    children: dict[bytes, Node] = field(default_factory=dict)
    """Turns that came next, by their fingerprints; a call is there under each form in which its answer was sent again."""
    calls: list[Node] = field(default_factory=list)
    """Those that asked with the prompt that ends here."""

    @property
    def next(self) -> list[Node]:
        """All that came next, each once."""
        return list(dict.fromkeys([*self.calls, *self.children.values()]))


@dataclass(slots=True, eq=False)
class Tree:
    """All that began with the same turn."""

    known: set[bytes] = field(default_factory=set)
    """Fingerprints of its turns, system texts included."""
    answers: dict[bytes, Node] = field(default_factory=dict)
    """What an agent said, by identity and by fingerprint of each form in which it is sent; of equal ones the latest."""

    def answer(self, turn: Turn) -> Node | None:
        """The call whose answer an agent sends again; an agent may have given other ids to its calls."""
        return self.answers.get(_identity(turn)) or self.answers.get(turn.fingerprint)


@dataclass(slots=True)
class Sums:
    """What calls used together."""

    calls: int = 0
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    cost: Decimal | None = field(default_factory=Decimal)
    """US dollars; None once the price of a call was unknown."""

    def add(self, call: ModelCall) -> None:
        """One more call, which counts as one."""
        self.calls += 1
        self.prompt += call.tokens.input
        self.completion += call.tokens.output
        self.cached += call.tokens.cached
        known = self.cost is not None and call.cost_usd is not None
        self.cost = self.cost + Decimal(repr(call.cost_usd)) if self.cost is not None and known else None


class Conversations:
    """Those of one attempt; a context manager, as the turns are in a file meanwhile."""

    def __init__(self, most_text: int = MOST_TEXT) -> None:
        """With `most_text` in bytes, after which no more texts should be added."""
        self._file: IO[bytes] = tempfile.TemporaryFile(prefix="mlebench-talk-")  # noqa: SIM115 (closed by `close`)
        self._size, self.most_text = 0, most_text
        self._root = Node(0, -1, None)
        self._nodes: list[Node] = []
        self._trees: dict[bytes, Tree] = {}
        """By the identity of an answer that nobody gives twice by chance."""
        self._tools: dict[bytes, int] = {}
        self.without_text: list[Node] = []
        """Calls of which no text is known, in order."""

    def __enter__(self) -> Conversations:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the turns go."""
        self._file.close()

    @property
    def is_full(self) -> bool:
        """Whether no more texts are taken."""
        return self._size >= self.most_text

    def add(self, n: int, at: str | None, call: ModelCall, text: CallText | None) -> None:
        """Add the next call.

        Args:
            n: its line in the ledger.
            at: when it ended.
            call: as the ledger has it.
            text: what it asked and was answered; None if that is unknown.
        """
        if text is None:
            self.without_text.append(Node(n, -1, None, call=call, at=at))
            return
        node, rest, changed = self._found(text.turns)
        tree = node.tree or Tree()
        before = [*self._news(tree, text.system), *self._news(tree, changed)]
        for turn in rest:
            if turn.source == "agent" and _is_rest_of(_answer_before(node), turn):
                continue
            child = Node(n, self._keep(turn), tree, turn.source, parent=node)
            if turn.source == "agent":
                child.answered = Answered.of(turn)
                self._remember(tree, turn, child)
            tree.known.add(turn.fingerprint)
            node.children[turn.fingerprint] = child
            self._nodes.append(child)
            child.before, before = tuple(before), []
            node = child
        last = Node(n, -1, tree, call=call, at=at, tools=self._offered(text.tools), before=tuple(before), parent=node)
        if text.answer is not None:
            last.place, last.answered = self._keep(text.answer), Answered.of(text.answer)
            tree.known.add(text.answer.fingerprint)
            self._remember(tree, text.answer, last)
        node.calls.append(last)
        self._nodes.append(last)

    def turn(self, place: int) -> dict[str, Any]:
        """The turn at a place, as `Turn` has it."""
        self._file.seek(place)
        turn: dict[str, Any] = json.loads(self._file.readline())
        return turn

    def tools(self, calls: list[Node]) -> list[dict[str, Any]]:
        """The tools that some calls offered, each once, as far as they are not too many."""
        found: dict[bytes, dict[str, Any]] = {}
        size = 0
        for key in dict.fromkeys(call.tools for call in calls if call.tools):
            self._file.seek(self._tools[key])
            line = self._file.readline()
            if (size := size + len(line)) > _MOST_TOOLS:
                break
            found |= {digest(tool): tool for tool in json.loads(line)["tools"]}
        return list(found.values())

    def paths(self) -> Iterator[tuple[list[Node], Node | None]]:
        """Every conversation with the node that it goes on from, where it is a branch of one before; the one with the most calls
        first. A call whose answer nobody went on from is next to those that asked the same."""
        depths = self._depths()
        begun = sorted(self._root.next, key=lambda node: (-depths[node], node.n))
        waiting: list[tuple[Node, Node | None]] = [(node, None) for node in begun]
        while waiting:
            node, origin = waiting.pop(0)
            path, branches = self._path(node, depths)
            waiting[:0] = branches
            yield path, origin

    def _path(self, start: Node, depths: Mapping[Node, int]) -> tuple[list[Node], list[tuple[Node, Node | None]]]:
        path: list[Node] = []
        branches: list[tuple[Node, Node | None]] = []
        node: Node | None = start
        while node is not None:
            path.append(node)
            following = [child for child in node.next if child.call is None or child.next]
            path += [child for child in node.calls if not child.next]
            # what an agent asks next to its conversation, such as who speaks next, comes before it goes on
            chosen = max(following, key=lambda child: (depths[child], child.n), default=None)
            branches += [(child, node) for child in following if child is not chosen]
            node = chosen
        return path, branches

    def _depths(self) -> dict[Node, int]:
        """The most calls that follow each other from a node on."""
        depths: dict[Node, int] = {}
        for node in reversed(self._nodes):
            depths[node] = max((depths[child] for child in node.next), default=0) + (node.call is not None)
        return depths

    def _found(self, turns: list[Turn]) -> tuple[Node, list[Turn], list[Turn]]:
        """Where in the tree a request goes on, what of it is new behind that, and what is new before it."""
        node, place = self._followed(self._root, turns, 0)
        if place == len(turns):
            return node, [], []
        agents = [at for at in range(place, len(turns)) if turns[at].source == "agent"]
        tree = node.tree or next((found for at in reversed(agents) if (found := self._trees.get(_identity(turns[at])))), None)
        for last in reversed(agents if tree is not None else []):
            if tree is not None and (known := tree.answer(turns[last])) is not None:
                end, end_place = self._followed(known, turns, last + 1)
                return end, turns[end_place:], turns[place:last]
        return node, turns[place:], []

    def _remember(self, tree: Tree, answer: Turn, node: Node) -> None:
        """An answer, in one of the forms in which it is sent."""
        identity = _identity(answer)
        tree.answers[identity] = tree.answers[answer.fingerprint] = node
        if answer.call_ids or len(answer.text) >= _LEAST:
            self._trees[identity] = tree

    def _followed(self, node: Node, turns: list[Turn], place: int) -> tuple[Node, int]:
        """How far down a request repeats what is there."""
        while place < len(turns):
            turn = turns[place]
            child = node.children.get(turn.fingerprint)
            if child is None and turn.source == "agent":
                if _is_rest_of(_answer_before(node), turn):
                    place += 1
                    continue
                child = self._sent_answer(node, turn)
            if child is None:
                break
            node, place = child, place + 1
        return node, place

    def _sent_answer(self, node: Node, turn: Turn) -> Node | None:
        """The call whose answer an agent sends again, perhaps changed."""
        sent = Answered.of(turn)
        alike = [call for call in node.calls if call.answered is not None and call.answered.is_like(sent)]
        if not alike:
            return None
        # of those that are alike the one that said the very same, then one that something followed already, then the latest
        chosen = max(
            alike, key=lambda call: (call.answered and call.answered.fingerprint == sent.fingerprint, bool(call.next), call.n)
        )
        chosen.sent_ids = chosen.sent_ids or tuple(call.id for call in turn.calls)
        node.children[sent.fingerprint] = chosen
        if chosen.tree is not None:
            self._remember(chosen.tree, turn, chosen)
        return chosen

    def _news(self, tree: Tree, turns: list[Turn]) -> list[int]:
        """Places of those that a tree does not hold."""
        places = []
        for turn in turns:
            if turn.fingerprint not in tree.known:
                tree.known.add(turn.fingerprint)
                places.append(self._keep(turn))
        return places

    def _offered(self, tools: list[dict[str, Any]]) -> bytes | None:
        if not tools:
            return None
        if (key := digest(tools)) not in self._tools:
            self._tools[key] = self._write({"tools": tools})
        return key

    def _keep(self, turn: Turn) -> int:
        return self._write(asdict(turn))

    def _write(self, content: Any) -> int:
        place = self._size
        self._file.seek(place)
        self._size += self._file.write(json.dumps(content, ensure_ascii=False).encode("utf-8") + b"\n")
        return place


def _answer_before(node: Node) -> Node | None:
    """The latest call on the way to a node."""
    above: Node | None = node
    while above is not None and above.call is None:
        above = above.parent
    return above


def _is_rest_of(answer: Node | None, turn: Turn) -> bool:
    """Whether a turn is one more part of an answer, whose calls some agents send each with its result."""
    return answer is not None and answer.answered is not None and bool(turn.call_ids) and turn.call_ids <= answer.answered.ids


def _identity(turn: Turn) -> bytes:
    """What an agent said, ids of calls included."""
    return digest([turn.fingerprint.hex(), sorted(turn.call_ids)])
