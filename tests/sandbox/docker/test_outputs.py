"""Archives that come out of a container are taken apart as what they are: made by an agent."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import time
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

    def status(self, path: str) -> outputs.PathStatus | None:
        """That of the archive's first member; a folder where that lies within."""
        if path not in self.archives:
            is_above = any(each.startswith(f"{path}/") for each in [*self.archives, *self.names])
            return outputs.PathStatus(stat.S_IFDIR | 0o755, 4096, 0) if is_above else None
        with tarfile.open(fileobj=io.BytesIO(self.archives[path]), errorlevel=0) as archive:
            first = archive.next()
        if first is None or "/" in first.name.strip("/"):
            return outputs.PathStatus(stat.S_IFDIR | 0o755, 4096, 0)
        kinds = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK}
        return outputs.PathStatus(kinds.get(first.type, stat.S_IFREG) | 0o644, first.size, first.mtime)

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
    folder = tar(member("submission", kind=tarfile.DIRTYPE))
    source = Source({"/home/submission/submission.csv": link, "/home/submission": folder})
    _, notes = take(source, tmp_path, "submission")
    assert notes == ["left out submission/submission.csv: a link"]
    large = tar(member("submission.csv", b"x" * 100))
    source = Source({"/home/submission/submission.csv": large, "/home/submission": folder})
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


def test_one_file_is_read_or_the_reason_is_told(tmp_path: Path) -> None:
    source = Source({
        "/home/plain": tar(member("plain", b"x" * 3000)),
        "/home/link": tar(member("link", kind=tarfile.SYMTYPE, link="/etc/passwd")),
        "/home/cut": tar(member("cut", b"x" * 3000))[:1000],
    })  # fmt: skip

    def read(path: str, **limits: float) -> bytes:
        meter = outputs.Meter(**{"most": 10**6, "seconds": 60, **limits})
        with outputs.open_file(source, path, meter) as blocks:
            return b"".join(blocks)

    assert read("/home/plain") == b"x" * 3000
    for path in ("/home/missing", "/home/link"):
        with pytest.raises(FileNotFoundError):
            read(path)
    with pytest.raises(OSError, match="damaged"):
        read("/home/cut")
    with pytest.raises(outputs.Exhausted, match="would have to be read"):
        read("/home/plain", most=2000)
    with pytest.raises(outputs.Exhausted, match="longer than"):
        read("/home/plain", seconds=-1)


class Giants(Source):
    """A folder of sparse files; bodies are made as they are read, and counted."""

    def __init__(self, sizes: dict[str, int]) -> None:
        super().__init__({}, {"/home/logs": sorted(sizes)})
        self.sizes = sizes
        self.read = 0

    def status(self, path: str) -> outputs.PathStatus | None:
        if path == "/home/logs":
            return outputs.PathStatus(stat.S_IFDIR | 0o755, 4096, 0)
        size = self.sizes.get(path.removeprefix("/home/logs/"))
        return None if size is None else outputs.PathStatus(stat.S_IFREG | 0o644, size, 0)

    def archive(self, path: str) -> Generator[bytes, None, None]:
        self.asked.append(path)
        name = path.removeprefix("/home/logs").strip("/")
        for each in [name] if name else sorted(self.sizes):
            yield member(f"logs/{each}" if not name else each, size=self.sizes[each])[0].tobuf()
            for start in range(0, -(-self.sizes[each] // 512) * 512, 2**20):
                block = bytes(min(2**20, -(-self.sizes[each] // 512) * 512 - start))
                self.read += len(block)
                yield block
        yield bytes(1024)


def test_no_more_is_read_past_than_allowed_over_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_READ_PAST", 10 * 2**20)
    monkeypatch.setattr(outputs, "_MOST_ARCHIVES", 50)
    source = Giants({f"{number:04d}": 4 * 2**30 for number in range(1000)})
    taken, notes = take(source, tmp_path, "logs", budget={"bytes": 2**20})
    assert source.read < 20 * 2**20
    assert source.asked == ["/home/logs"]
    assert taken.files == 0
    assert notes[-1] == "left out 980 more of logs/: 4.0 GiB, more than may be extracted"


def test_many_files_just_below_the_limits_are_read_past_up_to_a_sum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_READ_PAST", 10 * 2**20)
    monkeypatch.setattr(outputs, "_MOST_ARCHIVES", 5)
    source = Giants({f"{number:04d}": 3 * 2**20 for number in range(1000)})
    take(source, tmp_path, "logs", budget={"bytes": 2**20})
    assert source.read < 40 * 2**20


def test_entries_that_are_left_out_count_too(tmp_path: Path) -> None:
    links = [member(f"code/{number:04d}", kind=tarfile.SYMTYPE, link="x") for number in range(5000)]
    taken, notes = take(Source({"/home/code": tar(*links)}), tmp_path, budget={"files": 30})
    assert sum(taken.left_out.counts.values()) == 31
    assert "first 30 files" in " ".join(notes)


def test_taking_out_ends_after_its_time_and_names_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    class Slow(Source):
        def archive(self, path: str) -> Generator[bytes, None, None]:
            for block in super().archive(path):
                now[0] += 10
                yield block

    many = [member(f"code/{number:04d}", b"x" * 800) for number in range(500)]
    logs = tar(member("logs/a", b"1"))
    notes: list[str] = []
    taken = outputs.take_out(Slow({"/home/code": tar(*many), "/home/logs": logs}), tmp_path, ["code", "logs"],
                             outputs.Budget(bytes=10**6), notes.append)  # fmt: skip
    assert 1 <= taken.files < 30
    assert now[0] < 300
    assert [note.split(":")[0] for note in notes] == [f"left out code/{taken.files - 1:04d}", "left out logs"]
    assert all("took longer than" in note for note in notes)


def test_what_the_engine_does_not_hand_out_is_named_and_ends_nothing_else(tmp_path: Path) -> None:
    class Refusing(Source):
        def archive(self, path: str) -> Generator[bytes, None, None]:
            if path == "/home/code":
                raise outputs.NotHandedOut("file name too long")
            yield from super().archive(path)

    source = Refusing({"/home/code": tar(member("code", kind=tarfile.DIRTYPE)), "/home/logs": tar(member("logs/a", b"1"))})
    notes: list[str] = []
    outputs.take_out(source, tmp_path, ["code", "logs"], outputs.Budget(bytes=10**6), notes.append)
    assert notes == ["left out code: file name too long"]
    assert files(tmp_path / "logs") == {"a": b"1"}


def test_a_full_disk_here_is_no_fault_of_the_agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputs, "write_sparse", full)
    with pytest.raises(OSError, match="No space"):
        take(Source({"/home/code": tar(member("code/a", b"x"))}), tmp_path)


def test_a_secret_that_names_of_a_folder_and_a_file_make_together_is_masked(tmp_path: Path) -> None:
    long = "n" * 110
    archive = tar(member("code/c2VjcmV0/dmFsdWU9/a", b"kept"), member(f"code/{long}-c2VjcmV0/dmFsdWU9", kind=tarfile.FIFOTYPE))
    _, notes = take(Source({"/home/code": archive}), tmp_path, secrets=("c2VjcmV0/dmFsdWU9",))
    assert files(tmp_path / "code") == {"***/a": b"kept"}
    assert "c2Vj" not in " ".join(notes) and "***" in notes[0]


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
