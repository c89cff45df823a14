"""Run the commands that pages show, and write what they print into the pages.

python docs/outputs.py                     # all pages: writes the outputs that changed
python docs/outputs.py docs/tutorial.md    # some pages

Each page starts in an empty home folder, without an account, an engine or a key. Comments before a fenced block mark it:

<!-- run -->                 the block holds commands; each must succeed
<!-- engine -->              the same, but they need a container engine, and run only where a test asks for it
<!-- output -->              the block holds what the last command of the block before printed to stdout
<!-- output: COMMAND -->     the block holds what COMMAND prints to stdout
<!-- run: COMMAND -->        no block follows; COMMAND prepares what the page assumes
<!-- picture: COMMAND -->    a picture follows, ![…](FILE.svg), of a terminal with what COMMAND prints to stdout

COMMAND is a line for bash. An output is replaced if it differs by more than durations, dates, hashes, column widths, the kind of
local sandbox and digits of scores, which differ from machine to machine.
"""

from __future__ import annotations

import fcntl
import html
import io
import os
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 100
_HOME = "/home/you"
_KEPT = {"OMP_NUM_THREADS", "OMP_WAIT_POLICY", "LD_LIBRARY_PATH", "DOCKER_HOST", "XDG_RUNTIME_DIR", "MLEBENCH_BASE_IMAGE"}
_MARK = re.compile(
    r"^(?P<indent> *)<!-- (?P<kind>run|engine|output)(?:: (?P<command>.+?))? -->\n"
    r"(?P<block> *```\w*\n(?P<content>.*?)^ *```$)?"
    r"|^<!-- picture: (?P<drawn>.+?) -->\n!\[.*?\]\((?P<file>.+?)\)",
    re.DOTALL | re.MULTILINE,
)
_VARIABLE = [
    (r"sha256:[0-9a-f]+|\b[0-9a-f]{12,64}\b", "HASH"),
    (r"\d{4}-\d\d-\d\d((T|t| )\d\d[-:]\d\d([-:]\d\d)?)?", "TIME"),
    (r"\b\d+(\.\d+)? (ms|s|min|h)\b( \d+ (s|min)\b)?", "DURATION"),
    (r"\b(bubblewrap|plain)\b", "SANDBOX"),
    (r"\d+(\.\d+)? (bytes|B|KiB|MiB|GiB)\b", "SIZE"),
    (r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2g}"),
    (r"[─━═]+", "-"),
    (r"[ \t]+", " "),
]


class CommandFailed(Exception):
    """A command of a page did not succeed; the message holds what it printed."""


def pages() -> list[Path]:
    """Pages with a marked block or command."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [page for page in found if _MARK.search(page.read_text(encoding="utf-8"))]


def rendered(page: Path, *, with_engine: bool = False) -> dict[Path, str]:
    """A page and its pictures with the outputs that its commands print now.

    Args:
        page: a Markdown file.
        with_engine: also run the commands that need a container engine.

    Raises:
        CommandFailed: a command of the page did not succeed.
    """
    with tempfile.TemporaryDirectory(prefix="mlebench-docs-") as folder:
        home, printed, pictures = Path(folder).resolve(), "", dict[Path, str]()

        def replaced(found: re.Match[str]) -> str:
            nonlocal printed
            if found["drawn"]:
                picture = page.parent / found["file"]
                pictures[picture] = _drawn(found["drawn"], _run(found["drawn"], home), picture)
                return found[0]
            content = found["content"] or ""
            if found["kind"] == "engine" and not with_engine:
                return found[0]
            if command := found["command"] or (found["kind"] != "output" and content):
                printed = _run(command, home)
            return _with_output(found, printed) if found["kind"] == "output" else found[0]

        return {page: _MARK.sub(replaced, page.read_text(encoding="utf-8")), **pictures}


def normal(output: str) -> str:
    """An output without what differs from machine to machine."""
    for pattern, replacement in _VARIABLE:
        output = re.sub(pattern, replacement, output)
    return "\n".join(line.strip() for line in output.strip().splitlines())


def _with_output(found: re.Match[str], printed: str) -> str:
    content = found["content"] or ""
    lines = [line.rstrip() for line in printed.strip("\n").splitlines()]
    if normal(content) == normal("\n".join(lines)):
        return found[0]
    indent = found["indent"]
    block = "\n".join((indent + line).rstrip() for line in ["```text", *lines, "```"])
    return found[0][: found.start("block") - found.start()] + block if found["block"] else f"{found[0]}{block}\n"


def _drawn(command: str, printed: str, picture: Path) -> str:
    """The picture of a terminal; the present one where it shows the same."""
    if picture.exists() and normal(_text_of(present := picture.read_text(encoding="utf-8"))) == normal(f"$ {command}\n{printed}"):
        return present
    shown = f"$ {command}\n{printed.strip()}"
    console = Console(record=True, width=max(map(len, shown.splitlines())), file=io.StringIO())
    console.print(Text(shown))
    picture_of = console.export_svg(title="mlebench", unique_id="terminal")
    # with fonts of the reader's machine: a picture fetches nothing
    return re.sub(r" *@font-face \{.*?\}\n", "", picture_of, flags=re.DOTALL) + "\n"


def _text_of(picture: str) -> str:
    """The lines that a picture shows."""
    lines = dict[str, str]()
    for line, text in re.findall(
        r'<text class="terminal-r\d+"[^>]*clip-path="url\(#terminal-(line-\d+)\)">(.*?)</text>', picture
    ):
        lines[line] = lines.get(line, "") + html.unescape(text).replace("\xa0", " ")
    return "\n".join(lines.values())


def _run(commands: str, home: Path) -> str:
    """What the last line of `commands` prints to stdout, or all of them where they write a file."""
    *before, last = [commands] if "<<" in commands else commands.replace("\\\n", " ").strip().splitlines()
    script = "\n".join(["set -euo pipefail", *before, r"printf '\0'", last])
    with tempfile.TemporaryFile("w+") as errors:
        reader, terminal = os.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, WIDTH, 0, 0))
        process = subprocess.Popen(
            ["bash", "-c", script], cwd=home, env=_environment(home), stdin=subprocess.DEVNULL, stdout=terminal, stderr=errors
        )
        os.close(terminal)
        printed = _all_of(reader)
        if process.wait():
            errors.seek(0)
            raise CommandFailed(f"{commands.strip()}\nexited ({process.returncode}):\n{printed}{errors.read()}")
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed).replace("\r\n", "\n").rpartition("\0")[2].replace(str(home), _HOME)


def _all_of(reader: int) -> str:
    """What is written to a terminal until the last program that holds it ends."""
    parts = []
    with os.fdopen(reader, "rb", buffering=0) as stream:
        try:
            while part := stream.read(65536):
                parts.append(part)
        except OSError:
            # Linux says so at the end
            pass
    return b"".join(parts).decode("utf-8")


def _environment(home: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if name in ("LD_LIBRARY_PATH", "OMP_NUM_THREADS", "OMP_WAIT_POLICY")
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**kept, "PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "COLUMNS": str(WIDTH), "NO_COLOR": "1"}


def main(names: list[str]) -> None:
    """Write the outputs of pages, of all without a name."""
    for page in [Path(name).resolve() for name in names] or pages():
        for path, content in rendered(page).items():
            if not path.exists() or path.read_text(encoding="utf-8") != content:
                path.write_text(content, encoding="utf-8")
                print(f"{path}: written")


if __name__ == "__main__":
    main(sys.argv[1:])
