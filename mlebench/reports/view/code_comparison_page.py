"""The difference between the code of two runs, or of two attempts at one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from grading.printable import printable
from grading.wording import counted
from mlebench._support.quantities import show_size
from mlebench.reports.components import TextField, filter_form, note, warning
from mlebench.reports.markup import Cell, Section, link, sortable_table, with_code
from mlebench.reports.view.line_difference import MOST_LINES, Piece, Row, added_and_removed, changes, rows
from mlebench.reports.view.run_code import CodeFile, CodeText, CodeTree, code_tree, read_bytes, read_code
from mlebench.reports.view.view import Page, Query, View
from mlebench.reports.view.watched_attempt import attempt_at

_LARGEST = 2**20
_MOST_READ = 64 * 2**20
"""Bytes of all files that are read to see whether they differ."""
_MOST_COUNTED = 8 * 2**20
"""Bytes of the files whose changed lines are counted."""
_AROUND = 3
_MOST_ROWS = 6_000
_LONGEST_SHOWN = 2_000
_EQUAL, _CHANGED, _ONLY_A, _ONLY_B, _UNKNOWN = "equal", "changed", "only in A", "only in B", "not compared"


@dataclass(frozen=True)
class _Side:
    """The code of one attempt."""

    address: str
    """`GROUP/RUN`, or `GROUP/RUN/ATTEMPT`."""
    group: str
    run_id: str
    folder: Path
    within: Path
    tree: CodeTree

    def read(self, name: str) -> CodeText | None:
        """A file's beginning; None if there is no such file."""
        file = self.tree.by_name.get(name)
        return None if file is None else read_code(self.folder, self.within, file, _LARGEST)

    def content(self, file: CodeFile) -> bytes:
        """All of a file; raises OSError where it is none or cannot be read."""
        return read_bytes(self.folder, self.within, file, file.size)


@dataclass(frozen=True)
class _Compared:
    """A file in two attempts."""

    name: str
    state: str
    added: int | None = None
    """Lines; None if they were not counted."""
    removed: int | None = None


def make_code_comparison(view: View, query: Query) -> Page | None:
    """The page of two runs of code, `first` and `second` in the query, each `GROUP/RUN` or `GROUP/RUN/ATTEMPT`.

    With `file` in the query it shows how that file differs, `unified` or, by default, side by side.
    """
    names = query.get("first", ""), query.get("second", "")
    crumbs = [*view.crumbs(), (view.address("compare"), "Compare")]
    first, second = (_side(view, name) for name in names)
    if first is None or second is None:
        missing = [name for name, side in zip(names, (first, second), strict=True) if name and side is None]
        lead = f"Unknown run: {', '.join(printable(name) for name in missing)}." if missing else ""
        choosing = Section("choice", "Runs", _form(view, names))
        return Page("Compare code", lead, [choosing], crumbs, None, status=404 if missing else 200)
    lead = f"A is {first.address}, B is {second.address}."
    sections = [Section("files", "Files", _files(view, first, second, query.get("file")))]
    if name := query.get("file"):
        is_unified = query.get("layout") == "unified"
        other = _address(view, first, second, name, None if is_unified else "unified")
        switch = f"<p>{link(f'{other}#file', 'Side by side' if is_unified else 'Unified')}</p>"
        body = "".join(_difference(first.read(name), second.read(name), is_unified))
        sections.append(Section("file", printable(name), switch + body))
    sections.append(Section("choice", "Other runs", _form(view, names)))
    return Page("Compare code", lead, sections, crumbs, None)


def _side(view: View, name: str) -> _Side | None:
    parts = name.split("/")
    if len(parts) not in (2, 3) or (found := attempt_at(view, *parts)) is None:
        return None
    return _Side(name, parts[0], parts[1], found.folder, found.run_dir, code_tree(found.folder, found.run_dir))


def _form(view: View, names: tuple[str, str]) -> str:
    fields = [
        TextField(name, label, value, placeholder="GROUP/RUN", is_required=True)
        for label, name, value in (("A", "first", names[0]), ("B", "second", names[1]))
    ]
    about = with_code("`GROUP/RUN`, or `GROUP/RUN/ATTEMPT` for an earlier attempt.")
    action = view.address("compare", "code")
    return filter_form(fields, action=action, label="Runs whose code is compared", button="Compare") + note(about)


def _files(view: View, first: _Side, second: _Side, shown: str | None) -> str:
    problems = [f"{side.address}: {problem}." for side in (first, second) for problem in side.tree.problems]
    compared = list(_compared(first, second))
    if not compared:
        return "".join(map(warning, problems)) + note("Neither run has code.")
    states = {state: sum(entry.state == state for entry in compared) for state in (_CHANGED, _ONLY_A, _ONLY_B, _UNKNOWN, _EQUAL)}
    told = ", ".join(f"{count:,} {state}" for state, count in states.items() if count)
    lines = [_row(view, first, second, entry, shown) for entry in compared if entry.state != _EQUAL]
    table = sortable_table(["File", "State", "Added", "Removed"], lines, sticky=True) if lines else ""
    return "".join(map(warning, problems)) + f"<p>{escape(counted(len(compared), 'file'))}: {escape(told)}.</p>" + table


def _row(view: View, first: _Side, second: _Side, entry: _Compared, shown: str | None) -> list[object]:
    label = printable(entry.name, 200)
    address = _address(view, first, second, entry.name, None)
    links = [(f"{address}#file", label)]
    added, removed = (Cell("" if count is None else f"{count:,}", count) for count in (entry.added, entry.removed))
    return [
        Cell(label, entry.name, links=links, text=True, css="own" if entry.name == shown else ""),
        Cell(entry.state, text=True),
        added,
        removed,
    ]


def _address(view: View, first: _Side, second: _Side, name: str, layout: str | None) -> str:
    """Of a file's difference."""
    return view.address("compare", "code", first=first.address, second=second.address, file=name, layout=layout)


def _compared(first: _Side, second: _Side) -> Iterator[_Compared]:
    """Every file of both, changed ones first."""
    files = {file.name: file for file in first.tree.files}, {file.name: file for file in second.tree.files}
    names = sorted(files[0].keys() | files[1].keys(), key=lambda name: (not (name in files[0] and name in files[1]), name))
    read, counting = _MOST_READ, _MOST_COUNTED
    for name in names:
        one, other = files[0].get(name), files[1].get(name)
        if one is None or other is None:
            yield _Compared(name, _ONLY_B if one is None else _ONLY_A)
            continue
        is_alike = (one.kind, one.size) == (other.kind, other.size)
        read -= one.size if is_alike else 0
        state = _CHANGED if not is_alike else _state(first, second, one, other) if read > 0 else _UNKNOWN
        if state != _CHANGED or (counting := counting - one.size - other.size) < 0:
            yield _Compared(name, state)
            continue
        texts = [side.read(name) for side in (first, second)]
        yield _Compared(name, state, *(_counts(texts) or (None, None)))


def _state(first: _Side, second: _Side, one: CodeFile, other: CodeFile) -> str:
    """Of two files of one size."""
    try:
        contents = [side.content(file) for side, file in ((first, one), (second, other))]
    except OSError:
        return _UNKNOWN
    return _EQUAL if contents[0] == contents[1] else _CHANGED


def _counts(texts: Sequence[CodeText | None]) -> tuple[int, int] | None:
    lines = [_lines(text) for text in texts if text is not None and text.problem is None and not text.is_binary]
    return added_and_removed(changes(*lines)) if len(lines) == 2 else None


def _lines(text: CodeText) -> list[str]:
    return text.text.removesuffix("\n").split("\n") if text.text else []


def _difference(first: CodeText | None, second: CodeText | None, is_unified: bool) -> Iterator[str]:
    if first is None and second is None:
        yield note("Neither run has such a file.")
        return
    for label, text in (("A", first), ("B", second)):
        if text is not None and (text.problem or text.is_binary):
            yield note(f"Not shown for {label}: {text.problem or 'it is not a text file'}.")
        elif text is not None and not text.is_whole:
            yield warning(f"Only the first {show_size(_LARGEST)} are compared in {label}.")
    left, right = (_lines(text) if text is not None else [] for text in (first, second))
    found = changes(left, right)
    if all(change.is_equal for change in found):
        yield note("The lines are the same." if left or right else "There are no lines to compare.")
        return
    if max(len(left), len(right)) > MOST_LINES:
        yield note(f"More than {MOST_LINES:,} lines: everything between the first and the last change counts as changed.")
    added, removed = added_and_removed(found)
    yield f"<p>{counted(added, 'line')} added, {counted(removed, 'line')} removed from A to B.</p>"
    yield _table(list(_few(rows(left, right, found, _AROUND))), is_unified)


def _few(found: Iterator[Row | int]) -> Iterator[Row | int | None]:
    """The first rows; None stands for further ones."""
    for number, row in enumerate(found):
        if number == _MOST_ROWS:
            yield None
            return
        yield row


def _table(found: Sequence[Row | int | None], is_unified: bool) -> str:
    write = _unified if is_unified else _side_by_side
    body = []
    for row in found:
        if row is None:
            body.append(_gap(f"More than {_MOST_ROWS:,} lines differ; the rest is not shown"))
        elif isinstance(row, int):
            body.append(_gap(f"… {counted(row, 'equal line')} …"))
        else:
            body.append(write(row))
    heads = ("A", "B", "", "Line") if is_unified else ("A", "Line in A", "B", "Line in B")
    head = "".join(f'<th scope="col">{name}</th>' if name else "<td></td>" for name in heads)
    css = "diff unified" if is_unified else "diff"
    table = f'<table class="{css}"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    return f'<div class="scroll" tabindex="0">{table}</div>'


def _gap(words: str) -> str:
    return f'<tr class="gap"><td colspan="4">{words}</td></tr>'


def _unified(row: Row) -> str:
    if row.is_equal:
        return _line(row.first, row.second, "", row.first_pieces, "")
    removed = _line(row.first, None, "removed", row.first_pieces, "del") if row.first is not None else ""
    added = _line(None, row.second, "added", row.second_pieces, "ins") if row.second is not None else ""
    return removed + added


def _line(first: int | None, second: int | None, css: str, pieces: Sequence[Piece], mark: str) -> str:
    sign = {"removed": "−", "added": "+"}.get(css, "")
    numbers = f'<td class="no">{first or ""}</td><td class="no">{second or ""}</td>'
    return f'<tr class="{css}">{numbers}<td class="sign">{sign}</td><td>{_html(pieces, mark)}</td></tr>'


def _side_by_side(row: Row) -> str:
    cells = []
    sides = (row.first, row.first_pieces, "removed", "del"), (row.second, row.second_pieces, "added", "ins")
    for number, pieces, css, mark in sides:
        about = "" if row.is_equal else f' class="{css if number is not None else "none"}"'
        cells.append(f'<td class="no">{number or ""}</td><td{about}>{_html(pieces, mark)}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _html(pieces: Sequence[Piece], mark: str) -> str:
    """A line; words that are only on this side are marked, unless all of it is."""
    marked = mark and any(not is_own for _, is_own in pieces)
    left, html = _LONGEST_SHOWN, []
    for text, is_own in pieces:
        shown = escape(text[:left])
        left -= len(text)
        html.append(f"<{mark}>{shown}</{mark}>" if marked and is_own else shown)
        if left <= 0:
            html.append("…")
            break
    return "".join(html)
