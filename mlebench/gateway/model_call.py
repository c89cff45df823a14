"""A call to a model as a line of the ledger says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from mlebench._support.ledger import stated_number, stated_words
from mlebench.gateway.tokens import Tokens

LEDGER = "model_calls"
"""Name of the ledger: `model_calls.jsonl` in a run's folder, `ledgers.model_calls` in its record."""
Outcome = Literal["answered", "failed", "refused", "replayed", "probe"]
"""What became of a call: the provider answered, or the caller hung up on its answer; the provider failed or said no, which
costs nothing; the gateway refused it; the gateway gave an earlier answer again; the gateway itself asked, to see whether the
provider answers. The first alone counts."""

MOST_TOKENS = 10**12
"""Of one call; beyond it a number is not a count."""
_MOST_USD = 10**9
_MOST_SECONDS = 10**9
_LONGEST_WORDS = 300
_MOST_WORDS = 50
_COUNTS = tuple(entry.name for entry in fields(Tokens))


@dataclass(frozen=True)
class ModelCall:
    """One call. Nothing in it is a secret or a text of the agent's, but for the names and the words in `removed`."""

    outcome: Outcome
    status: int
    """HTTP status that the agent got; 499 where it hung up before there was one."""
    action: Literal["generate", "count"] = "generate"
    dialect: str | None = None
    """None where the path was of no dialect."""
    model: str | None = None
    """As the agent called it; None where the request named none."""
    served: str | None = None
    """As the provider calls it; None where nobody was asked."""
    provider: str | None = None
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: float | None = None
    """None where the price is unknown, and where nothing counted."""
    estimated: bool = False
    """Whether the tokens are the gateway's estimate, as the provider said nothing."""
    seconds: float = 0.0
    """From the request's last byte to the answer's last byte."""
    first_byte_seconds: float | None = None
    """From the request's last byte to the answer's first byte."""
    removed: tuple[str, ...] = ()
    """What was taken out of the request and the answer."""
    limited_to: int | None = None
    """Tokens to which the gateway limited an answer that the request left open, as the budget had no more."""
    retry: bool = False
    """Whether the agent's library said that it asks again."""
    reason: str | None = None
    """Why it was refused or failed, in a word or a sentence."""
    request_sha256: str | None = None
    """Of the body as it was sent to the provider."""
    response_sha256: str | None = None
    """Of the answer's body as the agent got it."""

    @property
    def counts(self) -> bool:
        """Whether it counts as a call in budgets and in `usage`."""
        return self.outcome == "answered" and self.action == "generate"

    def to_entry(self) -> dict[str, Any]:
        """What the ledger appends: finite, short, printable."""
        harmless = _harmless({**vars(self), "tokens": vars(self.tokens)})
        return {**vars(harmless), "tokens": vars(harmless.tokens)}

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> ModelCall | None:
        """The inverse of `to_entry`, of a line that anybody may have written; None where it is not a call."""
        known = entry.get("outcome") in get_args(Outcome) and entry.get("action") in ("generate", "count")
        return _harmless(entry) if known else None


def counted_amounts(entry: Mapping[str, Any]) -> tuple[int, int, float | None] | None:
    """Input tokens, output tokens and US dollars of a line of the ledger, None where it does not count.

    What `from_entry` says of it, in a tenth of the time: a ledger may have 100,000 lines.
    """
    if entry.get("outcome") != "answered" or entry.get("action") != "generate":
        return None
    tokens = entry.get("tokens")
    counts = tokens if isinstance(tokens, dict) else {}
    put_in, put_out = (int(stated_number(counts.get(name), MOST_TOKENS) or 0) for name in ("input", "output"))
    return put_in, put_out, stated_number(entry.get("cost_usd"), _MOST_USD)


def _harmless(entry: Mapping[str, Any]) -> ModelCall:
    tokens = entry.get("tokens")
    removed = entry.get("removed")
    return ModelCall(
        outcome=entry["outcome"],
        status=int(stated_number(entry.get("status"), 999) or 0),
        action=entry["action"],
        **{key: _words(entry.get(key)) for key in ("dialect", "model", "served", "provider", "reason")},
        tokens=_tokens(tokens if isinstance(tokens, Mapping) else {}),
        cost_usd=stated_number(entry.get("cost_usd"), _MOST_USD),
        estimated=entry.get("estimated") is True,
        seconds=stated_number(entry.get("seconds"), _MOST_SECONDS) or 0.0,
        first_byte_seconds=stated_number(entry.get("first_byte_seconds"), _MOST_SECONDS),
        removed=tuple(_words(word) or "" for word in removed[:_MOST_WORDS]) if isinstance(removed, list | tuple) else (),
        limited_to=None if (limit := stated_number(entry.get("limited_to"), MOST_TOKENS)) is None else int(limit),
        retry=entry.get("retry") is True,
        **{key: _words(entry.get(key)) for key in ("request_sha256", "response_sha256")},
    )


def _tokens(counts: Mapping[str, Any]) -> Tokens:
    return Tokens(**{name: int(stated_number(counts.get(name), MOST_TOKENS) or 0) for name in _COUNTS})


def _words(value: object) -> str | None:
    return stated_words(value, _LONGEST_WORDS)
