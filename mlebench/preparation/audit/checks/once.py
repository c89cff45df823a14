"""What several checks need of a competition, found out once."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.seen.listing import Seen

_Found = TypeVar("_Found")
_kept: weakref.WeakKeyDictionary[Seen, dict[tuple[object, ...], Any]] = weakref.WeakKeyDictionary()


def once(find: Callable[..., _Found]) -> Callable[..., _Found]:
    """Keep what a function of a case, and of hashable arguments, found, for as long as the case's listing is used."""

    @functools.wraps(find)
    def found(case: Case, *more: Any) -> _Found:
        kept = _kept.setdefault(case.seen, {})
        key = (find.__module__, find.__qualname__, *more)
        if key not in kept:
            kept[key] = find(case, *more)
        result: _Found = kept[key]
        return result

    return found
