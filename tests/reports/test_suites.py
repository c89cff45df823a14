"""Results of suites: two suites, or two versions of one, are never mixed, from the start of a run to a board."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlebench
from mlebench.cli.main import main
from mlebench.errors import UsageError
from mlebench.evidence.bundle import make_bundle
from mlebench.runs import leases
from mlebench.runs.group import Group
from tests.runs.conftest import TOYS, make_toy
from tests.scripted import SUBMIT, scripted_agent

SUITE = "name: my-suite\nversion: {}\nsplits:\n  low: [toy-a]\n  high: [toy-b]\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run groups of one agent: `one` and `two` on version 1 and 2 of a suite, `none` on the competition of no suite."""
    root = tmp_path_factory.mktemp("versions")
    for name in TOYS:
        make_toy(root / "home" / ("" if name == "toy-c" else "mine") / name, root / "data" / name)
    scripted_agent(root / "agents" / "scripted", SUBMIT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases, "MACHINE_FOLDER", root / "machine")
        set_up(patch, root)
        for version, name in ((1, "one"), (2, "two")):
            (root / "home" / "mine" / "suite.yaml").write_text(SUITE.format(version))
            run(root, name, split="my-suite")
        run(root, "none", competitions=["toy-c"])
    yield root


def set_up(patch: pytest.MonkeyPatch, root: Path) -> None:
    patch.setenv("MLEBENCH_COMPETITIONS_PATH", str(root / "home"))
    patch.setenv("MLEBENCH_DATA_DIR", str(root / "data"))
    patch.setenv("MLEBENCH_RUNS_DIR", str(root / "runs"))


def run(root: Path, name: str, **choices: Any) -> None:
    agent = str(root / "agents" / "scripted")
    mlebench.run(agents=agent, profile="demo", sandbox="plain", name=name, runs_dir=root / "runs", **choices)


@pytest.fixture
def root(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy for one test, with version 2 of the suite."""
    shutil.copytree(made, tmp_path / "copy")
    monkeypatch.setattr(leases, "MACHINE_FOLDER", tmp_path / "machine")
    set_up(monkeypatch, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_group_states_its_suite_in_its_plan_and_its_reports(root: Path) -> None:
    plan = Group.open(root / "runs" / "one").plan
    assert (plan.competitions, str(plan.suite)) == (("toy-a", "toy-b"), "my-suite 1")
    content = yaml.safe_load((root / "runs" / "one" / "group.yaml").read_text())
    assert content["plan"]["suite"] == {"name": "my-suite", "version": 1}
    assert content["conditions"]["suite"] == "my-suite 1"
    reports = json.loads((root / "runs" / "one" / "grading_report.json").read_text())["competition_reports"]
    assert {report["suite"] for report in reports} == {"my-suite 1"}


def test_a_group_of_no_suite_does_not_mention_one(root: Path) -> None:
    for file in ("group.yaml", "grading_report.json", "toy-c_seed0/run.json"):
        assert not re.search(r"\bsuite\b", (root / "runs" / "none" / file).read_text())


def test_the_plan_of_another_version_has_another_hash(root: Path) -> None:
    one, two = (Group.open(root / "runs" / name).plan for name in ("one", "two"))
    assert one.sha256 != two.sha256


def test_a_group_has_competitions_of_one_suite(root: Path) -> None:
    with pytest.raises(UsageError, match="toy-a belongs to suite my-suite 2 and toy-c to no suite, whose results are never"):
        run(root, "mixed", competitions=["toy-a", "toy-c"])


def test_a_group_is_not_resumed_on_another_version(root: Path) -> None:
    with pytest.raises(UsageError, match=r"conditions of one have changed since it was made: suite \(my-suite 1 → my-suite 2\)"):
        mlebench.run(resume="one")
    (root / "home" / "mine" / "suite.yaml").write_text(SUITE.format(1))
    mlebench.run(resume="one")


def test_a_report_is_on_the_splits_of_the_suite(root: Path) -> None:
    document = json.loads(mlebench.report("two").to_json())
    assert list(document["splits"]) == ["my-suite/low", "my-suite/high", "my-suite/all"]
    assert document["results"]["suite"] == "my-suite 2"
    assert {row["competition_id"]: row["split"] for row in document["competitions"]} == {
        "toy-a": "my-suite/low",
        "toy-b": "my-suite/high",
    }
    chosen = json.loads(mlebench.report("two", splits=["my-suite"]).to_json())
    assert list(chosen["splits"]) == ["my-suite/all"]


def test_tables_name_the_suite_and_its_splits(root: Path) -> None:
    report = mlebench.report("two")
    header, _, row = (line.strip("| ").split(" | ") for line in report.to_markdown().splitlines())
    assert header == [
        "Agent", "Models", "my-suite/low (%)", "my-suite/high (%)", "my-suite/all (%)", "Time limit", "Date", "Edition",
    ]  # fmt: skip
    assert row[-1] == "v1, suite my-suite 2" and "±" in row[2]
    assert {line["suite"] for line in csv.DictReader(report.to_csv().splitlines())} == {"my-suite 2"}
    of_no_suite = mlebench.report("none")
    assert {line["suite"] for line in csv.DictReader(of_no_suite.to_csv().splitlines())} == {""}


def test_the_splits_of_a_version_that_is_not_installed_are_unknown(root: Path) -> None:
    document = json.loads(mlebench.report("one").to_json())
    assert list(document["splits"]) == ["selection"]
    assert "the competitions are of suite my-suite 1; the figures are not those of one of its splits" in document["notes"]
    with pytest.raises(UsageError, match="was run on suite my-suite 1, and `my-suite/low` here is a split of suite my-suite 2"):
        mlebench.report("one", splits=["my-suite/low"])


@pytest.mark.parametrize("others", [("one", "two"), ("two", "one"), ("none", "two"), ("two", "none")])
def test_a_report_on_two_suites_or_versions_is_refused(root: Path, others: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="results of two suites, or of two versions of one, are never mixed") as error:
        mlebench.report(others)
    assert "\n" not in str(error.value)
    with pytest.raises(UsageError, match="never mixed"):
        mlebench.report(others[0], compare_with=[others[1]])


def test_competitions_of_two_versions_are_compared_side_by_side(root: Path) -> None:
    document = json.loads(mlebench.report(["one", "two"], competition_ids=["toy-a"]).to_json())
    assert [document["results"]["suite"], *(other["results"]["suite"] for other in document["others"])] == [
        "my-suite 1",
        "my-suite 2",
    ]
    assert document["results"]["name"].endswith("(suite my-suite 1)")
    assert "suite (my-suite 1 → my-suite 2)" in document["comparisons"][0]["differences"]


def test_report_files_of_two_versions_are_not_averaged(root: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "reports").mkdir(exist_ok=True)
        shutil.copy(root / "runs" / name / "grading_report.json", tmp_path / "reports" / f"{name}_grading_report.json")
    with pytest.raises(UsageError, match=r"differs from those before it in suite \(my-suite 1 → my-suite 2\)"):
        mlebench.report(tmp_path / "reports")


def test_graded_again_a_run_stays_one_of_its_version(root: Path) -> None:
    report = mlebench.grade_group(root / "runs" / "one")
    assert {entry.suite for entry in report.competition_reports} == {"my-suite 1"}


def test_a_board_has_a_table_for_each_version(root: Path, tmp_path: Path) -> None:
    (tmp_path / "bundles").mkdir()
    for name in ("one", "two", "none"):
        make_bundle([Group.open(root / "runs" / name)], tmp_path / "bundles" / f"{name}.zip")
    rules = tmp_path / "any.yaml"
    rules.write_text("sandbox: plain\nlevels: [files, plan]\nmedals: []\nmock_data: allow\n")
    assert main(["board", str(tmp_path / "bundles"), "-o", str(tmp_path / "site"), "--rules", str(rules)]) == 0
    page = (tmp_path / "site" / "index.html").read_text()
    tables = re.findall(r"<h2>([^<]*, edition v1)</h2>", page)
    assert sorted(tables) == [
        "my-suite/all, suite my-suite 2, edition v1",
        "toy-a, suite my-suite 2, edition v1",
        "toy-a, toy-b, suite my-suite 1, edition v1",
        "toy-b, suite my-suite 2, edition v1",
        "toy-c, edition v1",
    ]


def test_rules_about_the_benchmark_refuse_a_suite(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_bundle([Group.open(root / "runs" / "one")], tmp_path / "one.zip")
    own = tmp_path / "own.yaml"
    own.write_text("split: my-suite\nsandbox: plain\nlevels: [files, plan]\nmedals: []\nmock_data: allow\n")
    said = {}
    for rules in ("standard", str(own)):
        main(["verify", str(tmp_path / "one.zip"), "--rules", rules, "--json"])
        levels = json.loads(capsys.readouterr().out)["levels"]
        by_name = {level["name"]: level for level in levels}
        assert by_name["plan"]["state"] == "holds"
        said[rules] = json.dumps(by_name["rules"])
    assert "its competitions are those of suite my-suite 1; the rules are about the benchmark's split all" in said["standard"]
    assert "its competitions are those of suite my-suite 1; the rules are about suite my-suite 2" in said[str(own)]


def test_a_plan_whose_suite_was_changed_does_not_verify(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = root / "runs" / "one" / "group.yaml"
    content = yaml.safe_load(file.read_text())
    content["plan"]["suite"]["version"] = 2
    file.write_text(yaml.safe_dump(content))
    make_bundle([Group.open(root / "runs" / "one")], tmp_path / "one.zip")
    assert main(["verify", str(tmp_path / "one.zip"), "--json"]) == 1
    assert "`conditions.suite` is not what the plan says" in capsys.readouterr().out
