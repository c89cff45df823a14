"""Nothing that was printed is obeyed by a terminal, and every terminal can show it."""

from __future__ import annotations

import ast
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mlebench._support import terminal
from mlebench._support.terminal import PrintableStream, encodes_all, is_screen, make_console, printable_streams, printable_text

PACKAGE = Path(terminal.__file__).parents[1]
OBEYED = {
    "colour": "\x1b[31m",
    "title": "\x1b]0;owned\x1b\\",
    "return": "\r",
    "one-byte CSI": "\x9b2J",
    "right to left": "\u202e",
    "isolate": "\u2066",
    "line separator": "\u2028",
    "next line": "\x85",
    "delete": "\x7f",
    "byte of a name": "\udcff",
}


OWN_CONTROLS = re.compile(r"\x1b\[(\?25[hl]|2K|1A|\d+(;\d+)*m|m)|\r")
"""What rich sends to place and colour its output."""


class Terminal(io.TextIOWrapper):
    """A terminal that keeps what it is sent."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    def isatty(self) -> bool:
        return True

    @property
    def shown(self) -> str:
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


def run(*words: str, redirect: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m mlebench` behind a redirection of a shell."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirect}', "sh", sys.executable, "-m", "mlebench", *words],
        capture_output=True,
        text=True,
        errors="replace",
        env=os.environ | environment,
    )


@pytest.mark.parametrize("sequence", OBEYED.values(), ids=OBEYED)
def test_what_a_terminal_obeys_is_shown_escaped(sequence: str) -> None:
    stream = io.StringIO()
    print(f"a\t{sequence}b", file=PrintableStream(stream))

    assert stream.getvalue() == printable_text(f"a\t{sequence}b\n")
    assert stream.getvalue().replace("\t", "").replace("\n", "").isprintable()
    assert stream.getvalue().startswith("a\t\\")


@pytest.mark.parametrize("sequence", OBEYED.values(), ids=OBEYED)
def test_tables_and_live_screens_show_it_escaped_too(sequence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    table = Table(f"head{sequence}", title=f"title{sequence}")
    table.add_row(Text(f"cell{sequence}"))
    for content in (table, Text(f"text{sequence}"), f"words{sequence}"):
        file, screen = io.StringIO(), Terminal()
        make_console(file).print(content)
        with Live(content, console=make_console(screen), auto_refresh=False) as live:
            live.refresh()
        assert all(line.isprintable() for line in file.getvalue().split("\n"))
        assert not sequence.startswith("\x1b") or printable_text(sequence) in screen.shown
        assert all(line.isprintable() for line in OWN_CONTROLS.sub("", screen.shown).split("\n"))


def test_colours_of_our_own_reach_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Terminal()
    make_console(screen).print(Text("gold", style="bold"))
    assert screen.shown == "\x1b[1mgold\x1b[0m\n"


def test_every_console_is_made_here() -> None:
    """One made elsewhere would print what people wrote as it is."""
    calls = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        if path != Path(terminal.__file__)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Console"
    ]
    assert calls == []


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "17.1 ± 0.6 – ✓ é 雪"),
        ("latin-1", "17.1 ± 0.6 - ok é \\u96ea"),
        ("cp1252", "17.1 ± 0.6 – ok é \\u96ea"),
        ("ascii", "17.1 +/- 0.6 - ok e \\u96ea"),
    ],
)
def test_what_an_encoding_lacks_is_written_in_other_letters(encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", screen)
    with printable_streams():
        print("17.1 ± 0.6 – ✓ é 雪")
    assert screen.shown == f"{shown}\n"
    assert encodes_all(screen) is (encoding == "utf-8")


def test_streams_are_as_before_afterwards() -> None:
    before = sys.stdout, sys.stderr
    with printable_streams():
        assert isinstance(sys.stdout, PrintableStream)
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-16", "cp037"])
def test_commands_work_in_any_encoding(encoding: str) -> None:
    for words in (("info", "tgs-salt-identification-challenge"), ("list", "--json")):
        done = run(*words, PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("redirect", "code", "error"),
    [
        (">&-", 0, ""),
        ("2>&-", 0, ""),
        (">&- 2>&- <&-", 0, ""),
        ("2>/dev/full", 0, ""),
        (">/dev/full", 1, "No space left on device\n"),
        (">/dev/full 2>/dev/full", 1, ""),
    ],
)
@pytest.mark.parametrize("word", ["list", "--version", "--help"])
def test_a_closed_or_full_stream_is_no_traceback(redirect: str, code: int, error: str, word: str) -> None:
    done = run(word, redirect=redirect)
    assert done.returncode == code
    assert done.stderr.rpartition(": ")[2] == error


def test_a_file_that_is_opened_later_does_not_take_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    code = (
        "import sys; from mlebench._support.terminal import printable_streams\n"
        "with printable_streams():\n"
        f"    file = open({str(tmp_path / 'data')!r}, 'w'); assert file.fileno() > 2, file.fileno(); print('lost')\n"
    )
    done = subprocess.run(["sh", "-c", 'exec "$@" >&- 2>&-', "sh", sys.executable, "-c", code], check=False)
    assert done.returncode == 0
    assert (tmp_path / "data").read_text() == ""


@pytest.mark.parametrize("columns", ["0", "1", "999999999", "-3", "wide"])
def test_a_terminal_of_any_width_gets_tables(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", columns)
    screen = Terminal()
    console = make_console(screen)
    console.print(Text("some words to lay out"))
    assert 20 <= console.width <= 1000
    assert "words" in screen.shown


def test_a_dumb_terminal_is_no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert not is_screen(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    assert is_screen(Terminal())
    assert not is_screen(io.StringIO())
