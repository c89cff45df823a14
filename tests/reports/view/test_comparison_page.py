"""Two groups side by side: who is ahead, by how much and how sure, with the figures that a report has."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from mlebench.reports.comparison import compare
from mlebench.reports.group_folder import read_group
from mlebench.reports.selection import Selection
from mlebench.reports.view.comparison_page import make_comparison
from mlebench.reports.view.paired_groups import pair
from mlebench.reports.view.view import Page
from tests.reports.view.groups import body, make_group, view_of

A = {"toy-a": {0: "gold", 1: "above"}, "toy-b": {0: "silver", 1: "silver"}, "toy-c": {0: "none", 1: "missing"}}
B = {"toy-a": {0: "none", 1: "none"}, "toy-b": {0: "silver", 1: "invalid"}, "toy-c": {0: "none", 1: "none"}}


def words(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def page_of(runs_dir: Path, first: str = "one", second: str = "two") -> Page:
    page = make_comparison(view_of(runs_dir), {"first": first, "second": second})
    assert page is not None
    return page


def rows(page: Page) -> list[str]:
    return [words(row) for row in re.findall(r"<tr><td.*?</tr>", body(page, "competitions"))]


def test_the_winner_and_by_how_much_come_first(tmp_path: Path) -> None:
    make_group(tmp_path, "one", A, cost_usd=1.0, calls=1)
    make_group(tmp_path, "two", B, agent="shot", cost_usd=0.5, calls=1)
    page = page_of(tmp_path)
    assert page.sections[0].anchor == "verdict"
    assert page.lead == "A is one (tree), B is two (shot)."
    verdict = words(body(page, "verdict"))
    assert verdict.startswith(
        "one is ahead of two by 33.3 percentage points in medal rate, 95 % interval over competitions 0.0 …"
    )
    assert "which includes 0: this may be chance." in verdict
    assert "By medals 2 : 0 A better : B better, 1 equal; sign test p = 0.500" in verdict
    assert "Measured cost, USD 6.00 : 3.00" in verdict
    assert words(body(page, "conditions")) == "agent (tree → shot)"
    assert page.every is None


def test_the_figures_are_those_of_a_report(tmp_path: Path) -> None:
    groups = make_group(tmp_path, "one", A), make_group(tmp_path, "two", B)
    paired = pair(*groups)
    results = [read_group(group.folder) for group in groups]
    report = compare(results[0], results[1], Selection("the competitions of both", ("toy-a", "toy-b", "toy-c")))
    assert paired.comparison == report
    assert paired.notes == ()


def test_each_competition_says_who_is_better_and_what_it_took(tmp_path: Path) -> None:
    make_group(tmp_path, "one", A, cost_usd=1.0, calls=1)
    make_group(tmp_path, "two", B, cost_usd=0.5, calls=1)
    assert rows(page_of(tmp_path)) == [
        "toy-a 0.9 gold 0.6 0.4 0.4 A by 0.35 1 of 2 : 0 of 2 0.62 : -0.25 2.00 : 1.00 10 min : 10 min seed 0 seed 1",
        "toy-b 0.8 silver 0.8 silver 0.8 silver invalid equal 2 of 2 : 1 of 2 0.75 : 0.75 2.00 : 1.00 "
        "10 min : 10 min seed 0 seed 1",
        "toy-c 0.4 no submission 0.4 0.4 equal 0 of 2 : 0 of 2 -0.25 : -0.25 2.00 : 1.00 10 min : 10 min seed 0 seed 1",
    ]
    links = {html.unescape(link) for link in re.findall(r'href="([^"]+)"', body(page_of(tmp_path), "competitions"))}
    assert {"/g/one/toy-a_seed0", "/g/two/toy-c_seed1"} <= links
    assert "/compare/code?first=one%2Ftoy-a_seed0&second=two%2Ftoy-a_seed0" in links


def test_runs_that_have_not_ended_on_one_side_are_left_out_on_both(tmp_path: Path) -> None:
    first = make_group(tmp_path, "one", A)
    second = make_group(tmp_path, "two", {"toy-a": {0: "none", 1: "running"}, "toy-b": {0: "silver", 1: "pending"}})
    paired = pair(first, second)
    assert {name: list(seeds) for name, seeds in paired.first.items()} == {"toy-a": [0], "toy-b": [0]}
    assert {name: list(seeds) for name, seeds in paired.second.items()} == {"toy-a": [0], "toy-b": [0]}
    assert paired.comparison is not None and paired.comparison.any_medal_difference == 50
    page = page_of(tmp_path)
    told = words(body(page, "verdict"))
    assert "two has not ended; this is its current state." in told
    assert "Omitted, because only one has it: toy-c." in told
    assert "4 runs omitted, because they have not ended in both groups." in told
    assert page.every is not None


def test_seeds_that_one_group_alone_plans_count_as_in_a_report(tmp_path: Path) -> None:
    first = make_group(tmp_path, "one", {"toy-a": {0: "gold", 1: "gold", 2: "none"}})
    second = make_group(tmp_path, "two", {"toy-a": {0: "none"}})
    comparison = pair(first, second).comparison
    assert comparison is not None
    assert comparison.competitions[0].first_medal_rate == pytest.approx(2 / 3)
    assert comparison.notes == ["the numbers of seeds differ: 3 and 1"]
    assert "the numbers of seeds differ" in words(body(page_of(tmp_path), "conditions"))


def test_groups_with_nothing_in_common_say_so(tmp_path: Path) -> None:
    make_group(tmp_path, "one", {"toy-a": {0: "gold"}})
    make_group(tmp_path, "two", {"toy-b": {0: "gold"}, "toy-a": {0: "pending"}})
    told = words(body(page_of(tmp_path), "verdict"))
    assert told.endswith("No competition has ended in both groups yet, so there is nothing to compare.")


def test_a_change_of_a_record_is_seen(tmp_path: Path) -> None:
    make_group(tmp_path, "one", {"toy-a": {0: "gold"}})
    second = make_group(tmp_path, "two", {"toy-a": {0: "gold"}})
    assert "Neither" in words(body(page_of(tmp_path), "verdict"))
    other = make_group(tmp_path / "elsewhere", "two", {"toy-a": {0: "none"}})
    (other.run_dir("toy-a_seed0") / "run.json").replace(second.run_dir("toy-a_seed0") / "run.json")
    assert "one is ahead of two by 100.0 percentage points" in words(body(page_of(tmp_path), "verdict"))


def test_without_groups_there_is_a_form(tmp_path: Path) -> None:
    make_group(tmp_path, "one", A)
    make_group(tmp_path, "two", B).folder.rename(tmp_path / "<select><script>x")
    page = make_comparison(view_of(tmp_path), {"first": "one"})
    assert page is not None and page.status == 200
    form = body(page, "choice")
    assert re.findall(r'<option value="([^"]*)"( selected)?>', form)[:3].count(("one", " selected")) == 1
    assert "<script>" not in form and 'method="get" action="/compare"' in form


def test_groups_that_are_not_there_or_damaged_are_told(tmp_path: Path) -> None:
    make_group(tmp_path, "one", A)
    damaged = make_group(tmp_path, "two", B)
    (damaged.folder / "group.yaml").write_text("{")
    missing = page_of(tmp_path, second="three")
    assert (missing.status, missing.lead) == (404, "Unknown group: “three”.")
    assert "two cannot be read:" in words(body(page_of(tmp_path), "verdict"))


def test_a_damaged_record_is_a_failure_of_that_run_alone(tmp_path: Path) -> None:
    make_group(tmp_path, "one", A)
    second = make_group(tmp_path, "two", B)
    (second.run_dir("toy-a_seed0") / "run.json").write_text("{")
    assert rows(page_of(tmp_path))[0].startswith("toy-a 0.9 gold 0.6 infrastructure failure 0.4 A by 0.35")
