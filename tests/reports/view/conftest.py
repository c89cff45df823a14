"""Pages whose code is marked however busy the machine is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlebench.reports.view import highlighting


@pytest.fixture(scope="module", autouse=True)
def _patient_marker() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(highlighting, "_MOST_SECONDS", 60.0)
        yield
