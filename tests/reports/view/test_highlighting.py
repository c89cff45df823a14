"""Code with its words marked: nothing is lost, and no file keeps the page busy."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

import mlebench
from mlebench.reports.view.highlighter import marked_lines
from mlebench.reports.view.highlighting import LONGEST_LINE, Highlighting
from tests.reports.view.groups import HOSTILE

PAGE_CSS = Path(mlebench.__file__).parent / "reports" / "page.css"
NEVER_ENDS = "\n".join([" " * (LONGEST_LINE - 1)] * 400)
"""Python's lexer needs hours for it."""


def text_of(lines: list[str]) -> str:
    return html.unescape(re.sub(r"</?span[^>]*>", "", "\n".join(lines)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.py", '"""Two\nlines."""\nimport pandas as pd\n\n\ndef f(x: int) -> str:\n    return f"{x}"  # why\n'),
        ("run.sh", "#!/bin/bash\nfor i in 1 2; do echo \"$i\"; done <<'EOF'\n<b>\nEOF\n"),
        ("a.json", '{"a": [1, 2.5, null, "</script>"]}'),
        ("notes.md", f"# Title\n\n{HOSTILE}\n"),
        ("broken.py", f"def (((\n'''{HOSTILE}\n\tx = 'é\U0001f600"),
        ("Makefile", "all:\n\techo <all>\n"),
        ("q.sql", ""),
    ],
)
def test_a_text_keeps_every_character_and_line(name: str, text: str) -> None:
    [lines] = Highlighting().lines(name, [text], 60) or [[]]
    assert text_of(lines) == text
    assert all("<" not in re.sub(r'<span class="hl-[a-z]">|</span>', "", line) for line in lines)
    assert all(line.count("<span") == line.count("</span") for line in lines)


def test_words_have_classes_of_their_kind() -> None:
    [line] = marked_lines("python", "def f(): return len('x') + 1  # c")
    marks = {html.unescape(word): css for css, word in re.findall(r'<span class="hl-(\w)">([^<]*)</span>', line)}
    assert {word: marks[word] for word in ("def", "f", "len", "'x'", "1", "# c")} == {
        "def": "k",
        "f": "f",
        "len": "b",
        "'x'": "s",
        "1": "m",
        "# c": "c",
    }


def test_a_file_that_never_ends_is_plain() -> None:
    assert Highlighting().lines("evil.py", [NEVER_ENDS], 2) is None


def test_what_was_given_up_is_not_tried_again() -> None:
    highlighting = Highlighting()
    assert highlighting.lines("evil.py", [NEVER_ENDS], 2) is None
    # less time than a process needs to start: the answer is kept
    assert highlighting.lines("evil.py", [NEVER_ENDS], 1e-6) is None


def test_what_was_marked_is_kept() -> None:
    highlighting = Highlighting()
    marked = highlighting.lines("a.py", ["x = 1"], 60)
    assert marked is not None and highlighting.lines("b.py", ["x = 1"], 1e-9) is marked


@pytest.mark.parametrize("name", ["model.bin", "data.csv", "no_suffix"])
def test_files_of_no_known_language_are_plain(name: str) -> None:
    assert Highlighting().lines(name, ["x = 1"]) is None


def test_a_very_long_line_is_plain() -> None:
    assert Highlighting().lines("a.py", ["x = 1\n" + "y" * (LONGEST_LINE + 1)]) is None


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_colours_have_a_contrast_of_4_5(theme: str) -> None:
    colours = tokens(theme)
    papers = [colours["--paper"], colours["--band"]]
    words = [value for name, value in colours.items() if name.startswith("--hl-")]
    assert len(words) == 6
    low = [(word, paper) for word in words for paper in papers if contrast(word, paper) < 4.5]
    backs = [colours[name] for name in ("--added", "--removed", "--added-mark", "--removed-mark")]
    low += [(colours["--ink"], back) for back in backs if contrast(colours["--ink"], back) < 4.5]
    assert low == []


def tokens(theme: str) -> dict[str, str]:
    """The colours of a theme by name."""
    css = PAGE_CSS.read_text(encoding="utf-8")
    parts = {"light": css, "dark": "", "print": css}
    for rule, name in (("prefers-color-scheme: dark", "dark"), ("print", "print")):
        for block in re.findall(rf"@media[^{{]*{re.escape(rule)}\)? {{(.*?)\n}}", css, re.DOTALL):
            parts["light"] = parts["light"].replace(block, "")
            if name == theme:
                parts[name] += block
    wanted = parts["light"] + (parts[theme] if theme != "light" else "")
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", wanted))


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
