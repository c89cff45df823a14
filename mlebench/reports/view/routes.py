"""Which address shows what."""

from __future__ import annotations

from collections.abc import Callable

from mlebench.reports.view import (
    act_page,
    code_comparison_page,
    code_page,
    comparison_page,
    conversation_page,
    group_page,
    overview_page,
    report_page,
    run_files,
    run_log,
    run_page,
)
from mlebench.reports.view.view import Content, Page

Maker = Callable[..., Page | None]
"""Called with the view, the query, and the parts of the path by name; None: there is no such page."""
Source = Callable[..., Content | None]
"""Called as a `Maker` is; None: there is no such file."""
Act = Callable[..., Page | str]
"""Called with the view, the fields of the form, and the parts of the path by name.

What it returns is the address to go to, or a page that says why nothing was done.
"""

PAGES: dict[str, Maker] = {
    "/": overview_page.make_overview,
    "/compare": comparison_page.make_comparison,
    "/compare/code": code_comparison_page.make_code_comparison,
    "/g/{group}": act_page.saying(group_page.make_group),
    "/g/{group}/act": act_page.make_act,
    "/g/{group}/report": report_page.make_group_report,
    "/g/{group}/{run_id}": act_page.saying(run_page.make_run),
    "/g/{group}/{run_id}/text": run_files.make_text,
    "/g/{group}/{run_id}/conversation": conversation_page.make_conversation,
    "/g/{group}/{run_id}/code": code_page.make_code,
}
"""Pages by their paths below the root; all are plain functions of what is in the folder, so that tests need no server."""

FILES: dict[str, Source] = {
    "/g/{group}/{run_id}/log": run_log.send_log,
    "/g/{group}/{run_id}/file": run_files.send_file,
}
"""What is sent as bytes: saved by a browser, or read by ranges by a script; `{path:.+}` in a path takes slashes as well."""

ACTS: dict[str, Act] = {"/g/{group}/act": act_page.do_act}
"""What is sent by POST, where the view allows control; a page of `PAGES` of the same path asks before."""
