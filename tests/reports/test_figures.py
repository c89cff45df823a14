"""The figures of an experiment, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.reports.figures import normalized_score, summarize
from mlebench.reports.results import Batch, Conditions, Experiment, GradedRun, RunDetails, Snapshot, make_experiments
from mlebench.reports.selection import Catalog, Selection, default_selections, select
from tests.reports.builders import experiment, report, seed_of

FOUR = Selection("four", ("a", "b", "c", "d"))
FIRST = {"a": "gold", "b": "silver", "c": "none", "d": "missing"}
SECOND = {"a": "bronze", "b": "invalid", "c": "above", "d": "none"}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog("v1")


def test_percentages_over_two_seeds(catalog: Catalog) -> None:
    summary = summarize(experiment(seed_of(FIRST), seed_of(SECOND)), FOUR, catalog)

    # with two seeds the standard error is half their distance
    figures = {name: (figure.mean, figure.standard_error) for name, figure in summary.metrics.items()}
    assert figures == {
        "any_medal_percentage": (37.5, 12.5),
        "gold_medal_percentage": (12.5, 12.5),
        "silver_medal_percentage": (12.5, 12.5),
        "bronze_medal_percentage": (12.5, 12.5),
        "above_median_percentage": (50, 0),
        "valid_submissions_percentage": (75, 0),
        "submission_exists_percentage": (87.5, 12.5),
    }
    assert summary.per_seed == [50, 25]
    # a: 2 of 2, b: 1 of 2; pass@1 = (1 + ½)/4, pass@2 = (1 + 1)/4
    assert [(point.k, point.percentage) for point in summary.pass_at_k] == [(1, 37.5), (2, 50)]


def test_outcomes_are_counted_apart(catalog: Catalog) -> None:
    counts = summarize(experiment(seed_of(FIRST), seed_of(SECOND)), FOUR, catalog).counts

    assert (counts.runs, counts.valid, counts.invalid, counts.missing) == (8, 6, 1, 1)
    assert (counts.infrastructure, counts.not_graded) == (0, 0)
    assert counts.invalid_reasons == {"column `y` is missing": 1}


def test_an_incomplete_seed_is_refused_with_what_is_missing(catalog: Catalog) -> None:
    gap = {name: outcome for name, outcome in SECOND.items() if name not in "bd"}

    with pytest.raises(UsageError, match=r"lacks 2 reports for four: b, seed 1; d, seed 1.*--pad-missing"):
        summarize(experiment(seed_of(FIRST), seed_of(gap)), FOUR, catalog)


def test_padded_runs_are_failures_and_marked(catalog: Catalog) -> None:
    gap = {name: outcome for name, outcome in SECOND.items() if name != "a"}

    summary = summarize(experiment(seed_of(FIRST), seed_of(gap)), FOUR, catalog, pad_missing=True)

    assert summary.per_seed == [50, 0]
    assert summary.padded == ["a, seed 1"]
    assert summary.counts.not_graded == 1
    assert summary.metrics["submission_exists_percentage"].mean == pytest.approx(100 * (3 / 4 + 3 / 4) / 2)


def test_a_competition_nobody_ran_is_missing_in_every_seed(catalog: Catalog) -> None:
    wider = Selection("five", (*FOUR.competition_ids, "e"))

    with pytest.raises(UsageError, match="lacks 1 reports for five: e, seed 0"):
        summarize(experiment(seed_of(FIRST)), wider, catalog)


def test_runs_outside_the_selection_do_not_count(catalog: Catalog) -> None:
    summary = summarize(experiment(seed_of(FIRST), seed_of({"z": "gold"})), FOUR, catalog)

    assert (summary.seeds, summary.per_seed) == (1, [50])
    with pytest.raises(UsageError, match="no run of ours belongs to other"):
        summarize(experiment(seed_of(FIRST)), Selection("other", ("x",)), catalog)


def group(runs: dict[str, GradedRun]) -> Experiment:
    (made,) = make_experiments([Batch("group", Conditions("ours"), {0: runs})])
    return made


def test_infrastructure_failures_are_nobodys_invalid_submission(catalog: Catalog) -> None:
    lost = RunDetails(Path("d"), state="failed", failure_class="infrastructure")
    runs = {name: GradedRun(report(name, outcome)) for name, outcome in FIRST.items()}
    runs["b"] = GradedRun(report("b", "invalid", error_kind="grader_error"))
    runs["d"] = GradedRun(None, lost)

    with pytest.raises(UsageError, match="d, seed 0"):
        summarize(group(runs), FOUR, catalog)
    summary = summarize(group(runs), FOUR, catalog, pad_missing=True)

    assert (summary.counts.valid, summary.counts.invalid, summary.counts.infrastructure) == (2, 0, 2)
    assert summary.per_seed == [25]


def test_best_snapshot_beside_last_submission(catalog: Catalog) -> None:
    runs = {name: GradedRun(report(name, outcome)) for name, outcome in FIRST.items()}
    runs["c"] = replace(runs["c"], snapshots=(Snapshot(60, report("c", "gold")), Snapshot(120, report("c", "invalid"))))
    runs["d"] = replace(runs["d"], snapshots=(Snapshot(60, report("d", "none")),))

    summary = summarize(group(runs), FOUR, catalog)

    assert summary.metrics["any_medal_percentage"].mean == 50
    assert summary.best_snapshot is not None
    assert summary.best_snapshot.mean == 75


def test_known_leaks_and_faults_are_left_out_by_name() -> None:
    catalog = Catalog("v1")
    ids = catalog.split("low").competition_ids
    leaky = [name for name in ids if catalog.info(name).known_leaks]
    assert leaky
    outcomes = {name: "gold" if name in leaky else "none" for name in ids}

    summary = summarize(experiment(seed_of(outcomes)), Selection("low", ids), catalog)

    assert summary.metrics["any_medal_percentage"].mean == pytest.approx(100 * len(leaky) / 22)
    assert summary.without_known_leaks.metrics["any_medal_percentage"].mean == 0
    assert summary.without_known_leaks.competitions == 22 - len(leaky)
    assert set(summary.without_known_leaks.excluded) == set(leaky)
    assert set(summary.without_known_issues.excluded) >= set(leaky)


def test_edition_v2_has_its_leaks_mended() -> None:
    catalog = Catalog("v2")

    assert not any(catalog.info(name).known_issues for name in catalog.split("all").competition_ids)


def test_normalized_score() -> None:
    assert normalized_score(report("a", "gold")) == pytest.approx(1)
    assert normalized_score(report("a", "none")) == pytest.approx(-0.25)
    assert normalized_score(report("a", "missing")) is None
    assert normalized_score(report("a", "gold", median_threshold=0.9)) is None
    lower = report("a", "gold", score=0.3, gold_threshold=0.1, median_threshold=0.5, is_lower_better=True)
    assert normalized_score(lower) == pytest.approx(0.5)


def test_selection_by_what_was_run(catalog: Catalog) -> None:
    low, medium = set(catalog.split("low").competition_ids), set(catalog.split("medium").competition_ids)
    everything = set(catalog.split("all").competition_ids)

    def chosen(present: set[str]) -> list[str]:
        return [selection.name for selection in default_selections(present, catalog)]

    assert chosen(everything) == ["low", "medium", "high", "all"]
    assert chosen(low) == ["low"]
    assert chosen(medium) == ["medium"]
    assert chosen(everything - {"leaf-classification"}) == ["low", "medium", "high", "all"]
    assert chosen({"leaf-classification"}) == ["selection"]


def test_selection_by_file(tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("# mine\nleaf-classification\n\nAI4Code\n")

    assert select([str(path)], [], catalog) == [Selection("mine", ("leaf-classification", "AI4Code"))]
    with pytest.raises(UsageError, match=r"no split 'lwo' and no such file; .*--split.* takes low, medium"):
        select(["lwo"], [], catalog)
