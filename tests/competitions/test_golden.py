"""Edition v1 against small raw downloads and what the published preparation and grading make of them."""

from __future__ import annotations

import hashlib
import json
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import py7zr
import pytest

from mlebench.grade import grade_csv
from mlebench.preparation import prepare
from mlebench.registry import Registry

GOLDEN = Path(os.environ.get("MLEBENCH_GOLDEN", "no-golden-cases"))
CASES = [pytest.param(path, id=path.stem, marks=pytest.mark.xdist_group(path.stem)) for path in sorted(GOLDEN.glob("*.json"))]


def contents(prepared: Path) -> dict[str, object]:
    ours = {"prepared.json", "public/description.md"}
    files = {path.relative_to(prepared).as_posix(): path for path in prepared.rglob("*") if path.is_file()}
    return {name: content(path) for name, path in files.items() if name not in ours}


def content(path: Path) -> object:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as opened:
            return members((entry.filename, entry.CRC) for entry in opened.infolist() if not entry.is_dir())
    if path.suffix == ".7z":
        with py7zr.SevenZipFile(path) as opened:
            return members((entry.filename, entry.crc32) for entry in opened.list() if not entry.is_directory)
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path) as opened:
            return members((entry.name, zlib.crc32(opened.extractfile(entry).read())) for entry in opened if entry.isfile())
    return hashlib.md5(path.read_bytes()).hexdigest()


def members(checksums: Iterable[tuple[str, int]]) -> dict[str, dict[str, str]]:
    return {"members_crc32": {name: f"{checksum:08x}" for name, checksum in checksums}}


@pytest.mark.skipif(not CASES, reason="MLEBENCH_GOLDEN names no folder with golden cases")
@pytest.mark.parametrize("case", CASES)
def test_files_and_scores_equal_the_published_ones(case: Path, tmp_path: Path) -> None:
    golden = json.loads(case.read_text())
    with tarfile.open(case.with_name(f"{golden['id']}.tar.xz")) as packed:
        packed.extractall(tmp_path, filter="data")
    competition = Registry(tmp_path / "data").get_competition(golden["id"])
    prepare(competition, tmp_path / "raw", verify=False)

    assert contents(competition.prepared_dir) == golden["prepared"]
    reports = {name: grade_csv(tmp_path / "submissions" / f"{name}.csv", competition) for name in golden["scores"]}
    assert {name: report.score for name, report in reports.items()} == pytest.approx(golden["scores"], abs=1.5e-5)
