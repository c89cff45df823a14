"""Two groups side by side, and the difference between the code of two runs."""

from __future__ import annotations

from mlebench.reports.view.view import Page, Query, View


def make_comparison(view: View, query: Query) -> Page | None:
    """The page of two groups, `first` and `second` in the query; a form where they are not given."""
    return None


def make_code_comparison(view: View, query: Query) -> Page | None:
    """The page of two runs of code, `first` and `second` in the query, each `GROUP/RUN`."""
    return None
