"""Archives are untrusted: what leads out, links or blows up is refused, and zips come out the same each time."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from pathlib import Path

import py7zr
import pytest

from mlebench.data import Member, archives, extract, open_zip, scratch, write_zip
from mlebench.errors import WorkFailed


def packed(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, f"content of {name}")
    return path


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt", "..\\out.txt"])
def test_a_zip_member_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    archive = packed(tmp_path / "a.zip", name)
    with pytest.raises(WorkFailed, match="a path outside its folder"):
        extract(archive, tmp_path / "target")
    assert not any((tmp_path / "target").rglob("*"))


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt"])
def test_a_tar_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as opened:
        opened.addfile(tarfile.TarInfo("good.txt"))
        opened.addfile(tarfile.TarInfo(name))
    with pytest.raises(WorkFailed, match="a path outside its folder"):
        extract(archive, tmp_path / "target")
    assert not any((tmp_path / "target").rglob("*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_tar_member_that_is_neither_file_nor_folder_is_refused(tmp_path: Path, kind: bytes) -> None:
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as opened:
        member = tarfile.TarInfo("odd")
        member.type, member.linkname = kind, "/etc/passwd"
        opened.addfile(member)
    with pytest.raises(WorkFailed, match="neither a file nor a folder"):
        extract(archive, tmp_path / "target")


def test_a_zip_with_a_link_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        member = zipfile.ZipInfo("link")
        member.external_attr = 0o120777 << 16
        opened.writestr(member, "/etc/passwd")
    with pytest.raises(WorkFailed, match="neither a file nor a folder"):
        extract(archive, tmp_path / "target")


def test_a_bomb_is_refused_before_anything_is_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened, opened.open("zeros", "w", force_zip64=True) as sink:
        for _ in range(1100):
            sink.write(bytes(1 << 20))
    with pytest.raises(WorkFailed, match="times its size"):
        extract(archive, tmp_path / "target")
    assert not any((tmp_path / "target").rglob("*"))


@pytest.mark.parametrize("kind", ["tar", "7z"])
def test_a_bomb_in_a_tar_or_7z_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(archives, "_BOMB_FLOOR", 2**20)
    (tmp_path / "zeros").write_bytes(bytes(8 * 2**20))
    archive = tmp_path / f"bomb.{kind}"
    if kind == "tar":
        with tarfile.open(archive, "w:xz") as opened:
            opened.add(tmp_path / "zeros", "zeros")
    else:
        with py7zr.SevenZipFile(archive, "w") as packing:
            packing.write(tmp_path / "zeros", "zeros")
    with pytest.raises(WorkFailed, match="times its size"):
        extract(archive, tmp_path / "target")
    assert not any((tmp_path / "target").rglob("*"))


def test_zip_tar_and_7z_are_told_by_content(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    packed(tmp_path / "one.bin", "a.txt")
    with tarfile.open(tmp_path / "two.bin", "w:gz") as opened:
        opened.add(tmp_path / "a.txt", "a.txt")
    with py7zr.SevenZipFile(tmp_path / "three.bin", "w") as opened:
        opened.write(tmp_path / "a.txt", "a.txt")
    for name in ("one", "two", "three"):
        assert (extract(tmp_path / f"{name}.bin", tmp_path / name) / "a.txt").exists()


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut off"])
def test_a_damaged_archive_is_said_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "raw.zip"
    archive.write_bytes(content)
    with pytest.raises(WorkFailed, match=r"raw\.zip .*download it again"):
        extract(archive, tmp_path / "target")


def test_a_missing_archive_or_member_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match=r"gone\.zip is missing"):
        extract(tmp_path / "gone.zip", tmp_path / "target")
    with open_zip(packed(tmp_path / "a.zip", "x.txt")) as opened, pytest.raises(WorkFailed, match=r"y\.txt is missing"):
        write_zip(tmp_path / "b.zip", [Member("y.txt", (opened, "y.txt"))])


def patched(path: Path, flags: int = 0, method: int | None = None) -> Path:
    """A zip whose headers say that its members are encrypted, or packed by another method."""
    content = bytearray(packed(path, "train.csv").read_bytes())
    for signature, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(signature) + place
        content[at] |= flags
        if method is not None:
            content[at + 2] = method
    path.write_bytes(content)
    return path


def test_an_encrypted_archive_is_told_with_what_helps(tmp_path: Path) -> None:
    with pytest.raises(WorkFailed, match=r"a\.zip is encrypted; unpack it with its password and pass the folder"):
        extract(patched(tmp_path / "a.zip", flags=1), tmp_path / "target")
    with pytest.raises(WorkFailed, match="is encrypted"), open_zip(tmp_path / "a.zip"):
        pass
    (tmp_path / "a.txt").write_text("hello")
    for number, headers_too in enumerate((False, True)):
        archive = tmp_path / f"{number}.7z"
        with py7zr.SevenZipFile(archive, "w", password="secret", header_encryption=headers_too) as opened:
            opened.write(tmp_path / "a.txt", "a.txt")
        with pytest.raises(WorkFailed, match="is encrypted"):
            extract(archive, tmp_path / "target")


def test_a_method_of_packing_that_python_lacks_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(
        WorkFailed, match=r"uses a compression method that Python does not support \(9\); unpack it with another program"
    ):
        extract(patched(tmp_path / "a.zip", method=9), tmp_path / "target")


def test_backslashes_in_names_are_separators(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        for name in ("top\\one.txt", "top\\inner\\two.txt", "top\\empty\\"):
            entry = zipfile.ZipInfo("x")
            entry.filename = name
            opened.writestr(entry, "" if name.endswith("\\") else "content")
    extract(tmp_path / "a.zip", tmp_path / "target")
    found = {path.relative_to(tmp_path / "target").as_posix() for path in (tmp_path / "target").rglob("*")}
    assert found == {"top", "top/one.txt", "top/inner", "top/inner/two.txt", "top/empty"}
    with open_zip(tmp_path / "a.zip") as opened:
        assert opened.read("top/inner/two.txt") == b"content"
        assert "top/one.txt" in opened.namelist()


def test_a_name_twice_is_refused_unless_it_is_the_same_file(tmp_path: Path) -> None:
    def twice(archive: Path, second: str) -> Path:
        with zipfile.ZipFile(archive, "w") as opened, pytest.warns(UserWarning, match="Duplicate"):
            opened.writestr("a.txt", "content")
            opened.writestr("a.txt", second)
        return archive

    extract(twice(tmp_path / "same.zip", "content"), tmp_path / "target")
    with pytest.raises(WorkFailed, match=r"contains 'a\.txt' twice with different contents"):
        extract(twice(tmp_path / "other.zip", "another"), tmp_path / "target")
    with tarfile.open(tmp_path / "a.tar", "w") as opened:
        for _ in range(2):
            opened.addfile(tarfile.TarInfo("a.txt"))
    with pytest.raises(WorkFailed, match="twice"):
        extract(tmp_path / "a.tar", tmp_path / "target")


def test_what_is_no_archive_is_told_by_what_it_is(tmp_path: Path) -> None:
    contents = {b"<html>": "a web page", b"": "an empty file", b"Rar!\x1a\x07\x00": "a RAR archive", b"plain": "text"}
    for content, kind in contents.items():
        (tmp_path / "a.zip").write_bytes(content)
        for use in (lambda: extract(tmp_path / "a.zip", tmp_path / "target"), lambda: open_zip(tmp_path / "a.zip").__enter__()):
            with pytest.raises(WorkFailed, match=f"is not a zip, tar or 7z archive but {kind}; download it again"):
                use()
    (tmp_path / "folder.zip").mkdir()
    with pytest.raises(WorkFailed, match="is a folder, expected a file"):
        extract(tmp_path / "folder.zip", tmp_path / "target")


def test_written_zips_have_the_same_bytes_and_store_what_is_compressed(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(bytes(1000))
    (tmp_path / "a.csv").write_bytes(bytes(1000))
    members = [Member("in/a.jpg", tmp_path / "a.jpg"), Member("in/a.csv", tmp_path / "a.csv")]
    for name in ("one.zip", "two.zip"):
        assert write_zip(tmp_path / name, members) == 2
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO((tmp_path / "one.zip").read_bytes())) as opened:
        kinds = [entry.compress_type for entry in opened.infolist()]
    assert kinds == [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]


def test_a_scratch_folder_lies_beside_public_and_goes_even_after_an_error(tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.mkdir()
    with pytest.raises(ZeroDivisionError), scratch(public) as folder:
        (folder / "left.txt").write_text("x")
        assert folder.parent == public.parent
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["public"]


def test_a_7z_with_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    (tmp_path / "link").symlink_to("a.txt")
    with py7zr.SevenZipFile(tmp_path / "a.7z", "w") as opened:
        opened.write(tmp_path / "link", "link")
    with pytest.raises(WorkFailed, match="neither a file nor a folder"):
        extract(tmp_path / "a.7z", tmp_path / "target")


def test_a_compressed_tar_with_flipped_bits_is_damaged(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.xz"
    with tarfile.open(archive, "w:xz") as opened:
        member = tarfile.TarInfo("noise")
        member.size = 100_000
        opened.addfile(member, io.BytesIO(random.Random(0).randbytes(member.size)))
    content = bytearray(archive.read_bytes())
    for place in range(len(content) // 2, len(content) // 2 + 50):
        content[place] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(WorkFailed, match=r"is damaged .*download it again"):
        extract(archive, tmp_path / "target")
