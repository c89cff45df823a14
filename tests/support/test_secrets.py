"""Secrets are read as people write them down, and appear in no form in which tools print them."""

from __future__ import annotations

import base64
import json
import os
import random
import urllib.parse
from pathlib import Path

import pytest

from mlebench._support.secrets import Mask, find_secrets, mask_stream
from mlebench.errors import UsageError

AWKWARD = "p@ss w/ord+\"quote\"&'tick'"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nEFAASCBKcwggSjAgEAAoIBAQ\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (b"A_KEY=abc123", "abc123"),
        (b"A_KEY=abc123 # production", "abc123"),
        (b"A_KEY=abc123\t# production", "abc123"),
        (b"A_KEY='abc123' # production", "abc123"),
        (b'A_KEY="abc # 123"', "abc # 123"),
        (b"A_KEY=abc#123", "abc#123"),
        (b"A_KEY= # production", None),
        (b"A_KEY=", None),
        (b"# A_KEY=abc123", None),
        (b"export A_KEY = abc123  ", "abc123"),
        (b"A_KEY=abc123\r\nOTHER=1\r\n", "abc123"),
        (b"\xef\xbb\xbfA_KEY=abc123", "abc123"),
        ("OTHER=1\r\nA_KEY=abc123\r\n".encode("utf-16"), "abc123"),
        (b'A_KEY="one\ntwo"\nOTHER=1', "one\ntwo"),
        (b"A_KEY=pa$$word${HOME}", "pa$$word${HOME}"),
        (b"BASE=abc\nA_KEY=${BASE}123", "abc123"),
        (b'BASE=abc\nA_KEY="${BASE}123" # production', "abc123"),
        (b"BASE=abc\nA_KEY='${BASE}123'", "${BASE}123"),
        (b'A_KEY = "abc 123" ', "abc 123"),
        (b"A_KEY='abc\"123'", 'abc"123'),
        (b"A_KEY=abc=123==", "abc=123=="),
        ("OTHER=1\nA_KEY=abc123\n".encode("utf-16-le"), "abc123"),
        ("A_KEY=abc123\n".encode("utf-16-be"), "abc123"),
        ("# schl\u00fcssel\nA_KEY=abc123".encode("latin-1"), "abc123"),
        ("A_KEY=schlüssel".encode(), "schlüssel"),
        (b"not a line at all\nA_KEY=abc123", "abc123"),
    ],
)
def test_a_line_of_env_is_read_as_people_mean_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes, value: str | None
) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    (tmp_path / ".env").write_bytes(line)
    assert find_secrets(["A_KEY"], tmp_path / ".env").get("A_KEY") == value


def test_the_environment_goes_before_the_file_which_is_then_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "from the environment")
    (tmp_path / ".env").write_bytes(b"A_KEY=\xff\xfe\xfd")
    assert find_secrets(["A_KEY"], tmp_path / ".env") == {"A_KEY": "from the environment"}
    assert find_secrets([], tmp_path / ".env") == {}


def test_a_file_that_is_no_text_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    (tmp_path / ".env").write_bytes("A_KEY=schlüssel".encode("latin-1"))
    with pytest.raises(UsageError, match="UTF-8"):
        find_secrets(["A_KEY"], tmp_path / ".env")
    assert find_secrets(["OTHER"], tmp_path / ".env") == {}
    assert find_secrets(["A_KEY"], tmp_path / "not-there") == {}
    assert find_secrets(["A_KEY"], tmp_path) == {}


@pytest.mark.parametrize("line", ['OTHER=1\nA_KEY="abc123', "A_KEY: abc123", "export A_KEY: abc123", "A_KEY='abc'123'"])
def test_a_line_that_nobody_can_understand_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    (tmp_path / ".env").write_text(line)
    with pytest.raises(UsageError, match=r"line \d: the value of A_KEY is unreadable"):
        find_secrets(["A_KEY"], tmp_path / ".env")


@pytest.mark.parametrize(
    "secret",
    ["sk-0123456789abcdef", AWKWARD, f"{AWKWARD}\n", " \r\nsk-0123456789\r\n", "'sk-0123456789'", "schlüssel-ß", PEM],
    ids=ascii,
)
@pytest.mark.parametrize(
    "write",
    [
        lambda value: value,
        lambda value: value.strip(),
        lambda value: json.dumps({"key": value}),
        lambda value: json.dumps({"key": value}, ensure_ascii=False),
        lambda value: repr([value]),
        lambda value: repr(value.encode()),
        lambda value: urllib.parse.quote(value),
        lambda value: urllib.parse.quote(value, safe=""),
        lambda value: urllib.parse.urlencode({"key": value}),
        lambda value: urllib.parse.quote(value, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
        lambda value: value.strip().strip("'\"").strip(),
        lambda value: value.encode().hex(),
        lambda value: value.encode().hex().upper(),
        lambda value: base64.encodebytes((value * 5).encode()).decode().strip(),
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.b64encode(value.strip().encode()).decode(),
        lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
        lambda value: base64.b64encode(f"user:{value}".encode()).decode(),
        lambda value: base64.b64encode(f"u:{value}:more".encode()).decode(),
    ],
    ids=["raw", "bare", "json", "json letters", "python", "python bytes", "url", "url whole", "form", "url small", "unquoted",
         "hex", "hex large", "base64 lines", "base64", "base64 bare",
         "base64 url", "base64 within", "base64 between"],
)  # fmt: skip
def test_no_printed_form_of_a_secret_is_left(secret: str, write) -> None:
    printed = write(secret)
    masked = Mask([secret]).apply(f"before {printed} after".encode()).decode()
    assert masked.startswith("before ") and masked.endswith(" after")
    assert "***" in masked
    assert [start for start in range(len(printed) - 11) if printed[start : start + 12] in masked] == []


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be"])
def test_a_secret_in_utf_16_is_masked_and_what_follows_can_be_read(coding: str) -> None:
    text = "before sk-0123456789 after".encode(coding)
    for size in (1, 7, len(text)):
        blocks = [text[start : start + size] for start in range(0, len(text), size)]
        masked = b"".join(mask_stream(blocks, ["sk-0123456789"])).decode(coding)
        assert masked.startswith("before") and masked.endswith("after")
        assert not set(masked) & set("0123456789")


def test_lines_of_a_longer_secret_are_masked_wherever_they_stand() -> None:
    indented = "".join(f"    | {line}\n" for line in PEM.splitlines())
    assert b"MIIE" not in Mask([PEM]).apply(indented.encode()) and b"ASCBKcw" not in Mask([PEM]).apply(indented.encode())


def test_secrets_that_overlap_are_masked_as_a_whole() -> None:
    secrets = ["key-1234", "1234-and-a-long-rest", "rest-of-it"]
    text = b"a key-1234-and-a-long-rest-of-it b key-1234 c"
    assert Mask(secrets).apply(text) == b"a *** b *** c"
    for size in range(1, 12):
        blocks = [text[start : start + size] for start in range(0, len(text), size)]
        assert b"".join(mask_stream(blocks, secrets)) == b"a *** b *** c"


def test_what_an_encoder_breaks_into_lines_is_masked_wherever_blocks_end() -> None:
    secret = "sk-" + "0123456789abcdefXYZ" * 9
    for before in range(3):
        for text in (
            base64.encodebytes(b"x" * before + secret.encode() + b" and more" * 20),
            base64.encodebytes(b"x" * before + secret.encode()).replace(b"\n", b"\r\n"),
        ):
            whole = Mask([secret]).apply(text)
            assert len(whole) < len(text) - 200 and whole.count(b"***") == 1
            for size in (1, 7, 64, 77):
                blocks = [text[start : start + size] for start in range(0, len(text), size)]
                assert b"".join(mask_stream(blocks, [secret])) == whole


def test_short_values_stay() -> None:
    assert Mask(["1", "abc"]).apply(b"step 1 of abc") == b"step 1 of abc"
    assert Mask([]).apply(b"text") == b"text"


def test_a_value_that_is_no_text_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environb, b"A_KEY", b"key-\xff\xfe-end")
    secret = find_secrets(["A_KEY"])["A_KEY"]
    assert Mask([secret]).apply(b"is key-\xff\xfe-end.") == b"is ***."


def test_a_secret_is_masked_wherever_blocks_end() -> None:
    secrets = ["sk-abcdef", "sk-abcdef-and-more", AWKWARD]
    text = f"a sk-abcdef-and-more b sk-abcdef c {AWKWARD} d sk- sk-abc".encode()
    whole = Mask(secrets).apply(text)
    assert b"more" not in whole
    for seed in range(200):
        rng = random.Random(seed)
        cuts = sorted(rng.sample(range(len(text)), rng.randrange(1, 12)))
        blocks = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        assert b"".join(mask_stream(blocks, secrets)) == whole, blocks


def test_what_cannot_be_a_secret_is_not_held_back() -> None:
    mask = Mask(["sk-abcdef"])
    assert mask.feed(b"epoch 1\nready") == b"epoch 1\nready"
    assert mask.feed(b" sk-a") == b" "
    assert mask.feed(b"nd so on") == b"sk-and so on"
