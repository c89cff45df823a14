"""Run the commands that pages show, and write what they print into the pages.

python docs/outputs.py                     # all pages: writes the outputs that changed
python docs/outputs.py docs/tutorial.md    # some pages

Each page starts in an empty home folder, without an account, an engine or a key. Comments before a fenced block mark it:

<!-- run -->                 the block holds commands; each must succeed
<!-- output -->              the block holds what the last command of the block before printed to stdout
<!-- output: COMMAND -->     the block holds what COMMAND prints to stdout
<!-- run: COMMAND -->        no block follows; COMMAND prepares what the page assumes

COMMAND is a line for bash. An output is replaced if it differs by more than durations, dates, hashes, column widths, the kind of
local sandbox and digits of scores, which differ from machine to machine.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 100
_HOME = "/home/you"
_MARK = re.compile(
    r"^(?P<indent> *)<!-- (?P<kind>run|output)(?:: (?P<command>.+?))? -->\n"
    r"(?P<block> *```\w*\n(?P<content>.*?)^ *```$)?",
    re.DOTALL | re.MULTILINE,
)
_VARIABLE = [
    (r"sha256:[0-9a-f]+|\b[0-9a-f]{12,64}\b", "HASH"),
    (r"\d{4}-\d\d-\d\d(T|t| )\d\d[-:]\d\d([-:]\d\d)?", "TIME"),
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


def rendered(text: str) -> str:
    """A page's text with the outputs that its commands print now.

    Raises:
        CommandFailed: a command of the page did not succeed.
    """
    with tempfile.TemporaryDirectory(prefix="mlebench-docs-") as folder:
        home, printed = Path(folder).resolve(), ""

        def replaced(found: re.Match[str]) -> str:
            nonlocal printed
            content = found["content"] or ""
            if command := found["command"] or (found["kind"] == "run" and content):
                printed = _run(command, home)
            return found[0] if found["kind"] == "run" else _with_output(found, printed)

        return _MARK.sub(replaced, text)


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
    head = found[0][: found.start("block") - found.start()] if found["block"] else found[0]
    return head + "\n".join((indent + line).rstrip() for line in ["```text", *lines, "```"])


def _run(commands: str, home: Path) -> str:
    """What the last line of `commands` prints to stdout."""
    *before, last = commands.replace("\\\n", " ").strip().splitlines()
    script = "\n".join(["set -euo pipefail", *before, r"printf '\0'", last])
    ran = subprocess.run(
        ["bash", "-c", script], cwd=home, env=_environment(home), capture_output=True, text=True, check=False, timeout=600
    )
    if ran.returncode:
        raise CommandFailed(f"{commands.strip()}\nexited ({ran.returncode}):\n{ran.stdout}{ran.stderr}")
    return ran.stdout.rpartition("\0")[2].replace(str(home), _HOME)


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in ("LD_LIBRARY_PATH", "OMP_NUM_THREADS", "OMP_WAIT_POLICY")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**kept, "PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "COLUMNS": str(WIDTH), "NO_COLOR": "1"}


def main(names: list[str]) -> None:
    """Write the outputs of pages, of all without a name."""
    for page in [Path(name).resolve() for name in names] or pages():
        before = page.read_text(encoding="utf-8")
        after = rendered(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            print(f"{page.relative_to(ROOT)}: written")


if __name__ == "__main__":
    main(sys.argv[1:])
