"""The code that a run left, a file at a time."""

from __future__ import annotations

from mlebench.reports.view.view import Page, Query, View


def make_code(view: View, query: Query, group: str, run_id: str) -> Page | None:
    """The page of a file (`file` in the query, below `code/`); None where there is no such run."""
    return None
