"""Runs a model's command with a time limit and bounded output; its background processes may live on."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_KEPT_BYTES = 2**16
_SAVE_SECONDS = 5.0
_READ_OUT_SECONDS = 1.0


@dataclass(frozen=True)
class Done:
    """A command that has exited or was killed."""

    output: str
    """Standard output and error; long output loses its middle, and a progress bar shows its last state."""
    end: str
    """How it ended, such as `exit code 0`."""


def run_command(words: Sequence[str], folder: Path, seconds: float) -> Done:
    """Run a command without input.

    After `seconds` it is killed with its process group. Background processes of a command that exited earlier live on, but
    their output is lost.

    Raises:
        OSError: the command cannot be started.
        ValueError: an argument contains a character that no command line can hold, such as a NUL.
    """
    process = subprocess.Popen(
        list(words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        start_new_session=True,
    )
    assert process.stdout is not None
    output = _Ends()
    # keeps reading while a background process holds the pipe, because writing to a closed pipe would kill it
    reader = threading.Thread(target=output.read, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        code = process.wait(seconds)
        end = f"exit code {code}" if code >= 0 else f"ended by {_name(-code)}"
    except subprocess.TimeoutExpired:
        _end_group(process)
        end = f"ended, as it took longer than {seconds:.0f} seconds"
    reader.join(_READ_OUT_SECONDS)
    return Done(output.text, end)


def clipped(text: str, most: int) -> str:
    """The text; beyond `most` characters, only its beginning and end."""
    left_out = len(text) - most
    return text if left_out <= 0 else f"{text[: most // 2]}\n[{left_out} characters left out]\n{text[-(most // 2) :]}"


class _Ends:
    """Keeps the beginning and the end of a stream."""

    def __init__(self) -> None:
        self._head, self._tail, self._size = bytearray(), bytearray(), 0

    def read(self, stream: IO[bytes]) -> None:
        with stream:
            while block := os.read(stream.fileno(), 2**16):
                room = max(0, _KEPT_BYTES - len(self._head))
                self._size += len(block)
                self._head += block[:room]
                self._tail += block[room:]
                del self._tail[:-_KEPT_BYTES]

    @property
    def text(self) -> str:
        left_out = self._size - len(self._head) - len(self._tail)
        middle = f"\n[{left_out} bytes left out]\n".encode() if left_out > 0 else b""
        lines = bytes(self._head + middle + self._tail).decode("utf-8", "replace").split("\n")
        return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines).rstrip("\n")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _SAVE_SECONDS
    try:
        os.killpg(process.pid, signal.SIGTERM)
        while time.monotonic() < end:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
