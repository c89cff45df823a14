"""A better result than the one that was earned."""

from __future__ import annotations

from typing import Any

from tests.evidence.real_group import INVALID, MEDAL, WITHOUT
from tests.evidence.tampering import Contents, Kinds, sha256

SCORES = Kinds()
REPORT = "grading_report.json"
PLAIN = "demo-wine_seed0"
OTHER = "demo-wine_seed2"
SUBMISSION = ("submission", "submission.csv")
EITHER = (f"{PLAIN}/run.json", REPORT)
GOLD = {"any_medal": True, "gold_medal": True, "silver_medal": False, "bronze_medal": False, "above_median": True}


def both(contents: Contents, run: str, changes: dict[str, Any]) -> None:
    """Change a run's report in both places."""
    with contents.record(run) as record:
        record["report"] |= changes
    with contents.graded(run) as report:
        report |= changes


def in_record(contents: Contents, run: str, changes: dict[str, Any]) -> None:
    with contents.record(run) as record:
        record["report"] |= changes


def in_report(contents: Contents, run: str, changes: dict[str, Any]) -> None:
    with contents.graded(run) as report:
        report |= changes


def totals(contents: Contents) -> None:
    """Count the grading report anew."""
    with contents.report() as report:
        reports = report["competition_reports"]
        report["total_runs"] = len(reports)
        for total, flag in {
            "total_runs_with_submissions": "submission_exists",
            "total_valid_submissions": "valid_submission",
            "total_medals": "any_medal",
            "total_gold_medals": "gold_medal",
            "total_silver_medals": "silver_medal",
            "total_bronze_medals": "bronze_medal",
            "total_above_median": "above_median",
        }.items():
            report[total] = sum(1 for one in reports if one[flag])


def put_submission(contents: Contents, run: str, content: bytes, is_hashed: bool = True) -> None:
    contents.files[contents.name(run, *SUBMISSION)] = content
    if is_hashed:
        with contents.record(run) as record:
            record["submission_sha256"] = sha256(content)


@SCORES.fails("scores", f"{PLAIN}/run.json")
def better_score_in_the_record(contents: Contents) -> None:
    in_record(contents, PLAIN, {"score": 0.4})


@SCORES.fails("scores", *EITHER)
def better_score_in_the_grading_report(contents: Contents) -> None:
    in_report(contents, PLAIN, {"score": 0.4})


@SCORES.fails("scores", f"{PLAIN}/run.json", regrade=True)
def slightly_better_score_in_both(contents: Contents) -> None:
    both(contents, PLAIN, {"score": 0.5244})


@SCORES.fails("scores", f"{PLAIN}/run.json", regrade=True)
def gold_in_both_with_all_that_follows(contents: Contents) -> None:
    both(contents, PLAIN, {"score": 0.01, **GOLD, "rank": 1, "percentile": 100.0})
    totals(contents)


@SCORES.fails("scores", f"{PLAIN}/run.json")
def gold_score_without_its_medal(contents: Contents) -> None:
    both(contents, PLAIN, {"score": 0.01})


@SCORES.fails("scores", f"{PLAIN}/run.json")
def medal_without_its_score(contents: Contents) -> None:
    both(contents, PLAIN, GOLD)
    totals(contents)


@SCORES.fails("scores", f"{MEDAL}/run.json", REPORT)
def medal_in_the_record_alone(contents: Contents) -> None:
    in_record(contents, MEDAL, GOLD)


@SCORES.fails("scores", f"{MEDAL}/run.json", REPORT)
def medal_in_the_grading_report_alone(contents: Contents) -> None:
    in_report(contents, MEDAL, GOLD)
    totals(contents)


@SCORES.fails("scores", f"{MEDAL}/run.json")
def silver_in_place_of_bronze(contents: Contents) -> None:
    both(contents, MEDAL, {"silver_medal": True, "bronze_medal": False})
    totals(contents)


@SCORES.fails("scores", f"{PLAIN}/run.json")
def above_the_median_that_it_missed(contents: Contents) -> None:
    both(contents, PLAIN, {"above_median": True})
    totals(contents)


@SCORES.fails("scores", f"{PLAIN}/run.json")
def easier_thresholds(contents: Contents) -> None:
    both(
        contents,
        PLAIN,
        {"gold_threshold": 0.6, "silver_threshold": 0.7, "bronze_threshold": 0.8, "median_threshold": 0.9, **GOLD},
    )
    totals(contents)


@SCORES.fails("scores", f"{PLAIN}/run.json")
def no_thresholds(contents: Contents) -> None:
    none = dict.fromkeys(("gold_threshold", "silver_threshold", "bronze_threshold", "median_threshold"))
    both(contents, PLAIN, none)


@SCORES.fails("scores", f"{PLAIN}/run.json")
def other_direction(contents: Contents) -> None:
    both(contents, PLAIN, {"is_lower_better": False, **GOLD})
    totals(contents)


@SCORES.fails("scores", f"{PLAIN}/run.json")
def better_rank(contents: Contents) -> None:
    both(contents, PLAIN, {"rank": 1, "percentile": 100.0})


@SCORES.fails("scores", f"{PLAIN}/run.json")
def larger_board(contents: Contents) -> None:
    both(contents, PLAIN, {"leaderboard_size": 100_000})


@SCORES.fails("scores", f"{PLAIN}/run.json")
def other_version_of_the_competition(contents: Contents) -> None:
    both(contents, PLAIN, {"competition_version": 2})


@SCORES.fails("scores", f"{PLAIN}/run.json")
def report_of_another_edition(contents: Contents) -> None:
    both(contents, PLAIN, {"edition": "v2"})


@SCORES.fails("scores", f"{PLAIN}/run.json")
def report_of_another_split_key(contents: Contents) -> None:
    both(contents, PLAIN, {"split_key_hash": "0123456789ab"})


@SCORES.fails("scores", f"{PLAIN}/run.json")
def report_of_mock_data(contents: Contents) -> None:
    both(contents, PLAIN, {"data": "mock"})


@SCORES.fails("scores", f"{PLAIN}/run.json")
def report_of_another_competition(contents: Contents) -> None:
    both(contents, PLAIN, {"competition_id": "demo-diabetes"})


@SCORES.fails("scores", f"{PLAIN}/run.json")
def report_of_another_run(contents: Contents) -> None:
    with contents.record(OTHER) as record:
        better = record["report"]
    in_record(contents, PLAIN, better)


@SCORES.fails("scores", f"{PLAIN}/run.json")
def report_of_another_seed(contents: Contents) -> None:
    both(contents, PLAIN, {"seed": 2})


@SCORES.fails("scores", f"{INVALID}/run.json")
def invalid_submission_called_valid(contents: Contents) -> None:
    both(contents, INVALID, {"valid_submission": True, "error": None, "error_kind": None})
    totals(contents)


@SCORES.fails("scores", f"{INVALID}/run.json", regrade=True)
def invalid_submission_called_valid_with_a_score(contents: Contents) -> None:
    with contents.record("demo-breast-cancer_seed0") as record:
        changes = {key: record["report"][key] for key in ("score", "rank", "percentile", "above_median", "error", "error_kind")}
    both(contents, INVALID, {"valid_submission": True, **changes})
    with contents.record(INVALID) as record:
        record["reason"], record["detail"] = "exited", "exited (0)"
    totals(contents)


@SCORES.fails("scores", f"{WITHOUT}/run.json")
def missing_submission_called_there(contents: Contents) -> None:
    both(
        contents, WITHOUT, {"submission_exists": True, "valid_submission": True, "score": 0.5, "error": None, "error_kind": None}
    )
    totals(contents)


@SCORES.fails("scores", f"{PLAIN}/run.json")
def score_that_is_no_number(contents: Contents) -> None:
    both(contents, PLAIN, {"score": "0.1"})


@SCORES.fails("scores", f"{PLAIN}/run.json")
def no_report_of_a_run_that_has_a_submission(contents: Contents) -> None:
    with contents.record(PLAIN) as record:
        record["report"] = None


@SCORES.fails("scores", f"{PLAIN}/submission/submission.csv", f"{PLAIN}/run.json")
def submission_of_another_seed(contents: Contents) -> None:
    put_submission(contents, PLAIN, contents.files[contents.name(OTHER, *SUBMISSION)], is_hashed=False)


@SCORES.fails("scores", f"{PLAIN}/submission/submission.csv", f"{PLAIN}/run.json")
def submissions_of_two_seeds_in_each_others_place(contents: Contents) -> None:
    first, second = (contents.files[contents.name(run, *SUBMISSION)] for run in (PLAIN, OTHER))
    put_submission(contents, PLAIN, second, is_hashed=False)
    put_submission(contents, OTHER, first, is_hashed=False)


@SCORES.fails("scores", f"{PLAIN}/run.json", f"{PLAIN}/submission/submission.csv", regrade=True)
def submission_of_another_seed_with_its_hash(contents: Contents) -> None:
    put_submission(contents, PLAIN, contents.files[contents.name(OTHER, *SUBMISSION)])


@SCORES.fails("scores", f"{PLAIN}/submission/submission.csv", f"{PLAIN}/run.json")
def empty_submission(contents: Contents) -> None:
    put_submission(contents, PLAIN, b"", is_hashed=False)


@SCORES.fails("scores", f"{PLAIN}/submission/submission.csv", f"{PLAIN}/run.json", regrade=True)
def empty_submission_with_its_hash(contents: Contents) -> None:
    put_submission(contents, PLAIN, b"")


@SCORES.fails("scores", f"{PLAIN}/submission/submission.csv", f"{PLAIN}/run.json")
def submission_with_one_byte_more(contents: Contents) -> None:
    put_submission(contents, PLAIN, contents.files[contents.name(PLAIN, *SUBMISSION)] + b"\n", is_hashed=False)


@SCORES.fails("scores", f"{PLAIN}/submission/submission.csv", f"{PLAIN}/run.json")
def submission_taken_out(contents: Contents) -> None:
    del contents.files[contents.name(PLAIN, *SUBMISSION)]


@SCORES.fails("scores", f"{PLAIN}/submission/submission.csv", f"{PLAIN}/run.json")
def submission_left_out_under_another_hash(contents: Contents) -> None:
    name = contents.name(PLAIN, *SUBMISSION)
    contents.statement["predicate"]["left_out"] += [{"name": name, "reason": "large", "size": 10**9, "sha256": "0" * 64}]
    del contents.files[name]


@SCORES.fails("scores", f"{PLAIN}/submission/submission.csv")
def submission_left_out_as_a_link(contents: Contents) -> None:
    name = contents.name(PLAIN, *SUBMISSION)
    contents.statement["predicate"]["left_out"] += [{"name": name, "reason": "a link", "size": None, "sha256": None}]
    del contents.files[name]


@SCORES.fails("scores", f"{PLAIN}/run.json", f"{PLAIN}/submission/submission.csv")
def hash_of_another_submission(contents: Contents) -> None:
    with contents.record(PLAIN) as record:
        record["submission_sha256"] = "0" * 64


@SCORES.fails("scores", f"{PLAIN}/run.json", f"{PLAIN}/submission/submission.csv")
def no_hash_of_the_submission(contents: Contents) -> None:
    with contents.record(PLAIN) as record:
        record["submission_sha256"] = None


@SCORES.fails("scores", f"{WITHOUT}/run.json", f"{WITHOUT}/submission/submission.csv")
def submission_of_a_run_that_had_none(contents: Contents) -> None:
    contents.files[contents.name(WITHOUT, *SUBMISSION)] = contents.files[contents.name("demo-digits_seed0", *SUBMISSION)]


@SCORES.fails("scores", REPORT)
def more_medals_in_the_totals(contents: Contents) -> None:
    with contents.report() as report:
        report["total_medals"] = report["total_gold_medals"] = 5


@SCORES.fails("scores", REPORT)
def report_of_a_bad_seed_dropped(contents: Contents) -> None:
    with contents.report() as report:
        report["competition_reports"] = [one for one in report["competition_reports"] if one["run_id"] != PLAIN]
    totals(contents)


@SCORES.fails("scores", REPORT)
def report_of_a_good_seed_twice(contents: Contents) -> None:
    with contents.report() as report:
        report["competition_reports"] += [one for one in report["competition_reports"] if one["run_id"] == MEDAL]
    totals(contents)


@SCORES.fails("scores", REPORT)
def report_of_a_bad_seed_replaced_by_a_good_one(contents: Contents) -> None:
    with contents.report() as report:
        good = next(one for one in report["competition_reports"] if one["run_id"] == MEDAL)
        report["competition_reports"] = [good if one["run_id"] == INVALID else one for one in report["competition_reports"]]
    totals(contents)


@SCORES.fails("scores", REPORT)
def grading_report_taken_out(contents: Contents) -> None:
    del contents.files[contents.name(REPORT)]


@SCORES.fails("scores", REPORT)
def grading_report_of_another_agent(contents: Contents) -> None:
    with contents.report() as report:
        report["run_group"]["agent"] = "a-better-one"


@SCORES.fails("scores", REPORT)
def grading_report_of_another_group(contents: Contents) -> None:
    with contents.report() as report:
        report["run_group"]["group"] = "another"


@SCORES.fails("scores", REPORT)
def less_usage_in_the_grading_report(contents: Contents) -> None:
    with contents.report() as report:
        report["run_group"]["usage"]["cost_usd"] = 0.0001


@SCORES.fails("scores", REPORT)
def fewer_failures_in_the_grading_report(contents: Contents) -> None:
    with contents.report() as report:
        report["run_group"]["runs_with_several_attempts"] = []


@SCORES.fails("scores", REPORT)
def less_time_in_the_grading_report(contents: Contents) -> None:
    with contents.report() as report:
        report["run_group"]["run_seconds"] = 1.0


@SCORES.fails("scores", REPORT)
def fewer_planned_runs_in_the_grading_report(contents: Contents) -> None:
    with contents.report() as report:
        report["run_group"]["planned_runs"] = 11


@SCORES.fails("scores", "group.yaml")
def mock_data_in_the_digests(contents: Contents) -> None:
    with contents.group() as group:
        group["manifest"]["data"]["demo-wine"]["data"] = "mock"


@SCORES.fails("scores", "group.yaml")
def other_version_in_the_digests(contents: Contents) -> None:
    with contents.group() as group:
        group["manifest"]["data"]["demo-wine"]["competition_version"] = 2


@SCORES.fails("scores", "group.yaml")
def other_split_key_in_the_digests(contents: Contents) -> None:
    with contents.group() as group:
        group["manifest"]["data"]["demo-wine"]["split_key_hash"] = "0123456789ab"
