"""Tables of a page as a reader sees them: texts by row and column."""

from __future__ import annotations

from html.parser import HTMLParser

_UNSEEN = "unseen"
_VOID = frozenset({"input", "br", "img", "meta", "link", "hr", "option"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.links: list[tuple[str, str]] = []
        self.labels: list[str] = []
        self._stack: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
        elif tag == "a":
            self.links.append((about.get("href") or "", ""))
        if "aria-label" in about:
            self.labels.append(about["aria-label"] or "")
        if tag not in _VOID:
            self._stack.append((tag, _UNSEEN in (about.get("class") or "")))

    def handle_endtag(self, tag: str) -> None:
        while self._stack and self._stack.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = [tag for tag, _ in self._stack]
        if "a" in tags and self.links:
            address, text = self.links[-1]
            self.links[-1] = (address, text + data)
        if ("td" in tags or "th" in tags) and not any(is_unseen for _, is_unseen in self._stack):
            self.tables[-1][-1][-1] += f"{data} "


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader


def table(html: str, number: int = 0) -> list[dict[str, str]]:
    """The rows of a table, each by the titles of its columns; one across all columns is under the first alone."""
    header, *rows = _read(html).tables[number]
    titles = [" ".join(title.split()) for title in header]
    return [dict(zip(titles, (" ".join(cell.split()) for cell in row), strict=False)) for row in rows]


def column(html: str, title: str, number: int = 0) -> list[str]:
    """One column of a table."""
    return [row[title] for row in table(html, number) if title in row]


def links(html: str) -> dict[str, str]:
    """Addresses by the texts of their links."""
    return {" ".join(text.split()): address for address, text in _read(html).links}


def addresses(html: str) -> list[str]:
    """Where links lead, in their order."""
    return [address for address, _ in _read(html).links]


def labels(html: str) -> list[str]:
    """The accessible names that stand in attributes, in their order."""
    return _read(html).labels
