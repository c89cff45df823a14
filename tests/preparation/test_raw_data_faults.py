"""Raw data that turns out to be damaged is named, not used again as it is, and never half prepared."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.errors import RawDataFault, UsageError, WorkFailed
from mlebench.preparation import PreparationOptions, is_prepared, make_mock, prepare
from mlebench.preparation.build import prepare_one
from mlebench.preparation.sources import RawData, has_raw
from mlebench.registry import Competition, Registry

TABLE = "spaceship-titanic"
IMAGES = "tgs-salt-identification-challenge"


@pytest.fixture
def competition(registry: Registry) -> Competition:
    """A competition with a whole download in the data directory."""
    found = registry.get_competition(TABLE)
    make_mock(found, found.raw_dir, size=60, seed=0)
    return found


def failure(competition: Competition, **options: object) -> str:
    outcome = prepare_one(competition, PreparationOptions(verify=False, **options))  # type: ignore[arg-type]
    assert outcome.exit_code == 1 and not is_prepared(competition)
    assert not list(competition.root.glob(".partial-*"))
    return outcome.message


def test_a_damaged_file_is_named_with_the_command_that_fetches_it_again(
    competition: Competition, capsys: pytest.CaptureFixture[str]
) -> None:
    (competition.raw_dir / "train.csv").unlink()
    message = failure(competition, keep_raw=True)
    command = f"`mlebench prepare {TABLE} --keep-raw --no-verify --data-dir {competition.data_dir}`"
    assert f"train.csv is missing from the raw data: {competition.raw_dir} contains" in message
    assert f"download it again with {command}" in message
    assert not has_raw(competition)
    assert main(["status", "--json", "--split", "dev", "--data-dir", str(competition.data_dir)]) == 0
    assert [row["state"] for row in json.loads(capsys.readouterr().out)] == ["damaged raw data"]


def test_raw_data_that_somebody_mends_by_hand_is_used_again(competition: Competition) -> None:
    train = competition.raw_dir / "train.csv"
    sound = train.read_bytes()
    train.write_bytes(sound + b"\xff")
    failure(competition)
    assert not has_raw(competition)
    train.write_bytes(sound)
    assert has_raw(competition)
    assert prepare_one(competition, PreparationOptions(verify=False)).exit_code == 0
    assert {path.name for path in competition.root.iterdir()} == {"prepared", ".lock"}


def test_a_damaged_mock_is_made_anew(competition: Competition) -> None:
    shutil.rmtree(competition.raw_dir)
    mock = PreparationOptions(mock=True)
    assert prepare_one(competition, mock).exit_code == 0
    (competition.raw_dir / "train.csv").write_bytes(b"")
    outcome = prepare_one(competition, PreparationOptions(mock=True, force=True))
    assert outcome.exit_code == 1 and "train.csv" in outcome.message and "to generate the mock again" in outcome.message
    assert prepare_one(competition, PreparationOptions(mock=True, force=True)).exit_code == 0


def test_a_source_of_the_users_own_is_never_marked(competition: Competition, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    competition.raw_dir.rename(theirs)
    (theirs / "train.csv").unlink()
    message = failure(competition, source=theirs)
    assert f"put it into {theirs} and run `mlebench prepare {TABLE} --from {theirs} --no-verify" in message
    assert {path.name for path in competition.root.iterdir()} == {".lock"}


def test_raw_data_from_elsewhere_is_asked_for_by_folder(
    competition: Competition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "competitions" / TABLE
    shutil.copytree(competition.folder, folder)
    facts = folder / "competition.yaml"
    facts.write_text("\n".join(line for line in facts.read_text().splitlines() if not line.startswith("kaggle:")))
    ours = Registry(competition.data_dir).load(folder)
    assert ours.facts.kaggle is None
    (ours.raw_dir / "train.csv").unlink()
    assert f"put it into {ours.raw_dir} and run `mlebench prepare {TABLE}" in failure(ours)


@pytest.mark.parametrize("name", ["aerial-cactus-identification", IMAGES, "jigsaw-toxic-comment-classification-challenge"])
def test_a_corrupt_archive_is_one_sentence_and_exit_code_1(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    raw = tmp_path / "raw"
    assert main(["mock", name, "--out", str(raw)]) == 0
    for archive in raw.glob("*.zip"):
        archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    assert main(["prepare", name, "--from", str(raw), "--data-dir", str(tmp_path / "data"), "--no-verify"]) == 1
    error = capsys.readouterr().err
    assert "download it again" in error
    assert "Traceback" not in error


def prepared_by(body: str) -> Callable[..., None]:
    """A `prepare` with some lines of its own."""
    names: dict[str, object] = {}
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    exec(f"def prepare(raw, public, private):\n{lines}", names)
    return names["prepare"]  # type: ignore[return-value]


def with_prepare(monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    monkeypatch.setattr(Competition, "prepare_fn", property(lambda self: prepared_by(body)))


UNFORESEEN = {
    "a missing column": "import pandas\npandas.read_csv(raw / 'train.csv')['no such column']",
    "another encoding": "table = raw / 'train.csv'\ntable.write_bytes(b'\\xff\\xfe')\ntable.read_text(encoding='utf-8')",
    "a cut image": "from PIL import Image\nimport io\nImage.open(io.BytesIO(b'GIF89a'))",
    "no archive": "import zipfile\nzipfile.ZipFile(raw / 'train.csv')",
    "a cut number": "import struct\nstruct.unpack('<i', b'')",
    "an end too early": "raise EOFError",
    "other json": "import json\njson.loads('{')",
    "json of another shape": "table = []\ntable['key']",
    "a parquet table that is none": "import pandas\npandas.read_parquet(raw / 'train.csv')",
    "a folder in place of a file": "(raw / 'train.csv' / 'x').read_text()",
    "a name too long": "(public / ('x' * 300)).touch()",
    "a plain failure of a competition's own": "from mlebench.errors import WorkFailed\nraise WorkFailed('no molecules')",
    "an assertion": "assert not list(raw.iterdir())",
}


@pytest.mark.parametrize("body", UNFORESEEN.values(), ids=UNFORESEEN)
def test_what_no_check_foresaw_is_a_fault_of_the_raw_data(
    competition: Competition, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    with_prepare(monkeypatch, body)
    with pytest.raises(RawDataFault) as caught:
        prepare(competition, competition.raw_dir, verify=False)
    assert "\n" not in str(caught.value)
    assert not competition.prepared_dir.exists()


def test_the_traceback_of_what_no_check_foresaw_is_kept_and_the_file_named(
    competition: Competition, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_prepare(monkeypatch, "table = raw / 'train.csv'\ntable.read_text()[10**9]")
    with pytest.raises(
        RawDataFault,
        match=r"raw/train\.csv seems damaged or belongs to another competition \(IndexError: .*traceback in .*error\.log\)",
    ):
        prepare(competition, competition.raw_dir, verify=False)
    assert "IndexError" in (competition.root / "error.log").read_text()


MACHINE = {
    "the disk is full": "raise OSError(28, 'No space left on device')",
    "too many files": "raise OSError(24, 'Too many open files')",
}


@pytest.mark.parametrize("body", MACHINE.values(), ids=MACHINE)
def test_what_this_machine_lacks_is_no_fault_of_the_raw_data(
    competition: Competition, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    with_prepare(monkeypatch, body)
    with pytest.raises(WorkFailed) as caught:
        prepare(competition, competition.raw_dir, verify=False)
    assert not isinstance(caught.value, RawDataFault)
    assert has_raw(competition)


def test_a_missing_package_names_its_extra(competition: Competition, monkeypatch: pytest.MonkeyPatch) -> None:
    with_prepare(monkeypatch, "raise ModuleNotFoundError(\"No module named 'pydicom'\", name='pydicom')")
    with pytest.raises(UsageError, match=r"pip install 'mlebench\[formats\]'"):
        prepare(competition, competition.raw_dir, verify=False)


def test_memory_that_is_too_small_is_no_fault_of_the_raw_data(competition: Competition, monkeypatch: pytest.MonkeyPatch) -> None:
    with_prepare(monkeypatch, "raise MemoryError")
    assert "this machine has too little memory" in failure(competition)
    assert has_raw(competition)


def test_data_just_made_is_not_blamed(competition: Competition, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(competition.raw_dir)
    with_prepare(monkeypatch, "raise KeyError('a fault of ours')")
    outcome = prepare_one(competition, PreparationOptions(mock=True))
    assert "preparation failed unexpectedly (KeyError: 'a fault of ours')" in outcome.message
    assert not list(competition.root.glob("damaged.json"))


def test_a_prepare_that_leaves_the_process_fails_as_any_other(competition: Competition, monkeypatch: pytest.MonkeyPatch) -> None:
    with_prepare(monkeypatch, "import sys\nsys.exit(0)")
    assert "preparation failed unexpectedly (SystemExit: 0)" in failure(competition)


def test_a_failure_of_several_lines_is_said_in_one(competition: Competition, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(competition.raw_dir)
    with_prepare(monkeypatch, "raise ValueError('first\\nsecond')")
    outcome = prepare_one(competition, PreparationOptions(mock=True))
    assert "(ValueError: first second)" in outcome.message and "\n" not in outcome.message


@pytest.mark.parametrize("damage", ["cut off", "changed inside"])
def test_a_damaged_zip_of_the_users_own_is_a_fault_that_says_how_to_go_on(
    competition: Competition, tmp_path: Path, damage: str
) -> None:
    theirs = Path(shutil.make_archive(str(tmp_path / "theirs"), "zip", competition.raw_dir))
    shutil.rmtree(competition.raw_dir)
    content = theirs.read_bytes()
    half = len(content) // 2
    theirs.write_bytes(content[:half] if damage == "cut off" else content[:half] + bytes(200) + content[half + 200 :])
    for _ in range(2):
        outcome = prepare_one(competition, PreparationOptions(verify=False, source=theirs))
        assert not is_prepared(competition)
        if damage == "cut off":
            # a file that is not a zip is recognised before any work is done
            assert outcome.exit_code == 2
            assert f"{theirs} is not a zip that can be read: its end is missing" in outcome.message
        else:
            assert outcome.exit_code == 1 and f"{theirs} is damaged (" in outcome.message
            assert f"save it as {theirs} and run `mlebench prepare {TABLE} --from {theirs}" in outcome.message
    assert {path.name for path in competition.root.iterdir()} == {".lock"}


def test_what_never_was_a_zip_is_wrong_usage(competition: Competition, tmp_path: Path) -> None:
    for content, kind in (
        (b"<!DOCTYPE html><p>sign in", "a web page"),
        (b"", "an empty file"),
        (b"Rar!\x1a\x07\x01", "a RAR archive"),
    ):
        (tmp_path / "theirs.zip").write_bytes(content)
        outcome = prepare_one(competition, PreparationOptions(source=tmp_path / "theirs.zip"))
        assert outcome.exit_code == 2 and f"is not a zip but {kind}" in outcome.message


def test_a_zip_with_names_that_lead_out_is_a_fault(competition: Competition, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "theirs.zip", "w") as archive:
        archive.writestr("../train.csv", "x")
    assert "a path outside its folder" in failure(competition, source=tmp_path / "theirs.zip")


def test_only_ours_is_marked(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    RawData(tmp_path / "raw", mock=False, ours=False).mark_damaged()
    RawData(tmp_path / "raw", mock=False, ours=True, sound=True).mark_damaged()
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]
