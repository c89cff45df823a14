"""What several checks need of a competition, determined once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from mlebench.preparation.audit.case import Case

_Found = TypeVar("_Found")


def once(find: Callable[..., _Found]) -> Callable[..., _Found]:
    """Cache the result of a function of a case and hashable arguments for as long as the case's listing is used."""

    @functools.wraps(find)
    def found(case: Case, *more: Any) -> _Found:
        # next to the listing, and not by it: what is found may refer to the listing, and goes with it
        kept = case.seen.found.setdefault("once", {})
        key = (find.__module__, find.__qualname__, *more)
        if key not in kept:
            kept[key] = find(case, *more)
        result: _Found = kept[key]
        return result

    return found
