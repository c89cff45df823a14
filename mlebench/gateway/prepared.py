"""A request to a model on its way from the agent to the provider."""

from __future__ import annotations

from dataclasses import dataclass

from mlebench.gateway.dialects.base import Call, Dialect
from mlebench.gateway.model_call import ModelCall
from mlebench.gateway.models import Model


@dataclass(frozen=True)
class Prepared:
    """A request, read and cleaned."""

    dialect: Dialect
    model: Model
    call: Call
    body: bytes
    """As the provider gets it."""
    headers: dict[str, str]
    ended: float
    """When its last byte had come, by the loop's clock."""
    retry: bool = False

    @property
    def record(self) -> ModelCall:
        """What is known of the call before it was made."""
        call = self.call
        return ModelCall("failed", 0, call.action, self.dialect.name, call.model, removed=call.removed, retry=self.retry)
