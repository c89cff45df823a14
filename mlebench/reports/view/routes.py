"""Which address shows what."""

from __future__ import annotations

from collections.abc import Callable

from mlebench.reports.view import code_page, comparison_page, conversation_page, group_page, overview_page, run_page
from mlebench.reports.view.view import Page

Maker = Callable[..., Page | None]
"""Called with the view, the parts of the path by name, and the query; None: there is no such page."""

PAGES: dict[str, Maker] = {
    "/": overview_page.make_overview,
    "/compare": comparison_page.make_comparison,
    "/compare/code": comparison_page.make_code_comparison,
    "/g/{group}": group_page.make_group,
    "/g/{group}/{run_id}": run_page.make_run,
    "/g/{group}/{run_id}/conversation": conversation_page.make_conversation,
    "/g/{group}/{run_id}/code": code_page.make_code,
}
"""Pages by their paths below the root; all are plain functions of what lies in the folder, so that tests need no server."""
