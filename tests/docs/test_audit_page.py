"""The page on leaks names each check that an audit runs, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from mlebench.preparation.audit.checks import CHECKS

TEXT = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")


def test_each_check_has_its_row() -> None:
    rows = [line.split("|")[1] for line in TEXT.splitlines() if line.startswith("| `") and line.count("|") == 3]
    named = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row)]
    assert {name for name in named if "-" in name or name in CHECKS} >= {*CHECKS}
    assert {*CHECKS} >= {name for row in rows if "`file`" not in row for name in re.findall(r"`([a-z]+-[a-z-]+)`", row)}
