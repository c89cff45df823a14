"""Names that differ in a number alone."""

from __future__ import annotations

import re
from collections.abc import Sequence


def runs_of(names: Sequence[str]) -> tuple[str, str] | None:
    """What stands before and after the number of names that differ in one number alone; None if they do not."""
    found = [re.fullmatch(r"(.*?)(\d+)(\D*)", name) for name in names]
    ends = {(match[1], match[3]) for match in found if match}
    return ends.pop() if all(found) and len(ends) == 1 else None
