"""What commands print on terminals of every width, with and without colours, and where there is no terminal."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest
from rich.cells import cell_len

from mlebench.cli.main import COMMANDS, main
from mlebench.runs.regrade import regrade_group
from tests.cli.small_terminal import SmallTerminal
from tests.reports import toys

ESCAPE = "\x1b"
LISTINGS = (
    ["list"],
    ["info", "spaceship-titanic"],
    ["leaderboard", "spaceship-titanic"],
    ["status"],
    ["runs"],
    ["runs", "first"],
    ["grade", "first"],
    ["report", "first", "second"],
    ["agents"],
    ["agents", "--variants"],
    ["models"],
    ["--help"],
)
"""Commands that print tables and lists, but no command to paste, which stays on one line."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prepared data and two graded groups, where commands look for them by default."""
    folder = tmp_path_factory.mktemp("folders")
    with pytest.MonkeyPatch.context() as patch:
        data = toys.install(folder, patch)
        patch.setenv("MLEBENCH_DATA_DIR", str(data))
        patch.setenv("MLEBENCH_RUNS_DIR", str(folder / "runs"))
        for name in ("first", "second"):
            regrade_group(toys.make_group(folder / "runs", data, {"toy-one": [0.25, 0.5]}, name=name).folder)
        yield


@pytest.fixture(params=["tty", "tty without colours", "pipe"])
def stream(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if request.param == "tty without colours":
        monkeypatch.setenv("NO_COLOR", "1")
    return io.StringIO() if request.param == "pipe" else SmallTerminal()


def printed(words: Sequence[str], stream: io.StringIO) -> str:
    """What a command writes to standard output, a stream that may be a terminal."""
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
        assert main(list(words)) in (0, 1)
    return stream.getvalue()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_no_escapes_wherever_it_is_printed(command: str, stream: io.StringIO) -> None:
    text = printed([command, "--help"], stream)
    assert ESCAPE not in text
    assert "\nexamples:\n  mlebench " in text


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(("words", "columns"), [*itertools.product(LISTINGS, (40, 80, 120)), (["doctor"], 40)])
def test_lists_and_tables_fit_the_terminal(words: list[str], columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = SmallTerminal()
    printed(words, stream)
    lines = [line.rstrip() for line in stream.screen.lines]
    assert any(lines)
    assert [line for line in lines if cell_len(line) > columns and "`" not in line and "  mlebench " not in line] == []


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize("words", [["list"], ["runs", "first"], ["report", "first"], ["grade", "first"]], ids=" ".join)
def test_colours_are_for_terminals_that_want_them(words: list[str], stream: io.StringIO) -> None:
    text = printed(words, stream)
    # bold heads remain without colours
    assert (ESCAPE in text) == isinstance(stream, SmallTerminal)
    codes = {number for found in re.findall(r"\x1b\[([0-9;]*)m", text) for number in found.split(";")}
    assert not (os.environ.get("NO_COLOR") and {code for code in codes if re.fullmatch(r"[349]\d", code)})


def on_a_terminal(words: Sequence[str], **environment: str) -> str:
    """What a command writes to a real terminal of the kernel."""
    ours, its = pty.openpty()
    values = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    program = subprocess.Popen(
        [sys.executable, "-m", "mlebench", *words],
        stdin=its, stdout=its, stderr=its, env={**values, "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    os.close(its)
    with contextlib.closing(os.fdopen(ours, "rb", buffering=0)) as terminal:
        text = b"".join(_until_closed(terminal)).decode()
    assert program.wait() == 0
    return text


def _until_closed(terminal: io.FileIO) -> Iterator[bytes]:
    # Linux answers a read with an error once nobody has the other end
    with contextlib.suppress(OSError):
        while block := terminal.read(2**16):
            yield block


def test_a_real_terminal_gets_styles_and_its_width() -> None:
    styled = on_a_terminal(["list", "--split", "low"], COLUMNS="60")
    assert ESCAPE in styled
    help_text = on_a_terminal(["run", "--help"], COLUMNS="60")
    assert ESCAPE not in help_text and "examples:" in help_text
    assert max(map(len, help_text.splitlines())) <= 60
