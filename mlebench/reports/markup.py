"""What every page is made of, static or live: its frame, tables, figures; every text is escaped here.

`components` holds the smaller pieces: cards, marks of states, moments, forms, pagers.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import NamedTuple

from grading.medals import Medal
from mlebench._support.terminal import printable_text
from mlebench.reports.notation import NOTHING


class Html(str):
    """Text that is HTML already: escaped by whoever made it. All other text is escaped where it is put into a page."""


def html_of(value: object) -> Html:
    """The value as HTML: as it is where it is HTML already, else its text, escaped."""
    return value if isinstance(value, Html) else Html(escape(str(value)))


class Head(NamedTuple):
    """The heading of a column, where its title is too short to be understood on its own."""

    title: str
    meaning: str


class Cell(NamedTuple):
    """One cell of a table."""

    content: str = ""
    """Escaped unless it is `Html`."""
    sort: float | str | None = ""
    """What the column is sorted by: None for unknown, the text itself where nothing is given."""
    medal: Medal | None = None
    css: str = ""
    text: bool = False
    """Left-aligned."""
    long: bool = False
    """Left-aligned, and broken into lines."""
    tooltip: str = ""
    links: Sequence[tuple[str, str]] = ()
    """Address, empty for none, and label."""
    marks: Sequence[tuple[str, str]] = ()
    """Signs, each with what it means."""
    below: str = ""
    """A second fact, below the first and smaller. Escaped unless it is `Html`."""
    more: Sequence[tuple[str, object]] = ()
    """Further facts, each with its name, folded away."""

    def html(self) -> str:
        """The `td` element."""
        classes = [self.css, "text" if self.text else "", "long" if self.long else ""]
        attributes = f' class="{" ".join(filter(None, classes))}"' if any(classes) else ""
        if self.sort != "":
            attributes += f' data-sort="{"" if self.sort is None else escape(str(self.sort))}"'
        if self.tooltip:
            attributes += f' title="{escape(self.tooltip)}"'
        # a letter next to the colour, for eyes that tell no colours and for prints in black
        mark = f'<b class="mark {self.medal}">{self.medal[0].upper()}</b>' if self.medal else ""
        below = f"<small>{html_of(self.below)}</small>" if self.below else ""
        more = f"<details><summary>more</summary>{facts(self.more)}</details>" if self.more else ""
        return f"<td{attributes}>{mark}{self._inner()}{below}{more}</td>"

    def heading(self, title: str | Head) -> str:
        """The `th` element over this cell's column, aligned like it."""
        css = ' class="text"' if self.text or self.long else ""
        about = f' title="{escape(title.meaning)}"' if isinstance(title, Head) else ""
        return f'<th scope="col"{css}{about}>{escape(title.title if isinstance(title, Head) else title)}</th>'

    def _inner(self) -> str:
        if self.links:
            return " ".join(link(address, label) for address, label in self.links)
        if self.marks:
            return " ".join(f'<abbr title="{escape(meaning)}">{escape(sign)}</abbr>' for sign, meaning in self.marks)
        return html_of(self.content or ("" if self.more else NOTHING))


class Section(NamedTuple):
    """A part of the page that the contents link to."""

    anchor: str
    title: str
    body: str
    short_title: str = ""
    """What the contents call it; by default the title."""

    @property
    def html(self) -> str:
        """The `section` element."""
        return f'<section id="{self.anchor}"><h2>{escape(self.title)}</h2>\n{self.body}\n</section>'


def whole_page(title: str, lead: str, sections: Sequence[Section], extra: str | None = None) -> str:
    """A self-contained page: without network, and with one script, which sorts tables and which its policy names by hash.

    Args:
        extra: name of a style and a script of this package that the page needs besides, such as `side_by_side`.
    """
    names = ["page", *([extra] if extra else [])]
    css, code = ("\n".join(_resource(f"{name}.{kind}") for name in names) for kind in ("css", "js"))
    script = f"\n{code}\n"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>\n{css}\n</style>'
    return _page(title, lead, sections, head=head, foot=f"<script>{script}</script>")


def linked_page(
    title: str,
    lead: str,
    sections: Sequence[Section],
    *,
    style: str,
    scripts: Sequence[str],
    crumbs: Sequence[tuple[str, str]] = (),
    every: float | None = None,
) -> str:
    """The same page where a server has its style and scripts, under a policy that it sends.

    Args:
        style: address of the style sheet.
        scripts: addresses of the scripts.
        crumbs: address and words of the pages above it, outermost first.
        every: seconds until it is to look for news; None: there will be none.
    """
    head = f'<link rel="stylesheet" href="{escape(style)}">'
    if every is not None:
        head += f'\n<meta name="refresh-seconds" content="{every:g}">'
    foot = "\n".join(f'<script src="{escape(script)}" defer></script>' for script in scripts)
    links = "".join(f'<a href="{escape(address)}">{escape(words)}</a> › ' for address, words in crumbs)
    above = f'<nav class="crumbs" aria-label="Pages above">{links}</nav>\n' if links else ""
    return _page(title, lead, sections, head=head, foot=foot, crumbs=above)


def _page(title: str, lead: str, sections: Sequence[Section], *, head: str, foot: str, crumbs: str = "") -> str:
    page = Template(_resource("page.html")).substitute(
        title=escape(title),
        lead=escape(lead),
        contents=" ".join(f'<a href="#{part.anchor}">{escape(part.short_title or part.title)}</a>' for part in sections),
        sections="\n".join(part.html for part in sections),
        crumbs=crumbs,
        head=head,
        foot=foot,
    )
    return printable_text(page)


def _resource(name: str) -> str:
    return files("mlebench.reports").joinpath(name).read_text(encoding="utf-8")


def sortable_table(header: Sequence[str | Head], rows: Sequence[Sequence[object]], *, sticky: bool = False) -> str:
    """A table whose columns the page's script sorts.

    Args:
        rows: cells, or what is to be written in a plain one.
        sticky: keep the first column in view on a narrow screen.
    """
    aligned = [_cell(cell) for cell in rows[0]] if rows else [Cell()] * len(header)
    heads = "".join(cell.heading(title) for title, cell in zip(header, aligned, strict=True))
    lines = "\n".join(f"<tr>{''.join(_cell(cell).html() for cell in row)}</tr>" for row in rows)
    classes = "sortable sticky" if sticky else "sortable"
    table = f'<table class="{classes}"><thead><tr>{heads}</tr></thead><tbody>\n{lines}\n</tbody></table>'
    return _scrolled(table, "Table")


def chart_figure(kind: str, svg: str, series: Sequence[str], caption: str) -> str:
    """A chart with its legend.

    Args:
        kind: `bars` or `lines`; chooses the colours.
        series: names in the order of the chart's colours; empty for no legend.
    """
    swatch = "fill" if kind == "bars" else "stroke"
    entries = "".join(f'<li><i class="{swatch}-{place % 6}"></i>{escape(name)}</li>' for place, name in enumerate(series))
    legend = f'<ul class="legend">{entries}</ul>' if series else ""
    note = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f'<figure class="{kind}">{legend}{_scrolled(svg, "Chart")}{note}</figure>'


def _scrolled(content: str, name: str) -> str:
    """Content that scrolls sideways where the screen is narrow, by keys as well; `name` is what a screen reader calls it."""
    return f'<div class="scroll" tabindex="0" role="group" aria-label="{name}">{content}</div>'


def bullets(entries: Sequence[str]) -> str:
    """An unordered list."""
    return f"<ul>{''.join(f'<li>{escape(entry)}</li>' for entry in entries)}</ul>"


def facts(pairs: Sequence[tuple[str, object]]) -> Html:
    """Names with their values, as a list; values are escaped unless they are `Html`."""
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{html_of(value)}</dd></div>" for name, value in pairs)
    return Html(f'<dl class="facts">{rows}</dl>')


def link(address: str, label: object) -> Html:
    """A link; the label alone where there is no address."""
    return Html(f'<a href="{escape(address)}">{html_of(label)}</a>') if address else html_of(label)


def _cell(value: object) -> Cell:
    return value if isinstance(value, Cell) else Cell(str(value))


def with_code(sentence: str) -> Html:
    """A sentence as HTML; what is in backticks becomes code."""
    parts = escape(sentence).split("`")
    if len(parts) % 2 == 0:
        return html_of(sentence)
    return Html("".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)))
