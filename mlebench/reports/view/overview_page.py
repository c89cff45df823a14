"""All groups of a folder: progress, medals so far, cost, GPU hours and expected end."""

from __future__ import annotations

from mlebench.reports.view.view import Page, Query, View


def make_overview(view: View, query: Query) -> Page:
    """The page of all groups, filtered and sorted as the query says."""
    return Page("Runs", str(view.runs.folder))
