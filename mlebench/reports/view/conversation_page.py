"""What a run asked its models and was answered, as a conversation."""

from __future__ import annotations

from mlebench.reports.view.view import Page, Query, View


def make_conversation(view: View, query: Query, group: str, run_id: str) -> Page | None:
    """The conversation of an attempt, `attempt` in the query, the last by default; None where there is no such run."""
    return None
