"""Which run groups are averaged, and how those that are not are told apart in every output."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.reports.document import make_report
from mlebench.reports.places import load_results
from mlebench.runs.group import Group
from mlebench.runs.group_report import write_grading_report
from mlebench.runs.plan import PlannedRun
from mlebench.runs.regrade import regrade_group
from tests.reports.builders import report, write_aggregate
from tests.reports.toys import make_group

BRONZE: dict[str, list[float | str | None]] = {"toy-one": [0.25]}
NOTHING: dict[str, list[float | str | None]] = {"toy-one": [0.9]}


def graded_group(tmp_path: Path, toys: Path, name: str, submissions: Any = BRONZE, **changes: Any) -> Path:
    group = make_group(tmp_path / "runs", toys, submissions, name=name, **changes)
    regrade_group(group.folder)
    return group.folder


def rewrite_reports(folder: Path, **changes: Any) -> None:
    """Change every report of a group."""
    group = Group.open(folder)
    for planned in group.plan.runs:
        record = group.record(planned)
        assert record.report is not None
        record.report |= changes
        record.write(group.run_dir(planned.run_id))
    write_grading_report(group)


@pytest.mark.parametrize(
    ("changes", "label", "difference"),
    [
        ({"arguments": {"steps": 100}}, "steps=100", "arguments (steps 1 → 100)"),
        ({"sandbox": "plain"}, "plain", "sandbox (docker → plain)"),
        ({"agent_fingerprint": "fedcba98"}, "files fedcba9", "agent's files (01234567 → fedcba98)"),
        ({"limits": {"time_limit": 60}}, "time limit 1 min", "limits (time limit 2 h → 1 min)"),
        ({"limits": {"network": "none"}}, "network none", "network (open → none)"),
        ({"edition": "v2"}, "v2", "edition (v1 → v2)"),
        ({"obfuscated": True}, "obfuscated text", "task text (plain → obfuscated)"),
    ],
)
def test_groups_that_differ_in_a_part_are_never_averaged_and_the_part_is_named(
    tmp_path: Path,
    toys: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    label: str,
    difference: str,
) -> None:
    same = {"arguments": {"steps": 1}, "agent_fingerprint": "01234567"}
    folders = [
        str(graded_group(tmp_path, toys, "one", BRONZE, **same)),
        str(graded_group(tmp_path, toys, "two", NOTHING, **{**same, **changes})),
    ]

    def output(*words: str) -> str:
        assert main(["report", *folders, *words]) == 0
        return capsys.readouterr().out

    document = json.loads(output("--json"))
    assert document["splits"]["selection"]["per_seed"] == [100]
    assert document["others"][0]["splits"]["selection"]["per_seed"] == [0]
    assert document["others"][0]["results"]["name"] == f"tree/big ({label})"
    assert document["comparisons"][0]["differences"] == [difference]
    printed = " ".join(output().split())
    assert f"tree/big ({label})" in printed
    assert f"Differ in: {difference}" in printed
    assert f"| tree/big ({label}) |" in output("--markdown")
    assert [row["name"] for row in csv.DictReader(output("--csv").splitlines())][1] == f"tree/big ({label})"
    page = tmp_path / "page.html"
    output("--html", str(page))
    text = page.read_text(encoding="utf-8")
    assert f"tree/big ({label})" in text
    assert difference.replace("'", "&#x27;") in text


def test_groups_that_share_nothing_say_why_they_are_not_one(tmp_path: Path, toys: Path) -> None:
    one = graded_group(tmp_path, toys, "one", {"toy-one": [0.25]}, agent_fingerprint="01234567")
    two = graded_group(tmp_path, toys, "two", {"toy-two": [0.25]}, agent_fingerprint="fedcba98")

    with pytest.raises(UsageError, match=r"tree/big \(files fedcba9\) has no run of selection .* differ in agent's files"):
        make_report([one, two])


def test_groups_under_equal_conditions_continue_each_others_seeds(tmp_path: Path, toys: Path) -> None:
    folders = [graded_group(tmp_path, toys, name) for name in ("one", "two")]

    (results,) = load_results(folders)

    assert len(results.seeds) == 2
    assert results.name == "tree/big"


def test_versions_of_a_competition_are_not_averaged(tmp_path: Path, toys: Path) -> None:
    folders = [graded_group(tmp_path, toys, name) for name in ("one", "two", "three")]
    for version, folder in zip((1, 1, 2), folders, strict=True):
        rewrite_reports(folder, competition_version=version)

    first, second = load_results(folders)

    assert (len(first.seeds), len(second.seeds)) == (2, 1)
    assert first.conditions.differences(second.conditions) == ["competition versions (toy-one 1 → 2)"]


def test_versions_within_one_group_are_not_averaged(tmp_path: Path, toys: Path) -> None:
    folder = graded_group(tmp_path, toys, "one", {"toy-one": [0.25, 0.25]})
    group = Group.open(folder)
    record = group.record(PlannedRun("toy-one", 1))
    assert record.report is not None
    rewrite_reports(folder, competition_version=1)
    record.report["competition_version"] = 2
    record.write(group.run_dir("toy-one_seed1"))
    write_grading_report(group)

    with pytest.raises(UsageError, match=r"competition versions \(toy-one 1 → 2\)"):
        load_results([folder])


def test_an_untold_version_in_a_report_file_is_said(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    told.write_text(json.dumps(replace(report("a", "gold"), competition_version=3).to_dict()))
    untold = write_aggregate(tmp_path / "untold.json", [report("a", "none")])

    (results,) = load_results([told, untold])

    assert len(results.seeds) == 2
    assert results.notes == ("some reports do not state the version of a; it is assumed to be the same",)


def test_a_report_file_is_never_taken_for_runs_of_a_group(tmp_path: Path, toys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = graded_group(tmp_path, toys, "one")
    file = write_aggregate(tmp_path / "reports.json", [report("toy-one", "gold")])

    assert main(["report", str(file), str(folder), "--name", "tree/big"]) == 0

    printed = " ".join(capsys.readouterr().out.split())
    assert "tree/big (conditions unknown)" in printed
    assert "Differ in: competition versions (toy-one unknown → 1), arguments, models, limits, sandbox, network, " in printed
    assert "harness (unknown on one side)" in printed


def test_a_damaged_record_is_named_and_the_rest_reported(tmp_path: Path, toys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = graded_group(tmp_path, toys, "one", {"toy-one": [0.25, 0.25]})
    (folder / "toy-one_seed1" / "run.json").write_text("{")

    assert main(["report", str(folder), "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["splits"]["selection"]["per_seed"] == [100, 100]
    assert re.search(r"record of toy-one_seed1 is damaged: .*toy-one_seed1/run\.json", " ".join(document["notes"]))


def test_damaged_reports_are_named_and_read_from_the_records(tmp_path: Path, toys: Path) -> None:
    folder = graded_group(tmp_path, toys, "one", {"toy-one": [0.25, 0.25]})
    (folder / "grading_report.json").write_text("{")
    (folder / "snapshot_reports.json").write_text('{"snapshots": [{"run_id": 1}]}')
    group = Group.open(folder)
    record = group.record(PlannedRun("toy-one", 1))
    record.report = {"score": 1.0}
    record.write(group.run_dir("toy-one_seed1"))

    (results,) = load_results([folder])

    assert [seed["toy-one"].report is not None for seed in results.seeds] == [True, False]
    for name in ("grading_report.json", "snapshot_reports.json", "toy-one_seed1/run.json"):
        assert any(f"{name} is damaged and ignored" in note for note in results.notes)


def test_a_damaged_group_in_a_folder_is_named_and_left_out(tmp_path: Path, toys: Path) -> None:
    sound, damaged = (graded_group(tmp_path, toys, name) for name in ("one", "two"))
    (damaged / "group.yaml").write_text("plan: nothing\n")

    (results,) = load_results([tmp_path / "runs"])

    assert len(results.seeds) == 1
    (note,) = results.notes
    assert re.match(r"two is skipped: .*two/group\.yaml was written by another version", note)
    with pytest.raises(UsageError, match=r"group\.yaml"):
        load_results([sound, damaged])


def test_a_damaged_record_does_not_stop_grading_again(tmp_path: Path, toys: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = graded_group(tmp_path, toys, "one", {"toy-one": [0.25, 0.25]})
    (folder / "toy-one_seed1" / "run.json").write_text("{")

    aggregate = regrade_group(folder)

    assert aggregate.total_runs == 1
    assert re.search(r"toy-one_seed1 is left out: .*run\.json", caplog.text)


def test_groups_alike_in_all_conditions_are_told_apart_by_their_folders_when_set_side_by_side(tmp_path: Path, toys: Path) -> None:
    first, second = (graded_group(tmp_path, toys, name) for name in ("monday", "tuesday"))
    document = make_report([first], compare_with=[second])
    agent = document.main.results.conditions.agent
    assert [entry.results.name for entry in document.entries] == [f"{agent} (monday)", f"{agent} (tuesday)"]
