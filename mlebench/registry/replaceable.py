"""What a competition's object needs so that programs can treat it as the plain record that the published harness hands out.

There each attribute is a field of a dataclass: `dataclasses.replace(competition, answers=…)` gives one with other answers.
Here most attributes follow from facts, folder and edition; a `Derived` one may be given another value all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class Derived(Generic[Value]):
    """A property that yields to a value of the same name in the object's own dictionary."""

    def __init__(self, derive: Callable[[Any], Value]) -> None:
        self._derive = derive
        self.__doc__ = derive.__doc__

    @overload
    def __get__(self, owner: None, kind: type) -> Derived[Value]: ...
    @overload
    def __get__(self, owner: object, kind: type) -> Value: ...
    def __get__(self, owner: object, kind: type) -> Derived[Value] | Value:
        # without `__set__` the object's dictionary comes first
        return self if owner is None else self._derive(owner)
