"""What people read on a terminal: letters that it can show, and nothing that it would obey.

Everything printed passes `PrintableStream`, and everything that rich lays out a console of `make_console`. File names, columns
of submissions, logs of agents and reports of others may hold control characters; here they are escaped, wherever they were
printed. A closed stream is not an error, and a character that its encoding lacks is replaced.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO, cast

from grading.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

_READABLE = "mlebench-readable"
_IN_ASCII = {
    "–": "-", "—": "-", "−": "-", "‐": "-", "…": "...", "·": "-", "•": "*", "×": "x", "±": "+/-", "→": "->", "←": "<-", "≤": "<=",
    "≥": ">=", "≠": "!=", "√": "sqrt", "†": "+", "✓": "ok", "✗": "x", "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "│": "|",
    "─": "-", "€": "EUR", "µ": "u", "ß": "ss",
}  # fmt: skip
_WIDTH_OF_FILES = 200
_NARROWEST, _WIDEST = 20, 1000


class PrintableStream:
    """A text stream that escapes what a terminal would obey; line feeds and tabs pass.

    Args:
        stream: where the text goes.
        is_result: whether its failures count. Nobody can be told that messages cannot be written.
    """

    def __init__(self, stream: TextIO, *, is_result: bool = True) -> None:
        self.stream = stream
        self._is_result = is_result

    def write(self, text: str) -> int:
        """Write, escaped."""
        with self._failures():
            self.stream.write(printable_text(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write one after the other."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand on what is held back."""
        with self._failures():
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def _failures(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._is_result else contextlib.suppress(OSError)


@contextlib.contextmanager
def printable_streams() -> Iterator[None]:
    """Within the block, `sys.stdout` and `sys.stderr` are there and printable.

    They stay so after an exception that nobody handled, whose traceback the interpreter prints.
    """
    _fill_closed()
    before = sys.stdout, sys.stderr
    for stream in before:
        _make_encodable(stream)
    sys.stdout = cast(TextIO, PrintableStream(_written_to(before[0])))
    sys.stderr = cast(TextIO, PrintableStream(_written_to(before[1]), is_result=False))
    try:
        yield
    except Exception:
        raise
    except BaseException:
        sys.stdout, sys.stderr = before
        raise
    else:
        sys.stdout, sys.stderr = before


def printable_text(text: str) -> str:
    """Text of several lines made safe to show; line feeds and tabs stay."""
    if text.isprintable():
        return text
    return "\n".join("\t".join(printable(part, None) for part in line.split("\t")) for line in text.split("\n"))


def encodes_all(stream: TextIO) -> bool:
    """Whether every character can be written to `stream`."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def is_screen(stream: TextIO) -> bool:
    """Whether `stream` is a terminal on which the cursor can be moved."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def make_console(stream: TextIO | None = None) -> Console:
    """A rich console on `stream`, by default standard output, whose texts are printable.

    Nothing in a text is markup, as names and reasons contain what people wrote, brackets included. A pipe or a file, which has no
    width, gets wide lines unless COLUMNS is set.
    """
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class PrintableConsole(Console):
        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else segment._replace(text=printable_text(segment.text))

    target = stream or sys.stdout
    console = PrintableConsole(file=_written_to(target), highlight=False, markup=False, emoji=False)
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdecimal():
        console.width = _WIDTH_OF_FILES
    elif not _NARROWEST <= console.width <= _WIDEST:
        console.width = min(max(console.width, _NARROWEST), _WIDEST)
    return console


def _written_to(stream: TextIO) -> TextIO:
    """The stream itself, without the filter, for whoever filters on their own."""
    return stream.stream if isinstance(stream, PrintableStream) else stream


def _fill_closed() -> None:
    """Put the null device in the place of standard streams that are closed, lest a file that is opened later take it."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        with contextlib.suppress(OSError):
            os.fstat(number)
            # in use by now, by a file that took the free number
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
            continue
        null = os.open(os.devnull, os.O_RDWR)
        os.set_inheritable(null, True)
        setattr(sys, name, open(null, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _make_encodable(stream: TextIO) -> None:
    codecs.register_error(_READABLE, _readable)
    if reconfigure := getattr(_written_to(stream), "reconfigure", None):
        reconfigure(errors=_READABLE)


def _readable(error: UnicodeError) -> tuple[str, int]:
    """Stand-ins in ASCII for what an encoding lacks; what has none is escaped."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_in_ascii, error.object[error.start : error.end])), error.end


def _in_ascii(letter: str) -> str:
    if letter in _IN_ASCII:
        return _IN_ASCII[letter]
    base = "".join(part for part in unicodedata.normalize("NFKD", letter) if part.isascii())
    return base or letter.encode("ascii", "backslashreplace").decode("ascii")
