"""What a run may ask of models: all that the gateway needs to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mlebench.gateway.models import Model
from mlebench.profiles import Budget


@dataclass(frozen=True)
class ModelAccess:
    """The models of one run, with keys and limits. Lives in the harness alone."""

    models: Mapping[str, Model]
    """By each name that the agent may use: names and aliases."""
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values by name of variable, of `Model.key`; a model whose key is not here is refused."""
    budget: Budget = field(default_factory=Budget)
    allow: tuple[str, ...] = ()
    """See `Profile.allow`."""
    grants: frozenset[str] = frozenset()
    record: Literal["full", "usage"] = "full"
    patience: float = 600.0
    """Seconds."""
