"""Pieces of pages: text is text, nothing inline that a strict policy forbids, and every state has a sign and words."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import get_args

import pytest

from mlebench.reports.components import (
    Card,
    ChoiceField,
    TextField,
    cards,
    filter_form,
    fold,
    moment,
    note,
    pager,
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
        moment(EVIL),
        fold(EVIL, "", name=EVIL, css=EVIL),
        note(EVIL),
        warning(EVIL),
        facts([(EVIL, EVIL)]),
        filter_form(
            [TextField(EVIL, EVIL, EVIL, [EVIL], EVIL), ChoiceField(EVIL, EVIL, {EVIL: {EVIL: EVIL}}, EVIL)],
            action=EVIL,
            label=EVIL,
            button=EVIL,
            kept={EVIL: EVIL},
            clear=EVIL,
        ),
        pager(2, 3, lambda page: EVIL, about=EVIL, label=EVIL),
        sortable_table([Head(EVIL, EVIL), EVIL], [[EVIL, Cell(EVIL, below=EVIL, more=[(EVIL, EVIL)], tooltip=EVIL)]]),
    ],
    ids=[
        *("cards", "state", "sign", "moment", "fold", "note", "warning"),
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


def test_a_moment_is_told_in_words_and_for_machines() -> None:
    assert moment("2026-03-01T12:00:00+00:00") == '<time datetime="2026-03-01T12:00:00+00:00">2026-03-01 12:00 UTC</time>'
    assert ">2026-03-01 12:00 UTC<" in moment("2026-03-01T14:00:00+02:00")
    assert moment(None) == "–"


def test_a_moment_that_a_script_counts_from_says_so_without_one() -> None:
    assert 'class="since"' in moment("2026-03-01T12:00:00+00:00", css="since")
    assert ">until 2026-03-01 12:00 UTC<" in moment("2026-03-01T12:00:00+00:00", css="until")


def test_a_form_keeps_what_was_chosen_and_suggests_what_there_is() -> None:
    choice = ChoiceField("medal", "Medal", {"": {"": "any"}, "Result": {"gold": "gold medal"}}, "gold")
    form = filter_form([TextField("agent", "Agent", "x", ["aide"]), choice], action="/g", label="Filter", clear="/g")
    assert 'value="x" list="known-agent"' in form and '<option value="aide">' in form
    assert '<optgroup label="Result"><option value="gold" selected>gold medal</option></optgroup>' in form
    assert '<a href="/g">Show all</a>' in form


def test_a_pager_names_the_pages_near_and_both_ends() -> None:
    assert pager(1, 1, str) == ""
    shown = re.findall(r"href=\"(\d+)\"", pager(50, 100, str))
    assert shown == ["49", "1", "48", "49", "51", "52", "100", "51"]
    assert pager(50, 100, str).count("…") == 2


def test_fields_of_forms_are_those_that_the_key_for_searching_goes_to() -> None:
    assert '<input type="search"' in filter_form([TextField("agent", "Agent")], action="/", label="Filter")
