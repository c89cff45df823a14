"""The report on one group, as `mlebench report` writes it: the same sections, of the runs as they are now."""

from __future__ import annotations

import html
import re
from pathlib import PurePosixPath
from urllib.parse import unquote

from grading.wording import counted
from mlebench.errors import UsageError
from mlebench.reports.markup import Section, with_code
from mlebench.reports.view.group_figures import figures_of
from mlebench.reports.view.view import Page, Query, View
from mlebench.reports.view.watched_runs import WatchedGroup


def make_group_report(view: View, query: Query, group: str) -> Page | None:
    """The page of a group's report; None if there is no such group. It is large and looks for no news."""
    found = view.runs.group(group)
    if found is None:
        return None
    crumbs = view.crumbs(group)
    if found.group is None:
        return Page(f"Report on {group}", "", [_said(found.problem or "it cannot be read")], crumbs, None)
    # all that computes figures is imported where a report is asked for
    from mlebench.reports.document import make_report
    from mlebench.reports.notation import conditions_text
    from mlebench.reports.page import sections_of

    try:
        document = make_report([found.group.folder], pad_missing=True)
        sections = [_live(view, found, section) for section in sections_of(document, found.group.folder)]
    except UsageError as error:
        return Page(f"Report on {group}", "", [_said(str(error))], crumbs, None)
    lead = " · ".join(filter(None, (conditions_text(document.main.results), str(document.main.date or ""))))
    return Page(f"Report on {group}", lead, [*_unfinished(found), *sections], crumbs, None)


def _live(view: View, group: WatchedGroup, section: Section) -> Section:
    """A section whose links lead to pages: a report's lead to the files of runs, as they are next to a page that is a file."""

    def live(found: re.Match[str]) -> str:
        run_id, *rest = PurePosixPath(unquote(html.unescape(found[1]))).parts or ("",)
        if group.record(run_id) is None:
            return found[0]
        if rest[:1] == ["code"]:
            return f'href="{html.escape(view.address("g", group.name, run_id, "code", file="/".join(rest[1:]) or None))}"'
        return f'href="{html.escape(view.address("g", group.name, run_id))}"'

    return section._replace(body=re.sub(r'href="([^"#:?]+)"', live, section.body))


def _said(sentence: str) -> Section:
    return Section("problem", "No report", f'<p class="warning">{with_code(sentence)}.</p>')


def _unfinished(found: WatchedGroup) -> list[Section]:
    figures = figures_of(found)
    if figures.ended == figures.planned:
        return []
    rest = f"{figures.planned - figures.ended:,} of {counted(figures.planned, 'run')} not ended yet"
    words = f"{rest}, and counted as failures until then. Reload the page to update it."
    return [Section("unfinished", "Not finished", f'<p class="warning">{words}</p>')]
