"""A text file is read whichever editor wrote it."""

from __future__ import annotations

import codecs

import pytest

from mlebench._support.text import decode


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", ["KEY=value\r\n", "{}", "k", ""])
def test_encodings_of_editors_are_known(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


def test_a_byte_order_mark_of_utf_16_goes_before_a_guess() -> None:
    assert decode(codecs.BOM_UTF16_BE + "schlüssel".encode("utf-16-be")) == "schlüssel"


def test_other_bytes_are_no_text() -> None:
    with pytest.raises(UnicodeDecodeError):
        decode("schlüssel".encode("latin-1"))
