"""A competition's pages as Markdown, whatever Kaggle sends: most are HTML or Markdown, older ones HTML alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Any

_SKIPPED = {"script", "style", "title", "template", "noscript", "iframe"}
_BLOCKS = {"p", "div", "section", "article", "blockquote", "figure", "figcaption", "dl", "dt", "dd", "header", "footer", "center"}
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*", "code": "`", "tt": "`"}
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_HTML = re.compile(r"\s*<(?:!doctype|html|body|div|p|h[1-6]|ul|ol|table|section|span|strong|b|br|img|a)\b", re.IGNORECASE)


def pages_as_markdown(pages: Iterable[Any]) -> dict[str, str]:
    """The pages of the SDK (`name`, `content`, `mime_type`) as Markdown by the name of the page.

    Names are spelled in one way: `data-description` and `Data Description` are both `Data Description`. Empty pages are left out.
    """
    found: dict[str, str] = {}
    for page in pages:
        content = page.content or ""
        is_html = "html" in (page.mime_type or "") or _HTML.match(content)
        text = (markdown_of(content) if is_html else content).strip()
        name = page_name(page.name or "")
        if text:
            found[name] = f"{found[name]}\n\n{text}" if name in found else text
    return found


def page_name(name: str) -> str:
    """A page's name as words that begin with a capital letter; `Page` if it has none."""
    words = re.split(r"[\s_-]+", name.strip())
    return " ".join(word if word != word.lower() else word.capitalize() for word in words if word) or "Page"


def markdown_of(html: str) -> str:
    """HTML as Markdown: headings, paragraphs, lists, tables, code, emphasis and links; everything else as plain text."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    """Writes Markdown while it reads; a tag that is never closed, or never opened, changes no more than its own mark."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._written: list[list[str]] = [[]]
        self._skipping = 0
        self._lists: list[int | None] = []
        self._rows: list[list[str]] | None = None
        self._is_code = False
        self._links: list[str] = []

    def text(self) -> str:
        """All that was read."""
        while len(self._written) > 1:
            self._keep("".join(self._written.pop()))
        if self._rows is not None:
            self._end_table()
        whole = "".join(self._written[0])
        return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", whole)).strip()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag in _SKIPPED:
            self._skipping += 1
        elif tag in _HEADINGS:
            self._block(f"{_HEADINGS[tag]} ")
        elif tag == "pre":
            self._written.append([])
            self._is_code = True
        elif tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else None)
            if len(self._lists) == 1:
                self._block()
        elif tag == "li":
            self._begin_item()
        elif tag == "table":
            self._rows = []
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in ("td", "th") and self._rows is not None:
            self._written.append([])
        elif tag == "br":
            self._keep("\n")
        elif tag == "img":
            self._keep(f"![{_one_line(values.get('alt', ''))}]({_one_line(values.get('src', ''))})")
        elif tag == "a":
            self._links.append(_one_line(values.get("href", "")))
            self._keep("[" if self._links[-1] else "")
        else:
            self._plain_tag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipping = max(0, self._skipping - 1)
        elif tag == "pre" and self._is_code:
            self._end_code()
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
            if not self._lists:
                self._block()
        elif tag == "table" and self._rows is not None:
            self._end_table()
        elif tag in ("td", "th") and self._rows is not None and len(self._written) > 1:
            self._end_cell()
        elif tag == "a" and self._links:
            address = self._links.pop()
            self._keep(f"]({address})" if address else "")
        elif tag in _HEADINGS:
            self._block()
        else:
            self._plain_tag(tag)

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self._keep(data if self._is_code else self._collapsed(data))

    def _plain_tag(self, tag: str) -> None:
        if tag in _MARKS and not self._is_code:
            self._keep(_MARKS[tag])
        elif tag in _BLOCKS and not self._lists:
            self._block()

    def _keep(self, text: str) -> None:
        if text and not self._skipping:
            self._written[-1].append(text)

    def _block(self, beginning: str = "") -> None:
        """Begin a paragraph."""
        self._keep(f"\n\n{beginning}")

    def _collapsed(self, data: str) -> str:
        """Text with runs of white space as one space, none at the beginning of a line."""
        text = re.sub(r"\s+", " ", data)
        before = self._written[-1][-1][-1:] if self._written[-1] else "\n"
        return text.lstrip() if before in "\n " else text

    def _begin_item(self) -> None:
        mark = "-"
        if self._lists and self._lists[-1] is not None:
            self._lists[-1] += 1
            mark = f"{self._lists[-1]}."
        self._keep(f"\n{'    ' * max(0, len(self._lists) - 1)}{mark} ")

    def _end_code(self) -> None:
        code = "".join(self._written.pop()).strip("\n") if len(self._written) > 1 else ""
        self._is_code = False
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", code)), default=0))
        self._keep(f"\n\n{fence}\n{code}\n{fence}\n\n")

    def _end_cell(self) -> None:
        cell = _one_line("".join(self._written.pop())).replace("|", "\\|")
        if self._rows is not None:
            if not self._rows:
                self._rows.append([])
            self._rows[-1].append(cell)

    def _end_table(self) -> None:
        rows = [row for row in self._rows or () if row]
        self._rows = None
        if not rows:
            return
        width = max(map(len, rows))
        lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
        lines.insert(1, f"|{'---|' * width}")
        self._keep("\n\n" + "\n".join(lines) + "\n\n")


def _one_line(text: str) -> str:
    return " ".join(text.split())
