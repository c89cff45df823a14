"""Level 5: records, reports, submissions and snapshots of a group that was really run, one of which says something else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mlebench.evidence.bundle import make_bundle
from mlebench.evidence.verdict import Level
from mlebench.evidence.verify import VerifyOptions, verify_bundle
from mlebench.runs.group import Group
from mlebench.runs.regrade import regrade_group

RUN = "toy-a_seed0"
Scored = Callable[..., Level]


@pytest.fixture
def scored(group: Group, tmp_path: Path) -> Scored:
    """The level of a bundle of the group as it is now."""

    def look(*, regrade: bool = False, **options: Any) -> Level:
        bundle = make_bundle([group], tmp_path / "b.zip", overwrite=True, **options)
        return verify_bundle(bundle.path, VerifyOptions(regrade=regrade)).level("scores")

    return look


@contextmanager
def edited(path: Path) -> Iterator[Any]:
    content = json.loads(path.read_text())
    yield content
    path.write_text(json.dumps(content, indent=2))


def said(level: Level) -> list[str]:
    assert (level.state == "fails") == bool(level.findings), level
    return [finding.text for finding in level.findings]


def test_a_report_that_is_not_the_records(group: Group, scored: Scored) -> None:
    with edited(group.folder / "grading_report.json") as content:
        content["competition_reports"][0]["score"] = 0.123
    assert said(scored()) == [
        f"groups/group/grading_report.json: `score` of {RUN} differs from the run's record"
    ]  # fmt: skip


def test_a_submission_of_another_hash(group: Group, scored: Scored) -> None:
    path = group.run_dir(RUN) / "submission" / "submission.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    (words,) = said(scored())
    assert words.endswith("it is not the submitted file: the record has a different hash")


def test_a_run_that_ended_by_itself_has_a_report(group: Group, scored: Scored) -> None:
    with edited(group.run_dir(RUN) / "run.json") as record:
        record["report"] = None
    assert f"groups/group/{RUN}/run.json: the run exited but has no grading report" in said(scored())


def test_a_submission_by_hash_is_not_graded_again(scored: Scored) -> None:
    from mlebench.evidence.bundle import Limits

    level = scored(regrade=True, limits=Limits(submission=5))
    assert level.state == "not claimed" and level.summary == "0 of 4 results are the same; submissions are present only as hashes"


class TestSnapshots:
    """What `snapshot_reports.json` says of the copies that were kept along the way."""

    @pytest.fixture
    def reports(self, group: Group) -> Path:
        """Two graded snapshots of the first run, after 0 and 1 s; the second one is invalid."""
        folder = group.run_dir(RUN)
        (folder / "snapshots").mkdir(exist_ok=True)
        for kept in (folder / "snapshots").iterdir():
            kept.unlink()
        (folder / "snapshots" / "000000.csv").write_bytes((folder / "submission" / "submission.csv").read_bytes())
        (folder / "snapshots" / "000001.csv").write_bytes(b"no,submission\n1,2\n")
        regrade_group(group.folder)
        return group.folder / "snapshot_reports.json"

    def test_they_agree_and_are_graded_again(self, reports: Path, scored: Scored) -> None:
        assert scored().state == "not claimed"
        level = scored(regrade=True)
        assert (level.state, level.findings) == ("holds", ())
        assert level.summary == "4 submissions and 2 snapshots graded again here, with the recorded results"

    def test_those_that_nobody_graded_are_no_claim(self, reports: Path, scored: Scored) -> None:
        reports.unlink()
        assert scored(regrade=True).summary.startswith("4 submissions graded again")

    @pytest.mark.parametrize(
        "content",
        [b"", b"[]", b'{"snapshots": {}}', b"\xff\xfe", b"[" * 100_000, b'{"snapshots": 1e999}'],
        ids=["empty", "list", "object", "no text", "deep", "huge number"],
    )
    def test_a_file_of_anything_else(self, reports: Path, scored: Scored, content: bytes) -> None:
        reports.write_bytes(content)
        assert said(scored()) == ["groups/group/snapshot_reports.json: it is not a list of graded snapshots"]

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"run_id": "toy-z_seed0"}, "entry 1 is of toy-z_seed0, which is not a run with a record"),
            ({"run_id": 7}, "entry 1 is not a graded snapshot"),
            ({"seconds": -1}, "entry 1 is not a graded snapshot"),
            ({"seconds": True}, "entry 1 is not a graded snapshot"),
            ({"seconds": 10**9}, "entry 1 is not a graded snapshot"),
            ({"report": None}, "entry 1 is not a graded snapshot"),
            ({"report": {}}, f"the snapshot of {RUN} after 0 s: its report is invalid: a grading report needs `competition_id`"),
            ({"seconds": 1}, f"the snapshot of {RUN} after 1 s: it is listed twice"),
            ({"seconds": 50}, f"the snapshot of {RUN} after 50 s: the bundle neither contains nor omits this snapshot"),
            ({"seconds": 9000}, f"the snapshot of {RUN} after 9000 s: its run did not last as long"),
            (
                {"run_id": "toy-a_seed1"},
                "the snapshot of toy-a_seed1 after 0 s: the bundle neither contains nor omits this snapshot",
            ),
        ],
        ids=str,
    )
    def test_an_entry_that_cannot_be(self, reports: Path, scored: Scored, change: dict[str, Any], words: str) -> None:
        with edited(reports) as content:
            content["snapshots"][0] |= change
        found = said(scored())
        assert any(words in finding for finding in found), found

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"seed": 1}, "its report is of seed 1, and the run of 0"),
            ({"competition_id": "toy-b"}, "its report is of competition id toy-b, and the run of toy-a"),
            ({"gold_medal": True, "any_medal": True}, "its report contradicts itself"),
            ({"gold_threshold": 0.001}, "is not the board's"),
            ({"submission_path": f"{RUN}/snapshots/000001.csv"}, f"its report is of {RUN}/snapshots/000001.csv"),
        ],
        ids=str,
    )
    def test_a_report_that_is_not_of_it(self, reports: Path, scored: Scored, change: dict[str, Any], words: str) -> None:
        with edited(reports) as content:
            content["snapshots"][0]["report"] |= change
        assert any(f"the snapshot of {RUN} after 0 s: " in finding and words in finding for finding in said(scored()))

    def test_another_score_shows_where_it_is_graded_again(self, group: Group, reports: Path, scored: Scored) -> None:
        """Copies have no hash on record: one in place of the kept one shows in what it is worth alone."""
        path = group.run_dir(RUN) / "snapshots" / "000000.csv"
        path.write_bytes(b"no,submission\n1,2\n")
        assert scored().state == "not claimed"
        (words,) = said(scored(regrade=True))
        start = f"groups/group/snapshot_reports.json: the snapshot of {RUN} after 0 s: graded again here, its report changes"
        assert words.startswith(start)

    def test_a_snapshot_that_was_taken_away(self, group: Group, reports: Path, scored: Scored) -> None:
        (group.run_dir(RUN) / "snapshots" / "000000.csv").unlink()
        (words,) = said(scored())
        assert words.endswith("the bundle neither contains nor omits this snapshot")

    def test_those_by_hash_alone_are_not_claimed(self, reports: Path, scored: Scored) -> None:
        level = scored(regrade=True, leave_out={"snapshots"})
        assert (level.state, level.summary) == (
            "not claimed",
            "4 of 6 results are the same; snapshots are present only as hashes",
        )


def test_a_leaderboard_that_was_refreshed_since_contradicts_no_report(
    group: Group, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(made / "data", tmp_path / "data")
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data" / "toy-a" / "leaderboard.csv").write_text("score\n0.9\n0.5\n0.1\n")
    bundle = make_bundle([group], tmp_path / "b.zip")
    level = verify_bundle(bundle.path).level("scores")
    assert level.state == "not claimed", level
