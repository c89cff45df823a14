"""One run while it is under way and afterwards."""

from __future__ import annotations

from mlebench.reports.view.view import Page, Query, View


def make_run(view: View, query: Query, group: str, run_id: str) -> Page | None:
    """The page of a run, or of an earlier attempt at it (`attempt` in the query); None where there is none."""
    found = view.runs.group(group)
    record = None if found is None else found.record(run_id)
    return None if record is None else Page(record.run_id)
