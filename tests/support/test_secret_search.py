"""Values are found in gigabytes in every form that is masked, wherever they stand."""

from __future__ import annotations

import base64
import html
import json
import random
import textwrap
from urllib.parse import quote

import pytest

from mlebench._support.secret_search import SearchedStream, SecretSearch
from mlebench._support.secrets import forms_of

KEY = "sk-proj-7hJ'\"+/é4kQ2&zX9 wL"


@pytest.fixture
def search() -> SecretSearch:
    return SecretSearch({"MODEL_KEY": KEY, "PIN": "q7x9"})


@pytest.mark.parametrize(
    "text",
    [
        KEY.encode(),
        json.dumps(KEY).encode(),
        repr(KEY).encode(),
        quote(KEY).encode(),
        html.escape(KEY).encode(),
        KEY.encode("utf-16-le"),
        KEY.encode().hex().encode(),
        base64.b64encode(b"x" + KEY.encode() + b"yz"),
        base64.urlsafe_b64encode(b"abc" + KEY.encode()),
        "\n".join(textwrap.wrap(base64.b64encode(b"\0" * 70 + KEY.encode()).decode(), 76)).encode(),
        "\r\n".join(textwrap.wrap(base64.b64encode(b"\0" * 50 + KEY.encode()).decode(), 64)).encode(),
    ],
)
@pytest.mark.parametrize("before", range(4))
def test_every_printed_form_is_found_wherever_it_stands(search: SecretSearch, text: bytes, before: int) -> None:
    assert search.found_in(b"." * before + text + b" and more") == {"MODEL_KEY"}


def test_every_form_that_is_masked_is_found_at_every_place(search: SecretSearch) -> None:
    for form in forms_of([KEY]).all:
        for before in range(9):
            assert search.found_in(b"\0" * before + form) == {"MODEL_KEY"}, form


def test_a_short_value_is_found_and_one_of_three_letters_is_not_looked_for() -> None:
    assert SecretSearch({"PIN": "q7x9"}).found_in(b"the q7x9 of it") == {"PIN"}
    assert not SecretSearch({"TINY": "abc"})


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
def test_a_value_that_blocks_cut_is_found(search: SecretSearch, size: int) -> None:
    wrapped = "\n".join(textwrap.wrap(base64.b64encode(b"\0" * 70 + KEY.encode()).decode(), 20)).encode()
    for text in (b"-" * 995 + KEY.encode() + b"-" * 30, b"-" * 990 + b"\n" + wrapped):
        stream = SearchedStream(search)
        for start in range(0, len(text), size):
            stream.feed(text[start : start + size])
        assert stream.found == {"MODEL_KEY"}


def test_other_text_holds_none() -> None:
    rng = random.Random(0)
    # a value of four letters stands in enough random text by chance
    stream = SearchedStream(SecretSearch({"MODEL_KEY": KEY}))
    for _ in range(20):
        stream.feed(rng.randbytes(2**18))
        stream.feed(base64.encodebytes(rng.randbytes(2**16)))
        stream.feed(b"sk-proj-7hJ and further words\n" * 1000)
    assert stream.found == set()


def test_no_value_is_told_apart_from_its_name(search: SecretSearch) -> None:
    assert KEY not in repr(search) and not SecretSearch({})
