"""Numbers that a provider says: they are bounded, and what is not a number says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlebench.gateway.tokens import Tokens

MOST = 10**12
"""Tokens; a larger count is not a count."""


def count(usage: Any, *path: str) -> int | None:
    """The whole number at a path into nested objects; None where there is none from 0 to `MOST`."""
    value = usage
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
        return None
    return value


def largest(usage: Any, *paths: tuple[str, ...]) -> int:
    """The largest of the counts at some paths; 0 where there is none."""
    return max((count(usage, *path) or 0 for path in paths), default=0)


def tokens(given: int, cached: int, written: int, output: int, reasoning: int, long_written: int = 0) -> Tokens:
    """Counts that agree with each other: parts are no more than what they are parts of."""
    cached = min(cached, given)
    written = min(written, given - cached)
    return Tokens(
        input=given,
        cached=cached,
        cache_write=written,
        long_cache_write=min(long_written, written),
        output=output,
        reasoning=min(reasoning, output),
    )


def openai_tokens(usage: Any, names: tuple[str, str]) -> Tokens | None:
    """Tokens of an answer in one of OpenAI's dialects; None where it says none.

    Args:
        usage: as the answer has it.
        names: the words for prompt and answer, such as `prompt` and `completion`.
    """
    asked, answered = names
    given, output = count(usage, f"{asked}_tokens"), count(usage, f"{answered}_tokens")
    if given is None and output is None:
        return None
    given, output = given or 0, output or 0
    reasoning = largest(usage, (f"{answered}_tokens_details", "reasoning_tokens"), ("reasoning_tokens",))
    # xAI and some others count the reasoning beside the answer's tokens
    if reasoning > output or (reasoning and count(usage, "total_tokens") == given + output + reasoning):
        output += reasoning
    details = f"{asked}_tokens_details"
    cached = largest(usage, (details, "cached_tokens"), ("prompt_cache_hit_tokens",), ("cached_tokens",))
    written = largest(usage, (details, "cache_write_tokens"), (details, "cache_creation_tokens"))
    long_written = count(usage, details, "cache_write_tokens_details", "ttl_12h_tokens") or 0
    return tokens(given, cached, written, output, reasoning, long_written)
