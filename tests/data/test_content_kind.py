"""Files are told by what they hold, whatever they are called."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from pathlib import Path

import pytest

from mlebench.data.content_kind import kind_of_content, kind_of_head, trouble_of_table, trouble_of_text

TEXT = "id,name\n1,é\n" * 300
KINDS = {
    b"": "an empty file",
    TEXT.encode(): "text",
    b"\xef\xbb\xbf" + TEXT.encode(): "text",
    TEXT.encode("utf-16"): "UTF-16 text",
    TEXT.encode("utf-16-le"): "UTF-16 text",
    TEXT.encode("utf-16-be"): "UTF-16 text",
    TEXT.encode("utf-32"): "UTF-32 text",
    TEXT.encode("latin-1"): "text in an encoding other than UTF-8",
    gzip.compress(TEXT.encode(), mtime=0): "a gzip file",
    bz2.compress(TEXT.encode()): "a bzip2 file",
    lzma.compress(TEXT.encode()): "an xz file",
    b"\n<!DOCTYPE HTML><p>": "a web page",
    b"Rar!\x1a\x07\x00": "a RAR archive",
    b"PAR1....": "a parquet table",
    b"PK\x03\x04....": "the beginning of a zip",
    b"version https://git-lfs.github.com/spec/v1": "a Git LFS pointer, not the file itself",
    bytes(100): "nothing but zero bytes",
    bytes(range(256)) * 8: "binary data",
}


@pytest.mark.parametrize(("content", "kind"), KINDS.items(), ids=KINDS.values())
def test_the_kind_is_told_by_the_first_bytes(content: bytes, kind: str, tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(content)
    assert kind_of_content(tmp_path / "train.csv") == kind


def test_a_letter_that_is_cut_at_the_end_of_what_is_looked_at_is_no_other_encoding(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a" * 4095 + "é" * 100, encoding="utf-8")
    assert kind_of_content(tmp_path / "a.csv") == "text"


def test_a_whole_zip_is_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv", "w") as archive:
        archive.writestr("a.csv", TEXT)
    assert kind_of_content(tmp_path / "a.csv") == "a zip"
    assert trouble_of_table((tmp_path / "a.csv").read_bytes()) == trouble_of_text(b"PK\x03\x04") == "it is a zip"
    assert kind_of_head(b"PK\x03\x04") == "a zip"


TROUBLES = {
    TEXT: None,
    "one\n1\n": None,
    "a;b,c\n": None,
    TEXT.replace(",", ";"): "its columns are separated by semicolons; save it with commas",
    TEXT.replace(",", "\t"): "its columns are separated by tabs; save it with commas",
    TEXT.replace(",", "|"): "its columns are separated by vertical bars; save it with commas",
    "": "it is an empty file",
}


@pytest.mark.parametrize(("text", "trouble"), TROUBLES.items())
def test_what_keeps_a_table_from_being_csv_is_told(text: str, trouble: str | None) -> None:
    assert trouble_of_table(text.encode()) == trouble
    assert trouble_of_table(text.encode("utf-16") if text else b"") == (
        "it is UTF-16 text; save it as UTF-8" if text else trouble
    )
