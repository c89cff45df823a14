"""`mlebench_agent.commands`: commands that end, that do not, and that try not to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agents.home import ROOT
from tests.waiting import wait_until

sys.path.append(str(ROOT / "containers" / "runtime"))

from mlebench_agent import commands
from mlebench_agent.commands import clipped, run_command


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(commands, "_SAVE_SECONDS", 0.3)
    yield


def bash(command: str, folder: Path, seconds: float = 60) -> tuple[str, str]:
    done = run_command(["bash", "-c", command], folder, seconds)
    return done.output, done.end


@pytest.mark.parametrize(
    ("command", "output", "end"),
    [
        ("echo a; echo b >&2", "a\nb", "exit code 0"),
        ("exit 7", "", "exit code 7"),
        ("cat; echo end of input", "end of input", "exit code 0"),
        ("echo a; kill -9 $$", "a", "ended by SIGKILL"),
        ("echo a; kill -9 0", "a", "ended by SIGKILL"),
        ("exec >&- 2>&-; exit 3", "", "exit code 3"),
        ("printf 'a\\xff\\xfeb\\0c'", "a\ufffd\ufffdb\0c", "exit code 0"),
        ("printf '1%%\\r50%%\\r100%%\\r\\nend\\r\\n'", "100%\nend", "exit code 0"),
        ("pwd", "{folder}", "exit code 0"),
    ],
)
def test_a_command_ends_by_itself(tmp_path: Path, command: str, output: str, end: str) -> None:
    assert bash(command, tmp_path) == (output.replace("{folder}", str(tmp_path)), end)


@pytest.mark.parametrize(
    "command",
    [
        "echo a; touch begun; cat /dev/zero > /dev/null",
        "echo a; trap '' TERM; touch begun; while :; do :; done",
        "echo a; touch begun; kill -STOP $$; echo b",
        "echo a; (trap '' TERM; touch begun; while :; do read -t 1 < <(:); done) & wait",
        "yes a | head -c 2; exec 2>/dev/null; touch begun; cat /dev/zero > /dev/null; echo b",
    ],
)
def test_one_that_does_not_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    class Begun(subprocess.Popen[bytes]):
        def wait(self, timeout: float | None = None) -> int:
            """The time counts from where the command has come to what takes so long."""
            wait_until((tmp_path / "begun").exists)
            return super().wait(timeout)

    monkeypatch.setattr(commands.subprocess, "Popen", Begun)
    assert bash(f"echo $$ > pid; {command}", tmp_path, 0.3) == ("a", "ended, as it took longer than 0 seconds")
    assert is_over(int((tmp_path / "pid").read_text()))


def test_what_left_the_group_goes_on_and_holds_nobody_up(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    output, end = bash("setsid bash -c 'read line < fifo; echo $line; echo $line > got' & echo started", tmp_path)
    assert (output, end) == ("started", "exit code 0")
    fifo.write_text("go\n")
    assert wait_until(lambda: (tmp_path / "got").exists() and (tmp_path / "got").read_text() == "go\n")


def test_endless_output_takes_no_memory(tmp_path: Path) -> None:
    output, end = bash("echo first; exec head -c 300000000 /dev/zero", tmp_path)
    assert output.startswith("first\n") and "bytes left out]" in output and len(output) < 200_000
    assert end == "exit code 0"


def test_what_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        run_command(["no-such-program"], tmp_path, 1)
    with pytest.raises(OSError):
        run_command(["true"], tmp_path / "none", 1)
    with pytest.raises(OSError):
        run_command(["true", "x" * 10_000_000], tmp_path, 1)
    with pytest.raises(ValueError):
        run_command(["true", "\0"], tmp_path, 1)


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [("abcdef", 6, "abcdef"), ("abcdefgh", 4, "ab\n[4 characters left out]\ngh"), ("", 2, "")],
)
def test_long_texts_lose_their_middle(text: str, most: int, expected: str) -> None:
    assert clipped(text, most) == expected


def is_over(process: int) -> bool:
    def ended() -> bool:
        try:
            return "Z" in Path(f"/proc/{process}/stat").read_text().split(")")[1].split()[0]
        except OSError:
            return True

    return wait_until(ended)
