"""Models that agents may ask: `containers/models.yaml` and files of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mlebench._support.dialect import DialectName

Auth = Literal["bearer", "x-api-key", "api-key", "x-goog-api-key", "none"]
"""How a provider wants its key: `Authorization: Bearer …`, or a header of that name."""


Price = Annotated[float, Field(ge=0, le=1e6)]
"""US dollars for a million tokens; NaN is none, as it lies in no range."""


class Prices(BaseModel):
    """US dollars for a million tokens; None where it is unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Price | None = None
    cached_input: Price | None = None
    """Read from a cache; the price of `input` where it is None."""
    cache_write: Price | None = None
    """Written to a cache; the price of `input` where it is None."""
    long_cache_write: Price | None = None
    """Written to a cache to stay longer than usual; the price of `cache_write` where it is None."""
    output: Price | None = None

    @property
    def are_known(self) -> bool:
        """Whether the cost of a call can be computed."""
        return self.input is not None and self.output is not None


class LongPrices(Prices):
    """Prices of calls with long prompts."""

    above: int = Field(gt=0)
    """Input tokens beyond which the whole call has these prices."""


class SharedLimits(BaseModel):
    """What all runs of a machine may ask of a provider together; None is without a limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calls_at_once: int | None = Field(default=None, gt=0, le=10_000)
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
    """With the version, such as `https://api.openai.com/v1`; a dialect's path is appended. See `url_of`."""
    base_urls: Mapping[DialectName, str] = {}
    """Of dialects that the provider serves elsewhere, such as `{chat: https://…/v1beta/openai}` beside Gemini's own."""
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
    has_own_limits: bool = False
    """Whether `limits` are this model's alone, not those of all the provider's models together. See `limits_name`."""
    fields: tuple[str, ...] = ()
    """Keys of a request's body, beside those of the dialect, that the provider takes."""

    @property
    def is_priced(self) -> bool:
        """Whether the cost of a call can be computed."""
        return self.prices.are_known and (self.long_prices is None or self.long_prices.are_known)

    @property
    def limits_name(self) -> str:
        """Whoever asks under this name shares `limits`."""
        return f"{self.provider}/{self.served}" if self.has_own_limits else self.provider

    def url_of(self, dialect: DialectName) -> str:
        """The base URL of a dialect, without a slash at its end."""
        return self.base_urls.get(dialect, self.base_url)
