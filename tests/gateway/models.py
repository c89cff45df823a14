"""A model and counts for tests of the gateway."""

from __future__ import annotations

from typing import Any

from mlebench.gateway.models import Model, Prices
from mlebench.gateway.tokens import Tokens


def make_model(**changed: Any) -> Model:
    """A model of one dollar for a thousand input tokens and two for a thousand output tokens."""
    given = {
        "name": "small",
        "served": "small-1",
        "provider": "local",
        "dialects": ("chat",),
        "base_url": "http://localhost:1/v1",
        "prices": Prices(input=1000, output=2000),
        "most_output": 1000,
    }
    return Model(**{**given, **changed})


def tokens(input: int = 0, output: int = 0, **others: int) -> Tokens:
    return Tokens(input=input, output=output, **others)
