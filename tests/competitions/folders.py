"""The modules of a competition's folder, loaded as the harness loads them."""

from __future__ import annotations

from typing import Any

from mlebench.registry import Registry
from mlebench.registry.content import load_module


def module(competition_id: str, name: str) -> Any:
    """`name`.py of a competition that comes with the harness."""
    return load_module(Registry().get_competitions_dir() / competition_id / f"{name}.py")
