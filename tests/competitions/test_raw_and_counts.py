"""What the facts say of raw data and of counts, held against mocks: needed files are there, and v2 keeps every row of v1."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlebench.errors import RawDataFault
from mlebench.preparation import PreparationOptions, prepare
from mlebench.preparation.build import prepare_one
from mlebench.preparation.verify import counts_of
from mlebench.registry import SPLITS, Competition, Registry
from mlebench.registry.facts import paths_counted
from tests.cases import SIZE, Cases

NAMES = [name for split in SPLITS if split != "all" for name in Registry().list_competition_ids(split)]
REAL = [name for name in NAMES if not Registry().get_competition(name).facts.generated]
CHANGED_BY_ISSUES = {
    # unscored comments are left out
    "jigsaw-toxic-comment-classification-challenge": {"public/test.csv", "public/sample_submission.csv", "private/test.csv"},
    # a row without text is left out
    "tweet-sentiment-extraction": {"public/train.csv + public/test.csv"},
    # depths of test images are added
    "tgs-salt-identification-challenge": {"public/depths.csv"},
    # the two tables lie there unpacked in v2
    "invasive-species-monitoring": {"public/train_labels.csv + private/answers.csv"},
}
"""What v2 counts otherwise than v1, as `issues.yaml` says."""
each = pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in REAL])


def facts(name: str, edition: str) -> Competition:
    return Registry(edition=edition).get_competition(name)  # type: ignore[arg-type]


@each
def test_the_raw_data_that_is_needed_is_what_a_mock_has_and_its_lack_is_named(name: str, cases: Cases, tmp_path: Path) -> None:
    whole = cases.raw(name)
    for edition in ("v1", "v2"):
        needed = facts(name, edition).facts.raw
        assert needed
        for entry in needed:
            assert (whole / entry.rstrip("/")).is_dir() == entry.endswith("/") and (whole / entry.rstrip("/")).exists()
    # a folder of links to all but one
    (tmp_path / "raw").mkdir()
    lacking = facts(name, "v1").facts.raw[-1].rstrip("/")
    for path in whole.iterdir():
        # nor does it stand there packed
        if path.name not in (lacking, f"{lacking}.zip"):
            (tmp_path / "raw" / path.name).symlink_to(path)
    competition = Registry(tmp_path / "data").get_competition(name)
    outcome = prepare_one(competition, PreparationOptions(source=tmp_path / "raw", verify=False))
    assert outcome.exit_code == 1
    assert lacking in outcome.message and "missing from" in outcome.message and ".partial-" not in outcome.message


@each
def test_tables_of_another_competition_are_told_by_file_or_column(name: str, cases: Cases, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for path in cases.raw(name).iterdir():
        (raw / path.name).symlink_to(path)
    for table in facts(name, "v1").facts.raw:
        if not table.endswith(".csv"):
            continue
        (raw / table).unlink()
        (raw / table).write_text("alpha,beta\n1,2\n3,4\n5,6\n")
        competition = Registry(tmp_path / "data").get_competition(name)
        try:
            prepare(competition, raw, verify=False)
        except RawDataFault as error:
            assert any(word in str(error) for word in ("column", "missing", "lack", table)), error
            assert "\n" not in str(error)
        (raw / table).unlink()
        (raw / table).symlink_to(cases.raw(name) / table)
        shutil.rmtree(competition.root, ignore_errors=True)


@each
def test_v2_counts_the_rows_and_files_of_v1(name: str, cases: Cases) -> None:
    counted = facts(name, "v2").facts.counts
    published = facts(name, "v1").facts.counts
    first, second = (cases.prepared(name, edition, SIZE).prepared_dir for edition in ("v1", "v2"))
    for paths, count in counted.items():
        if paths in CHANGED_BY_ISSUES.get(name, ()):
            continue
        mine, theirs = ([counts_of(folder / path) for path in paths_counted(paths)] for folder in (second, first))
        assert all(mine) and all(theirs), paths
        # a folder may be counted by entries or by files: one way must hold
        assert any(sum(found[way] for found in mine) == sum(found[way] for found in theirs) for way in (0, -1)), paths
        if all(path in published for path in paths_counted(paths)):
            assert count == sum(published[path] for path in paths_counted(paths))
