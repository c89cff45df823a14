"""The contract of a task text: it says what is in the data, and no more, in every edition and wording."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, get_args

from mlebench.registry.facts import EditionName
from mlebench.scaffold.check.public import Public
from mlebench.scaffold.check.todo import Todo, line_of, listed, shown
from mlebench.scaffold.check.wording import SPAN, file_like

if TYPE_CHECKING:
    from mlebench.registry import Competition

WORDINGS = ("description", "description_obfuscated")
FORBIDDEN = re.compile(
    r"\b(editions?|v1|v2|mle-?bench|harness|mocks?)\b|<!--|-->|(?-i:\bOn Kaggle\b)|Kaggle('s (own|test)| had| gave)"
    r"|published (data|split|graders?|preparation)|differs from (Kaggle|the original)",
    re.IGNORECASE,
)
"""What no text says: agents learn nothing of editions or of what runs them."""
NAMES = re.compile(r"\bkaggle\b|https?://\S+", re.IGNORECASE)
"""What an obfuscated text must not say, outside of the names of its files."""

_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w,]|\.\d)|(?<=\| )\d+(?= \|)")
"""A number as a text writes counts: in groups of three digits, or alone in a cell."""
_SECTIONS = {
    "the task": r"task|overview|problem|goal|introduction|background|description|objective",
    "the files": r"files?|data|dataset|inputs?",
    "the metric": r"metric|evaluation|scor(e|es|ing)|grading",
    "the submission": r"submissions?|output",
}
"""What a text needs a section about, with the words of which its heading has one."""
_HEADING = re.compile(r"^#{1,6} +(.+?)[ #]*$", re.MULTILINE)
_FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def words(competition: Competition) -> list[Todo]:
    """No text says anything of editions or of what runs an agent; the obfuscated one has no names either."""
    files = sorted({PurePosixPath(path).name for path in competition.facts.files.public}, key=len, reverse=True)
    found = []
    for wording, text in _texts(competition):
        for file in files:
            text = text.replace(file, "")
        patterns = [FORBIDDEN] if wording == "description" else [FORBIDDEN, NAMES]
        said = dict.fromkeys(match[0] for pattern in patterns for match in pattern.finditer(text))
        found += [_in_text(competition, wording, f"the text says `{shown(word)}`", "leave it out", word) for word in said]
    return found


def identity(competition: Competition) -> list[Todo]:
    """The obfuscated text of a competition that others know does not say its title or id."""
    if competition.facts.kaggle is None:
        return []
    prose = f" {_plain(SPAN.sub(' ', competition.description_obfuscated))} "
    names = {_plain(name): name for name in (competition.id, competition.title)}
    named = [name for plain, name in names.items() if f" {plain} " in prose]
    return [
        _in_text(competition, "description_obfuscated", f"the text says `{shown(name)}`", "leave out what identifies it", name)
        for name in named
    ]


def sections(competition: Competition) -> list[Todo]:
    """Each text has a section about the task, the files, the metric and the submission."""
    return [
        _in_text(competition, wording, f"the text has no section about {subject}", f"add one with the heading `## {heading}`")
        for wording, text in _texts(competition)
        for (subject, pattern), heading in zip(_SECTIONS.items(), ("Task", "Files", "Metric", "Submission"), strict=True)
        if not any(re.search(rf"\b({pattern})\b", title, re.IGNORECASE) for title in _HEADING.findall(text))
    ]


def metric(competition: Competition) -> list[Todo]:
    """Each text mentions the metric that `competition.yaml` names."""
    name = competition.metric
    parts = [word for word in _plain(name).split() if len(word) > 1]
    return [
        _in_text(
            competition,
            wording,
            f"the text does not mention the metric of competition.yaml, {shown(name)}",
            "name it in the section about the metric",
            kind="note",
        )
        for wording, text in _texts(competition)
        if parts and not any(_stem(part) in _plain(text) for part in parts)
    ]


def counts(competition: Competition) -> list[Todo]:
    """A number next to a file's name is the count that `competition.yaml` gives; of v1, like those."""
    known = {path.removeprefix("public/"): count for path, count in competition.facts.counts.items() if "public/" in path}
    found = []
    for wording, text in _texts(competition):
        for line in text.splitlines():
            numbers = {int(number.replace(",", "")) for number in _NUMBER.findall(line)}
            if not line.startswith(("| `", "- `", "* `")) or not numbers:
                continue
            head = re.split(r" \| |: ", line.lstrip("|-* "), maxsplit=1)[0]
            for path in dict.fromkeys(path for span in SPAN.findall(head) for path in known if _is_part(span, path)):
                if known[path] not in numbers:
                    what = (
                        f"the text gives {listed(map(str, sorted(numbers)))} for `{shown(path)}`, competition.yaml {known[path]}"
                    )
                    found.append(_in_text(competition, wording, what, "correct the one that is wrong", path))
    return found


def entries(public: Public) -> list[Todo]:
    """Each text mentions every file and folder."""
    return [
        _in_text(public.competition, wording, f"the text does not mention {listed(missing)}", "describe it in backticks")
        for wording in WORDINGS
        if (missing := [entry for entry in public.entries if not public.text(wording).mentions(entry)])
    ]


def columns(public: Public) -> list[Todo]:
    """Each text mentions every column, or a pattern for it."""
    found = []
    for wording in WORDINGS:
        text = public.text(wording)
        for path, names in public.tables.items():
            if missing := text.undescribed(names):
                what = f"the text does not mention {listed(missing)} of {shown(path)}"
                fix = "describe each column in backticks; a pattern such as `x<number>` or a range `x1` … `x9` is enough for many"
                found.append(_in_text(public.competition, wording, what, fix))
    return found


def files_named(public: Public) -> list[Todo]:
    """Every file that a text names is there, or is an example of one that is."""
    return [
        _in_text(
            public.competition,
            wording,
            f"the text names `{shown(name)}`, which is not in the public data",
            "correct the name",
            name,
        )
        for wording in WORDINGS
        for name in sorted(set(file_like(public.text(wording).spans)) - {"submission.csv"})
        if not public.exists(name) and not public.is_example(name)
    ]


def header(public: Public) -> list[Todo]:
    """The submission that each text shows has the columns that the grader requires, and none that the sample submission lacks."""
    competition = public.competition
    required = {*competition.grader.id_columns, *competition.grader.columns_of(competition.answers_table)}
    with competition.sample_submission.open(encoding="utf-8-sig", newline="") as file:
        wanted = next(csv.reader(file), [])
    found = []
    for wording, text in _texts(competition):
        line = _shown_header(text)
        # long headers are shown in part
        if line is None or "…" in line or "..." in line or "<" in line:
            continue
        names = {name.strip() for name in next(csv.reader([line]), [])}
        # a published sample may have columns that need not be submitted
        if not required <= names <= {*wanted, *required}:
            what = f"the submission in the text has the header `{shown(line)}`, the sample submission {listed(wanted)}"
            found.append(_in_text(competition, wording, what, "correct the one that is wrong", line))
    return found


OF_TEXT: Mapping[str, Callable[[Competition], list[Todo]]] = {
    "words": words,
    "identity": identity,
    "sections": sections,
    "metric": metric,
}
"""Checks that need no data."""
OF_V1: Mapping[str, Callable[[Competition], list[Todo]]] = {"counts": counts}
OF_DATA: Mapping[str, Callable[[Public], list[Todo]]] = {
    "files-mentioned": entries,
    "columns-mentioned": columns,
    "files-named": files_named,
    "header": header,
}
"""Checks against prepared data."""


def editions(competition: Competition) -> tuple[EditionName, ...]:
    """Those that differ: data from a key is the same in both."""
    return ("v1",) if competition.facts.keyed else get_args(EditionName)


def _texts(competition: Competition) -> Iterator[tuple[str, str]]:
    for wording in WORDINGS:
        yield wording, getattr(competition, wording)


def _in_text(competition: Competition, wording: str, what: str, fix: str, word: str = "", *, kind: str = "fault") -> Todo:
    path = competition.folder / f"{wording}.md"
    line = line_of(path, re.escape(word)) if word else None
    return Todo(what, fix, path.name, line, "note" if kind == "note" else "fault")


def _is_part(span: str, path: str) -> bool:
    return span == path or (path.endswith("/") and span.startswith(path))


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _stem(word: str) -> str:
    return word[: max(4, len(word) - 2)]


def _shown_header(text: str) -> str | None:
    """The first line of the first fenced table in the section about the submission; None if there is none."""
    for match in _HEADING.finditer(text):
        if re.search(rf"\b({_SECTIONS['the submission']})\b", match[1], re.IGNORECASE):
            fenced = _FENCED.search(text, match.end())
            lines = fenced[1].strip().splitlines() if fenced else []
            return lines[0] if len(lines) > 1 and "," in lines[0] else None
    return None
