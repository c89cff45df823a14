"""The tables of a case, found once for all checks that look at names of columns."""

from __future__ import annotations

from collections.abc import Sequence

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.checks.once import once
from mlebench.preparation.audit.seen.tables import SeenTable, tables_of


@once
def tables(case: Case) -> Sequence[SeenTable]:
    """All tables that an agent sees; their cells are read only when they are asked for."""
    return tuple(tables_of(case.seen))
