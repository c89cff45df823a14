"""Marks the words of code by their kind; runs as a separate process, by `python -m …highlighter`.

What an agent wrote may keep a lexer busy for hours. This process has limits, and whoever started it ends it when it takes too
long. It reads an object with `language` and `texts` as JSON, and writes a list of lines of HTML for each text.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from html import escape
from pathlib import PurePosixPath
from typing import Any

MODULE = __name__ if __name__ != "__main__" else "mlebench.reports.view.highlighter"
MOST_SECONDS = 4
"""Of processor time."""
_MOST_MEMORY = 2 * 2**30
_KINDS = (
    *(("Comment", "c"), ("Keyword", "k"), ("Operator.Word", "k"), ("Literal.String", "s"), ("Literal.Number", "m")),
    *(("Name.Function", "f"), ("Name.Class", "f"), ("Name.Tag", "k"), ("Name.Attribute", "f"), ("Name.Decorator", "d")),
    *(("Name.Builtin", "b"), ("Name.Exception", "b"), ("Generic.Heading", "k"), ("Generic.Subheading", "k")),
)
"""Kinds of tokens and the letter of each one's class in `page.css`; others are plain."""
_LANGUAGES = {
    **dict.fromkeys((".py", ".pyw", ".pyi"), "python"),
    **dict.fromkeys((".sh", ".bash", ".zsh"), "bash"),
    **dict.fromkeys((".yaml", ".yml"), "yaml"),
    **dict.fromkeys((".c", ".h"), "c"),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".hpp"), "cpp"),
    **dict.fromkeys((".cu", ".cuh"), "cuda"),
    **dict.fromkeys((".md", ".rmd", ".qmd"), "markdown"),
    **dict.fromkeys((".ini", ".cfg"), "ini"),
    **dict.fromkeys((".diff", ".patch"), "diff"),
    **dict.fromkeys((".json", ".ipynb"), "json"),
    **dict.fromkeys((".pyx", ".pxd"), "cython"),
    **{".r": "r", ".jl": "julia", ".sql": "sql", ".js": "javascript", ".ts": "typescript", ".java": "java", ".scala": "scala"},
    **{".go": "go", ".rs": "rust", ".kt": "kotlin", ".rb": "ruby", ".pl": "perl", ".lua": "lua", ".m": "matlab", ".tex": "tex"},
    **{".toml": "toml", ".html": "html", ".xml": "xml", ".css": "css", ".dockerfile": "docker", ".mk": "make"},
}
_WHOLE_NAMES = {"dockerfile": "docker", "makefile": "make"}


def language_of(name: str) -> str | None:
    """What a file is written in, as its name says; None if that is unknown."""
    path = PurePosixPath(name)
    return _WHOLE_NAMES.get(path.name.lower()) or _LANGUAGES.get(path.suffix.lower())


def marked_lines(language: str, text: str) -> list[str]:
    """The lines of a text as HTML.

    Args:
        language: as `language_of` says it.
        text: with line feeds alone at the ends of lines.
    """
    from pygments.lexers import get_lexer_by_name

    lexer: Any = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    lines, line = list[str](), list[str]()
    for css, value in _joined(lexer.get_tokens(text)):
        for number, part in enumerate(value.split("\n")):
            if number:
                lines.append("".join(line))
                line = []
            if part:
                line.append(f'<span class="hl-{css}">{escape(part)}</span>' if css and part.strip() else escape(part))
    return [*lines, "".join(line)]


def _joined(tokens: Iterator[tuple[Any, str]]) -> Iterator[tuple[str, str]]:
    """Tokens in a row that look the same, as one."""
    classes: dict[Any, str] = {}
    last, values = "", list[str]()
    for kind, value in tokens:
        if (css := classes.get(kind)) is None:
            css = classes[kind] = _css(str(kind).removeprefix("Token."))
        if css != last:
            yield last, "".join(values)
            last, values = css, []
        values.append(value)
    yield last, "".join(values)


def _css(kind: str) -> str:
    return next((css for name, css in _KINDS if f"{kind}.".startswith(f"{name}.")), "")


def main() -> int:
    """Read, mark, write."""
    for limit, most in ((resource.RLIMIT_CPU, MOST_SECONDS), (resource.RLIMIT_AS, _MOST_MEMORY)):
        _, hard = resource.getrlimit(limit)
        resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    asked = json.load(sys.stdin)
    json.dump([marked_lines(asked["language"], text) for text in asked["texts"]], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
