"""The engine that prepares data: fetches raw data, builds, verifies and records, for one competition or many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench._support.lazy import hand_on

if TYPE_CHECKING:
    from mlebench.preparation.build import prepare as prepare
    from mlebench.preparation.options import PreparationOptions as PreparationOptions
    from mlebench.preparation.pool import prepare_all as prepare_all
    from mlebench.preparation.record import is_prepared as is_prepared
    from mlebench.preparation.sources import make_mock as make_mock

_HOMES = {
    "PreparationOptions": "mlebench.preparation.options:PreparationOptions",
    "is_prepared": "mlebench.preparation.record:is_prepared",
    "make_mock": "mlebench.preparation.sources:make_mock",
    "prepare": "mlebench.preparation.build:prepare",
    "prepare_all": "mlebench.preparation.pool:prepare_all",
}

__all__ = [*_HOMES]
__getattr__, __dir__ = hand_on(__name__, _HOMES)
