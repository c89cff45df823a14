"""Pages, messages, help texts and docstrings use the words of the glossary, in the English of a technical writer.

`INSTEAD` names turns of phrase that read as translated, with what to write. A place where one is right, such as a quotation or
the name of something else, is listed in `RIGHT_HERE`.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTEAD = {
    r"mend(s|ed|ing)?\b": "fix",
    r"hand(s|ed|ing)? in\b": "submit",
    r"at work\b": "running, or working",
    r"(?<!look )(?<!looked )(?<!looking )(?<!looks )(?<!arrive )(?<!points )(?<!point )at it\b": "running, or working on it",
    r"call(s|ed)? again\b": "run again",
    r"gets? on\b": "progress",
    r"tells\b": "says, shows, states, or lists",
    r"(?<!there )(is|are|was|were) no (?!longer\b|more\b|less\b|fewer\b|better\b|different\b|worse\b)[`'\"a-z]": "is not a …",
    r"let(s|ting)? (an?|two|the|each) agents? work\b": "run agents",
    r"\bends? by itself\b": "exits",
    r"passes the tests\b": "runs the test suite",
    r"the whole job\b": "the full pipeline",
    r"seen otherwise\b": "under other rules",
    r"half ?way there\b": "partly done",
}
"""Patterns, each at the beginning of a word, and what to write."""
RIGHT_HERE: dict[str, str] = {
    '"mend"': "a key of `doctor --json`, which programs read",
    "know the fix as `mend`": "the same",
    "validity-tells-": "names of issues, which other files refer to",
    "--ready-fd={tells}": "the end of a pipe",
}
"""Lines (parts of them), with the reason why they stay."""
_ROOMS = [path for path in (ROOT / "mlebench").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
AREAS = (
    "README.md", "CONTRIBUTING.md", "SECURITY.md", "RELEASING.md", "CHANGELOG.md", "Makefile", ".ci", ".github", "docs", "agents",
    "containers", "competitions", "grading", "benchmarks",
    *sorted(f"mlebench/{path.name}" for path in _ROOMS),
)  # fmt: skip
TEXTS = {".md", ".yaml", ".yml", ".html", ".txt", ".sh", ".j2", ".in", ".mjs"}
NAMES = {"Dockerfile", "run"}
"""Texts whose names have no suffix."""
_WRONG = re.compile("|".join(rf"\b(?:{pattern})" for pattern in INSTEAD), re.IGNORECASE)


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that people read, with their numbers: of Python strings, docstrings and comments, of others everything."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield from enumerate(text.splitlines(), start=1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", -1)):
            yield from enumerate(token.string.splitlines(), start=token.start[0])


def wrong_lines(area: Path) -> list[str]:
    files = (
        [area]
        if area.is_file()
        else sorted(path for path in area.rglob("*") if (path.suffix in {*TEXTS, ".py"} or path.name in NAMES) and path.is_file())
    )
    return [
        f"{path.relative_to(ROOT)}:{number}: {found[0]}: {line.strip()}"
        for path in files
        for number, line in texts_of(path)
        if (found := _WRONG.search(line)) and not any(part in line for part in RIGHT_HERE)
    ]


@pytest.mark.parametrize("area", AREAS)
def test_turns_of_phrase_that_read_as_translated_are_gone(area: str) -> None:
    assert wrong_lines(ROOT / area) == []


def test_a_wrong_turn_would_be_found() -> None:
    wrong = ["the harness mends it", "an agent hands in a file", "foo is no setting", "it tells which", "2 at work"]
    assert all(map(_WRONG.search, wrong))
    right = ["there is no agent foo", "it is no longer there", "look at it", "the recommended way", "a commend"]
    assert not any(map(_WRONG.search, right))


def test_docstrings_strings_and_comments_of_a_module_are_read(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""One\ntwo."""\n\n# three\nfour = f"five {six}"\n', encoding="utf-8")
    assert [number for number, _ in texts_of(module)] == [1, 2, 4, 5]
