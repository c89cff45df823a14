"""What can be done to a group or a run from its page: each act asks once, says what will happen, and does what a command does."""

from __future__ import annotations

from html import escape

from mlebench.reports.view.view import View
from mlebench.reports.view.watched_runs import WatchedGroup
from mlebench.runs.record import RunRecord


def act_links(view: View, group: WatchedGroup, record: RunRecord | None = None) -> str:
    """Links to the pages that ask before each act that is possible now, as HTML; empty where nothing can be done from here.

    Args:
        view: the server; one that only shows offers no acts.
        group: the group.
        record: one of its runs, whose acts are wanted; None for those of the group as a whole.
    """
    offered = _offered(group, record) if view.allows_control else []
    run = None if record is None else record.run_id
    links = "".join(
        f'<a class="act" href="{escape(view.address("g", group.name, "act", do=do, run=run))}">{escape(words)}</a> '
        for do, words in offered
    )
    return f'<p class="acts">{links.strip()}</p>' if links else ""


def _offered(group: WatchedGroup, record: RunRecord | None) -> list[tuple[str, str]]:
    if group.group is None or group.group.imported is not None:
        return []
    if record is not None:
        return [("retry", "Retry")] if record.has_ended else [("cancel", "Cancel")]
    if group.state == "done":
        return []
    return [("parallel", "Change how many run at once"), ("cancel", "Cancel the group")]
