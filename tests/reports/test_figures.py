"""The figures of results, worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.registry import Registry
from mlebench.reports.figures import compute_figures, normalized_score
from mlebench.reports.results import GradedRun, GradedSnapshot, Results, RunDetails
from mlebench.reports.selection import CompetitionInfo, Selection, default_selections, info_of, registry_in, select
from mlebench.runs.conditions import Conditions
from tests.reports.builders import report, results, seed_of

FOUR = Selection("four", ("a", "b", "c", "d"))
FIRST = {"a": "gold", "b": "silver", "c": "none", "d": "missing"}
SECOND = {"a": "bronze", "b": "invalid", "c": "above", "d": "none"}


ABOUT = {name: info_of(name, Registry()) for name in "abcdex"}


def about(names: Iterable[str], edition: str = "v1") -> dict[str, CompetitionInfo]:
    return {name: info_of(name, registry_in(edition)) for name in names}


def test_percentages_over_two_seeds() -> None:
    figures = compute_figures(results(seed_of(FIRST), seed_of(SECOND)), FOUR, ABOUT)

    # with two seeds the standard error is half their distance
    metrics = {name: (figure.mean, figure.standard_error) for name, figure in figures.metrics.items()}
    assert metrics == {
        "any_medal_percentage": (37.5, 12.5),
        "gold_medal_percentage": (12.5, 12.5),
        "silver_medal_percentage": (12.5, 12.5),
        "bronze_medal_percentage": (12.5, 12.5),
        "above_median_percentage": (50, 0),
        "valid_submissions_percentage": (75, 0),
        "submission_exists_percentage": (87.5, 12.5),
    }
    assert figures.per_seed == [50, 25]
    # a: 2 of 2, b: 1 of 2; pass@1 = (1 + ½)/4, pass@2 = (1 + 1)/4
    assert [(point.k, point.percentage) for point in figures.pass_at_k] == [(1, 37.5), (2, 50)]


def test_outcomes_are_counted_apart() -> None:
    counts = compute_figures(results(seed_of(FIRST), seed_of(SECOND)), FOUR, ABOUT).counts

    assert (counts.runs, counts.valid, counts.invalid, counts.missing) == (8, 6, 1, 1)
    assert (counts.infrastructure, counts.not_graded) == (0, 0)
    assert counts.invalid_reasons == {"column `y` is missing": 1}


def test_an_incomplete_seed_is_refused_with_what_is_missing() -> None:
    gap = {name: outcome for name, outcome in SECOND.items() if name not in "bd"}

    with pytest.raises(UsageError, match=r"lacks 2 reports for four: b, seed 1; d, seed 1.*--pad-missing"):
        compute_figures(results(seed_of(FIRST), seed_of(gap)), FOUR, ABOUT)


def test_padded_runs_are_failures_and_marked() -> None:
    gap = {name: outcome for name, outcome in SECOND.items() if name != "a"}

    figures = compute_figures(results(seed_of(FIRST), seed_of(gap)), FOUR, ABOUT, pad_missing=True)

    assert figures.per_seed == [50, 0]
    assert figures.padded == ["a, seed 1"]
    assert figures.counts.not_graded == 1
    assert figures.metrics["submission_exists_percentage"].mean == pytest.approx(100 * (3 / 4 + 3 / 4) / 2)


def test_a_competition_nobody_ran_is_missing_in_every_seed() -> None:
    wider = Selection("five", (*FOUR.competition_ids, "e"))

    with pytest.raises(UsageError, match="lacks 1 reports for five: e, seed 0"):
        compute_figures(results(seed_of(FIRST)), wider, ABOUT)


def test_runs_outside_the_selection_do_not_count() -> None:
    figures = compute_figures(results(seed_of(FIRST), seed_of({"z": "gold"})), FOUR, ABOUT)

    assert (figures.seeds, figures.per_seed) == (1, [50])
    with pytest.raises(UsageError, match="ours has no runs in other"):
        compute_figures(results(seed_of(FIRST)), Selection("other", ("x",)), ABOUT)


def group(runs: dict[str, GradedRun]) -> Results:
    return Results(Conditions("ours"), {0: runs}, ("group",))


def test_infrastructure_failures_are_nobodys_invalid_submission() -> None:
    lost = RunDetails(Path("d"), state="failed", failure_class="infrastructure")
    runs = {name: GradedRun(report(name, outcome)) for name, outcome in FIRST.items()}
    runs["b"] = GradedRun(report("b", "invalid", error_kind="grader_error"))
    runs["d"] = GradedRun(None, lost)

    with pytest.raises(UsageError, match="d, seed 0"):
        compute_figures(group(runs), FOUR, ABOUT)
    figures = compute_figures(group(runs), FOUR, ABOUT, pad_missing=True)

    assert (figures.counts.valid, figures.counts.invalid, figures.counts.infrastructure) == (2, 0, 2)
    assert figures.per_seed == [25]


def test_best_snapshot_beside_last_submission() -> None:
    runs = {name: GradedRun(report(name, outcome)) for name, outcome in FIRST.items()}
    runs["c"] = replace(
        runs["c"], snapshots=(GradedSnapshot(60, report("c", "gold")), GradedSnapshot(120, report("c", "invalid")))
    )
    runs["d"] = replace(runs["d"], snapshots=(GradedSnapshot(60, report("d", "none")),))

    figures = compute_figures(group(runs), FOUR, ABOUT)

    assert figures.metrics["any_medal_percentage"].mean == 50
    assert figures.best_snapshot is not None
    assert figures.best_snapshot.mean == 75


def test_known_leaks_and_faults_are_left_out_by_name() -> None:
    ids = Registry().list_competition_ids("low")
    leaky = [name for name, info in about(ids).items() if info.known_leaks]
    assert leaky
    outcomes = {name: "gold" if name in leaky else "none" for name in ids}

    figures = compute_figures(results(seed_of(outcomes)), Selection("low", tuple(ids)), about(ids))

    assert figures.metrics["any_medal_percentage"].mean == pytest.approx(100 * len(leaky) / 22)
    assert figures.without_known_leaks.metrics["any_medal_percentage"].mean == 0
    assert figures.without_known_leaks.competitions == 22 - len(leaky)
    assert set(figures.without_known_leaks.excluded) == set(leaky)
    assert set(figures.without_known_issues.excluded) >= set(leaky)


def test_edition_v2_has_its_leaks_mended() -> None:
    assert not any(info.known_issues for info in about(Registry().list_competition_ids("all"), "v2").values())


def test_normalized_score() -> None:
    assert normalized_score(report("a", "gold")) == pytest.approx(1)
    assert normalized_score(report("a", "none")) == pytest.approx(-0.25)
    assert normalized_score(report("a", "missing")) is None
    assert normalized_score(report("a", "gold", median_threshold=0.9)) is None
    lower = report("a", "gold", score=0.3, gold_threshold=0.1, median_threshold=0.5, is_lower_better=True)
    assert normalized_score(lower) == pytest.approx(0.5)


def test_selection_by_what_was_run() -> None:
    low, medium, everything = (set(Registry().list_competition_ids(split)) for split in ("low", "medium", "all"))

    def chosen(present: set[str]) -> list[str]:
        return [selection.name for selection in default_selections(present, Registry())]

    assert chosen(everything) == ["low", "medium", "high", "all"]
    assert chosen(low) == ["low"]
    assert chosen(medium) == ["medium"]
    assert chosen(everything - {"leaf-classification"}) == ["low", "medium", "high", "all"]
    assert chosen({"leaf-classification"}) == ["selection"]


def test_selection_by_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("# mine\nleaf-classification\n\nAI4Code\n")

    assert select([str(path)], [], Registry()) == [Selection("mine", ("leaf-classification", "AI4Code"))]
    with pytest.raises(
        UsageError, match=r"unknown split `lwo`, and no such file; did you mean `low`\? Otherwise give low, medium"
    ):
        select(["lwo"], [], Registry())
