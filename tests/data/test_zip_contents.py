"""The quick way through zips writes the bytes that `zipfile` writes, and leaves everything odd to `zipfile`, which says why."""

from __future__ import annotations

import io
import random
import shutil
import struct
import threading
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import pytest

from mlebench._support.ahead import worked_ahead
from mlebench.data import Member, archives, extract, open_zip, unpack_files, write_zip
from mlebench.data.links import FIXED_TIME
from mlebench.data.zip_contents import PIECE, NotPlain, ZipContents
from mlebench.errors import WorkFailed

NAMES = ("a.jpg", "in/b.PNG", "in/c.csv", "é 日本.txt", "in/deep/d", "e.tar.gz")
SIZES = (0, 1, 20_000, PIECE + 1)
LARGE = 4 * PIECE + 1


def plain_write_zip(target: Path, members: Iterable[Member]) -> None:
    """What the bytes of a zip are, by `zipfile` alone."""
    with zipfile.ZipFile(target, "w") as packed:
        for member in members:
            entry = zipfile.ZipInfo(member.name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            stored = PurePosixPath(member.name).suffix.lower() in archives._COMPRESSED
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            opened = member.source.open("rb") if isinstance(member.source, Path) else member.source[0].open(member.source[1])
            with opened as source, packed.open(entry, "w", force_zip64=True) as sink:
                shutil.copyfileobj(source, sink, 1 << 20)


@pytest.fixture
def contents() -> dict[str, bytes]:
    """Contents of all sizes: noise, text and both."""
    draw = random.Random(0)
    made = {}
    for size in SIZES:
        for kind, name in enumerate(NAMES):
            noise, text = draw.randbytes(size), (b"the same words and " + draw.randbytes(5)) * (size // 24 + 1)
            made[f"{size}/{name}"] = (noise, text[:size], (text[: size // 2] + noise)[:size])[kind % 3]
    return {**made, "large.jpg": draw.randbytes(LARGE), "large.bin": bytes(LARGE)}


def packed(path: Path, contents: dict[str, bytes], method: int) -> Path:
    with zipfile.ZipFile(path, "w", method) as opened:
        for name, content in contents.items():
            opened.writestr(name, content)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zips_made_of_zips_and_files_have_the_bytes_of_zipfile(tmp_path: Path, contents: dict[str, bytes], method: int) -> None:
    source = packed(tmp_path / "source.zip", contents, method)
    extract(source, tmp_path / "files")
    with open_zip(source) as opened:
        members = [Member(f"new/{name}", (opened, name)) for name in reversed(contents)]
        members += [Member(f"files/{name}", tmp_path / "files" / name) for name in contents]
        assert write_zip(tmp_path / "quick.zip", iter(members)) == len(members)
        plain_write_zip(tmp_path / "plain.zip", members)
    assert (tmp_path / "quick.zip").read_bytes() == (tmp_path / "plain.zip").read_bytes()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_members_are_unpacked_whole_whatever_their_size(tmp_path: Path, contents: dict[str, bytes], method: int) -> None:
    archive = packed(tmp_path / "a.zip", {"empty/": b"", **contents}, method)
    extract(archive, tmp_path / "all")
    assert (tmp_path / "all/empty").is_dir()
    unpack_files(archive, tmp_path / "some", {name: f"x/{number}" for number, name in enumerate(contents)})
    for number, (name, content) in enumerate(contents.items()):
        assert (tmp_path / "all" / name).read_bytes() == content
        assert (tmp_path / f"some/x/{number}").read_bytes() == content
        assert (tmp_path / f"some/x/{number}").stat().st_mtime == FIXED_TIME


def test_a_repeated_name_is_written_twice_as_zipfile_does(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    members = [Member("a.txt", tmp_path / "a")] * 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        write_zip(tmp_path / "quick.zip", members)
        plain_write_zip(tmp_path / "plain.zip", members)
    assert (tmp_path / "quick.zip").read_bytes() == (tmp_path / "plain.zip").read_bytes()
    with pytest.warns(UserWarning, match="Duplicate name"):
        write_zip(tmp_path / "again.zip", members)


def damages(archive: Path) -> dict[str, bytes]:
    """An archive of two members, the second one damaged in many ways."""
    content = archive.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        second = opened.infolist()[1]
        data = second.header_offset + 30 + len(second.filename)
    directory = content.index(b"PK\x01\x02", data)
    entry = content.index(b"PK\x01\x02", directory + 4)

    def changed(place: int, new: bytes) -> bytes:
        return content[:place] + new + content[place + len(new) :]

    return {
        "a bit of the content": changed(data + 5, bytes([content[data + 5] ^ 1])),
        "checksum in the directory": changed(entry + 16, b"\1\2\3\4"),
        "unpacked size too small": changed(entry + 24, struct.pack("<I", second.file_size - 1)),
        "unpacked size too large": changed(entry + 24, struct.pack("<I", second.file_size + 1)),
        "packed size too small": changed(entry + 20, struct.pack("<I", second.compress_size - 1)),
        "packed size too large": changed(entry + 20, struct.pack("<I", second.compress_size + 7)),
        "packed size beyond the end": changed(entry + 20, struct.pack("<I", 10**6)),
        "name in the header": changed(second.header_offset + 30, b"X"),
        "header": changed(second.header_offset, b"QK"),
        "offset": changed(entry + 42, struct.pack("<I", second.header_offset + 1)),
        "patched": changed(entry + 8, b"\x20\0"),
        "method": changed(entry + 10, struct.pack("<H", 0 if second.compress_type else 8)),
    }


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_member_ends_as_with_zipfile(tmp_path: Path, method: int) -> None:
    sound = packed(tmp_path / "sound.zip", {"one.txt": b"first", "two.txt": b"second " * 50}, method)
    for what, content in damages(sound).items():
        archive = tmp_path / "a.zip"
        archive.write_bytes(content)
        assert outcome(archive, tmp_path / "plain", plainly=True) == outcome(archive, tmp_path / "quick", plainly=False), what


def outcome(archive: Path, target: Path, *, plainly: bool) -> list[object]:
    """What unpacking all, unpacking both members and packing them anew end in: bytes, or the words of the refusal."""
    ends: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        if plainly:

            def refuse(*args: object) -> None:
                raise NotPlain

            patch.setattr(ZipContents, "pieces", refuse)
        for work in (
            lambda: extract(archive, target),
            lambda: unpack_files(archive, target, ["one.txt", "two.txt"]),
            lambda: repack(archive, target / "new.zip"),
        ):
            shutil.rmtree(target, ignore_errors=True)
            try:
                work()
            except (WorkFailed, NotImplementedError) as error:
                ends.append(str(error))
            else:
                ends.append({path.name: path.read_bytes() for path in sorted(target.iterdir())})
    return ends


def repack(archive: Path, target: Path) -> None:
    with open_zip(archive) as opened:
        write_zip(target, [Member(f"{name}.jpg", (opened, name)) for name in opened.namelist()])


def test_a_zip_that_is_no_file_is_packed_anew_all_the_same(tmp_path: Path) -> None:
    held = io.BytesIO(packed(tmp_path / "a.zip", {"a.txt": b"content"}, zipfile.ZIP_STORED).read_bytes())
    with zipfile.ZipFile(held) as opened:
        write_zip(tmp_path / "b.zip", [Member("b.jpg", (opened, "a.txt"))])
    with zipfile.ZipFile(tmp_path / "b.zip") as opened:
        assert opened.read("b.jpg") == b"content"


@pytest.mark.parametrize(
    "names", [["a//b.txt"], ["./a.txt", "b.txt"], ["a/./b.txt"], ["a", "a/b.txt"], ["x/"], ["a.txt", "a.txt/"]]
)
def test_odd_names_are_unpacked_as_zipfile_does(tmp_path: Path, names: list[str]) -> None:
    archive = packed(tmp_path / "a.zip", dict.fromkeys(names, b""), zipfile.ZIP_STORED)
    trees = []
    for target, work in (
        (tmp_path / "quick", lambda: extract(archive, tmp_path / "quick")),
        (tmp_path / "plain", lambda: zipfile.ZipFile(archive).extractall(tmp_path / "plain")),
    ):
        try:
            work()
        except (OSError, WorkFailed):
            trees.append(None)
        else:
            trees.append(sorted(path.relative_to(target).as_posix() for path in target.rglob("*")))
    assert trees[0] == trees[1]


def test_a_file_that_stands_there_is_not_overwritten_by_unpacking_some(tmp_path: Path) -> None:
    archive = packed(tmp_path / "a.zip", {"a.txt": b"new"}, zipfile.ZIP_STORED)
    (tmp_path / "a.txt").write_bytes(b"old")
    with pytest.raises(FileExistsError, match=str(tmp_path / "a.txt")):
        unpack_files(archive, tmp_path, ["a.txt"])
    assert (tmp_path / "a.txt").read_bytes() == b"old"
    extract(archive, tmp_path)
    assert (tmp_path / "a.txt").read_bytes() == b"new"


def test_work_ahead_keeps_the_order_and_takes_few_items_ahead() -> None:
    taken = 0

    def items() -> Iterable[int]:
        nonlocal taken
        while taken < 200:
            taken += 1
            yield taken

    for place, result in enumerate(worked_ahead(lambda item: item * item, items(), 8, alone=lambda item: item % 7 == 0), start=1):
        assert result == place * place
        assert taken <= place + 12
    with pytest.raises(ZeroDivisionError):
        list(worked_ahead(lambda item: 1 // item, [2, 1, 0, 1], 2))
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("ahead")]
