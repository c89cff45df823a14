"""Raw data as people have it: packed, unpacked, renamed, in a folder within, or of another competition."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import py7zr
import pytest

from mlebench._support.steps import Step
from mlebench.cli.main import main
from mlebench.preparation import PreparationOptions, is_prepared, make_mock
from mlebench.preparation.build import PreparationOutcome, prepare_one
from mlebench.registry import Competition, Registry
from tests.sound_steps import assert_sound

TABLE = "spaceship-titanic"
PACKED_IMAGES = "aerial-cactus-identification"
PACKED_TABLES = "jigsaw-toxic-comment-classification-challenge"
FOLDERS = "dog-breed-identification"
PACKED_7Z = "statoil-iceberg-classifier-challenge"
FLAT_ZIP = "leaf-classification"
"""Its `images.zip` holds a folder, its tables are packed one by one."""


@pytest.fixture
def theirs(tmp_path: Path) -> Callable[[str], Path]:
    """A folder of the user's own with a competition's mock download."""

    def make(name: str) -> Path:
        folder = tmp_path / "theirs"
        make_mock(Registry().get_competition(name), folder, size=60, seed=0)
        return folder

    return make


def prepared_from(source: Path, name: str, registry: Registry) -> PreparationOutcome:
    return prepare_one(registry.get_competition(name), PreparationOptions(source=source, verify=False))


def contents(competition: Competition) -> dict[str, bytes]:
    folder = competition.prepared_dir
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "prepared.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def expected(name: str, folder: Path) -> dict[str, bytes]:
    """What comes of the same download unpacked as it should be."""
    competition = Registry(folder / "expected").get_competition(name)
    make_mock(competition, folder / "right", size=60, seed=0)
    assert prepare_one(competition, PreparationOptions(source=folder / "right", verify=False)).exit_code == 0
    return contents(competition)


def zipped(folder: Path, archive: Path, prefix: str = "", separator: str = "/", extra: tuple[str, ...] = ()) -> Path:
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = prefix + path.relative_to(folder).as_posix()
                entry = zipfile.ZipInfo("x")
                entry.filename = name.replace("/", separator)
                opened.writestr(entry, path.read_bytes())
        for name in extra:
            opened.writestr(name, "what a Mac leaves")
    return archive


def unpacked(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(target)
    archive.unlink()


def in_one_top_folder(folder: Path) -> Path:
    return zipped(folder, folder.with_suffix(".zip"), "spaceship-titanic/")


def in_two_top_folders(folder: Path) -> Path:
    mac = ("__MACOSX/._a", ".DS_Store", "a/.DS_Store", "a/spaceship-titanic/._train.csv")
    return zipped(folder, folder.with_suffix(".zip"), "a/spaceship-titanic/", extra=mac)


def with_backslashes(folder: Path) -> Path:
    return zipped(folder, folder.with_suffix(".zip"), "data/", separator="\\")


def packed_twice(folder: Path) -> Path:
    inner = zipped(folder, folder.parent / "spaceship-titanic.zip")
    return zipped_file(inner, folder.parent / "download.zip")


def zipped_file(file: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w") as opened:
        opened.write(file, file.name)
    return archive


def as_tar(folder: Path) -> Path:
    with tarfile.open(folder.with_suffix(".tar.gz"), "w:gz") as opened:
        opened.add(folder, "spaceship-titanic")
    return folder.with_suffix(".tar.gz")


def as_7z(folder: Path) -> Path:
    with py7zr.SevenZipFile(folder.with_suffix(".7z"), "w") as opened:
        opened.writeall(folder, "top")
    return folder.with_suffix(".7z")


def a_folder_that_holds_the_zip(folder: Path) -> Path:
    place = folder.parent / "My Downloads"
    place.mkdir()
    zipped(folder, place / "archive (1).zip")
    return place


def a_folder_of_several_downloads(folder: Path) -> Path:
    place = folder.parent / "downloads"
    place.mkdir()
    (place / "other.txt").touch()
    zipped(folder, place / "spaceship-titanic.zip")
    return place


def a_folder_within(folder: Path) -> Path:
    place = folder.parent / "outer" / "inner"
    place.parent.mkdir()
    folder.rename(place)
    return place.parent


def tables_zipped_one_by_one(folder: Path) -> Path:
    for table in list(folder.glob("*.csv")):
        zipped_file(table, folder / f"{table.name}.zip")
        table.unlink()
    return folder


def tables_compressed(folder: Path) -> Path:
    for table in list(folder.glob("*.csv")):
        (folder / f"{table.name}.gz").write_bytes(gzip.compress(table.read_bytes()))
        table.unlink()
    return folder


def tables_in_folders_of_their_name(folder: Path) -> Path:
    for table in list(folder.glob("*.csv")):
        moved = table.rename(folder / "moved")
        table.mkdir()
        moved.rename(table / table.name)
    return folder


def other_letters(folder: Path) -> Path:
    (folder / "train.csv").rename(folder / " Train.CSV ")
    return folder


def a_link_to_the_folder(folder: Path) -> Path:
    (folder.parent / "link").symlink_to(folder)
    return folder.parent / "link"


def windows_table(folder: Path) -> Path:
    table = folder / "train.csv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes().replace(b"\n", b"\r\n"))
    return folder


def large_zip(folder: Path) -> Path:
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", allowZip64=True) as opened:
        for path in folder.iterdir():
            with opened.open(path.name, "w", force_zip64=True) as member:
                member.write(path.read_bytes())
    return archive


WORKING = [
    in_one_top_folder,
    in_two_top_folders,
    with_backslashes,
    packed_twice,
    as_tar,
    as_7z,
    a_folder_that_holds_the_zip,
    a_folder_of_several_downloads,
    a_folder_within,
    tables_zipped_one_by_one,
    tables_compressed,
    tables_in_folders_of_their_name,
    other_letters,
    a_link_to_the_folder,
    windows_table,
    large_zip,
]


@pytest.mark.parametrize("form", WORKING, ids=lambda form: form.__name__)
def test_a_download_is_found_however_it_is_packed(
    form: Callable[[Path], Path], theirs: Callable[[str], Path], registry: Registry, tmp_path: Path
) -> None:
    outcome = prepared_from(form(theirs(TABLE)), TABLE, registry)
    assert outcome.exit_code == 0, outcome.message
    assert contents(registry.get_competition(TABLE)) == expected(TABLE, tmp_path)
    assert {path.name for path in registry.get_competition(TABLE).root.iterdir()} == {"prepared", ".lock"}


def images_unpacked_beside(folder: Path) -> None:
    for name in ("train", "test"):
        unpacked(folder / f"{name}.zip", folder)


def images_unpacked_into_a_folder_of_their_own(folder: Path) -> None:
    for name in ("train", "test"):
        unpacked(folder / f"{name}.zip", folder / name)


def tables_unpacked(folder: Path) -> None:
    for archive in list(folder.glob("*.csv.zip")):
        unpacked(archive, folder)


def folders_packed(folder: Path) -> None:
    zipped(folder / "train", folder / "train.zip", "train/")
    shutil.rmtree(folder / "train")


def folders_packed_flat(folder: Path) -> None:
    zipped(folder / "train", folder / "train.zip")
    shutil.rmtree(folder / "train")


def other_archives_unpacked(folder: Path) -> None:
    for name in ("train.json.7z", "test.json.7z"):
        with py7zr.SevenZipFile(folder / name) as opened:
            opened.extractall(folder)
        (folder / name).unlink()


def a_mix(folder: Path) -> None:
    unpacked(folder / "images.zip", folder)
    unpacked(folder / "train.csv.zip", folder)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (PACKED_IMAGES, images_unpacked_beside),
        (PACKED_IMAGES, images_unpacked_into_a_folder_of_their_own),
        (PACKED_TABLES, tables_unpacked),
        (FOLDERS, folders_packed),
        (FOLDERS, folders_packed_flat),
        (PACKED_7Z, other_archives_unpacked),
        (FLAT_ZIP, a_mix),
    ],
)
def test_archives_that_were_unpacked_and_folders_that_were_packed_do(
    name: str, change: Callable[[Path], None], theirs: Callable[[str], Path], registry: Registry, tmp_path: Path
) -> None:
    folder = theirs(name)
    change(folder)
    outcome = prepared_from(folder, name, registry)
    assert outcome.exit_code == 0, outcome.message
    assert contents(registry.get_competition(name)).keys() == expected(name, tmp_path).keys()
    tables = {path: content for path, content in expected(name, tmp_path / "again").items() if path.endswith(".csv")}
    assert {path: contents(registry.get_competition(name))[path] for path in tables} == tables


def test_the_data_of_another_competition_is_told_by_its_files(theirs: Callable[[str], Path], registry: Registry) -> None:
    message = prepared_from(theirs(FOLDERS), TABLE, registry).message
    assert "train.csv is missing from the raw data" in message and "labels.csv" in message and "another competition" in message


def test_an_empty_folder_is_not_the_data_of_another_competition(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    message = prepared_from(tmp_path / "empty", TABLE, registry).message
    assert f"missing from the raw data: {tmp_path / 'empty'} is empty; download it again" in message


def test_a_folder_of_many_downloads_without_this_one_says_so(
    theirs: Callable[[str], Path], registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "downloads").mkdir()
    folder = theirs("playground-series-s3e18")
    zipped(folder, tmp_path / "downloads" / "tabular-playground-series-dec-2021.zip")
    folder.rename(tmp_path / "downloads" / "playground-series-s3e18")
    message = prepared_from(tmp_path / "downloads", TABLE, registry).message
    assert f"train.csv is missing from the raw data: {tmp_path}/downloads contains playground-series-s3e18/" in message


def test_the_data_of_another_competition_is_told_by_its_columns(theirs: Callable[[str], Path], registry: Registry) -> None:
    folder = theirs(TABLE)
    (folder / "train.csv").write_text("id,text\n1,a\n")
    message = prepared_from(folder, TABLE, registry).message
    assert f"{folder}/train.csv has no column `PassengerId` but `id`, `text`" in message


@pytest.mark.parametrize(
    ("encode", "cause"),
    [
        (lambda text: text.encode("utf-16"), "UTF-16 text; save it as UTF-8, or download it again"),
        (lambda text: text.encode("utf-16-le"), "UTF-16 text; save it as UTF-8"),
        (lambda text: text.replace(",", ";").encode(), "separated by semicolons; save it with commas"),
        (lambda text: text.replace(",", "\t").encode(), "separated by tabs; save it with commas"),
        (lambda text: gzip.compress(text.encode()), "it is a gzip file"),
        (lambda text: b"", "it is an empty file; download it again"),
        (lambda text: b"<!DOCTYPE html><html>sign in</html>", "it is a web page"),
        (lambda text: b"PAR1" + text.encode(), "it is a parquet table"),
        (lambda text: bytes(5000), "it is nothing but zero bytes"),
    ],
)
def test_a_table_that_another_program_wrote_is_told_by_what_it_is(
    encode: Callable[[str], bytes], cause: str, theirs: Callable[[str], Path], registry: Registry
) -> None:
    folder = theirs(TABLE)
    table = folder / "train.csv"
    table.write_bytes(encode(table.read_text()))
    outcome = prepared_from(folder, TABLE, registry)
    assert outcome.exit_code == 1
    assert f"{table} cannot be read as csv: " in outcome.message and cause in outcome.message


def test_the_same_is_told_of_a_table_in_an_archive_and_of_json(theirs: Callable[[str], Path], registry: Registry) -> None:
    folder = theirs(PACKED_TABLES)
    with zipfile.ZipFile(folder / "train.csv.zip", "w") as archive:
        archive.writestr("train.csv", "id,comment_text\n1,a\n".encode("utf-16"))
    message = prepared_from(folder, PACKED_TABLES, registry).message
    assert "train.csv cannot be read as csv: it is UTF-16 text; save it as UTF-8" in message


def test_a_file_in_the_place_of_a_folder_is_named(theirs: Callable[[str], Path], registry: Registry) -> None:
    folder = theirs(FOLDERS)
    shutil.rmtree(folder / "train")
    (folder / "train").write_text("a list of files")
    message = prepared_from(folder, FOLDERS, registry).message
    assert f"{folder}/train is a file, expected a folder" in message


def a_pipe(folder: Path) -> Path:
    (folder / "train.csv").unlink()
    os.mkfifo(folder / "train.csv")
    return folder


def a_pipe_deep_inside(folder: Path) -> Path:
    (folder / "more").mkdir()
    os.mkfifo(folder / "more" / "pipe")
    return folder


def a_pipe_alone(folder: Path) -> Path:
    os.mkfifo(folder.parent / "pipe.zip")
    return folder.parent / "pipe.zip"


def a_device(folder: Path) -> Path:
    return Path("/dev/zero")


def a_link_to_nowhere(folder: Path) -> Path:
    (folder / "more.csv").symlink_to(folder / "gone.csv")
    return folder


def a_circle(folder: Path) -> Path:
    (folder / "more").mkdir()
    (folder / "more" / "again").symlink_to(folder)
    return folder


def nothing(folder: Path) -> Path:
    return folder / "gone"


def two_that_differ_in_case(folder: Path) -> Path:
    shutil.copy(folder / "train.csv", folder / "Train.csv")
    (folder / "train.csv").rename(folder / "TRAIN.csv")
    return folder


def a_folder_in_the_place_of_a_table(folder: Path) -> Path:
    (folder / "train.csv").unlink()
    (folder / "train.csv").mkdir()
    return folder


def a_zip_with_a_name_twice(folder: Path) -> Path:
    archive = zipped(folder, folder.with_suffix(".zip"))
    with zipfile.ZipFile(archive, "a") as opened, pytest.warns(UserWarning, match="Duplicate"):
        opened.writestr("train.csv", "other")
    return archive


REFUSED = {
    a_pipe: "neither a file nor a folder",
    a_pipe_deep_inside: "more/pipe is neither a file nor a folder",
    a_pipe_alone: "pipe.zip is neither a file nor a folder",
    a_device: "/dev/zero is neither a file nor a folder",
    a_link_to_nowhere: "more.csv is a broken link",
    a_circle: "again is a circular link",
    nothing: "gone does not exist; --from takes an unpacked download, its zip, or a folder that contains either",
    two_that_differ_in_case: "could both be train.csv; remove or rename one",
    a_folder_in_the_place_of_a_table: "train.csv is a folder, expected a file",
    a_zip_with_a_name_twice: "contains 'train.csv' twice with different contents",
}


@pytest.mark.parametrize("form", REFUSED, ids=lambda form: form.__name__)
def test_what_cannot_be_read_is_named_before_anything_waits_for_it(
    form: Callable[[Path], Path], theirs: Callable[[str], Path], registry: Registry
) -> None:
    outcome = prepared_from(form(theirs(TABLE)), TABLE, registry)
    assert outcome.exit_code in (1, 2) and REFUSED[form] in outcome.message
    assert not is_prepared(registry.get_competition(TABLE))
    assert not list(registry.get_competition(TABLE).root.glob(".partial-*"))


def test_exact_names_win_over_those_that_differ_in_case(theirs: Callable[[str], Path], registry: Registry) -> None:
    folder = theirs(TABLE)
    (folder / "Train.csv").write_text("not meant")
    assert prepared_from(folder, TABLE, registry).exit_code == 0


def test_a_path_that_does_not_exist_is_named_even_if_nothing_is_to_do(
    theirs: Callable[[str], Path], registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepared_from(theirs(TABLE), TABLE, registry).exit_code == 0
    assert main(["prepare", TABLE, "--from", "/nonexistent", "--data-dir", str(registry.data_dir)]) == 2
    assert "/nonexistent does not exist; --from takes" in capsys.readouterr().err


def test_unpacking_is_reported_only_where_something_is_unpacked(theirs: Callable[[str], Path], registry: Registry) -> None:
    folder = theirs(TABLE)
    competition = registry.get_competition(TABLE)
    steps: list[Step] = []
    assert prepare_one(competition, PreparationOptions(source=folder, verify=False), steps.append).exit_code == 0
    assert "unpacking" not in {step.phase for step in steps}
    archive = zipped(folder, folder.with_suffix(".zip"))
    options = PreparationOptions(source=archive, verify=False, force=True)
    assert prepare_one(competition, options, steps.append).exit_code == 0
    assert_sound(steps, phases=["unpacking"])
    unpacking = [step for step in steps if step.phase == "unpacking" and step.total is not None]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert (unpacking[0].done, unpacking[-1].total) == (0, size)


def test_raw_data_that_somebody_put_into_the_data_directory_is_found_as_well(
    theirs: Callable[[str], Path], registry: Registry
) -> None:
    competition = registry.get_competition(TABLE)
    competition.raw_dir.mkdir(parents=True)
    theirs(TABLE).rename(competition.raw_dir / "spaceship-titanic")
    assert prepare_one(competition, PreparationOptions(verify=False)).exit_code == 0
    assert {path.name for path in competition.root.iterdir()} == {"prepared", ".lock"}
