"""What one call used, in one convention for all dialects."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Counts of one call. `input` holds what was cached, too, and `output` the reasoning, whatever the dialect adds up."""

    input: int = 0
    """All tokens of the prompt: fresh, read from a cache and written to one."""
    cached: int = 0
    """Of `input`, those read from a cache."""
    cache_write: int = 0
    """Of `input`, those written to a cache, where a provider counts them."""
    output: int = 0
    """All generated tokens."""
    reasoning: int = 0
    """Of `output`, those of hidden reasoning, where a provider counts them."""
    long_cache_write: int = 0
    """Of `cache_write`, those that stay longer than the provider's usual time, such as an hour at Anthropic, and cost more."""
