"""The code that a run left, a file at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import PurePosixPath
from typing import Any

from grading.printable import printable
from grading.wording import counted
from mlebench._support.files import parse_json
from mlebench._support.quantities import show_size
from mlebench.reports.components import fold, note, warning
from mlebench.reports.markup import Html, Section, link
from mlebench.reports.view.highlighting import Highlighting, plain_lines
from mlebench.reports.view.run_code import CODE, CodeFile, CodeTree, code_tree, file_at, read_code
from mlebench.reports.view.view import Page, Query, View
from mlebench.reports.view.watched_attempt import find_attempt

_LARGEST, _MOST_LINES, _LONGEST_SHOWN = 2**20, 10_000, 20_000
_LARGEST_NOTEBOOK = 16 * 2**20
_MOST_CELLS, _LONGEST_OUTPUT, _MOST_OUTPUT = 1_000, 10_000, 500_000
_FIRST = ("main.py", "train.py", "solution.py", "run.py", "README.md")
_EVERY = 5.0
_NOTEBOOK = ".ipynb"
_CELL = "cell.py"
"""Cells are in Python, whatever the notebook says about itself."""
_COLOURS = re.compile(r"\x1b\[[0-9;]{0,30}m")
_highlighting = Highlighting()


def make_code(view: View, query: Query, group: str, run_id: str) -> Page | None:
    """The page of a file, `file` in the query, below `code/` or the attempt's folder; None if there is no such run.

    Without `file` it is one whose name says that it comes first. `attempt` in the query says which attempt, by default the last.
    """
    found = find_attempt(view, query, group, run_id)
    if found is None:
        return None
    folder, attempt, within = found.folder, found.number, found.run_dir
    crumbs = view.crumbs(group, run_id)
    pages = _Pages(view, group, run_id, query.get("attempt"))
    tree = code_tree(folder, within)
    every = _EVERY if found.is_under_way else None
    lead = f"{counted(len(tree.files), 'file')} left by the agent in attempt {attempt}." if attempt else ""
    wanted = query.get("file")
    file = tree.file(wanted) if wanted else _first(tree)
    since = _since(view, f"{group}/{run_id}", attempt, found.record.attempt)
    sections = [Section("files", "Files", _tree(tree, file, pages) + since)]
    title = f"Code of {run_id}"
    if file is None and wanted:
        file = file_at(folder, within, wanted)
    if file is not None:
        sections.append(Section("file", printable(file.name), "".join(_file(folder, within, file, pages))))
        title = f"{printable(file.name)} of {run_id}"
    elif wanted:
        sections.append(Section("file", printable(wanted), note("The file does not exist or was removed.")))
    return Page(title, lead, sections, crumbs, every, status=404 if wanted and file is None else 200)


class _Pages:
    """Addresses of the pages and downloads of an attempt's files."""

    def __init__(self, view: View, group: str, run_id: str, attempt: str | None) -> None:
        self._view, self._parts, self._attempt = view, ("g", group, run_id), attempt

    def of(self, file: CodeFile) -> str:
        """Its page."""
        return self._address("code", file=file.name)

    def download(self, file: CodeFile) -> str:
        """The file itself."""
        return self._address("file", path=file.name)

    def _address(self, page: str, **query: str) -> str:
        return self._view.address(*self._parts, page, **query, attempt=self._attempt)


def _first(tree: CodeTree) -> CodeFile | None:
    """The file that is shown where none is asked for."""
    code = [file for file in tree.files if file.is_file and file.name.startswith(f"{CODE}/")]
    first = next((file for name in _FIRST for file in code if file.name == f"{CODE}/{name}"), None)
    scripts = (file for file in code if PurePosixPath(file.name).suffix in (".py", _NOTEBOOK, ".r", ".R", ".sh"))
    return first or next(scripts, None) or next(iter(code), None)


def _tree(tree: CodeTree, shown: CodeFile | None, pages: _Pages) -> str:
    if not tree.files:
        return "".join(map(warning, tree.problems)) or note("The agent left no code in `code/`.")
    return (
        "".join(map(warning, tree.problems))
        + f'<nav class="tree" aria-label="Files">{_level(tree.files, "", shown, pages)}</nav>'
    )


def _since(view: View, run: str, attempt: int, last: int) -> str:
    """A link to what has changed since the attempt before."""
    if attempt < 2:
        return ""
    here = run if attempt == last else f"{run}/{attempt}"
    address = view.address("compare", "code", first=f"{run}/{attempt - 1}", second=here)
    return f"<p>{link(address, f'What changed since attempt {attempt - 1}')}</p>"


def _level(files: Sequence[CodeFile], above: str, shown: CodeFile | None, pages: _Pages) -> str:
    """The entries of one folder as a list; folders open on a click."""
    folders: dict[str, list[CodeFile]] = {}
    entries = []
    for file in files:
        name, is_deeper, _ = file.name[len(above) :].partition("/")
        if is_deeper:
            folders.setdefault(name, []).append(file)
        else:
            entries.append(_entry(file, name, shown, pages))
    for name, inner in folders.items():
        path = f"{above}{name}/"
        is_open = len(files) <= 50 or (shown is not None and shown.name.startswith(path))
        count = counted(len(inner), "file")
        summary = Html(f"{escape(printable(name, 200))}/ <small>{count}</small>")
        inside = _level(inner, path, shown, pages)
        entries.append(f"<li>{fold(summary, inside, name=printable(f'folder-{path}', None), is_open=is_open)}</li>")
    return f"<ul>{''.join(entries)}</ul>"


def _entry(file: CodeFile, name: str, shown: CodeFile | None, pages: _Pages) -> str:
    label = escape(printable(name, 200))
    address = pages.of(file) if file.is_file else ""
    here = ' aria-current="page"' if shown is not None and file.name == shown.name else ""
    what = show_size(file.size) if file.is_file else file.kind
    entry = f'<a href="{escape(address)}#file"{here}>{label}</a>' if address else label
    return f"<li>{entry} <small>{escape(what)}</small></li>"


def _file(folder: Any, within: Any, file: CodeFile, pages: _Pages) -> Iterator[str]:
    is_notebook = PurePosixPath(file.name).suffix == _NOTEBOOK
    found = read_code(folder, within, file, _LARGEST_NOTEBOOK if is_notebook else _LARGEST)
    download = link(pages.download(file), "Download")
    yield f"<p>{escape(show_size(file.size))} {download}</p>" if file.is_file else ""
    if found.problem is not None:
        yield warning(f"It is not shown: {found.problem}.")
    elif found.is_binary:
        yield note("Not shown: it is not a text file.")
    elif is_notebook and found.is_whole and (cells := _cells(found.text)) is not None:
        yield from _notebook(cells)
    else:
        yield from _text(file, found.text[:_LARGEST], found.is_whole and len(found.text) <= _LARGEST)


def _text(file: CodeFile, text: str, is_whole: bool) -> Iterator[str]:
    lines = text.removesuffix("\n").split("\n")
    if len(lines) > _MOST_LINES or not is_whole:
        lines = lines[:_MOST_LINES]
        yield warning(f"Cut after {counted(len(lines), 'line')}; download the file to see all.")
    shown = "\n".join(line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}…" for line in lines)
    yield numbered(_marked(file.name, [shown])[0])


def _marked(name: str, texts: Sequence[str]) -> list[list[str]]:
    return _highlighting.lines(name, texts) or [plain_lines(text) for text in texts]


def numbered(lines: Sequence[str], before: str = "L") -> str:
    """Lines of HTML with numbers that are links.

    Args:
        before: what an id of a line begins with.
    """
    rows = "".join(
        f'<li id="{before}{number}"><a href="#{before}{number}">{number}</a><span>{line}</span></li>'
        for number, line in enumerate(lines, start=1)
    )
    return f'<div class="scroll" tabindex="0"><ol class="source">{rows}</ol></div>'


def _cells(text: str) -> list[Mapping[str, Any]] | None:
    """The cells of a notebook; None if it is none."""
    try:
        notebook = parse_json(text)
    except (ValueError, RecursionError):
        return None
    cells = notebook.get("cells") if isinstance(notebook, Mapping) else None
    return [cell for cell in cells if isinstance(cell, Mapping)] if isinstance(cells, list) else None


def _notebook(cells: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(cells) > _MOST_CELLS:
        yield warning(f"Only the first {_MOST_CELLS:,} of {len(cells):,} cells are shown; download the file to see all.")
    sources = [_joined(cell.get("source")) for cell in cells[:_MOST_CELLS]]
    left = _LARGEST
    for place, source in enumerate(sources):
        sources[place] = source[: max(left, 0)].removesuffix("\n")
        left -= len(source)
    if left < 0:
        yield warning(f"Only the first {show_size(_LARGEST)} of the cells' texts are shown; download the file to see all.")
    code = [place for place, cell in enumerate(cells[:_MOST_CELLS]) if cell.get("cell_type") == "code"]
    marked = dict(zip(code, _marked(_CELL, [sources[place] for place in code]), strict=True))
    outputs = _MOST_OUTPUT
    for place, cell in enumerate(cells[:_MOST_CELLS]):
        number = place + 1
        if place not in marked:
            yield _cell(number, f'<pre class="said">{escape(sources[place])}</pre>')
            continue
        shown = list(_outputs(cell, outputs))
        outputs -= sum(map(len, shown))
        yield _cell(number, numbered(marked[place], f"C{number}L") + "".join(shown))


def _cell(number: int, body: str) -> str:
    return f'<div class="cell" role="group" aria-label="Cell {number}"><h3>Cell {number}</h3>{body}</div>'


def _outputs(cell: Mapping[str, Any], left: int) -> Iterator[str]:
    """What a cell printed, as text."""
    outputs = cell.get("outputs")
    for output in outputs[:100] if isinstance(outputs, list) else ():
        if not isinstance(output, Mapping):
            continue
        data = output.get("data")
        plain = data.get("text/plain") if isinstance(data, Mapping) else None
        text = _joined(output.get("text")) or _joined(plain) or _joined(output.get("traceback"), "\n")
        kinds = [printable(str(kind)) for kind in data if kind != "text/plain"][:5] if isinstance(data, Mapping) else []
        if text:
            shown = _COLOURS.sub("", text[: max(0, min(left, _LONGEST_OUTPUT))])
            left -= len(shown)
            more = f"… {counted(len(text) - _LONGEST_OUTPUT, 'more character')}" if len(text) > _LONGEST_OUTPUT else ""
            yield f'<pre class="output" tabindex="0">{escape(shown)}{more}</pre>'
        if kinds:
            yield note(f"Output of type {', '.join(kinds)} is not shown.")


def _joined(value: Any, joint: str = "") -> str:
    if isinstance(value, list):
        return joint.join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""
