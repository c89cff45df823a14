"""A program that a type checker reads and nothing runs: what it knows of the results of `import mlebench`."""

from pathlib import Path
from typing import assert_type

import pandas as pd

import mlebench


def competitions() -> None:
    listed = mlebench.list_competitions("low", modality="tabular")
    assert_type(listed, list[mlebench.Competition])
    assert_type(listed[0].id, str)
    wine = mlebench.prepare("demo-wine", data_dir="data", listener=lambda step: print(step.subject, step.done))
    assert_type(wine, mlebench.Competition)
    assert_type(mlebench.make_mock(wine, "raw"), Path)
    assert_type(mlebench.status(data_dir="data"), list[mlebench.DataStatus])
    assert_type(mlebench.audit(wine), mlebench.Audit)
    assert_type(mlebench.Registry("data").get_competition("demo-wine"), mlebench.Competition)


def submissions(wine: mlebench.Competition) -> None:
    report = mlebench.grade_csv("submission.csv", wine)
    assert_type(report, mlebench.CompetitionReport)
    assert_type(report.score, float | None)
    assert_type(mlebench.validate_submission("submission.csv", wine), tuple[bool, str])
    reports = mlebench.grade_many([("demo-wine", "submission.csv"), ("demo-wine", None)], jobs=2)
    assert_type(reports, list[mlebench.CompetitionReport])
    assert_type(mlebench.aggregate_reports(reports), mlebench.AggregateReport)
    assert_type(mlebench.grade_jsonl("submissions.jsonl", "reports"), mlebench.AggregateReport)


def runs() -> None:
    for preview in mlebench.preview_run(agents="dummy", competitions=["demo-wine"], sandbox="plain"):
        assert_type(preview, mlebench.Preview)
        assert_type(preview.plan, mlebench.Plan)
    [group] = mlebench.run(agents="dummy", competitions=["demo-wine"], sandbox="plain", display=mlebench.Silent())
    assert_type(group, mlebench.GroupResult)
    assert_type(group.runs[0], mlebench.RunRecord)
    assert_type(group.to_frame(), pd.DataFrame)
    assert_type(mlebench.load_group("latest"), mlebench.GroupResult)
    assert_type(mlebench.list_groups(), list[mlebench.GroupResult])
    assert_type(mlebench.grade_group(group), mlebench.AggregateReport)
    report = mlebench.report(group)
    assert_type(report, mlebench.Report)
    assert_type(report.to_frame(), pd.DataFrame)
    assert_type(report.to_json(), str)
    assert_type(mlebench.review(group), mlebench.Review)
    bundle = mlebench.bundle(group, "first.mlebench.zip")
    assert_type(bundle, mlebench.Bundle)
    assert_type(mlebench.verify(bundle.path), mlebench.Verdict)


def errors() -> None:
    try:
        mlebench.grade_csv("submission.csv", "demo-wine")
    except (mlebench.NotPrepared, mlebench.UsageError, mlebench.WorkFailed) as error:
        print(error)
    except mlebench.MlebenchError as error:
        assert_type(str(error), str)
