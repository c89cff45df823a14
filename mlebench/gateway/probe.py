"""The smallest question that a provider can be asked, to see whether it answers, how fast, and what that costs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mlebench._support.dialect import DialectName
from mlebench.gateway.dialects.table import DIALECTS
from mlebench.gateway.models import Model
from mlebench.gateway.request_body import written
from mlebench.gateway.tokens import Tokens
from mlebench.gateway.upstream import ProviderFailed, Question, Reply, Upstream

SECONDS = 45.0
"""For which an answer is waited for."""
_LARGEST = 2**20
_DEEPEST = 5


@dataclass(frozen=True)
class Probed:
    """What came of it."""

    status: int
    """HTTP status of the answer; 502 or 504 where there was none."""
    seconds: float
    """Until the answer was there in full, or it was clear that there is none."""
    first_byte_seconds: float | None = None
    tokens: Tokens | None = None
    """None where the answer does not say."""
    message: str | None = None
    """Why it failed: the provider's own words, not masked, or those of the connection's failure."""
    is_answer: bool = False
    """Whether the provider answered at all."""


async def probe(upstream: Upstream, model: Model, dialect: DialectName) -> Probed:
    """Ask a model for a word.

    Args:
        upstream: holds the model's key.
        model: to be asked.
        dialect: one of the model's.
    """
    path, body = DIALECTS[dialect].probe(model.served)
    headers, _ = DIALECTS[dialect].request_headers({}, ())
    begun = time.monotonic()
    blocks: list[float] = []

    def passed() -> float:
        return time.monotonic() - begun

    try:
        async with asyncio.timeout(SECONDS):
            reply = await upstream.ask(Question(model, dialect, path, written(body), headers))
            content = await _read(reply, lambda: blocks.append(passed()))
    except ProviderFailed as failed:
        return Probed(failed.status, passed(), message=failed.message)
    except TimeoutError:
        return Probed(504, passed(), message=f"provider {model.provider} does not answer within {SECONDS:.0f} s")
    tokens = DIALECTS[dialect].tokens(content) if reply.status < 400 else None
    message = _message(content) if reply.status >= 400 else None
    return Probed(reply.status, passed(), blocks[0] if blocks else None, tokens, message, is_answer=True)


async def _read(reply: Reply, begins: Callable[[], None]) -> Any:
    """The parsed answer; None where it is not JSON."""
    try:
        return json.loads(await reply.body(_LARGEST, begins))
    except (ValueError, RecursionError):
        return None
    finally:
        reply.close()


def _message(content: Any, depth: int = 0) -> str | None:
    """The words of an error, whichever way a provider wraps them."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and content and depth < _DEEPEST:
        return _message(content[0], depth + 1)
    if isinstance(content, dict) and depth < _DEEPEST:
        for key in ("error", "message", "detail"):
            if content.get(key) and (found := _message(content[key], depth + 1)):
                return found
    return None
