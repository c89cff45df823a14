"""What can be done to a group or a run from its page: each act asks once, says what will happen, and does what a command does."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from html import escape
from typing import Literal, NamedTuple, get_args

from grading.wording import counted
from mlebench.errors import MlebenchError, UsageError
from mlebench.reports.markup import Section
from mlebench.reports.view.view import Page, Query, View
from mlebench.reports.view.watched_runs import WatchedGroup
from mlebench.runs import orders
from mlebench.runs.another_attempt import may_be_retried
from mlebench.runs.cancel import cancel_group, cancel_run
from mlebench.runs.group import Group
from mlebench.runs.record import RunRecord

Do = Literal["pause", "continue", "parallel", "retry", "cancel"]
_LONGEST_NUMBER = 9


class _Asked(NamedTuple):
    """An act on a group, or on one of its runs."""

    do: Do
    watched: WatchedGroup
    group: Group
    record: RunRecord | None


def act_links(view: View, group: WatchedGroup, record: RunRecord | None = None) -> str:
    """Links to the pages that ask before each act that is possible now, as HTML; empty if nothing can be done from here.

    Args:
        view: the server; one that only shows offers no acts.
        group: the group.
        record: one of its runs, whose acts are wanted; None for those of the group as a whole.
    """
    offered = _offered(group, record) if view.allows_control else []
    run = None if record is None else record.run_id
    links = " ".join(
        f'<a class="act" href="{escape(view.address("g", group.name, "act", do=do, run=run))}">{escape(_label(do, record))}</a>'
        for do in offered
    )
    return f'<p class="acts">{links}</p>' if links else ""


def make_act(view: View, query: Query, group: str) -> Page | None:
    """The page that asks before the act `do` on a group, or on its run `run`, is done; None if there is none of that name."""
    asked = _asked(view, query, group)
    if asked is None:
        return None
    if not view.allows_control:
        return _refusal(
            view, asked, "This server is read-only. Start one that can act with `mlebench view --allow-control`.", 403
        )
    return _page(view, asked, _label(asked.do, asked.record), _question(view, asked))


def do_act(view: View, form: Mapping[str, str], group: str) -> str | Page:
    """Do what was asked and confirmed: the same functions do it that commands call.

    Returns:
        the address of the group's or the run's page, which says what happens now; or a page that says why nothing was done.
    """
    asked = _asked(view, form, group)
    if asked is None or not view.allows_control:
        why = "No such run or action." if asked is None else "This server is read-only."
        return Page("Not done", why, every=None, status=404 if asked is None else 403)
    try:
        sentence = _do(asked, form)
    except MlebenchError as problem:
        return _refusal(view, asked, f"{problem}.", 409)
    return view.address(*_place(asked), said=view.said.keep(f"{sentence}."))


def saying(make: Callable[..., Page | None]) -> Callable[..., Page | None]:
    """A page that acts lead to, with what the act came to. The address names a sentence that the server keeps, and holds none."""

    @functools.wraps(make)
    def made(view: View, query: Query, **parts: str) -> Page | None:
        page, sentence = make(view, query, **parts), view.said.get(query.get("said", ""))
        if page is None or sentence is None:
            return page
        said = Section("said", "Done", f'<p role="status">{_with_code(sentence)}</p>')
        return dataclasses.replace(page, sections=[said, *page.sections])

    return made


def _offered(group: WatchedGroup, record: RunRecord | None) -> list[Do]:
    if group.group is None or group.group.imported is not None:
        return []
    if record is not None:
        if not record.has_ended:
            return ["cancel"]
        return ["retry"] if may_be_retried(record) else []
    if group.state == "done":
        return []
    if group.state != "running":
        return ["parallel", "cancel"]
    return ["continue" if orders.is_paused(group.group.folder) else "pause", "parallel", "cancel"]


def _asked(view: View, words: Mapping[str, str], name: str) -> _Asked | None:
    watched = view.runs.group(name)
    do = next((known for known in get_args(Do) if known == words.get("do")), None)
    if watched is None or watched.group is None or do is None:
        return None
    record = watched.record(words["run"]) if words.get("run") else None
    if record is None and (words.get("run") or do == "retry"):
        return None
    return _Asked(do, watched, watched.group, record if do in ("retry", "cancel") else None)


def _do(asked: _Asked, form: Mapping[str, str]) -> str:
    group, record = asked.group, asked.record
    match asked.do:
        case "pause":
            return orders.pause(group)
        case "continue":
            return orders.go_on(group)
        case "parallel":
            return orders.set_parallel(group, _number(form.get("parallel", "")))
        case "retry":
            assert record is not None
            return orders.retry_run(group, record.run_id)
    if record is not None:
        cancel_run(group, record.run_id)
        return f"{record.run_id} is being cancelled, and stays cancelled when the group is resumed"
    count = cancel_group(group)
    are = "is" if count == 1 else "are"
    return f"{counted(count, 'run')} of {group.name} {are} being cancelled; {_resume(group)} continues the group"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        raise UsageError("the number of runs at once must be a whole number of at least 1; go back and enter one")
    return int(text)


def _label(do: Do, record: RunRecord | None) -> str:
    return {
        "pause": "Pause",
        "continue": "Continue",
        "parallel": "Runs at once",
        "retry": "Retry",
        "cancel": "Cancel group" if record is None else "Cancel run",
    }[do]


def _consequence(asked: _Asked) -> str:
    name = asked.watched.name
    match asked.do:
        case "pause":
            return f"No further run of {name} starts, including retries. Running runs continue to their end."
        case "continue":
            return f"Runs of {name} start again."
        case "parallel":
            return (
                f"This limits how many runs of {name}, and of all groups run by the same harness, run at once. "
                "No run is stopped. The group keeps the number when it is resumed."
            )
        case "retry":
            return "Another attempt at the run starts as soon as a slot is free. Files of the last attempt are kept."
    if asked.record is not None:
        return f"{asked.record.run_id} is stopped and ends as cancelled. It stays cancelled when the group is resumed."
    left = [record for record in asked.watched.records if not record.has_ended]
    running = sum(record.state == "running" for record in left)
    return (
        f"Every run of {name} that has not ended is cancelled: {counted(len(left), 'run')}, {running} of them running. "
        "Resuming the group runs them again."
    )


def _command(asked: _Asked) -> str:
    words = [] if asked.record is None else [asked.record.run_id]
    words += ["N"] if asked.do == "parallel" else []
    return asked.group.command("runs", asked.group.name, f"--{asked.do}", *words)


def _question(view: View, asked: _Asked) -> str:
    run = "" if asked.record is None else f'<input type="hidden" name="run" value="{escape(asked.record.run_id)}">'
    number = ""
    if asked.do == "parallel":
        harness = asked.watched.harness
        now = harness.parallel if harness is not None else asked.group.settings.parallel
        shown = "" if now is None else f' value="{now}"'
        number = f'<label>Most runs at once <input type="number" name="parallel" min="1" required{shown}></label> '
    return (
        f"<p>{escape(_consequence(asked))}</p>\n"
        f"<p>The command line does the same: {_with_code(_command(asked))}</p>\n"
        f'<form class="act" method="post" action="{escape(view.address("g", asked.watched.name, "act"))}">'
        f'<input type="hidden" name="do" value="{asked.do}">{run}{number}'
        f'<button type="submit">{escape(_label(asked.do, asked.record))}</button> {_way_back(view, asked)}</form>'
    )


def _refusal(view: View, asked: _Asked, why: str, status: int) -> Page:
    return _page(
        view, asked, "Not done", f'<p role="alert">{_with_code(why)}</p>\n<p>{_way_back(view, asked, "Back")}</p>', status
    )


def _page(view: View, asked: _Asked, title: str, body: str, status: int = 200) -> Page:
    about = asked.watched.name if asked.record is None else asked.record.run_id
    crumbs = view.crumbs(asked.watched.name)
    if asked.record is not None:
        crumbs.append((view.address("g", asked.watched.name, asked.record.run_id), asked.record.run_id))
    return Page(f"{title}: {about}", sections=[Section("act", title, body)], crumbs=crumbs, every=None, status=status)


def _place(asked: _Asked) -> tuple[str, ...]:
    return ("g", asked.watched.name, *([] if asked.record is None else [asked.record.run_id]))


def _way_back(view: View, asked: _Asked, words: str = "Back without doing this") -> str:
    return f'<a href="{escape(view.address(*_place(asked)))}">{escape(words)}</a>'


def _with_code(sentence: str) -> str:
    """A sentence as HTML; what is in backticks is shown as code."""
    parts = escape(sentence).split("`")
    if len(parts) % 2 == 0:
        # an odd backtick belongs to a name, and is none of ours
        return escape(sentence)
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def _resume(group: Group) -> str:
    return group.command("run", "--resume", group.name)
