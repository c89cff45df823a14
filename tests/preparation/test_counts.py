"""Part of the data is not taken for the whole, in either edition; and data that was changed since is noticed."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from mlebench.cli.main import main
from mlebench.errors import WorkFailed
from mlebench.preparation import PreparationOptions, is_prepared, make_mock, prepare
from mlebench.preparation.build import prepare_one
from mlebench.preparation.record import PreparationRecord
from mlebench.preparation.verify import check_counts, verify_prepared
from mlebench.registry import Competition, Registry
from mlebench.registry.edition import EditionName
from mlebench.registry.facts import ChecksumFacts

TABLE = "spaceship-titanic"
ROWS = 60
PAIR = {"public/train.csv + public/test.csv": ROWS}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    make_mock(Registry().get_competition(TABLE), tmp_path / "raw", size=ROWS, seed=0)
    return tmp_path / "raw"


def counted(registry: Registry, edition: EditionName, counts: dict[str, int], *, md5: bool = False) -> Competition:
    """The competition with the counts of a download as small as the mock, which has none of the published md5."""
    found = registry.set_edition(edition).get_competition(TABLE)
    facts = dataclasses.replace(found.facts, counts=counts, **({} if md5 else {"md5": ChecksumFacts()}))
    return dataclasses.replace(found, facts=facts)


def halve(raw: Path) -> None:
    table = raw / "train.csv"
    pd.read_csv(table).head(ROWS // 2).to_csv(table, index=False)


@pytest.mark.parametrize("edition", ["v1", "v2"])
def test_whole_data_is_verified_by_its_counts_and_half_of_it_is_refused(
    edition: EditionName, registry: Registry, raw: Path
) -> None:
    competition = counted(registry, edition, PAIR)
    assert prepare(competition, raw).verified
    halve(raw)
    again = counted(registry.set_data_dir(raw.parent / "again"), edition, PAIR)
    with pytest.raises(WorkFailed, match=r"public/test\.csv together hold 30 rows, expected 60\. .*`mlebench .*--no-verify"):
        prepare(again, raw)
    assert not is_prepared(again, grading_only=True)


def test_more_than_the_real_data_is_refused_where_no_md5_decides(registry: Registry, raw: Path) -> None:
    with pytest.raises(WorkFailed, match="together hold 60 rows, expected 59"):
        prepare(counted(registry, "v2", {"public/train.csv + public/test.csv": 59}), raw)


@pytest.mark.parametrize("edition", ["v1", "v2"])
def test_half_of_the_data_that_somebody_insists_on_is_warned_of_recorded_and_told_by_every_check(
    edition: EditionName, registry: Registry, raw: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    halve(raw)
    words = [TABLE, "--edition", edition, "--data-dir", str(registry.data_dir)]
    assert main(["prepare", *words, "--from", str(raw)]) == 1
    assert main(["prepare", *words, "--from", str(raw), "--no-verify"]) == 0
    found = registry.set_edition(edition).get_competition(TABLE)
    record = PreparationRecord.read(found.prepared_dir)
    assert record is not None and not record.verified and record.odd_counts
    error = capsys.readouterr().err
    assert f"(not verified; warning: {record.odd_counts[0]}" in error
    assert main(["prepare", *words, "--verify-only"]) == 1
    expected = "public/train.csv differs (published md5" if edition == "v1" else "together hold 30 rows, expected 8,693"
    assert expected in capsys.readouterr().err
    assert main(["status", "--data-dir", str(registry.data_dir)]) == 0
    assert "not verified: public/train.csv" in " ".join(capsys.readouterr().out.split())


def test_a_mock_is_compared_with_no_count(registry: Registry, raw: Path) -> None:
    competition = registry.set_edition("v2").get_competition(TABLE)
    record = prepare(competition, raw, mock=True)
    assert not record.verified and record.odd_counts == []
    found = verify_prepared(competition)
    assert not found.failed and "mock data" in str(found)


def test_where_the_facts_know_nothing_it_is_said(registry: Registry, raw: Path) -> None:
    unknown = counted(registry, "v2", {})
    outcome = prepare_one(unknown, PreparationOptions(source=raw))
    assert outcome.exit_code == 0 and "warning: competition.yaml states neither md5 nor counts" in outcome.message
    assert "competition.yaml states neither md5 nor counts" in str(verify_prepared(unknown))


def test_a_verified_v2_is_shown_as_verified(
    registry: Registry, raw: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(counted(registry, "v2", PAIR), raw)
    assert main(["status", "--json", "--data-dir", str(registry.data_dir)]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["verified"] is True and row["edition"] == "v2"
    assert main(["status", "--data-dir", str(registry.data_dir)]) == 0
    assert "not verified" not in capsys.readouterr().out


def test_rows_lost_since_are_noticed_when_it_is_verified_again(registry: Registry, raw: Path) -> None:
    competition = counted(registry, "v2", PAIR)
    prepare(competition, raw)
    assert not verify_prepared(competition).failed
    (competition.prepared_dir / "prepared.json").unlink()
    table = competition.public_dir / "train.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:-5]))
    assert [check.kind for check in verify_prepared(competition).failed] == ["count"]


def test_each_kind_of_table_and_archive_is_counted(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": ["one\nline", "two", "3"]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.tsv", index=False, sep="\t")
    frame.to_csv(tmp_path / "a.csv.zip", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_json(tmp_path / "list.json", orient="records")
    frame.to_json(tmp_path / "lines.json", orient="records", lines=True)
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    (tmp_path / "a.txt").write_text("one\ntwo\nthree\n")
    (tmp_path / "folder").mkdir()
    for number in range(3):
        (tmp_path / "folder" / str(number)).touch()
    shutil.make_archive(str(tmp_path / "three"), "zip", tmp_path / "folder")
    import py7zr

    with py7zr.SevenZipFile(tmp_path / "a.csv.7z", "w") as packed:
        packed.write(tmp_path / "a.csv", "a.csv")
    names = [path.name + ("/" if path.is_dir() else "") for path in tmp_path.iterdir()]
    assert len(names) == 11
    assert [str(check) for check in check_counts(tmp_path, dict.fromkeys(names, 3)) if not check.passed] == []
    assert len(check_counts(tmp_path, dict.fromkeys(names, 3))) == len(names)
    together = check_counts(tmp_path, {"a.csv + a.csv.zip + folder/": 9, "a.csv + gone.csv": 3})
    assert [(check.path, check.passed) for check in together] == [("a.csv + a.csv.zip + folder/", True)]


CHANGES = {
    "appended": lambda path: path.write_bytes(path.read_bytes() + b"x\n"),
    "touched": lambda path: os.utime(path, (1, 1)),
    "removed": lambda path: path.unlink(),
    "of equal size": lambda path: path.write_bytes(path.read_bytes()[:-2] + b"x\n"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("inside", ["public/train.csv", "public/images/1.jpg"])
def test_a_file_that_was_changed_since_is_seen_at_a_glance(
    change: str, inside: str, registry: Registry, raw: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    competition = registry.get_competition(TABLE)
    prepare(competition, raw, mock=True)
    record = PreparationRecord.read(competition.prepared_dir)
    assert record is not None and record.changed(competition.prepared_dir) == []
    if "images" in inside:
        # as if the competition had a folder
        (competition.public_dir / "images").mkdir()
        (competition.public_dir / "images" / "1.jpg").write_bytes(b"image\n")
        from mlebench.preparation.record import states_of

        record = dataclasses.replace(record, states=states_of(competition.prepared_dir))
        record.write(competition.prepared_dir)
    CHANGES[change](competition.prepared_dir / inside)
    changed = "public/images" if "images" in inside else inside
    assert record.changed(competition.prepared_dir) == [changed]
    if change != "removed" or "images" in inside:
        assert main(["status", "--data-dir", str(registry.data_dir)]) == 0
        assert f"changed since it was prepared: {changed}" in " ".join(capsys.readouterr().out.split())
