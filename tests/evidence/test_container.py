"""The container of a bundle: written in one form, and read in no other."""

from __future__ import annotations

import io
import itertools
import struct
import time
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from mlebench.errors import ContainerFault
from mlebench.evidence import container as module
from mlebench.evidence.container import Container, ContainerWriter
from mlebench.evidence.statement import STATEMENT_FILE

FILES = [("a b", b"x" * 5), ("a/b", b"hello\n" * 100), ("c.gz", b"\0\1" * 20), ("d", b""), (STATEMENT_FILE, b"{}")]


def written(files: Iterable[tuple[str, bytes]] = FILES) -> bytes:
    file = io.BytesIO()
    writer = ContainerWriter(file)
    for name, content in files:
        writer.add(name, [content], len(content))
    writer.close()
    return file.getvalue()


def read(path: Path) -> list[tuple[str, bytes]]:
    with Container.open(path) as container:
        found = [(name, container.read(name, 2**20)) for name in container.names]
        if not container.is_sealed:
            raise ContainerFault("its own checksum differs")
        return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bundle"


def test_what_is_written_is_read_and_any_program_unpacks_it(path: Path) -> None:
    path.write_bytes(written())
    assert read(path) == FILES
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert [(name, archive.read(name)) for name in archive.namelist()] == FILES
    assert written() == written()


def test_every_changed_byte_is_noticed(path: Path) -> None:
    content = written()
    for place, mask in itertools.product(range(len(content)), (0x01, 0x80, 0xFF)):
        changed = bytearray(content)
        changed[place] ^= mask
        path.write_bytes(changed)
        with pytest.raises(ContainerFault) as refused:
            read(path)
        assert str(refused.value).isprintable()
        assert len(str(refused.value)) < 500


def test_one_that_is_cut_off_anywhere_is_refused(path: Path) -> None:
    content = written()
    for end in range(len(content)):
        path.write_bytes(content[:end])
        with pytest.raises(ContainerFault):
            read(path)


@pytest.mark.parametrize("change", [lambda c: c + b"\0", lambda c: b"\0" + c, lambda c: b"#!/bin/sh\n" + c, lambda c: c + c])
def test_bytes_before_or_behind_are_refused(path: Path, change: object) -> None:
    path.write_bytes(change(written()))  # type: ignore[operator]
    with pytest.raises(ContainerFault):
        read(path)


HOSTILE = ["../a", "/a", "a/../../b", "C:\\a", "a\\b", "a//b", "./a", "a/.", "a\0b", "é", "a\nb", "", "a" * 5000, "a/"]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_lead_elsewhere_are_neither_written_nor_read(path: Path, name: str) -> None:
    with pytest.raises(ContainerFault):
        written([(name, b"x")])
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("x", (1980, 1, 1, 0, 0, 0))
        info.filename = name
        archive.writestr(info, b"x")
    with pytest.raises(ContainerFault):
        read(path)


@pytest.mark.parametrize("names", [("a", "a"), ("b", "a"), (STATEMENT_FILE, "z"), ("a", "a/b"), ("a", "a b", "a/b")])
def test_a_name_twice_out_of_order_or_of_a_file_and_a_folder_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ContainerFault):
        written([(name, b"x") for name in names])


def test_a_size_other_than_the_stated_one_is_not_written() -> None:
    for stated in (2, 4):
        with pytest.raises(ContainerFault, match="size"):
            ContainerWriter(io.BytesIO()).add("a", [b"abc"], stated)


def ordinary(path: Path, **attributes: object) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("a", (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        for key, value in attributes.items():
            setattr(info, key, value)
        archive.writestr(info, b"x" * 100)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"external_attr": 0o120777 << 16},
        {"comment": b"hello"},
        {"extra": struct.pack("<2H4s", 0x7075, 4, b"abcd")},
        {"compress_type": zipfile.ZIP_BZIP2},
        {"date_time": (2020, 1, 1, 0, 0, 0)},
    ],
)
def test_zips_of_other_programs_are_refused_whatever_they_hold(path: Path, attributes: dict[str, object]) -> None:
    ordinary(path, **attributes)
    with pytest.raises(ContainerFault):
        read(path)


def sealed(content: bytes) -> bytes:
    """The same with a comment that fits."""
    import hashlib

    return content[:-64] + hashlib.sha256(content[:-64]).hexdigest().encode()


def with_data(packed: bytes, size: int, crc: int, name: str = "a") -> bytes:
    """A container of one file with this data."""
    entry = module._Entry(name, crc, len(packed), size, 0)
    body = entry.local + packed + entry.descriptor
    return sealed(body + entry.central + module._end_records(1, len(body), len(entry.central)) + b"0" * 64)


def deflated(content: bytes) -> bytes:
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packing.compress(content) + packing.flush()


def test_data_that_is_not_what_the_sizes_say_is_refused(path: Path) -> None:
    content = b"abc" * 100
    crc = zlib.crc32(content)
    path.write_bytes(with_data(deflated(content), len(content), crc))
    assert read(path) == [("a", content)]
    for packed, size in (
        (deflated(content) + b"more", len(content)),
        (deflated(content) + b"m" * 2**20, len(content)),
        (deflated(content), len(content) - 1),
        (deflated(content), len(content) + 1),
        (deflated(content)[:-2], len(content)),
        (b"\7" * 20, len(content)),
        (b"", len(content)),
        (deflated(bytes(50 * 2**20)), len(content)),
    ):
        path.write_bytes(with_data(packed, size, crc))
        with pytest.raises(ContainerFault):
            read(path)


def test_a_bomb_is_refused_before_it_is_unpacked(path: Path) -> None:
    path.write_bytes(with_data(deflated(bytes(2**20)), 2**40, 0))
    began = time.process_time()
    with pytest.raises(ContainerFault, match="far more"):
        Container.open(path)
    assert time.process_time() - began < 5


def test_what_packs_extremely_well_is_written_so_that_it_is_no_bomb(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FREE_OF_RATIO", 2**20)
    size = 300 * 2**20
    with path.open("wb") as file:
        writer = ContainerWriter(file)
        writer.add("zeros", itertools.repeat(bytes(2**20), 300), size)
        writer.close()
    with Container.open(path) as container:
        assert sum(map(len, container.blocks("zeros"))) == size
        assert container.is_sealed


def test_too_many_files_are_refused_quickly(path: Path) -> None:
    content = written()
    head = content[: -64 - 22] + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 64)
    path.write_bytes(sealed(head + b"0" * 64))
    with pytest.raises(ContainerFault):
        Container.open(path)


def test_sizes_and_places_of_64_bits(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By lower limits: what is true of four gibibytes is then true of a few bytes."""
    monkeypatch.setattr(module, "_WIDE", 50)
    path.write_bytes(written())
    assert read(path) == FILES
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_places_beyond_four_gibibytes(path: Path) -> None:
    """The file is sparse: zeros that a disk does not hold."""
    entry = module._Entry("a", 0, 2**32, 2**32, 0)._replace(name="a.gz")
    behind = module._Entry("b", zlib.crc32(b"xyz"), len(deflated(b"xyz")), 3, entry.end)
    start = behind.end
    directory = entry.central + behind.central
    with path.open("wb") as file:
        file.write(entry.local)
        file.seek(entry.data_at + entry.packed)
        file.write(entry.descriptor + behind.local + deflated(b"xyz") + behind.descriptor)
        file.write(directory + module._end_records(2, start, len(directory)) + b"0" * 64)
    with Container.open(path) as container:
        assert container.size("a.gz") == 2**32
        assert container.read("b", 10) == b"xyz"
    with zipfile.ZipFile(path) as archive:
        assert archive.read("b") == b"xyz"


def test_more_than_65535_files(path: Path) -> None:
    path.write_bytes(written((f"{number:06d}", b"") for number in range(70_000)))
    with Container.open(path) as container:
        assert len(container.names) == 70_000
        assert container.is_sealed
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 70_000
