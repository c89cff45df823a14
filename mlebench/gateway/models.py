"""Models that agents may ask: `containers/models.yaml` and files of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from mlebench.gateway.dialects.base import DialectName

Auth = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "none"]
"""How a provider wants its key: `Authorization: Bearer …`, or a header of that name."""


class Prices(BaseModel):
    """US dollars for a million tokens; None where it is unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float | None = Field(default=None, ge=0)
    cached_input: float | None = Field(default=None, ge=0)
    """Read from a cache; the price of `input` where it is None."""
    cache_write: float | None = Field(default=None, ge=0)
    """Written to a cache; the price of `input` where it is None."""
    output: float | None = Field(default=None, ge=0)


class LongPrices(Prices):
    """Prices of calls with long prompts."""

    above: int = Field(gt=0)
    """Input tokens beyond which the whole call has these prices."""


class SharedLimits(BaseModel):
    """What all runs of a machine may ask of a provider together; None is without a limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calls_at_once: int | None = Field(default=None, gt=0)
    calls_per_minute: int | None = Field(default=None, gt=0)
    tokens_per_minute: int | None = Field(default=None, gt=0)
    """Input and output together."""


class Model(BaseModel):
    """One model as a run's plan freezes it, with what its provider's entry says; holds no secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    """What agents call it."""
    served: str
    """What the provider calls it."""
    provider: str
    """Name of the provider's entry; calls to one provider share its limits."""
    dialects: tuple[DialectName, ...] = Field(min_length=1)
    base_url: str
    """With the version, such as `https://api.openai.com/v1`."""
    key: str | None = None
    """Name of the variable (environment or `.env`) that holds the key; None where the provider wants none."""
    auth: Auth | None = None
    """None: as the dialect has it."""
    query: Mapping[str, str] = {}
    """Parameters that every call gets, such as `api-version`."""
    prices: Prices = Prices()
    long_prices: LongPrices | None = None
    most_output: int | None = Field(default=None, gt=0)
    """Most tokens of an answer; what is reserved for a request that sets no limit."""
    limits: SharedLimits = SharedLimits()
    fields: tuple[str, ...] = ()
    """Keys of a request's body, beside those of the dialect, that the provider takes."""

    @property
    def is_priced(self) -> bool:
        """Whether the cost of a call can be computed."""
        return self.prices.input is not None and self.prices.output is not None
