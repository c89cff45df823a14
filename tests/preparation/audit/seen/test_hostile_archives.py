"""Archives are untrusted: what is damaged, endless or misleading is a trouble, never a crash, and nothing leaves its place."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from mlebench.preparation.audit.seen import bounds, inside
from mlebench.preparation.audit.seen.listing import Seen
from tests.preparation.audit.seen.packing import PACKINGS, seven_zipped, tarred, zipped

MEMBERS = {f"{number}.txt": bytes([number]) * 5_000 for number in range(20)}


def seen_of(folder: Path, name: str, content: bytes) -> Seen:
    (folder / name).write_bytes(content)
    return Seen(folder)


def read_all(seen: Seen) -> None:
    """Whatever an audit reads."""
    list(seen.contents(seen.files, 2**20))
    for file in seen.files:
        try:
            with seen.open(file) as stream:
                while stream.read(2**16):
                    pass
        except OSError:
            pass


@pytest.mark.parametrize("name", PACKINGS)
def test_cut_off_archives_are_troubles(name: str, tmp_path: Path) -> None:
    whole = PACKINGS[name](MEMBERS)
    for share in (0.1, 0.5, 0.9, 0.99):
        seen = seen_of(tmp_path, name, whole[: int(len(whole) * share)])
        read_all(seen)
        # the end of a tar is nothing but zero bytes
        assert seen.troubles or ("zip" not in name and "7z" not in name and share > 0.9), share


@pytest.mark.parametrize("name", PACKINGS)
def test_flipped_bytes_crash_nothing(name: str, tmp_path: Path) -> None:
    whole = PACKINGS[name](dict(list(MEMBERS.items())[:3]))
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        read_all(seen_of(tmp_path, name, bytes(damaged)))


def test_names_that_lead_out_are_listed_as_they_are_and_write_nothing(tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.mkdir()
    names = ["../../escaped", "/etc/escaped", "a/../../b", "con\x1b[31mtrol\n", "back\\slash"]
    (public / "a.zip").write_bytes(zipped(dict.fromkeys(names, b"x" * 30)))
    (public / "b.tar").write_bytes(tarred(dict.fromkeys(names, b"x" * 30)))
    seen = Seen(public)
    assert {file.path for file in seen.files} >= {f"b.tar!/{name}" for name in names} | {"a.zip!/../../escaped"}
    read_all(seen)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip", "b.tar", "public"]


def test_archives_are_opened_only_so_deep(tmp_path: Path) -> None:
    content = b"x" * 100
    for _ in range(bounds.DEEPEST + 3):
        content = zipped({"inner.zip": content})
    seen = seen_of(tmp_path, "a.zip", content)
    assert max(file.path.count("!/") for file in seen.files) == bounds.DEEPEST
    assert any("inside one another" in trouble for trouble in seen.troubles)


def test_an_archive_that_holds_itself_ends(tmp_path: Path) -> None:
    """The directory of the zip says that the whole file is its member."""
    name = b"a.zip"
    local = struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0) + name
    size = 2_000
    entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0x5021, 0, size, size, len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(entry), len(local), 0)
    read_all(seen_of(tmp_path, "a.zip", local + entry + end))


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "BOMB_FLOOR", 2**20)
    monkeypatch.setattr(bounds, "BOMB_RATIO", 100)
    zeros = bytes(2**23)
    (tmp_path / "a.bz2").write_bytes(bz2.compress(zeros))
    (tmp_path / "b.zip").write_bytes(zipped({"inner.zip": b"PK\3\4" + zeros}))
    (tmp_path / "c.7z").write_bytes(seven_zipped({"x": zeros}))
    seen = Seen(tmp_path)
    read_all(seen)
    for name in ("a.bz2", "b.zip!/inner.zip", "c.7z"):
        assert any(trouble.startswith(name) and "absurd size" in trouble for trouble in seen.troubles), (name, seen.troubles)


def test_members_beyond_the_bound_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inside, "MOST_MEMBERS", 10)
    monkeypatch.setattr(inside.Budget, "__init__", lambda self: self.__dict__.update(members=10, unpacked=2**30))
    seen = seen_of(tmp_path, "a.zip", zipped(MEMBERS))
    assert len(seen.files) == 1 + 9
    assert any("left out" in trouble for trouble in seen.troubles)


def test_encrypted_members_are_listed_and_cannot_be_read(tmp_path: Path) -> None:
    packed = bytearray(zipped({"x": b"1" * 30}))
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        packed[packed.index(mark) + place] |= 1
    seen = seen_of(tmp_path, "a.zip", bytes(packed))
    assert [file.path for file in seen.files] == ["a.zip", "a.zip!/x"]
    with pytest.raises(OSError, match="encrypted"), seen.open(seen.files[1]):
        pass
    assert any("encrypted" in trouble for trouble in seen.troubles)


def test_devices_and_pipes_of_tars_are_left_alone(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as opened:
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE):
            entry = tarfile.TarInfo(f"odd{kind.decode()}")
            entry.type = kind
            opened.addfile(entry)
        opened.addfile(tarfile.TarInfo("last"), io.BytesIO())
    assert [file.path for file in Seen(tmp_path).files] == ["a.tar", "a.tar!/last"]


def test_names_ten_thousand_folders_deep_are_cut(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tarred({"d/" * 10_000 + "x": b"1"}))
    (tmp_path / "b.zip").write_bytes(zipped({"d/" * 10_000 + "x": b"1"}))
    seen = Seen(tmp_path)
    assert len(seen.files[1].path) <= bounds.LONGEST_NAME + 10
    read_all(seen)


@pytest.mark.parametrize("field", [20, 24])
def test_sizes_that_lie_are_troubles(field: int, tmp_path: Path) -> None:
    packed = bytearray(zipped({"x.csv": b"a,b\n" * 1_000}))
    place = packed.index(b"PK\1\2") + field
    for size in (0, 1, 2**31, 2**32 - 1):
        packed[place : place + 4] = size.to_bytes(4, "little")
        read_all(seen_of(tmp_path, "a.zip", bytes(packed)))


def test_a_directory_of_a_zip_that_lies_about_its_place_is_a_trouble(tmp_path: Path) -> None:
    packed = bytearray(zipped(MEMBERS))
    end = packed.rindex(b"PK\5\6")
    for size, offset in ((2**32 - 1, 0), (0, 2**32 - 1), (5, 5), (2**31, 2**31)):
        packed[end + 12 : end + 20] = struct.pack("<2I", size, offset)
        read_all(seen_of(tmp_path, "a.zip", bytes(packed)))


def test_a_tar_with_absurd_numbers_is_a_trouble(tmp_path: Path) -> None:
    packed = bytearray(tarred({"x": b"1"}))
    packed[124:136] = b"\x80" + (2**80).to_bytes(11, "big")
    packed[148:156] = b" " * 8
    packed[148:156] = f"{sum(packed[:512]):06o}\0 ".encode()
    seen = seen_of(tmp_path, "a.tar", bytes(packed))
    read_all(seen)
    assert seen.troubles


def test_other_content_named_as_an_archive_is_a_trouble(tmp_path: Path) -> None:
    for name in ("a.zip", "b.7z", "c.gz", "d.tar"):
        (tmp_path / name).write_bytes(b"<html>not found</html>" * 9)
    seen = Seen(tmp_path)
    assert len(seen.files) == 4
    assert sum("not an archive" in trouble for trouble in seen.troubles) == 1
    (tmp_path / "e.rar").write_bytes(b"Rar!\x1a\x07\x00" + bytes(30))
    assert any("RAR" in trouble for trouble in Seen(tmp_path).troubles)


def test_a_gzip_that_ends_in_rubbish_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    seen = seen_of(tmp_path, "a.csv.gz", gzip.compress(b"a,b\n1,2\n") + b"rubbish")
    assert seen.files[1].size >= 8
    found = dict(seen.contents(seen.files[1:], 8))
    assert list(found.values()) == [b"a,b\n1,2\n"]


def test_a_method_that_nobody_knows_is_a_trouble(tmp_path: Path) -> None:
    packed = bytearray(zipped({"x": b"1" * 30}))
    for mark, place in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        packed[packed.index(mark) + place] = 77
    seen = seen_of(tmp_path, "a.zip", bytes(packed))
    assert list(seen.contents(seen.files[1:], 10)) == []
    assert seen.troubles


def test_zips_with_a_comment_that_looks_like_an_end_are_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr("x", b"1")
        opened.comment = b"class 3"
    assert len(Seen(tmp_path).files) == 2
