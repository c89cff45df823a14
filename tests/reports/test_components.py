"""Pieces of pages: text is text, nothing inline that a strict policy forbids, and every state has a sign and words."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import get_args

import pytest

from mlebench.reports.components import (
    Card,
    ChoiceField,
    SearchField,
    cards,
    filter_form,
    fold,
    moment,
    note,
    pager,
    progress_bar,
    share_bar,
    state_mark,
    warning,
)
from mlebench.reports.markup import Cell, Head, Html, facts, sortable_table
from mlebench.runs.phase import PhaseName


def attributes_of(piece: str) -> list[str]:
    """Names of all attributes in a piece of HTML."""
    found: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.extend(name for name, _ in attrs)  # type: ignore[method-assign]
    parser.feed(piece)
    return found


EVIL = '<b onclick="x()">\'&'
ESCAPED = "&lt;b onclick=&quot;x()&quot;&gt;&#x27;&amp;"


@pytest.mark.parametrize(
    "piece",
    [
        cards([Card(EVIL, EVIL, [EVIL], address=EVIL)]),
        state_mark(EVIL, EVIL, tooltip=EVIL),
        state_mark("failed", EVIL),
        progress_bar(1, 2, EVIL),
        share_bar([(EVIL, 1)], 2, EVIL),
        moment(EVIL),
        fold(EVIL, "", name=EVIL),
        note(EVIL),
        warning(EVIL),
        facts([(EVIL, EVIL)]),
        filter_form(
            [SearchField(EVIL, EVIL, EVIL), ChoiceField(EVIL, EVIL, [(EVIL, EVIL)], EVIL)],
            action=EVIL,
            label=EVIL,
            kept={EVIL: EVIL},
        ),
        pager(2, 3, lambda page: EVIL),
        sortable_table([Head(EVIL, EVIL), EVIL], [[EVIL, Cell(EVIL, below=EVIL, more=[(EVIL, EVIL)], tooltip=EVIL)]]),
    ],
    ids=[
        *("cards", "state", "sign", "progress", "shares", "moment", "fold", "note", "warning"),
        *("facts", "form", "pager", "table"),
    ],
)
def test_text_is_escaped_in_every_piece_and_nothing_is_inline(piece: str) -> None:
    assert "<b onclick" not in piece and ESCAPED in piece
    assert not [name for name in attributes_of(piece) if name == "style" or name.startswith("on")]


def test_what_is_html_already_stays_as_it_is() -> None:
    mark = state_mark("running")
    assert isinstance(mark, Html)
    assert mark in Cell(mark).html() and mark in cards([Card("state", mark)]) and mark in facts([("state", mark)])


@pytest.mark.parametrize("state", get_args(PhaseName))
def test_every_phase_has_a_sign_of_its_own_and_its_word(state: str) -> None:
    sign = re.search(r'<i aria-hidden="true">(.)</i>', state_mark(state))
    assert sign is not None and state in state_mark(state)
    alike = [other for other in get_args(PhaseName) if f">{sign[1]}</i>" in state_mark(other)]
    assert alike == [state]


def test_a_bar_never_leaves_its_frame() -> None:
    assert 'value="1.0000"' in progress_bar(12, 4)
    assert 'value="0.0000"' in progress_bar(3, 0)
    widths = [float(width) for width in re.findall(r' width="([\d.]+)"', share_bar([("gold", 1), ("failed", 3)], 4, "1 of 4"))]
    assert widths == [250, 750]


def test_a_moment_is_told_in_words_and_for_machines() -> None:
    assert moment("2026-03-01T12:00:00+00:00") == '<time datetime="2026-03-01T12:00:00+00:00">2026-03-01 12:00 UTC</time>'
    assert 'class="since"' in moment("2026-03-01T12:00:00+00:00", since=True)
    assert moment(None) == "–"


def test_a_pager_names_the_pages_near_and_both_ends() -> None:
    assert pager(1, 1, str) == ""
    shown = re.findall(r"href=\"(\d+)\"", pager(50, 100, str))
    assert shown == ["49", "1", "48", "49", "51", "52", "100", "51"]
    assert pager(50, 100, str).count("…") == 2
