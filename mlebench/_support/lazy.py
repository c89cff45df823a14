"""How a package hands on names that live elsewhere, without importing what holds them before somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Any


def hand_on(
    face: str, homes: Mapping[str, str], *, quiet: tuple[str, ...] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package that hands on names.

    The package imports the same names under `TYPE_CHECKING`, for type checkers and editors.

    Args:
        face: `__name__` of the package.
        homes: where each name lives: `package.module:name`, or `package.module` for a module.
        quiet: loggers that print nothing in a program that has not configured logging, from the first name on.
    """
    loud = list(quiet)

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {face!r} has no attribute {name!r}")
        while loud:
            _silence(loud.pop())
        return resolve_name(homes[name])

    def names() -> list[str]:
        return sorted({*vars(resolve_name(face)), *homes})

    return get, names


def _silence(logger: str) -> None:
    # late: the command line needs no logging to start
    import logging

    logging.getLogger(logger).addHandler(logging.NullHandler())
