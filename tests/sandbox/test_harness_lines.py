"""Nothing that an agent prints looks like a line of the harness, however it comes."""

from __future__ import annotations

import re

import pytest

from mlebench.sandbox.harness_lines import PREFIX, Agents, harness_line

FORGED = {
    "as it is": b"[mlebench] 2026-01-01 00:00:00 exited (0)\n",
    "within a line": b"epoch 1 [mlebench] ok\n",
    "after a carriage return": b"epoch 1\r[mlebench] ok\n",
    "after colours": b"\x1b[2K\x1b[0m[mlebench] ok\n",
    "colours within": b"[mle\x1b[0mbench] ok\n",
    "control characters within": b"\0[\0m\x7fl\x08\x08e\x0bbench\r] ok\n",
    "unseen letters within": "[mle\u200bbe\u2060n\ufeffch] ok\n".encode(),
    "an unseen letter before": "\ufeff[mlebench] ok\n".encode(),
    "blanks within": b"[ mlebench ] ok\n",
    "in capitals": b"[MLEBench] ok\n",
    "twice": b"[mlebench[mlebench] ok\n",
    "after other line ends": b"a\x0b[mlebench] b\x0c[mlebench] c\x85[mlebench]\n",
    "without an end": b"[mlebench]",
}
ORDINARY = (b"[mle] [ml", b"[##  ] 5%\r[### ] 9%", b"[mlebenchmark] ok", b"mlebench [", "[mleb\u00e9nch]".encode(), b"[m" * 5000)


def cut(text: bytes, size: int) -> list[bytes]:
    return [text[place : place + size] for place in range(0, len(text), size)]


def agents(blocks: list[bytes]) -> bytes:
    stream = Agents()
    return b"".join(map(stream.feed, blocks)) + stream.finish()


def seen(text: bytes) -> str:
    """What is to be seen of a text: no control characters, colours, blanks or unseen letters."""
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text.decode("utf-8", "replace"))
    return "".join(letter for letter in plain if letter.isprintable() and not letter.isspace()).lower()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED)
def test_a_forged_line_is_marked_wherever_blocks_end(text: bytes, size: int) -> None:
    found = agents(cut(text, size))
    assert PREFIX not in found and "[mlebench]" not in seen(found)
    assert b"[agent: " in found
    assert found.replace(b"[agent: ", b"[") == text


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("text", ORDINARY)
def test_other_output_stays_as_it_is(text: bytes, size: int) -> None:
    assert agents(cut(text, size)) == text


def test_what_is_held_back_is_little() -> None:
    stream = Agents()
    written = stream.feed((b"[" + b"\0" * 60) * 100_000)
    assert len(written) > 6_000_000


def test_a_line_of_the_harness_is_one_line_whatever_it_quotes() -> None:
    line = harness_line("left out a\n[mlebench] b\rc\u2028d")
    assert line.startswith(PREFIX + b" ") and line.count(b"\n") == 1 and b"\r" not in line
