"""What a task text names: files, columns, counts.

What a span of code in a text may be:

- itself: the name of a file, folder or column;
- a pattern, in which `<…>` or `*` is a gap: `train/<id>.jpg`, `<view>_lat`;
- with a second one and an ellipsis between, a range of numbered columns: `margin1` … `margin64`, or `f0, f1, …, f9`;
- a gap alone, as in `<breed>`: the columns of a table that is too wide to name each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

WIDE = 20
"""Columns of a table whose names a text may leave to one gap."""

GAP = re.compile(r"<[^<>]+>|\*")
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCE = re.compile(r"^```.*?^```[ ]*$|^(?: {4}|\t).*$", re.MULTILINE | re.DOTALL)
RANGE = re.compile(r"`([^`\n]+)`\s*,?\s*(?:…|\.\.\.|–|to)\s*,?\s*`([^`\n]+)`")
RANGE_WITHIN = re.compile(r"([\w.-]+)\s*,?\s*(?:…|\.\.\.)\s*,?\s*([\w.-]+)")
EXTENSION = re.compile(
    r".*\.(7z|aiff?|bin|bmp|bson|csv|dcm|dicom|gz|jpe?g|jsonl?|mat|mp4|nii|np[yz]|parquet|png|rtf|tar|tfrec|tiff?|tsv|txt|wav|xyz|zip)"
)


class Text(NamedTuple):
    """One wording of a task, as the agent reads it."""

    whole: str

    @property
    def spans(self) -> list[str]:
        """What is set as code within lines."""
        return [span.strip() for span in SPAN.findall(self.whole)]

    @property
    def code(self) -> str:
        """All that is set as code."""
        return "\n".join([*self.spans, *FENCE.findall(self.whole)])

    def names(self, word: str) -> bool:
        """Whether the code in it contains a column's name."""
        return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", self.code) is not None

    def mentions(self, entry: str) -> bool:
        """Whether the code in it names a file or a folder (which ends with a slash)."""
        end = "" if entry.endswith("/") else r"(?![\w-]|\.\w)"
        patterns = [as_regex(span, r"[^/]+?") for span in self.spans if GAP.search(span)]
        return re.search(rf"(?<![\w/-]){re.escape(entry)}{end}", self.code) is not None or any(
            pattern.fullmatch(entry) for pattern in patterns
        )

    def undescribed(self, columns: list[str]) -> list[str]:
        """The columns of a table that nothing in this text names."""
        missing = set(columns)
        for first, last in [*RANGE.findall(self.whole), *RANGE_WITHIN.findall(self.code)]:
            missing -= set(between(first, last, columns))
        patterns = [pattern for span in self.spans if GAP.search(span) for pattern in span.split(", ")]
        alone = [pattern for pattern in patterns if not re.search(r"\w", GAP.sub("", pattern))]
        if alone and len(columns) > WIDE:
            return []
        fitting = [as_regex(pattern, r".+?") for pattern in patterns if pattern not in alone]
        missing -= {column for column in missing if any(pattern.fullmatch(column) for pattern in fitting)}
        return sorted(column for column in missing if not self.names(column))


def as_regex(pattern: str, gap: str) -> re.Pattern[str]:
    """A pattern with gaps as a regular expression, in which each gap is `gap`."""
    parts = [re.escape(part) for part in GAP.split(pattern)]
    return re.compile(gap.join(parts))


def between(first: str, last: str, columns: list[str]) -> list[str]:
    """The columns of a table from one to another that differs in its numbers alone."""
    if first not in columns or last not in columns or re.sub(r"\d", "", first) != re.sub(r"\d", "", last):
        return []
    return columns[columns.index(first) : columns.index(last) + 1]


def file_like(spans: Iterable[str]) -> Iterator[str]:
    """The names of files and folders, and patterns of them, among spans of code."""
    for span in spans:
        for name in span.split(", "):
            bare = GAP.sub("", name)
            if " " in bare or not re.fullmatch(r"[\w./+-]*", bare) or bare.startswith((".", "/")):
                continue
            if name.endswith("/") or EXTENSION.fullmatch(name):
                yield name
