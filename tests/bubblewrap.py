"""What tests need that put up walls of bubblewrap."""

from __future__ import annotations

import os

import pytest

from mlebench.sandbox.bubblewrap.program import find_program

needs_bubblewrap = pytest.mark.skipif(
    # where it ought to be, as in CI, its absence is a failure
    isinstance(find_program(), str) and not os.environ.get("MLEBENCH_REQUIRE_BUBBLEWRAP"),
    reason="bubblewrap does not work here",
)
