"""What calls to models took: by run, competition, split and in all, and what a medal cost."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from mlebench.reports.document import Document, make_document
from mlebench.reports.notation import usd
from mlebench.reports.page import make_page
from mlebench.reports.results import GradedRun, Results, RunDetails
from mlebench.reports.selection import Selection
from mlebench.reports.tables import to_csv, to_markdown
from mlebench.reports.terminal import print_document
from mlebench.runs.conditions import Conditions
from mlebench.runs.usage import Usage
from tests.reports.builders import report

ONE, TWO = Selection("one", ("a",)), Selection("two", ("a", "b"))


def used(calls: int, cost: float | None, model: str = "m-1") -> Usage:
    amounts = {
        "calls": calls,
        "failed_calls": 1,
        "refused_calls": 0,
        "input_tokens": 100 * calls,
        "cached_tokens": 10 * calls,
        "output_tokens": 20 * calls,
        "reasoning_tokens": 5 * calls,
    }
    return Usage(**amounts, cost_usd=cost, models={model: Usage(**amounts, cost_usd=cost)})


def ran(competition_id: str, outcome: str, usage: Usage | None = None, claim: Usage | None = None) -> GradedRun:
    details = RunDetails(Path(competition_id), hours=1, usage=usage, reported_usage=claim)
    return GradedRun(report(competition_id, outcome), details)


def results(*seeds: Mapping[str, GradedRun], name: str = "ours") -> Results:
    return Results(Conditions(name), dict(enumerate(seeds)), ("group",))


def made(*seeds: Mapping[str, GradedRun]) -> Document:
    return make_document([results(*seeds)], [ONE, TWO])


def printed(document: Document, *, details: bool = False) -> str:
    console = Console(width=300, record=True, file=None)
    with console.capture() as capture:
        print_document(document, details=details, console=console)
    return capture.get()


def every_output(document: Document) -> dict[str, str]:
    return {
        "terminal": printed(document, details=True),
        "page": make_page(document, Path()),
        "json": json.dumps(document.to_dict(), allow_nan=False),
        "csv": to_csv(document),
        "markdown": to_markdown(document),
    }


def test_sums_by_competition_split_and_in_all() -> None:
    document = made(
        {"a": ran("a", "gold", used(1, 0.5)), "b": ran("b", "none", used(2, 1.5))},
        {"a": ran("a", "silver", used(3, 1.0)), "b": ran("b", "bronze", used(4, 3.0, "m-2"))},
    ).to_dict()

    one, two = (document["splits"][name]["usage"] for name in ("one", "two"))
    assert (one["runs"], one["medals"], one["total"]["calls"], one["total"]["cost_usd"]) == (2, 2, 4, 1.5)
    assert (one["cost_per_medal_usd"], one["tokens_per_medal"]) == (0.75, 240)
    assert (two["runs"], two["medals"], two["total"]["cost_usd"], two["cost_per_medal_usd"]) == (4, 3, 6, 2)
    assert two["total"]["failed_calls"] == 4
    assert {name: (used["calls"], used["cost_usd"]) for name, used in two["total"]["models"].items()} == {
        "m-1": (6, 3),
        "m-2": (4, 3),
    }
    assert document["usage"] == two
    assert [row["usage"]["total"]["cost_usd"] for row in document["competitions"]] == [1.5, 4.5]
    assert [run["usage"]["cost_usd"] for row in document["competitions"] for run in row["runs"]] == [0.5, 1.0, 1.5, 3.0]
    assert document["reported_usage"] is None


def test_without_a_medal_a_medal_has_no_cost() -> None:
    figures = made({"a": ran("a", "none", used(1, 0.5)), "b": ran("b", "invalid", used(1, 0.5))}).main.usage
    assert figures is not None
    assert (figures.total.cost_usd, figures.cost_per_medal_usd, figures.tokens_per_medal) == (1.0, None, None)


def test_where_a_price_is_unknown_there_are_tokens_alone() -> None:
    document = made({"a": ran("a", "gold", used(1, 0.5)), "b": ran("b", "gold", used(2, None, "free"))})

    figures = document.main.usage
    assert figures is not None
    assert (figures.total.cost_usd, figures.cost_per_medal_usd) == (None, None)
    assert (figures.total.tokens, figures.tokens_per_medal, figures.total.models["m-1"].cost_usd) == (360, 180, 0.5)
    assert any("the price of free is unknown" in note for note in document.main.notes)
    # where every price is known, it is a sum
    assert document.main.figures[0].usage is not None and document.main.figures[0].usage.cost_per_medal_usd == 0.5
    outputs = every_output(document)
    assert [row["cost_usd"] for row in csv.DictReader(outputs["csv"].splitlines())] == ["0.5", ""]


def test_what_an_agent_claims_is_marked_and_in_no_measured_sum() -> None:
    claim = Usage(input_tokens=7, output_tokens=3, cost_usd=1000.0)
    document = made(
        {"a": ran("a", "gold", used(1, 0.5), claim), "b": ran("b", "gold", None, claim)},
        {"a": ran("a", "none", used(1, 0.5)), "b": ran("b", "none")},
    )

    content = document.to_dict()
    assert (content["usage"]["runs"], content["usage"]["total"]["cost_usd"], content["usage"]["cost_per_medal_usd"]) == (2, 1, 1)
    assert (content["reported_usage"]["runs"], content["reported_usage"]["total"]["cost_usd"]) == (1, 1000)
    assert content["reported_usage"]["total"]["calls"] is None
    assert content["competitions"][0]["runs"][0]["reported_usage"]["cost_usd"] == 1000
    assert any("measured in 2 of 4 runs" in note for note in document.main.notes)
    assert any("what 1 run used is reported by the agent" in note for note in document.main.notes)
    outputs = every_output(document)
    assert not any("1,001" in text or "1001" in text for text in outputs.values())
    for name in ("terminal", "page", "csv"):
        assert "reported by the agent" in outputs[name], name


def test_claims_alone_are_marked_everywhere() -> None:
    document = made({name: ran(name, "gold", None, Usage(cost_usd=3.0)) for name in "ab"})

    assert document.main.usage is None
    assert document.main.reported_usage is not None and document.main.reported_usage.cost_per_medal_usd == 3
    assert "3.00 (reported by the agent)" in to_markdown(document)
    assert {row["usage_source"] for row in csv.DictReader(to_csv(document).splitlines())} == {"reported by the agent"}


def test_runs_are_listed_with_calls_and_cost() -> None:
    document = made({"a": ran("a", "gold", used(12, 0.5)), "b": ran("b", "none", used(2, 0.004))})

    first, second = csv.DictReader(to_csv(document).splitlines())
    assert (first["usage_source"], first["calls"], first["input_tokens"], first["cost_usd"]) == ("measured", "12", "1200", "0.5")
    assert (second["failed_calls"], second["cost_usd"]) == ("1", "0.004")
    outputs = every_output(document)
    for name in ("terminal", "page"):
        for words in ("1,200", "0.0040", "measured", "m-1"):
            assert words in outputs[name], (name, words)


def test_a_comparison_sets_costs_side_by_side() -> None:
    cheap = results({"a": ran("a", "gold", used(1, 0.5)), "b": ran("b", "gold", used(1, 0.5))})
    dear = results({"a": ran("a", "gold", used(1, 4.0)), "b": ran("b", "none", used(1, 4.0))}, name="theirs")
    claiming = results({name: ran(name, "gold", None, Usage(cost_usd=3.0)) for name in "ab"}, name="others")
    document = make_document([cheap, dear, claiming], [TWO])

    first, second = document.comparisons
    assert first.first_usage is not None and first.second_usage is not None
    assert (first.first_usage.cost_per_medal_usd, first.second_usage.cost_per_medal_usd) == (0.5, 8)
    assert (second.second_usage, second.second_reported_usage is None) == (None, False)
    for text in (printed(document), make_page(document, Path())):
        assert "0.50 against 8.00" in text
        assert "0.50 against 3.00 (reported by the agent)" in text
    assert "tokens per medal: 120 against 240" in printed(document)
    assert document.to_dict()["comparisons"][0]["second_usage"]["total"]["cost_usd"] == 8


def test_runs_without_calls_to_models_look_as_before() -> None:
    plain = made({name: replace(ran(name, "gold"), details=None) for name in "ab"})
    for name, text in every_output(plain).items():
        if name not in ("json", "csv"):
            assert "USD" not in text and "model" not in text.replace("m-1", "").lower().replace("models", "", 1), name
    assert plain.main.notes == [note for note in plain.main.notes if "models" not in note]


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "–"), (0, "0.00"), (0.00001, "< 0.0001"), (0.0123, "0.0123"), (0.5, "0.50"), (12345.678, "12,345.68")],
)
def test_money_is_written_short_and_never_as_nothing(amount: float | None, text: str) -> None:
    assert usd(amount) == text


def test_names_of_models_are_text(tmp_path: Path) -> None:
    odd = "<b>m</b>[bold]|=1"
    document = made({name: ran(name, "gold", used(1, 0.5, odd)) for name in "ab"})

    page = make_page(document, tmp_path)

    assert "<b>m</b>" not in page and "&lt;b&gt;m" in page
    assert odd in printed(document)
