"""Solutions of two tasks, written for these tests by one hand in different styles, and no two by the same plan."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).with_name("solutions")


def solutions(task: str) -> dict[str, str]:
    """The solutions of `tables` or `images` by names such as `boosting.py`; one is R, one of each task a notebook's cells."""
    paths = sorted((_FOLDER / task).glob("*.txt"))
    return {path.name.removesuffix(".txt"): path.read_text(encoding="utf-8") for path in paths}
