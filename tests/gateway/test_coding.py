"""Compressed bodies."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from mlebench.gateway.coding import decoder_of

TEXT = b"text " * 100_000


def raw_deflate(content: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(content) + machine.flush()


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT)),
        (" GZIP ", gzip.compress(TEXT)),
        ("x-gzip", gzip.compress(TEXT) + b"trailing"),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
    ],
    ids=range(7),
)
def test_reads_it_however_it_is_cut(coding: str, packed: bytes) -> None:
    rng = random.Random(0)
    for _ in range(5):
        decoder = decoder_of(coding)
        assert decoder is not None
        cuts = sorted(rng.randrange(len(packed)) for _ in range(20))
        blocks = [packed[start:end] for start, end in zip([0, *cuts], [*cuts, len(packed)], strict=True)]
        assert b"".join(piece for block in blocks for piece in decoder.feed(block)) == TEXT
        decoder.finish()


def test_a_bomb_comes_in_pieces() -> None:
    decoder = decoder_of("gzip")
    assert decoder is not None
    sizes = [len(piece) for piece in decoder.feed(gzip.compress(b"\0" * 2**25))]
    assert sum(sizes) == 2**25 and max(sizes) <= 2**18


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip,deflate", "\0"])
def test_knows_what_it_cannot_read(coding: str) -> None:
    assert decoder_of(coding) is None


@pytest.mark.parametrize(
    ("coding", "packed"),
    [("gzip", b"x" * 50), ("gzip", gzip.compress(TEXT)[:-1]), ("deflate", zlib.compress(TEXT)[:-5]), ("deflate", b"\xff" * 20)],
    ids=range(4),
)
def test_refuses_what_is_not_coded_so(coding: str, packed: bytes) -> None:
    decoder = decoder_of(coding)
    assert decoder is not None
    with pytest.raises(ValueError, match="body"):
        list(decoder.feed(packed))
        decoder.finish()
