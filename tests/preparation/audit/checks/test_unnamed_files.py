"""Files that preparation did not name."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from mlebench.preparation.audit.checks.unnamed_files import unnamed_files
from tests.cases import Cases
from tests.preparation.audit.checks.planting import case_of, copied

NAME = "dog-breed-identification"


@pytest.mark.parametrize(
    "name",
    [
        NAME, "smartphone-decimeter-2022", "uw-madison-gi-tract-image-segmentation", "vesuvius-challenge-ink-detection",
        "tensorflow-speech-recognition-challenge", "invasive-species-monitoring", "freesound-audio-tagging-2019",
        "multi-modal-gesture-recognition", "cassava-leaf-disease-classification",
    ],
)  # fmt: skip
def test_prepared_files_are_named_and_of_their_kind(cases: Cases, name: str) -> None:
    assert not list(unnamed_files(case_of(cases.prepared(name, "v2"))))


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("solution.csv", "preparation lists"),
        ("extra/deep/answers.txt", "preparation lists"),
        (".cache", "preparation lists"),
        ("test/.DS_Store", "hidden or left over"),
        ("train/__MACOSX/._0.jpg", "hidden or left over"),
        ("test/labels.csv.bak", "hidden or left over"),
        ("test/labels.csv~", "hidden or left over"),
        ("test/breeds.npy", "differs in kind"),
        ("test/zz_first.jpg", "differs in kind"),
    ],
)
def test_a_file_more_is_told(cases: Cases, tmp_path: Path, path: str, told: str) -> None:
    competition = copied(cases, NAME, tmp_path)
    planted = competition.public_dir / path
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_bytes(b"17")
    (clue,) = unnamed_files(case_of(competition))
    assert (clue.check, clue.file) == ("unnamed-files", path)
    assert told in clue.what


def test_members_of_archives_are_looked_at(cases: Cases, tmp_path: Path) -> None:
    competition = copied(cases, "aerial-cactus-identification", tmp_path)
    with zipfile.ZipFile(competition.public_dir / "test.zip", "a") as packed:
        packed.writestr("test/.answers.json", "{}")
    (clue,) = unnamed_files(case_of(competition))
    assert clue.file == "test.zip!/test/.answers.json"


def test_links_outwards_are_told(cases: Cases, tmp_path: Path) -> None:
    competition = copied(cases, NAME, tmp_path)
    (competition.public_dir / "train" / "inside.jpg").symlink_to("../labels.csv")
    (competition.public_dir / "train" / "outside.jpg").symlink_to("../../private/test.csv")
    (competition.public_dir / "test" / "absolute.jpg").symlink_to(competition.answers)
    outside = {clue.file for clue in unnamed_files(case_of(competition)) if "link to the outside" in clue.what}
    assert outside == {"train/outside.jpg", "test/absolute.jpg"}


def test_many_files_of_one_folder_are_one_clue(cases: Cases, tmp_path: Path) -> None:
    competition = copied(cases, NAME, tmp_path)
    (competition.public_dir / "more").mkdir()
    for number in range(40):
        (competition.public_dir / "more" / f"{number}.txt").write_text("x")
    (clue,) = unnamed_files(case_of(competition))
    assert clue.file == "more/*"
    assert clue.what.startswith("40 files (")
