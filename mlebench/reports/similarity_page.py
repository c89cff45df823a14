"""Code that is alike as one page without network: a table of pairs, and the texts side by side, with what is the same linked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from grading.wording import counted
from mlebench._support.files import write_text
from mlebench.evidence.review.similarity.code_set import Side
from mlebench.evidence.review.similarity.similar_pair import SimilarPair
from mlebench.evidence.review.similarity.similarities import MOST_SHOWN, Similarities
from mlebench.evidence.review.similarity.stretches import Lines
from mlebench.reports.markup import Cell, Section, bullets, sortable_table, whole_page

_MOST_ROWS = 1_000
_WHOLE_LINES = 1_500
_AROUND = 15
"""Lines shown around a stretch, where a text is too long to be shown whole."""
_COLOURS = 6
_LONGEST_LINE = 400
_LEVELS = {"violation": "violation", "look": "look", None: ""}


def write_similarity_page(similarities: Similarities, path: Path) -> None:
    """Write the page, in a folder that may not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, similarity_page(similarities))


def similarity_page(similarities: Similarities) -> str:
    """The page's HTML; it works from a file, and shows nothing of others unescaped.

    Pairs with a level are shown side by side, at most `MOST_SHOWN` of them; the table holds what is less alike as well.
    """
    leveled = [pair for pair in similarities.pairs if pair.level(similarities.threshold)]
    shown = {id(pair): place for place, pair in enumerate(leveled[:MOST_SHOWN])}
    runs = sum(map(len, similarities.run_ids.values()))
    lead = f"{counted(runs, 'run')}, {counted(similarities.notebooks, 'notebook')}; violation from {similarities.threshold:.0%}"
    sections = [Section("pairs", "Pairs", _table(similarities, shown))]
    if shown:
        texts = "\n".join(_side_by_side(pair, shown[id(pair)], similarities) for pair in leveled[:MOST_SHOWN])
        sections.append(Section("texts", "Side by side", texts))
    if similarities.left_out:
        sections.append(Section("left-out", "Omitted", bullets(list(similarities.left_out))))
    return whole_page("Similarity of code", lead, sections, extra="side_by_side")


def _table(similarities: Similarities, shown: dict[int, int]) -> str:
    if not similarities.pairs:
        return '<p class="note">No two runs share much code.</p>'
    header = ["Code", "Similar to", "Level", "Similarity", "Of the code", "Of the other", "Longest match, tokens"]
    rows = [_row(pair, similarities.threshold, shown.get(id(pair))) for pair in similarities.pairs[:_MOST_ROWS]]
    note = (
        '<p class="note">Similarity: twice the shared fingerprints divided by those of both, for all files or the most similar. '
        "Code that every agent was given and code that many share is excluded.</p>"
    )
    return sortable_table(header, rows) + note


def _row(pair: SimilarPair, threshold: float, place: int | None) -> list[object]:
    level = pair.level(threshold)
    name = _title(pair.left)
    own = Cell(name, text=True) if place is None else Cell(name, sort=name, text=True, links=[(f"#pair-{place}", name)])
    shares = (pair.similarity, pair.left_share, pair.right_share)
    return [
        own,
        Cell(_title(pair.right), text=True),
        Cell(_LEVELS[level], sort={"violation": 2, "look": 1, None: 0}[level]),
        *(Cell(f"{share:.0%}", share) for share in shares),
        Cell(f"{pair.longest:,}", pair.longest),
    ]


def _title(side: Side) -> str:
    return side.name if side.kind == "notebook" else f"{side.group}/{side.name}"


def _side_by_side(pair: SimilarPair, place: int, similarities: Similarities) -> str:
    level = pair.level(similarities.threshold)
    title = f"{_title(pair.left)} – {_title(pair.right)}: {pair.similarity:.0%}, {_LEVELS[level]}"
    sides = (
        _side(pair.left, [stretch.left for stretch in pair.stretches], f"pair-{place}-left", f"pair-{place}-right", similarities),
        _side(
            pair.right, [stretch.right for stretch in pair.stretches], f"pair-{place}-right", f"pair-{place}-left", similarities
        ),
    )
    summary = f'<summary id="pair-{place}">{escape(title)}</summary>'
    return f'<details class="pair"{" open" if place == 0 else ""}>{summary}<div class="sides">{"".join(sides)}</div></details>'


def _side(side: Side, ends: Sequence[Lines], own: str, other: str, similarities: Similarities) -> str:
    """One side's files that have a stretch, one after the other; a stretch keeps its number and its colour on the other side."""
    parts = []
    for file in dict.fromkeys(lines.file for lines in ends):
        text = similarities.texts.get((side, file))
        if text is None:
            continue
        inside = [(number, lines) for number, lines in enumerate(ends) if lines.file == file]
        parts.append(f"<h5>{escape(file)}</h5><ol>{''.join(_lines(text, inside, own, other))}</ol>")
    return f'<div><h4>{escape(_title(side))}</h4><div class="side" tabindex="0">{"".join(parts)}</div></div>'


def _lines(text: str, inside: Sequence[tuple[int, Lines]], own: str, other: str) -> Iterator[str]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    of_line: dict[int, int] = {}
    for number, end in inside:
        for line in range(end.first, min(end.last, len(lines)) + 1):
            of_line.setdefault(line, number)
    kept = _kept(len(lines), of_line)
    begun: set[int] = set()
    for is_kept, block in groupby(range(1, len(lines) + 1), key=kept.__contains__):
        numbers = list(block)
        if not is_kept:
            yield f'<li class="gap">… {counted(len(numbers), "line")} …</li>'
            continue
        for line in numbers:
            stretch = of_line.get(line)
            is_first = stretch is not None and stretch not in begun
            if stretch is not None:
                begun.add(stretch)
            yield _line(line, lines[line - 1], stretch, (own, other) if is_first else None)


def _kept(count: int, of_line: dict[int, int]) -> set[int]:
    """Lines to show: all, or those around stretches of a long text."""
    if count <= _WHOLE_LINES:
        return set(range(1, count + 1))
    return {near for line in of_line for near in range(max(1, line - _AROUND), min(count, line + _AROUND) + 1)}


def _line(number: int, text: str, stretch: int | None, linked: tuple[str, str] | None) -> str:
    cut = escape(text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]}…")
    if stretch is None:
        return f"<li><span>{number}</span><span>{cut}</span></li>"
    mark, name = f"<span>{number}</span>", ""
    if linked is not None:
        own, other = linked
        name = f' id="{own}-{stretch}"'
        mark = f'<a href="#{other}-{stretch}" title="the same on the other side">{number}</a>'
    return f'<li{name} class="stretch-{stretch % _COLOURS}" data-stretch="{stretch}">{mark}<span>{cut}</span></li>'
