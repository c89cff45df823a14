"""All groups on one page: what is told of each, filters, orders, pages and sums."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlebench.reports.view.overview_page import make_overview
from mlebench.reports.view.view import View
from mlebench.reports.view.watched_runs import WatchedGroup, WatchedRuns
from mlebench.runs.harness_status import HarnessStatus
from tests.reports.toys import make_group
from tests.reports.view.scenes import START, a_group, body_of, unreadable, view_of, whole
from tests.reports.view.tables import column, links, table

AT_WORK = HarnessStatus(START.isoformat(), slots=4, seconds_left=7200)
RESUMING = "mlebench run --resume g --runs-dir /runs"
GO_ON = "mlebench runs g --continue --runs-dir /runs starts runs again"
PAUSED = HarnessStatus(START.isoformat(), is_paused=True, seconds_left=7200)


def rows(*groups: WatchedGroup, **query: str) -> list[dict[str, str]]:
    """The table's rows of groups."""
    return [row for row in table(body_of(make_overview(view_of(*groups), query), "groups")) if "State" in row]


def names(*groups: WatchedGroup, **query: str) -> list[str]:
    """Of the groups shown, in their order."""
    return [row["Group"].split()[0] for row in rows(*groups, **query)]


def said_of(group: WatchedGroup) -> str:
    """What stands in the row below a group."""
    return next(row["Group"] for row in table(body_of(make_overview(view_of(group), {}), "groups")) if "State" not in row)


def test_a_row_tells_how_a_group_gets_on() -> None:
    (row,) = rows(a_group("mine", ["gold", "none", "running", "queued"], harness=AT_WORK))

    assert row.pop("Ended") == "1 gold medal, 1 no medal, 1 running, 1 queued 2 of 4"
    assert row == {
        "Group": "mine tree",
        "State": "▶ running",
        "Medals": "G 1",
        "Any medal": "50.0 %",
        "USD": "1.00",
        "Tokens": "6.0k",
        "GPU hours": "2.0",
        "Running": "1",
        "Queued": "1",
        "Lost": "0",
        "Started": "2026-03-01 12:00 UTC",
        "Expected end": "2026-03-01 14:00 UTC",
    }


def test_medals_are_a_share_of_the_graded_runs_and_not_of_the_planned() -> None:
    (row,) = rows(a_group("mine", ["bronze", "lost", "mock", "missing", "queued", "invalid"], seeds=3))

    assert row["Any medal"] == "33.3 %"
    assert row["Lost"] == "1"


def test_what_nobody_measured_or_claims_is_a_dash() -> None:
    queued, imported = rows(a_group("queued", ["queued"]), a_group("imported", ["gold"], imported=True))

    assert (queued["Any medal"], queued["USD"], queued["Tokens"], queued["Expected end"]) == ("–", "–", "–", "–")
    assert (imported["USD"], imported["Tokens"], imported["GPU hours"]) == ("–", "–", "–")


def test_what_only_agents_say_is_marked() -> None:
    group = a_group("mine", ["gold"])
    for record in group.records:
        record.usage, record.reported_usage = {}, {"input_tokens": 10, "output_tokens": 5, "cost_usd": 2.0}

    (row,) = rows(group)

    assert (row["USD"], row["Tokens"]) == ("8.00 ‡", "60 ‡")
    assert "reported by the agent" in whole(make_overview(view_of(group), {}))


def test_each_attempt_costs() -> None:
    group = a_group("mine", ["gold"], competitions=("alpha",), seeds=1)
    group.records[0].attempts.append({"usage": {"input_tokens": 1, "output_tokens": 2, "cost_usd": 3.5}})

    (row,) = rows(group)

    assert (row["USD"], row["Tokens"]) == ("4.00", "3.0k")


def test_a_price_that_nobody_knows_leaves_no_sum() -> None:
    group = a_group("mine", ["gold"])
    group.records[0].usage["cost_usd"] = None

    (row,) = rows(group)

    assert (row["USD"], row["Tokens"]) == ("–", "12.0k")


@pytest.mark.parametrize(
    ("group", "state", "said"),
    [
        (a_group("g", ["running", "queued"], harness=PAUSED), "‖ paused", f"paused: no further runs start; {GO_ON}"),
        (a_group("g", ["gold", "queued"]), "⊘ interrupted", f"no harness is running it; {RESUMING} continues it"),
        (a_group("g", ["gold", "lost"]), "✓ done", f"2 lost to the infrastructure; {RESUMING} retries them"),
        (unreadable("g"), "✗ unreadable", "/runs/g/group.yaml is not valid YAML: plan <b>ends</b> early"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_group_is_said_with_what_helps(group: WatchedGroup, state: str, said: str) -> None:
    assert [row["State"] for row in rows(group)] == [state]
    assert said_of(group) == said


def test_a_group_of_which_all_is_well_has_no_row_of_words() -> None:
    html = body_of(make_overview(view_of(a_group("mine", ["gold"])), {}), "groups")

    assert len(table(html)) == 1


MANY = (
    a_group("cheap", ["gold", "none"], competitions=("leaf-classification",), agent="Tree"),
    a_group("dear", ["none"], competitions=("leaf-classification", "spooky"), seeds=4, agent="mlab"),
    a_group("going", ["running", "bronze"], agent="tree", harness=AT_WORK),
    unreadable("broken"),
)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"agent": "TREE"}, ["cheap", "going"]),
        ({"competition": "leaf"}, ["cheap", "dear"]),
        ({"state": "running"}, ["going"]),
        ({"state": "unreadable"}, ["broken"]),
        ({"runs": "running"}, ["going"]),
        ({"medal": "any"}, ["cheap", "going"]),
        ({"medal": "bronze"}, ["going"]),
        ({"medal": "no-medal", "competition": "spooky"}, ["dear"]),
        ({"medal": "nonsense", "state": "nonsense", "runs": "x", "page": "x", "sort": "x"}, ["cheap", "dear", "going", "broken"]),
    ],
)
def test_filters(query: dict[str, str], expected: list[str]) -> None:
    assert names(*MANY, **query) == expected


def test_a_filter_of_runs_tells_how_many_a_group_has_and_leads_to_them() -> None:
    page = make_overview(view_of(*MANY), {"competition": "leaf", "medal": "gold"})

    html = body_of(page, "groups")
    assert column(html, "Matching runs") == ["1"]
    assert links(html)["1"] == "/TOKEN/g/cheap?competition=leaf&medal=gold"


def test_the_form_keeps_what_was_asked_for_and_the_order() -> None:
    page = make_overview(view_of(*MANY), {"agent": 'a"b', "medal": "any", "sort": "-usd"})

    form = body_of(page, "filter")
    assert 'value="a&quot;b"' in form
    assert '<option value="any" selected>any medal</option>' in form
    assert '<input type="hidden" name="sort" value="-usd">' in form
    assert re.search(r'<form [^>]*method="get" action="/TOKEN/"', form)
    assert links(form) == {"Show all": "/TOKEN/"}


def test_a_filter_that_leaves_nothing_says_so() -> None:
    page = make_overview(view_of(*MANY), {"agent": "nobody"})

    assert "No group matches" in body_of(page, "groups")
    assert links(body_of(page, "groups")) == {"show all": "/TOKEN/"}


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("usd", ["cheap", "going", "dear", "broken"]),
        ("-usd", ["dear", "cheap", "going", "broken"]),
        ("name", ["broken", "cheap", "dear", "going"]),
        ("-share", ["going", "cheap", "dear", "broken"]),
        ("state", ["going", "cheap", "dear", "broken"]),
    ],
)
def test_the_whole_list_is_sorted_with_unknown_last(sort: str, expected: list[str]) -> None:
    assert names(*MANY, sort=sort) == expected


def test_numbers_within_names_count_as_numbers() -> None:
    groups = [a_group(name, ["gold"]) for name in ("run-10", "run-9", "Run-1")]

    assert names(*groups, sort="name") == ["Run-1", "run-9", "run-10"]


def test_headings_sort_and_a_second_click_turns_the_order_round() -> None:
    once = links(body_of(make_overview(view_of(*MANY), {"agent": "tree"}), "groups"))["USD"]
    html = body_of(make_overview(view_of(*MANY), {"agent": "tree", "sort": "-usd"}), "groups")

    assert once == "/TOKEN/?agent=tree&sort=-usd"
    assert links(html)["USD"] == "/TOKEN/?agent=tree&sort=usd"
    assert html.count("aria-sort") == 1
    assert 'aria-sort="descending"' in html


def test_many_groups_are_cut_into_pages_and_the_number_is_said() -> None:
    groups = [a_group(f"group-{number}", ["gold"], seeds=1, hours=number) for number in range(120)]

    html = body_of(make_overview(view_of(*groups), {"page": "3", "sort": "name"}), "groups")

    assert column(html, "Group") == [f"group-{number} tree" for number in range(100, 120)]
    assert "101–120 of 120 groups" in html
    assert links(html)["2"] == "/TOKEN/?sort=name&page=2"
    assert names(*groups, page="99", sort="name") == names(*groups, page="3", sort="name")


def test_a_folder_of_many_runs_looks_for_news_less_often() -> None:
    few, many = a_group("few", ["gold"], seeds=1), a_group("many", ["gold"], seeds=2500)
    assert (make_overview(view_of(few), {}).every, make_overview(view_of(few, many), {}).every) == (3.0, 10.0)


def test_sums_are_over_all_groups_that_are_asked_for() -> None:
    every = body_of(make_overview(view_of(*MANY), {}), "totals")
    cheap = body_of(make_overview(view_of(*MANY), {"agent": "Tree", "state": "done"}), "totals")

    assert "<li>Groups<strong>4</strong><small>1 running</small></li>" in every
    assert "<li>Runs ended<strong>12</strong><small>of 14 planned</small></li>" in every
    assert "<li>Any medal<strong>25.0 %</strong><small>3 of 12 graded runs</small></li>" in every
    assert "<li>US dollars<strong>1.00</strong><small>measured, of ended attempts</small></li>" in cheap


def test_an_empty_folder_names_the_command_that_fills_it(tmp_path: Path) -> None:
    page = make_overview(View(WatchedRuns(tmp_path)), {})

    assert f"mlebench run --agent dummy -c ID --runs-dir {tmp_path}" in body_of(page, "groups")


def test_what_lies_on_disk_is_listed_with_what_cannot_be_read(tmp_path: Path) -> None:
    make_group(tmp_path, tmp_path, {"toy-one": [None, None]}, name="mine")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "group.yaml").write_text("plan: [\n")
    (tmp_path / "other").mkdir()

    html = body_of(make_overview(View(WatchedRuns(tmp_path)), {}), "groups")

    assert [row["State"] for row in table(html) if "State" in row] == ["✓ done", "✗ unreadable"]
    assert "2 groups" in html


def test_no_text_of_others_is_markup() -> None:
    group = a_group("mine", ["gold"], agent="<b>x</b>", competitions=("<i>c</i>",))

    html = whole(make_overview(view_of(group, unreadable()), {"agent": "<b>", "competition": "<i>"}))

    assert "<i>" not in html and "<b>x" not in html and "<b>ends" not in html


def test_the_same_groups_make_the_same_page() -> None:
    view = view_of(*MANY)

    assert make_overview(view, {}) == make_overview(view, {})
