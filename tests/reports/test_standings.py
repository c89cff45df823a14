"""Who leads is said with how sure it is, and a single result is set beside what was published."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from mlebench.registry import registry
from mlebench.reports.document import Document, make_document
from mlebench.reports.page import make_page
from mlebench.reports.results import Results, RunDetails
from mlebench.reports.selection import Selection
from mlebench.reports.standings import nearest_published, standings, verdict
from mlebench.runs.usage import Usage
from tests.reports.builders import report, results, seed_of

IDS = tuple(f"c{number:02}" for number in range(20))
ALL = Selection("mine", IDS)


def agent(name: str, medals: int) -> Results:
    """Bronze in the first competitions, above the median in all others."""
    return results(seed_of({name: "bronze" if place < medals else "above" for place, name in enumerate(IDS)}), name=name)


def compared(*entries: Results) -> Document:
    return make_document(entries, [ALL])


def told(*entries: Results) -> str:
    return verdict(standings(compared(*entries).entries, "mine"))


def test_a_lead_is_one_where_the_interval_leaves_out_zero() -> None:
    assert told(agent("A", 12), agent("B", 2)) == (
        "A leads B by 50.0 percentage points on mine (95 % 30.0 to 70.0; sign test p = 0.002)."
    )


def test_a_small_difference_is_no_clear_one() -> None:
    assert told(agent("A", 2), agent("B", 3)) == (
        "No clear difference: B is 5.0 percentage points ahead of A on mine (95 % 0.0 to 15.0; sign test p = 1.000)."
    )


def test_equal_medals_are_told_by_scores() -> None:
    better = seed_of(dict.fromkeys(IDS, "none"))
    first = results([replace(entry, score=0.45) for entry in better], name="A")
    second = results(better, name="B")
    assert told(second, first) == (
        "No difference: B and A earn the same number of medals on mine; "
        "by score A is better on 20 of them and worse on 0 (p < 0.001)."
    )
    assert told(second, replace(second, conditions=replace(second.conditions, agent="C"))) == (
        "No difference: B and C earn the same number of medals on mine."
    )


def test_one_competition_does_not_tell_how_sure_it_is() -> None:
    first, second = (results(seed_of({"c": outcome}), name=name) for name, outcome in (("A", "gold"), ("B", "none")))
    ranked = standings(make_document([first, second], [Selection("one", ("c",))]).entries, "one")
    assert verdict(ranked) == "A is 100.0 percentage points ahead of B on one competition, which is too few for an interval."


def test_the_best_comes_first_whoever_was_named_first() -> None:
    ranked = standings(compared(agent("A", 2), agent("B", 9), agent("C", 5)).entries, "mine")
    assert [standing.entry.results.name for standing in ranked] == ["B", "C", "A"]
    assert [standing.to_leader and standing.to_leader.any_medal_difference for standing in ranked] == [None, 20, 35]


def test_failed_and_timed_out_runs_are_counted_and_marked(tmp_path: Path) -> None:
    first = agent("A", 2)
    layer = {
        name: replace(run, details=RunDetails(tmp_path / name, state="timed-out" if name == "c00" else "failed", hours=1 / 12))
        for name, run in first.layers[0].items()
    }
    document = compared(replace(first, layers={0: layer}), agent("B", 1))

    (standing, _) = standings(document.entries, "mine")
    assert (standing.ended("timed-out"), standing.ended("failed"), standing.mean_hours) == (1, 19, pytest.approx(1 / 12))
    page = make_page(document, tmp_path)
    runs = page[page.index('<section id="runs">') : page.index('<section id="result-2">')]
    assert runs.count('class="state failed"') == 19 and runs.count('class="state timed-out"') == 1
    assert ">5 min<" in page and not re.search(r">[^<]*0\.08", page)


def test_a_single_result_says_in_cards_how_its_runs_ended_and_what_they_took(tmp_path: Path) -> None:
    first = agent("A", 2)
    used = Usage(calls=3, input_tokens=1_000_000, output_tokens=500_000, cost_usd=2.5)
    layer = {
        name: replace(
            run, details=RunDetails(tmp_path / name, state="failed" if name == "c00" else "finished", hours=2, usage=used)
        )
        for name, run in first.layers[0].items()
    }
    cards = dict(
        re.findall(r"<li>([^<]+)<strong>([^<]+)</strong>", make_page(compared(replace(first, layers={0: layer})), tmp_path))
    )

    assert cards["mine: any medal"] == "10.00 ± – %"
    assert cards["Runs with a valid submission"] == "20 of 20"
    assert (cards["Time per run"], cards["US dollars"], cards["Tokens"]) == ("2 h", "50.00", "30,000,000")


def test_a_single_result_is_set_beside_the_nearest_published_ones() -> None:
    low = registry.list_competition_ids("low")
    entry = make_document([results(seed_of({name: "gold" if place < 11 else "none" for place, name in enumerate(low)}))]).main

    sentence = nearest_published(entry)
    assert sentence.startswith("On the public leaderboard, 50.0 % on low would rank below ")
    assert " and above " in sentence


def test_nothing_is_set_beside_mock_data_or_competitions_of_ones_own() -> None:
    low = registry.list_competition_ids("low")
    entry = make_document([results([report(name, "none", data="mock") for name in low])]).main
    assert nearest_published(entry) == ""
    assert nearest_published(compared(agent("A", 3)).main) == ""
