"""An audit lists what an agent sees: plain files, hidden ones, links, and what archives hold, however deep."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mlebench.preparation.audit.seen.listing import Seen, SeenFile
from tests.preparation.audit.seen.packing import PACKINGS, seven_zipped, tarred, zipped

MEMBERS = {"a/1.txt": b"one", "a/2.txt": b"two" * 1_000, "é.bin": bytes(range(256))}


def put(folder: Path, **contents: bytes) -> Path:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def paths(seen: Seen) -> list[str]:
    return [file.path for file in seen.files]


def content_of(seen: Seen, file: SeenFile) -> bytes:
    with seen.open(file) as stream:
        return stream.read()


def test_plain_files_are_listed_with_size_time_mode_and_place(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/1.txt", "a.txt", ".hidden", "__MACOSX/x", "b/.DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"abc")
    os.utime(tmp_path / "a.txt", (5, 1_234_567.5))
    (tmp_path / "a.txt").chmod(0o604)
    seen = Seen(tmp_path)
    assert paths(seen) == [".hidden", "__MACOSX/x", "a.txt", "b/.DS_Store", "b/1.txt", "b/2.txt"]
    listed = seen.files[2]
    assert (listed.size, listed.modified, listed.mode, listed.archive, listed.link) == (3, 1_234_567.5, 0o604, None, None)
    assert [file.position for file in seen.files if file.path.startswith("b/")] == [0, 1, 2]
    assert (seen.files[5].name, seen.files[5].suffix, seen.files[5].parts) == ("2.txt", ".txt", ("b", "2.txt"))


def test_links_are_listed_and_never_followed(tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.mkdir()
    put(tmp_path, secret=b"answers")
    (public / "file").symlink_to(tmp_path / "secret")
    (public / "folder").symlink_to(tmp_path)
    (public / "loop").symlink_to(public)
    seen = Seen(public)
    assert {file.path: file.link for file in seen.files} == {
        "file": str(tmp_path / "secret"),
        "folder": str(tmp_path),
        "loop": str(public),
    }
    assert list(seen.contents(seen.files, 10)) == []
    with pytest.raises(OSError), seen.open(seen.files[0]):
        pass


def test_nobody_waits_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    seen = Seen(tmp_path)
    assert paths(seen) == ["pipe"]
    with pytest.raises(OSError), seen.open(seen.files[0]):
        pass


@pytest.mark.parametrize("name", PACKINGS)
def test_members_follow_their_archive_in_its_order(name: str, tmp_path: Path) -> None:
    put(tmp_path, **{name: PACKINGS[name](MEMBERS), "zz": b"behind"})
    seen = Seen(tmp_path)
    assert paths(seen) == [name, *(f"{name}!/{member}" for member in MEMBERS), "zz"]
    assert seen.troubles == []
    assert [file.position for file in seen.files[1:4]] == [0, 1, 2]
    assert {file.archive for file in seen.files[1:4]} == {name}
    for file, content in zip(seen.files[1:4], MEMBERS.values(), strict=True):
        assert file.size == len(content)
        assert content_of(seen, file) == content
        with seen.window(file) as window:
            assert window.at(2, 2) == content[2:4]


@pytest.mark.parametrize("name", PACKINGS)
def test_contents_are_read_in_one_go_up_to_a_bound(name: str, tmp_path: Path) -> None:
    put(tmp_path, **{name: PACKINGS[name](MEMBERS), "plain": b"abcdef"})
    seen = Seen(tmp_path)
    found = {file.path: content for file, content in seen.contents(seen.files, 4)}
    assert found["plain"] == b"abcd"
    assert {path.partition("!/")[2]: content for path, content in found.items() if "!/" in path} == {
        member: content[:4] for member, content in MEMBERS.items()
    }


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)),
        ("t.csv.bz2", bz2.compress(b"a,b\n1,2\n")),
        ("t.csv.xz", lzma.compress(b"a,b\n1,2\n")),
    ],
)
def test_a_packed_file_is_an_archive_of_one(name: str, packed: bytes, tmp_path: Path) -> None:
    seen = Seen(put(tmp_path, **{name: packed}))
    assert paths(seen) == [name, f"{name}!/t.csv"]
    assert seen.files[1].size == 8
    assert content_of(seen, seen.files[1]) == b"a,b\n1,2\n"


@pytest.mark.parametrize("inner", PACKINGS)
@pytest.mark.parametrize("outer", PACKINGS)
def test_archives_inside_archives_are_opened(outer: str, inner: str, tmp_path: Path) -> None:
    seen = Seen(put(tmp_path, **{outer: PACKINGS[outer]({"x": b"y", f"deep/{inner}": PACKINGS[inner](MEMBERS)})}))
    inside = f"{outer}!/deep/{inner}"
    assert paths(seen) == [outer, f"{outer}!/x", inside, *(f"{inside}!/{member}" for member in MEMBERS)]
    assert content_of(seen, seen.files[-2]) == MEMBERS["a/2.txt"]
    found = {file.path: content for file, content in seen.contents(seen.files[3:], 9_999)}
    assert found == {f"{inside}!/{member}": content for member, content in MEMBERS.items()}


def test_members_that_only_a_pass_reaches_are_kept_on_request(tmp_path: Path) -> None:
    seen = Seen(put(tmp_path, **{"a.tar.gz": tarred({"inner.zip": zipped(MEMBERS), "b": b"bb"}, "w:gz")}))
    seen.keep(seen.files)
    (tmp_path / "a.tar.gz").unlink()
    assert content_of(seen, seen.files[3]) == MEMBERS["a/2.txt"]
    assert content_of(seen, seen.files[-1]) == b"bb"


def test_what_a_zip_says_beside_a_member_is_its_comment(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        entry = zipfile.ZipInfo("x", (2021, 5, 6, 7, 8, 10))
        entry.comment, entry.extra, entry.external_attr = b"class 3", b"\xad\xde\x04\x00four", 0o600 << 16
        opened.writestr(entry, b"1")
    (file,) = Seen(tmp_path).files[1:]
    assert file.comment == "class 3\nfour"
    assert (file.modified, file.mode) == (1_620_284_890.0, 0o600)


def test_exact_times_and_names_of_zips_are_taken_from_extra_fields(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        entry = zipfile.ZipInfo("x", (2021, 5, 6, 7, 8, 10))
        entry.extra = b"\x55\x54\x05\x00\x01" + (1_600_000_001).to_bytes(4, "little")
        opened.writestr(entry, b"1")
    (file,) = Seen(tmp_path).files[1:]
    assert (file.modified, file.comment) == (1_600_000_001.0, "")


def test_long_names_times_and_comments_of_tars_are_read(tmp_path: Path) -> None:
    name = "folder/" * 40 + "x.txt"
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        with tarfile.open(tmp_path / "a.tar", "w", format=form) as opened:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = 3, 1_600_000_000
            entry.pax_headers = {"comment": "class 3"}
            opened.addfile(entry, io.BytesIO(b"abc"))
            link = tarfile.TarInfo("link")
            link.type, link.linkname = tarfile.SYMTYPE, "../../etc/passwd"
            opened.addfile(link)
        _, file, linked = Seen(tmp_path).files
        assert (file.path, file.size, file.modified) == (f"a.tar!/{name}", 3, 1_600_000_000.0)
        assert file.comment == ("class 3" if form == tarfile.PAX_FORMAT else "")
        assert linked.link == "../../etc/passwd"


def test_folders_within_archives_are_no_files_but_count(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.mkdir("folder")
        opened.writestr("folder/x", b"1")
    assert [(file.path, file.position) for file in Seen(tmp_path).files[1:]] == [("a.zip!/folder/x", 1)]


def test_documents_that_are_zips_are_no_archives(tmp_path: Path) -> None:
    put(tmp_path, **{"a.npz": zipped({"x.npy": b"1"}), "b.xlsx": zipped({"[Content_Types].xml": b"1"})})
    put(tmp_path, **{"model.bin": zipped({"archive/data.pkl": b"1"})})
    assert paths(Seen(tmp_path)) == ["a.npz", "b.xlsx", "model.bin"]


def test_a_zip_behind_other_bytes_is_read(tmp_path: Path) -> None:
    seen = Seen(put(tmp_path, **{"a.zip": zipped(MEMBERS)}))
    shifted = tmp_path / "b.zip"
    shifted.write_bytes(b"PK\3\4 no member" + (tmp_path / "a.zip").read_bytes())
    (tmp_path / "a.zip").unlink()
    seen = Seen(tmp_path)
    assert len(seen.files) == 4
    assert content_of(seen, seen.files[2]) == MEMBERS["a/2.txt"]


def test_large_zips_with_wide_numbers_are_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        for number in range(66_000):
            opened.writestr(zipfile.ZipInfo(f"{number}"), b"")
        with opened.open(zipfile.ZipInfo("last"), "w", force_zip64=True) as member:
            member.write(b"last")
    seen = Seen(tmp_path)
    assert len(seen.files) == 66_002
    assert content_of(seen, seen.files[-1]) == b"last"


def test_several_archives_are_listed_at_once_in_order(tmp_path: Path) -> None:
    put(tmp_path, **{f"{number}.tar.gz": tarred({f"{number}": b"x"}, "w:gz") for number in range(9)})
    assert paths(Seen(tmp_path, jobs=4)) == [
        path for number in range(9) for path in (f"{number}.tar.gz", f"{number}.tar.gz!/{number}")
    ]


def test_the_heads_of_all_members_of_a_7z_cost_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import py7zr

    passes: list[object] = []
    extract = py7zr.SevenZipFile.extract

    def counted(opened: py7zr.SevenZipFile, **options: Any) -> None:
        passes.append(opened)
        extract(opened, **options)

    monkeypatch.setattr(py7zr.SevenZipFile, "extract", counted)
    members = {f"{place}.bin": bytes(range(place, place + 99)) * 9 for place in range(12)}
    seen = Seen(put(tmp_path, **{"a.7z": seven_zipped(members)}))
    assert len(seen.files) == 13 and len(passes) == 1


def test_the_library_for_7z_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, **{"a.7z": seven_zipped(MEMBERS)})
    monkeypatch.setitem(__import__("sys").modules, "py7zr", None)
    seen = Seen(tmp_path)
    assert paths(seen) == ["a.7z"]
    (trouble,) = seen.troubles
    assert "py7zr" in trouble
