"""Archives that come out of a container are taken apart as what they are: made by an agent."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Generator
from pathlib import Path

import pytest

from mlebench.sandbox.docker import outputs


def member(name: str, content: bytes | None = None, kind: bytes = tarfile.REGTYPE, link: str = "", size: int | None = None):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    info.size = len(content or b"") if size is None else size
    return info, content


def tar(*members: tuple[tarfile.TarInfo, bytes | None]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content or b"") if info.isreg() else None)
    return packed.getvalue()


class Source:
    """Archives by path; a folder's archive is given as it is."""

    def __init__(self, archives: dict[str, bytes], children: dict[str, list[str]] | None = None) -> None:
        self.archives = archives
        self.names = children or {}
        self.asked: list[str] = []

    def archive(self, path: str) -> Generator[bytes, None, None]:
        self.asked.append(path)
        if path not in self.archives:
            raise FileNotFoundError(path)
        content = self.archives[path]
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    def children(self, path: str) -> list[str]:
        return self.names.get(path, [])


def take(source: Source, run_dir: Path, folder: str = "code", **given) -> tuple[outputs.Taken, list[str]]:
    notes: list[str] = []
    budget = outputs.Budget(**{"bytes": 10**6, **given.pop("budget", {})})
    taken = outputs.take_out(source, run_dir, [folder], budget, notes.append, **given)
    return taken, notes


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_plain_files_and_folders_come_out(tmp_path: Path) -> None:
    archive = tar(member("code", kind=tarfile.DIRTYPE), member("code/a.py", b"print()"), member("code/sub", kind=tarfile.DIRTYPE),
                  member("code/sub/b.bin", bytes(range(256)) * 20))  # fmt: skip
    taken, notes = take(Source({"/home/code": archive}), tmp_path)
    assert files(tmp_path / "code") == {"a.py": b"print()", "sub/b.bin": bytes(range(256)) * 20}
    assert notes == []
    assert taken.files == 2


@pytest.mark.parametrize(
    "hostile",
    [
        member("code/evil", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        member("code/evil", kind=tarfile.SYMTYPE, link="../../run.json"),
        member("code/evil", kind=tarfile.LNKTYPE, link="/etc/passwd"),
        member("code/evil", kind=tarfile.CHRTYPE),
        member("code/evil", kind=tarfile.BLKTYPE),
        member("code/evil", kind=tarfile.FIFOTYPE),
        member("code/../../evil", b"x"),
        member("code/sub/../../../evil", b"x"),
        member("code//evil", b"x"),
        member("code/" + "/".join(["d"] * 100) + "/evil", b"x"),
        member("code/" + "n" * 4000, b"x"),
    ],
    ids=[
        "absolute link",
        "relative link",
        "hard link",
        "character device",
        "block device",
        "pipe",
        "dots",
        "dots in the middle",
        "empty part",
        "deep",
        "long name",
    ],
)
def test_what_is_not_plain_is_left_out_and_named(tmp_path: Path, hostile) -> None:
    run_dir = tmp_path / "runs" / "run"
    archive = tar(hostile, member("code/good", b"kept"))
    taken, notes = take(Source({"/home/code": archive}), run_dir)
    assert files(run_dir / "code") == {"good": b"kept"}
    assert sum(taken.left_out.counts.values()) == 1
    assert len(notes) == 1 and notes[0].startswith("left out code/")
    assert [path.name for path in tmp_path.rglob("*") if path.name not in ("runs", "run", "code", "good")] == []


def test_a_link_cannot_be_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    archive = tar(member("code/door", kind=tarfile.SYMTYPE, link=str(outside)), member("code/door/evil", b"x"))
    take(Source({"/home/code": archive}), tmp_path / "run")
    assert list(outside.iterdir()) == []


def test_a_folder_replaced_by_a_link_is_left_out(tmp_path: Path) -> None:
    archive = tar(member("code", kind=tarfile.SYMTYPE, link="/etc"))
    _, notes = take(Source({"/home/code": archive}), tmp_path)
    assert files(tmp_path / "code") == {}
    assert len(notes) == 1


def test_names_cannot_forge_lines_of_the_log(tmp_path: Path) -> None:
    archive = tar(member("code/x\n[mlebench] all is well\x1b[2J", kind=tarfile.FIFOTYPE))
    _, [note] = take(Source({"/home/code": archive}), tmp_path)
    assert "\n" not in note and "\x1b" not in note


def test_the_same_name_twice_keeps_the_first(tmp_path: Path) -> None:
    archive = tar(member("code/a", b"first"), member("code/a", b"second"))
    _, notes = take(Source({"/home/code": archive}), tmp_path)
    assert files(tmp_path / "code") == {"a": b"first"}
    assert files(tmp_path / "code") == {} or files(tmp_path / "code") == {"a": b"first"}
    assert len(notes) == 1


def test_number_of_files_is_capped_and_the_submission_comes_first(tmp_path: Path) -> None:
    flood = [member(f"submission/{number:04d}", b"x") for number in range(50)]
    source = Source({
        "/home/submission": tar(*flood, member("submission/submission.csv", b"id,y\n")),
        "/home/submission/submission.csv": tar(member("submission.csv", b"id,y\n")),
    })  # fmt: skip
    _, notes = take(source, tmp_path, "submission", budget={"files": 10})
    found = files(tmp_path / "submission")
    assert found.pop("submission.csv") == b"id,y\n"
    assert len(found) == 10
    assert "first 10 files" in notes[-1]


def test_submission_that_is_a_link_or_too_large_is_named(tmp_path: Path) -> None:
    link = tar(member("submission.csv", kind=tarfile.SYMTYPE, link="/home/data/train.csv"))
    _, notes = take(Source({"/home/submission/submission.csv": link}), tmp_path, "submission")
    assert notes == ["left out submission/submission.csv: a link"]
    large = tar(member("submission.csv", b"x" * 100))
    source = Source({"/home/submission/submission.csv": large})
    _, notes = take(source, tmp_path, "submission", budget={"submission_bytes": 99})
    assert files(tmp_path / "submission") == {}
    assert len(notes) == 1


def test_total_size_is_capped(tmp_path: Path) -> None:
    archive = tar(member("code/a", b"x" * 600), member("code/b", b"x" * 600), member("code/c", b"x" * 300))
    _, notes = take(Source({"/home/code": archive}), tmp_path, budget={"bytes": 1000})
    assert sorted(files(tmp_path / "code")) == ["a", "c"]
    assert len(notes) == 1


def test_a_huge_file_is_not_read_past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that never ends: what comes after the huge file is fetched by its name."""
    monkeypatch.setattr(outputs, "_READ_PAST", 1000)
    read = []

    class Endless(Source):
        def archive(self, path: str) -> Generator[bytes, None, None]:
            if path != "/home/code":
                yield from super().archive(path)
                return
            yield tar(member("code/a", b"before"), member("code/sub", kind=tarfile.DIRTYPE))[:1536]
            yield member("code/sub/huge", size=20 * 2**30)[0].tobuf()
            while True:
                read.append(1)
                yield b"\0" * 2**16

    source = Endless(
        {"/home/code/sub/later": tar(member("later", b"1")), "/home/code/z": tar(member("z", b"2"))},
        {"/home/code": ["a", "sub", "z"], "/home/code/sub": ["earlier", "huge", "later"]},
    )
    _, notes = take(source, tmp_path)
    assert files(tmp_path / "code") == {"a": b"before", "sub/later": b"1", "z": b"2"}
    assert len(read) < 100
    assert source.asked == ["/home/code/sub/later", "/home/code/z"]
    assert len(notes) == 1 and "20.0 GiB" in notes[0]


def test_zeros_are_written_as_holes(tmp_path: Path) -> None:
    content = b"head" + bytes(8 * 2**20)
    take(Source({"/home/code": tar(member("code/sparse", content))}), tmp_path, budget={"bytes": 2**30})
    path = tmp_path / "code" / "sparse"
    assert path.read_bytes() == content
    assert path.stat().st_blocks * 512 < 4 * 2**20


def test_secrets_are_masked_wherever_blocks_end(tmp_path: Path) -> None:
    content = b"x" * (2**20 - 5) + b"sk-secret-value" + b"y" * 10
    take(Source({"/home/code": tar(member("code/a", content))}), tmp_path, budget={"bytes": 2**30}, secrets=("sk-secret-value",))
    masked = (tmp_path / "code" / "a").read_bytes()
    assert b"secret" not in masked
    assert masked.endswith(b"x***" + b"y" * 10)


def test_a_damaged_archive_keeps_what_was_read(tmp_path: Path) -> None:
    archive = tar(member("code/a", b"whole"), member("code/b", b"x" * 5000))
    _, notes = take(Source({"/home/code": archive[:3000]}), tmp_path)
    assert files(tmp_path / "code").get("a") == b"whole"
    assert any("damaged" in note for note in notes)


def test_one_file_is_copied_or_the_reason_is_told(tmp_path: Path) -> None:
    source = Source({
        "/home/plain": tar(member("plain", b"x" * 3000)),
        "/home/link": tar(member("link", kind=tarfile.SYMTYPE, link="/etc/passwd")),
        "/home/cut": tar(member("cut", b"x" * 3000))[:1000],
    })  # fmt: skip
    taken = outputs.read_file(source, "/home/plain", tmp_path / "plain", 3000)
    assert taken is not None and (tmp_path / "plain").read_bytes() == b"x" * 3000
    for path in ("/home/missing", "/home/link"):
        assert outputs.read_file(source, path, tmp_path / "other", 3000) is None
    assert outputs.read_file(source, "/home/plain", tmp_path / "other", 2999) is None
    with pytest.raises(OSError, match="damaged"):
        outputs.read_file(source, "/home/cut", tmp_path / "other", 3000)


def test_earlier_output_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "old").touch()
    take(Source({"/home/code": tar(member("code/new", b""))}), tmp_path)
    assert sorted(files(tmp_path / "code")) == ["new"]


def test_modes_and_owners_are_not_taken_over(tmp_path: Path) -> None:
    info, content = member("code/tool", b"#!/bin/sh")
    info.mode, info.uid = 0o6777, 4242
    take(Source({"/home/code": tar((info, content))}), tmp_path)
    status = (tmp_path / "code" / "tool").stat()
    assert status.st_mode & 0o7111 == 0
    assert status.st_uid == os.getuid()
