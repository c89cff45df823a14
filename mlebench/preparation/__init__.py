"""The engine that makes prepared data: gets raw data, builds, verifies and records, one competition or many."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlebench.preparation.build import prepare as prepare
    from mlebench.preparation.options import PreparationOptions as PreparationOptions
    from mlebench.preparation.pool import prepare_all as prepare_all
    from mlebench.preparation.record import is_prepared as is_prepared
    from mlebench.preparation.sources import make_mock as make_mock

_LAZY = {
    "PreparationOptions": "options",
    "is_prepared": "record",
    "make_mock": "sources",
    "prepare": "build",
    "prepare_all": "pool",
}

__all__ = list(_LAZY)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
