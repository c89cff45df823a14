"""What `mlebench verify` says of a bundle, whoever made it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from mlebench.cli.main import main
from mlebench.evidence.bundle import make_bundle
from mlebench.evidence.verify import VerifyOptions, verify_bundle
from mlebench.runs.group import Group


@pytest.fixture
def bundle(group: Group, tmp_path: Path) -> Path:
    return make_bundle([group], tmp_path / "b.zip").path


def test_an_untouched_bundle_holds(bundle: Path) -> None:
    verdict = verify_bundle(bundle)
    assert verdict.holds, [finding.text for level in verdict.levels for finding in level.findings]
    assert verdict.level("files").state == "holds"
    assert verdict.level("plan").state == "holds"
    assert verdict.level("ledgers").state == "holds", verdict.level("ledgers").summary
    assert verdict.level("scores").state == "not claimed"


def test_regrading_on_the_recorded_data_makes_the_scores_hold(bundle: Path) -> None:
    level = verify_bundle(bundle, VerifyOptions(regrade=True)).level("scores")
    assert (level.state, level.findings) == ("holds", ()), level.summary


def test_a_bundle_of_a_harness_that_knew_less_of_its_agents_holds(group: Group, tmp_path: Path) -> None:
    path = group.folder / "group.yaml"
    content = yaml.safe_load(path.read_text())
    for key in ("version", "dialects", "stages"):
        del content["plan"]["agent"][key]
    path.write_text(yaml.safe_dump(content))
    verdict = verify_bundle(make_bundle([Group.open(group.folder)], tmp_path / "b.zip").path, VerifyOptions(regrade=True))
    assert verdict.holds, [finding.text for level in verdict.levels for finding in level.findings]
    assert [verdict.level(name).state for name in ("files", "plan", "ledgers", "scores")] == ["holds"] * 4


@pytest.mark.parametrize(("what", "said"), [("missing", "not found"), ("folder", "is a folder"), ("group", "mlebench bundle")])
def test_what_is_no_bundle_is_refused_in_a_sentence(
    group: Group, tmp_path: Path, what: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = {"missing": tmp_path / "none", "folder": tmp_path, "group": group.folder}[what]
    assert main(["verify", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_no_zip_fails_at_the_files_and_claims_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(b"no zip at all\n" * 100)
    assert main(["verify", str(path), "--json"]) == 1
    verdict = json.loads(capsys.readouterr().out)
    assert [level["state"] for level in verdict["levels"]] == ["fails", *["not claimed"] * 6]
