#!/usr/bin/env python3
"""Print the changelog section of a version, and reject a tag that does not match the project.

    .ci/release_notes.py v0.2.0

Exit code 1: the tag is not the version in `mlebench/_support/version.py`, or the changelog has no dated section with entries
for it.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def notes(tag: str, root: Path = ROOT) -> str:
    """The section of a version.

    Raises:
        ValueError: the tag, the version and the changelog do not match; the message says how.
    """
    version = tag.removeprefix("v")
    [declared] = re.findall(
        r'^VERSION = "(.*)"$', (root / "mlebench/_support/version.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    if tag != f"v{declared}":
        raise ValueError(f"the tag is {tag}, and mlebench/_support/version.py has {declared}")
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(
        rf"^## \[?{re.escape(version)}\]? – \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)", changes, re.DOTALL | re.MULTILINE
    )
    if section is None or not section[1].strip():
        raise ValueError(f"CHANGELOG.md has no section `## {version} – YYYY-MM-DD` with entries")
    return section[1].strip() + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: .ci/release_notes.py vX.Y.Z")
    try:
        print(notes(sys.argv[1]), end="")
    except ValueError as error:
        sys.exit(f"release_notes.py: {error}")
