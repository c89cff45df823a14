"""One group: its figures, the grid of competitions and seeds, and its runs."""

from __future__ import annotations

from mlebench.reports.view.view import Page, Query, View


def make_group(view: View, query: Query, group: str) -> Page | None:
    """The page of a group; None where there is none of that name."""
    found = view.runs.group(group)
    return None if found is None else Page(found.name)
