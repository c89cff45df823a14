"""The page of one group: its head, figures, the grid, what failed, its runs, and its report."""

from __future__ import annotations

import gzip
from datetime import timedelta
from pathlib import Path

import pytest

from mlebench._support.quantities import show_duration
from mlebench.reports.view.group_page import make_group as make_group_page
from mlebench.reports.view.report_page import make_group_report
from mlebench.reports.view.view import Page, View
from mlebench.reports.view.watched_runs import WatchedGroup, WatchedRuns
from mlebench.runs.harness_status import HarnessStatus
from tests.reports.toys import make_group
from tests.reports.view.scenes import START, a_group, body_of, unreadable, view_of, whole
from tests.reports.view.tables import addresses, column, labels, links, table

AT_WORK = HarnessStatus(START.isoformat(), slots=4, seconds_left=5400, waiting={"beta_seed1": "waits for a free GPU"})
ENDED = ("gold", "silver", "bronze", "above", "none", "invalid", "missing", "failed", "lost", "cancelled", "damaged", "timed-out")
LARGEST_BYTES = 300_000


def page_of(group: WatchedGroup, **query: str) -> Page:
    """The page of a group."""
    page = make_group_page(view_of(group), query, group.name)
    assert page is not None
    return page


def cell_of(word: str) -> tuple[str, str]:
    """What a run's cell shows, and what it is called."""
    group = a_group("mine", [word], competitions=("leaf-classification",), seeds=1, harness=AT_WORK)
    html = body_of(page_of(group), "grid")
    return table(html)[0]["0"], labels(html)[-1]


def test_there_is_no_page_of_a_group_that_is_not_there() -> None:
    assert make_group_page(view_of(), {}, "mine") is None
    assert make_group_report(view_of(), {}, "mine") is None


def test_the_head_tells_under_which_conditions_it_runs() -> None:
    page = page_of(a_group("mine", ["gold"]))

    assert page.title == "mine"
    assert page.lead == (
        f"agent tree · model m-1 · profile standard: 1 CPU, 2.0 GiB, 1 GPU, at most {show_duration(86400)}, network open · "
        "edition v1 · sandbox docker · executor local"
    )
    assert list(page.crumbs) == [("/TOKEN/", "Runs")]


def test_the_head_of_imported_runs_tells_whose_they_are() -> None:
    page = page_of(a_group("mine", ["gold"], imported=True))

    assert page.lead == "agent tree · imported from the Harbor job 2026-03-01__00-00-00 · edition v1"


def test_figures_say_what_they_are_of() -> None:
    html = body_of(page_of(a_group("mine", ["gold", "none", "lost", "running"], seeds=3, harness=AT_WORK)), "progress")

    assert "▶</i>running</span>, 5 of 6 runs ended. The harness last reported at" in html
    assert "<li>Any medal<strong>50.0 %</strong><small>2 of 4 graded runs so far</small></li>" in html
    assert "<small>of 6 planned; 1 lost to the infrastructure</small>" in html
    assert "<strong>1</strong><small>0 queued; at most 4 at once</small>" in html
    assert "<li>US dollars<strong>2.50</strong>" in html
    assert '<strong><time class="until" datetime="2026-03-01T13:30:00+00:00">until 2026-03-01 13:30 UTC</time></strong>' in html
    assert links(html)["Report"] == "/TOKEN/g/mine/report"
    assert links(html)["Compare with another group"] == "/TOKEN/compare?first=mine"


def test_signs_are_explained_and_lead_to_their_runs() -> None:
    html = body_of(page_of(a_group("mine", ["gold", "queued", "missing", "running"], harness=AT_WORK)), "progress")

    assert links(html)["G1 gold medal"] == "/TOKEN/g/mine?medal=gold"
    assert links(html)["∅1 no submission"] == "/TOKEN/g/mine?medal=no-submission"
    assert links(html)["·1 queued"] == "/TOKEN/g/mine?state=queued"


def test_scores_on_mock_data_earn_nothing_and_are_in_no_share() -> None:
    html = body_of(page_of(a_group("mine", ["mock"])), "progress")

    assert "<strong>–</strong><small>0 of 0 graded runs so far; 4 on mock data earn none</small>" in html


def test_a_group_that_nobody_runs_says_what_goes_on() -> None:
    html = body_of(page_of(a_group("mine", ["queued"])), "progress")

    assert "No harness is running it; <code>mlebench run --resume mine --runs-dir /runs</code> continues it." in html
    assert "Report" not in links(html), "there is nothing to report on yet"


def test_a_group_that_cannot_be_read_says_why() -> None:
    page = page_of(unreadable())

    assert body_of(page, "progress") == (
        '<p class="warning">/runs/broken/group.yaml is not valid YAML: <code>plan</code> &lt;b&gt;ends&lt;/b&gt; early</p>'
    )
    assert "not valid YAML" in whole(make_group_report(view_of(unreadable()), {}, "broken"))


@pytest.mark.parametrize(
    ("word", "sign", "name"),
    [
        ("gold", "G", "gold medal, score 0.9"),
        ("silver", "S", "silver medal, score 0.8"),
        ("bronze", "B", "bronze medal, score 0.7"),
        ("above", "+", "above median, score 0.6"),
        ("none", "○", "no medal, score 0.4"),
        ("mock", "M", "mock data, score 0.4"),
        ("invalid", "×", "invalid submission"),
        ("missing", "∅", "no submission"),
        ("failed", "!", "failed"),
        ("lost", "I", "failed, lost to the infrastructure"),
        ("damaged", "D", "failed, damaged record"),
        ("cancelled", "C", "cancelled"),
        ("not-graded", "?", "not graded"),
        ("timed-out", "S", "timed-out, silver medal, score 0.8"),
        ("queued", "·", "queued"),
    ],
)
def test_a_cell_shows_a_sign_and_is_called_what_it_means(word: str, sign: str, name: str) -> None:
    assert cell_of(word) == (sign, f"leaf-classification seed 0: {name}")


def test_a_running_cell_counts_its_time_without_making_another_page() -> None:
    html = body_of(page_of(a_group("mine", ["running"], competitions=("alpha",), seeds=1, harness=AT_WORK)), "grid")

    counting = '<time class="since" datetime="2026-03-01T12:00:00+00:00">since 2026-03-01 12:00 UTC</time>'
    assert f'<span class="unseen">alpha seed 0: running, {counting}</span>' in html
    assert 'title="alpha seed 0: running since 2026-03-01 12:00 UTC"' in html


def test_a_starting_cell_has_a_sign_of_its_own() -> None:
    html = body_of(page_of(a_group("mine", ["starting"], competitions=("alpha",), seeds=1, harness=AT_WORK)), "grid")

    assert table(html)[0]["0"] == "▷"
    assert "alpha seed 0: starting" in html


def test_the_grid_has_a_row_for_each_competition_and_a_column_for_each_seed() -> None:
    group = a_group("mine", ["gold", "none", "bronze", "queued"], competitions=("beta", "Alpha"))

    html = body_of(page_of(group), "grid")

    assert table(html) == [
        {"Competition": "Alpha", "Medals": "0/1", "0": "○", "1": "·"},
        {"Competition": "beta", "Medals": "2/2", "0": "G", "1": "B"},
    ]
    assert links(html)["G"] == "/TOKEN/g/mine/beta_seed0"
    assert links(html)["beta"] == "/TOKEN/g/mine?competition=beta#grid"


def test_runs_that_were_not_planned_leave_their_cells_empty() -> None:
    group = a_group("mine", ["gold"])
    some = WatchedGroup(group.name, group.group, None, group.records[:3])

    assert table(body_of(page_of(some), "grid"))[1] == {"Competition": "beta", "Medals": "1/1", "0": "G", "1": ""}


def test_many_competitions_of_few_seeds_stand_beside_each_other() -> None:
    names = [f"c{number:02}" for number in range(75)]

    html = body_of(page_of(a_group("mine", ["gold"], competitions=names, seeds=3)), "grid")

    assert [len(table(html, part)) for part in range(3)] == [25, 25, 25]
    assert [name for part in range(3) for name in column(html, "Competition", part)] == names


def test_a_filter_shrinks_the_grid_and_the_list() -> None:
    group = a_group("mine", ["gold", "missing", "none", "gold"], seeds=3)

    page = page_of(group, medal="gold", competition="alp")

    assert table(body_of(page, "grid")) == [{"Competition": "alpha", "Medals": "2/2", "0": "G", "2": "G"}]
    assert column(body_of(page, "runs"), "Run") == ["alpha_seed2", "alpha_seed0"]
    assert "2 runs" in body_of(page, "runs")
    assert "of 6 planned" in body_of(page, "progress"), "figures stay those of the group"
    assert '<option value="gold" selected>' in body_of(page, "filter")


def test_a_filter_that_leaves_nothing_says_so() -> None:
    page = page_of(a_group("mine", ["gold"]), state="cancelled")

    assert links(body_of(page, "runs")) == {"show all": "/TOKEN/g/mine"}
    assert [section.anchor for section in page.sections] == ["progress", "filter", "runs"]


def test_one_competition_with_ten_thousand_seeds_is_cut_into_pages() -> None:
    group = a_group("mine", ENDED, competitions=("leaf-classification",), seeds=10_000)

    page = page_of(group, seeds="2")

    grid = table(body_of(page, "grid"))
    assert [row["Seeds"] for row in grid] == [f"{first:,} +" for first in range(1200, 2400, 30)]
    assert [name.partition(":")[0] for name in labels(body_of(page, "grid"))[1:3]] == [
        f"leaf-classification seed {seed}" for seed in (1200, 1201)
    ]
    assert "1,201–2,400 of 10,000 seeds" in body_of(page, "grid")
    assert links(body_of(page, "grid"))["3"] == "/TOKEN/g/mine?seeds=3#grid"
    assert len(table(body_of(page, "runs"))) == 200
    assert "1–200 of 10,000 runs" in body_of(page, "runs")
    assert weight(page) < LARGEST_BYTES


def test_a_seed_stands_where_its_line_and_the_number_above_it_say() -> None:
    words = ["none" if seed in (1, 32) or seed > 95 else "gold" for seed in range(100)]

    page = page_of(a_group("mine", words, competitions=("leaf-classification",), seeds=100), medal="gold")

    grid = table(body_of(page, "grid"))
    assert [(row["Seeds"], row["Medals"]) for row in grid] == [
        ("0 +", "29/29"),
        ("30 +", "29/29"),
        ("60 +", "30/30"),
        ("90 +", "6/6"),
    ]
    assert [[key for key, cell in row.items() if not cell] for row in grid[:2]] == [["1"], ["2"]]
    assert [key for key, cell in grid[3].items() if cell] == ["Seeds", "Medals", *"012345"]


def test_ten_thousand_runs_of_75_competitions_are_shown_at_once_and_stay_light() -> None:
    names = [f"a-competition-with-a-name-of-the-usual-length-{number}" for number in range(75)]
    page = page_of(a_group("mine", [*ENDED, "queued"], competitions=names, seeds=134, harness=AT_WORK))

    assert len(links(body_of(page, "grid"))) > 0
    assert body_of(page, "grid").count('<a class="look') == 75 * 134
    assert weight(page) < LARGEST_BYTES
    assert (page.every or 0) > 3, "it looks for news less often"


def weight(page: Page) -> int:
    return len(gzip.compress(whole(page).encode()))


def test_what_failed_is_grouped_by_reason_and_says_whose_fault_it_is() -> None:
    words = ["missing", "missing", "lost", "invalid", "missing", "gold", "timed-out", "cancelled"]

    html = body_of(page_of(a_group("mine", words, seeds=4)), "failures")

    assert [(row["Reason"], row["Whose"], row["Most often"]) for row in table(html)] == [
        ("3 × no-submission", "agent", "there is no file"),
        ("1 × lost", "infrastructure", "its container is gone; mlebench run --resume does the run again"),
        ("1 × invalid-submission", "agent", "column y is missing"),
    ]
    assert links(html)["no-submission"] == "/TOKEN/g/mine?reason=no-submission#runs"
    assert links(html)["alpha_seed1"] == "/TOKEN/g/mine/alpha_seed1"


def test_runs_of_one_reason_can_be_asked_for() -> None:
    page = page_of(a_group("mine", ["missing", "gold"]), reason="no-submission")

    assert column(body_of(page, "runs"), "Run") == ["alpha_seed1", "alpha_seed0"]


def test_where_nothing_failed_nothing_is_said_of_failures() -> None:
    assert "failures" not in [section.anchor for section in page_of(a_group("mine", ["gold", "cancelled"])).sections]


def test_runs_under_way_come_first_then_the_last_that_ended() -> None:
    group = a_group("mine", ["gold", "queued", "running", "missing", "silver", "running"], seeds=3, harness=AT_WORK)

    html = body_of(page_of(group), "runs")

    assert column(html, "Run") == ["alpha_seed1", "beta_seed2", "alpha_seed2", "beta_seed1", "alpha_seed0", "beta_seed0"]


def test_a_row_of_a_run_says_what_the_command_line_says() -> None:
    words = ["gold", "invalid", "running", "queued"]
    html = body_of(page_of(a_group("mine", words, harness=AT_WORK), sort="run"), "runs")

    first, running, invalid, queued = table(html)
    assert first == {
        "Run": "alpha_seed0",
        "State": "G finished",
        "Time": show_duration(3600),
        "Score": "0.9",
        "Medal": "gold",
        "Rank": "7 of 1,000",
        "USD": "0.50",
        "Attempts": "1",
        "What happened": "exited (0)",
    }
    assert (running["State"], running["Time"]) == ("▶ running", "since 2026-03-01 13:00 UTC")
    assert (invalid["State"], invalid["What happened"]) == ("× finished", "column y is missing")
    assert (queued["State"], queued["Time"], queued["What happened"]) == ("· queued", "–", "waits for a free GPU")


def test_nothing_that_an_agent_says_is_markup() -> None:
    html = whole(page_of(a_group("mine", ["hostile"])))

    assert "<script" not in html and "<i>odd" not in html
    assert "&lt;script&gt;document.title" in html


def test_charts_stand_where_two_runs_have_ended() -> None:
    started, two = a_group("mine", ["gold", "running", "running", "running"]), a_group("mine", ["gold", "none"])

    assert "time" not in [section.anchor for section in page_of(started).sections]
    html = body_of(page_of(two), "time")
    assert html.count("<svg") == 2, "runs, and money"
    assert "Runs so far, over the hours since the group began." in html
    assert "Spent by ended runs so far, in US dollars, as measured." in html


def test_where_no_price_is_known_the_chart_is_of_tokens() -> None:
    group = a_group("mine", ["gold"])
    group.records[0].usage["cost_usd"] = None

    assert "in million tokens, as measured" in body_of(page_of(group), "time")


def test_the_same_group_makes_the_same_page() -> None:
    group = a_group("mine", [*ENDED, "running", "queued"], seeds=8, harness=AT_WORK)

    assert page_of(group) == page_of(group)


def test_an_estimate_moves_by_whole_minutes() -> None:
    def end_of(seconds: float) -> str:
        harness = HarnessStatus((START + timedelta(seconds=seconds)).isoformat(), seconds_left=5400 - seconds)
        return body_of(page_of(a_group("mine", ["running"], harness=harness)), "progress").rpartition("Expected end")[2]

    assert end_of(0) == end_of(17)


@pytest.fixture
def on_disk(toys: Path, tmp_path: Path) -> View:
    """A group of four runs, three of which left a submission."""
    make_group(tmp_path / "runs", toys, {"toy-one": [0.05, None], "toy-two": [0.05, 0.25]}, name="mine")
    return View(WatchedRuns(tmp_path / "runs"), "/TOKEN")


def test_the_report_is_that_of_the_command_line_with_links_to_pages(on_disk: View) -> None:
    page = make_group_report(on_disk, {}, "mine")

    assert page is not None and page.every is None
    assert page.sections[0].anchor == "figures"
    assert list(page.crumbs) == [("/TOKEN/", "Runs"), ("/TOKEN/g/mine", "mine")]
    runs = {f"/TOKEN/g/mine/toy-{name}_seed{seed}" for name in ("one", "two") for seed in range(2)}
    assert set(addresses(body_of(page, "runs"))) == runs


def test_the_report_of_a_group_at_work_says_that_it_is_not_done(tmp_path: Path) -> None:
    group = make_group(tmp_path, tmp_path, {"toy-one": [None]}, name="mine")
    (group.run_dir("toy-one_seed0") / "run.json").unlink()
    view = View(WatchedRuns(tmp_path), "/TOKEN")

    html = whole(make_group_report(view, {}, "mine"))

    assert "1 of 1 run not ended yet" in html
