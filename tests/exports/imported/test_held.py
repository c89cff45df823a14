"""What holds imported groups: reports, bundles, boards, reviews and exports take them for what they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.evidence.bundle import make_bundle
from mlebench.evidence.review.review import ReviewOptions, review
from mlebench.evidence.verify import VerifyOptions, verify_bundle
from mlebench.exports.imported.groups import Options, import_runs
from mlebench.exports.imported.harbor_job import read_harbor_job
from mlebench.registry import Registry
from mlebench.reports.board import make_board
from mlebench.reports.places import load_results
from mlebench.runs.group import Group
from tests.exports.imported.conftest import Job

SUBMISSION = "id,y\na,1\nb,1\n"


def imported(job: Job, registry: Registry, **options: object) -> Group:
    outcome = import_runs([read_harbor_job(job.folder)], Options(job.folder.parent / "runs", registry, **options))  # type: ignore[arg-type]
    return outcome.made[0].group


@pytest.fixture
def group(job: Job, registry: Registry) -> Group:
    """Three trials; the first two came with a submission, and the third was not graded."""
    job.trial(submission=SUBMISSION)
    job.trial("timed_out", submission=SUBMISSION)
    job.trial("no_environment")
    job.trial(task_name="other")
    return imported(job, registry)


def test_a_report_says_whose_results_they_are(group: Group) -> None:
    (results,) = load_results([group.folder])
    assert "job was imported from the Harbor job job, 2 results as stated by Harbor; 1 run could not be imported" in results.notes
    assert [results.seeds[seed]["toy-a"].failed_by_infrastructure for seed in range(3)] == [False, False, True]
    usage = results.seeds[0]["toy-a"].details
    assert usage is not None and usage.usage is None and usage.reported_usage is not None
    assert usage.reported_usage.cost_usd == 0.25


def test_results_that_were_graded_here_are_told_apart(group: Group, job: Job) -> None:
    job.trial()
    again = imported(job, Registry(job.folder.parent / "data"), name="again", regrade=True)
    (results,) = load_results([again.folder])
    assert any("1 result as stated by Harbor and 2 results graded here" in note for note in results.notes)
    assert results.conditions.competition_versions == {"toy-a": 1}


def test_a_run_that_was_imported_twice_counts_once(group: Group, job: Job, registry: Registry) -> None:
    again = imported(job, registry, name="again")
    with pytest.raises(UsageError, match=r"3 runs of it are also in .*/job, imported again; pass only one of them"):
        load_results([group.folder, again.folder])
    (results,) = load_results([group.folder.parent])
    assert len(results.seeds) == 3 and any("is skipped: 3 runs of it are also in" in note for note in results.notes)


def test_a_bundle_claims_nothing_that_nobody_can_know(group: Group, tmp_path: Path) -> None:
    verdict = verify_bundle(make_bundle([group], tmp_path / "b.zip").path)
    assert verdict.holds, [finding.text for level in verdict.levels for finding in level.findings]
    states = {level.name: level.state for level in verdict.levels}
    assert states == {
        "files": "holds",
        **dict.fromkeys(("signature", "plan", "ledgers", "scores", "sealed", "rules"), "not claimed"),
    }
    assert "its limits are unknown" in verdict.level("plan").summary
    assert [flag.message for flag in verdict.level("plan").flags] == ["it was imported; 2 of 2 results as stated by Harbor"]


def test_results_that_were_graded_here_can_be_verified(job: Job, registry: Registry, tmp_path: Path) -> None:
    job.trial(submission=SUBMISSION)
    group = imported(job, registry, regrade=True)
    level = verify_bundle(make_bundle([group], tmp_path / "b.zip").path, VerifyOptions(regrade=True)).level("scores")
    assert (level.state, level.findings) == ("holds", ()), level.summary


def test_a_submission_that_was_changed_is_noticed(group: Group, tmp_path: Path) -> None:
    (group.run_dir("toy-a_seed0") / "submission" / "submission.csv").write_text("id,y\na,0\nb,2\n")
    level = verify_bundle(make_bundle([group], tmp_path / "b.zip").path).level("scores")
    assert level.state == "fails" and "the record has a different hash" in level.findings[0].message


@pytest.mark.parametrize(
    ("part", "value", "words"),
    [
        ("conditions", {"network": "none"}, "`conditions.network` states something unknowable"),
        ("conditions", {"sandbox": "docker"}, "`conditions.sandbox` states something unknowable"),
        ("plan", {"seeds": [0, 1, 2, 3], "agent_fingerprint": "abc"}, "the plan does not match the hash in the records"),
    ],
)
def test_an_imported_group_that_claims_more_fails(
    group: Group, tmp_path: Path, part: str, value: dict[str, object], words: str
) -> None:
    path = group.folder / "group.yaml"
    content = yaml.safe_load(path.read_text())
    content[part] |= value
    path.write_text(yaml.safe_dump(content))
    level = verify_bundle(make_bundle([Group.open(group.folder)], tmp_path / "b.zip").path).level("plan")
    assert level.state == "fails" and any(words in finding.message for finding in level.findings)


def test_rules_want_runs_of_this_harness_and_a_board_without_rules_shows_a_flag(group: Group, tmp_path: Path) -> None:
    (tmp_path / "bundles").mkdir()
    path = make_bundle([group], tmp_path / "bundles" / "b.zip").path
    rules = verify_bundle(path, VerifyOptions(rules="standard")).level("rules")
    assert any(
        "it was imported from the Harbor job job; the rules require runs of this harness" in one.message for one in rules.findings
    )
    board = make_board(tmp_path / "bundles", verify_bundle, title="Board", rules=None)
    (row,) = board.rows
    assert any("it was imported; 2 of 2 results as stated by Harbor" in flag for flag in row.flags)
    assert row.to_dict()["network"] is None and row.to_dict()["hours"] is None


def test_a_review_looks_at_what_is_there(group: Group) -> None:
    (group.run_dir("toy-a_seed0") / "code").mkdir()
    (group.run_dir("toy-a_seed0") / "code" / "get.py").write_text("import requests\nrequests.get('https://kaggle.com/c/toy')\n")
    found = review([group.folder], ReviewOptions(rules=("network-attempt", "submission-equals-public-file")), lambda *words: None)
    named = {finding.rule for one in found.groups for finding in one.findings}
    # what an agent of another harness could reach is not known, so that reaching it breaks no rule
    assert named == {"submission-equals-public-file"}


def test_trajectories_are_refused_in_one_sentence(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "atif", str(group.folder)]) == 1
    assert capsys.readouterr().err == (
        "mlebench export: job was imported from the Harbor job job, so no ledger records what its agents asked\n"
    )


def test_runs_offers_no_command_that_is_refused(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", str(group.folder)]) == 0
    assert "--resume" not in capsys.readouterr().out
    assert main(["run", "--resume", "job"]) == 2
    assert "cannot be resumed" in capsys.readouterr().err
