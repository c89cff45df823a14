"""How probable a model finds each token of a text, as far as its server reports it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from mlebench.gateway.dialects.base import Dialect
from mlebench.gateway.dialects.completions import Completions
from mlebench.gateway.dialects.table import DIALECTS

LOWEST = -100.0
"""Lower log-probabilities are raised to this: servers write anything from -9999 to -inf for tiny probabilities."""
_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>|bytes:(?:\\x[0-9A-Fa-f]{2})*")
"""How tokenisers write a part of a character."""
_BLANKS = re.compile(r"\s+")


class _Token(NamedTuple):
    text: str
    log_probability: float | None
    """None if the token has no context."""


class Way(NamedTuple):
    """A way to ask."""

    name: str
    dialect: Dialect
    body: Callable[[str, str], dict[str, Any]]
    """The request, of the model's name and a text."""
    fields: tuple[str, ...]
    """Keys of the body next to those of the dialect."""
    read: Callable[[Any, str], list[float] | None]
    """The natural log-probabilities, from `LOWEST` to 0, of the text's tokens in an answer, except those without context; None if
    the answer does not contain them."""


def _completion(model: str, text: str) -> dict[str, Any]:
    # not every server accepts a limit of 0
    return {"model": model, "prompt": text, "max_tokens": 1, "echo": True, "logprobs": 1, "temperature": 0}


def _chat(model: str, text: str) -> dict[str, Any]:
    # 0: only the actual token, without alternatives
    said = [{"role": "user", "content": text}]
    return {"model": model, "messages": said, "max_tokens": 1, "prompt_logprobs": 0, "temperature": 0}


def _of_completion(content: Any, text: str) -> list[float] | None:
    """The tokens of an answer that begins with the prompt, without those generated after it."""
    choice = _first_choice(content)
    said = choice.get("logprobs")
    if not isinstance(said, Mapping):
        return None
    texts, values = said.get("tokens"), said.get("token_logprobs")
    if not isinstance(texts, list) or not isinstance(values, list) or len(texts) != len(values):
        return None
    tokens = [_token(word, value) for word, value in zip(texts, values, strict=True)]
    span = _span(tokens, text)
    return None if span is None else _values(tokens[: span[1]])


def _of_chat(content: Any, text: str) -> list[float] | None:
    """The tokens of the text among those of the surrounding template, as returned by vLLM."""
    said = content.get("prompt_logprobs") if isinstance(content, Mapping) else None
    if not isinstance(said, list):
        return None
    tokens = [_token_of_entry(entry) for entry in said]
    span = _span(tokens, text)
    return None if span is None else _values(tokens[slice(*span)])


def _first_choice(content: Any) -> Mapping[str, Any]:
    choices = content.get("choices") if isinstance(content, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else {}


def _token_of_entry(entry: Any) -> _Token:
    """The token in `{token id: {logprob, decoded_token}}`, which lists the actual token first."""
    found = next(iter(entry.values()), None) if isinstance(entry, Mapping) else None
    return _token(found.get("decoded_token"), found.get("logprob")) if isinstance(found, Mapping) else _Token("", None)


def _token(text: Any, value: Any) -> _Token:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
    return _Token(text if isinstance(text, str) else "", min(0.0, max(LOWEST, float(value))) if is_number else None)


def _values(tokens: Sequence[_Token]) -> list[float] | None:
    found = [token.log_probability for token in tokens if token.log_probability is not None]
    return found or None


def _span(tokens: Sequence[_Token], text: str) -> tuple[int, int] | None:
    """Which tokens spell a text, from the first to behind the last; None if none do, as in an answer without its prompt.

    Tokenisers write blanks and parts of letters in their own ways, so these are passed over, and then all beyond ASCII.
    """
    for letters in (_letters, _ascii_letters):
        pieces = [letters(token.text) for token in tokens]
        wanted = letters(text)
        at = "".join(pieces).find(wanted) if wanted else -1
        if at >= 0:
            ends = list(accumulate(map(len, pieces)))
            last = next(place for place, end in enumerate(ends) if end >= at + len(wanted))
            return next(place for place, end in enumerate(ends) if end > at), last + 1
    return None


def _letters(text: str) -> str:
    return _BLANKS.sub("", _BYTE.sub("", text).replace("\ufffd", "").replace("▁", "").replace("Ġ", "").replace("Ċ", ""))


def _ascii_letters(text: str) -> str:
    return "".join(_ascii_pieces(text))


def _ascii_pieces(text: str) -> Iterator[str]:
    return (letter for letter in _BYTE.sub("", text) if letter.isascii() and letter.isprintable() and letter != " ")


WAYS = (
    Way("completions", Completions(), _completion, (), _of_completion),
    Way("chat", DIALECTS["chat"], _chat, ("prompt_logprobs",), _of_chat),
)
"""In the order in which they are tried; the first reads a text without a template around it."""
