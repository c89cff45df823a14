"""The contract of a task text, held against every competition, edition and wording: it says what is in the data, and no more.

What a span of code in a text may stand for:

- itself: the name of a file, folder or column;
- a pattern, in which `<…>` or `*` is a gap: `train/<id>.jpg`, `<view>_lat`;
- with a second one and an ellipsis between, a range of numbered columns: `margin1` … `margin64`, or `f0, f1, …, f9`;
- a gap alone, as in `<breed>`: the columns of a table that is too wide to name each.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import pytest

import grading
from mlebench._support.paths import content_dir
from mlebench.registry import Competition, Registry
from mlebench.registry.facts import EditionName
from tests.cases import Cases
from tests.competitions.test_contract import IDS, editions

WORDINGS = ("description", "description_obfuscated")
WIDE = 20
"""Columns of a table whose names a text may leave to one gap."""

FORBIDDEN = re.compile(
    r"\b(editions?|v1|v2|mle-?bench|harness|mocks?)\b|<!--|-->|(?-i:\bOn Kaggle\b)|Kaggle('s (own|test)| had| gave)"
    r"|published (data|split|graders?|preparation)|differs from (Kaggle|the original)",
    re.IGNORECASE,
)
NAMES = re.compile(r"\bkaggle\b", re.IGNORECASE)
"""What an obfuscated text must not say, outside of the names of its files."""

GAP = re.compile(r"<[^<>]+>|\*")
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCE = re.compile(r"^```.*?^```[ ]*$|^(?: {4}|\t).*$", re.MULTILINE | re.DOTALL)
RANGE = re.compile(r"`([^`\n]+)`\s*,?\s*(?:…|\.\.\.|–|to)\s*,?\s*`([^`\n]+)`")
RANGE_WITHIN = re.compile(r"([\w.-]+)\s*,?\s*(?:…|\.\.\.)\s*,?\s*([\w.-]+)")
EXTENSION = re.compile(
    r".*\.(7z|aiff?|bin|bmp|bson|csv|dcm|dicom|gz|jpe?g|jsonl?|mat|mp4|nii|np[yz]|parquet|png|rtf|tar|tfrec|tiff?|tsv|txt|wav|xyz|zip)"
)
NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?![\w,]|\.\d)|(?<=\| )\d+(?= \|)")
"""A number as a text writes counts: in groups of three digits, or alone in a cell."""

Listing = dict[str, Callable[[], bytes]]
"""Paths below the public folder, with what reads each one. Members of an archive stand under its own path."""


class Text(NamedTuple):
    """One wording of a task, as the agent reads it."""

    whole: str

    @property
    def spans(self) -> list[str]:
        return [span.strip() for span in SPAN.findall(self.whole)]

    @property
    def code(self) -> str:
        """All that is set as code."""
        return "\n".join([*self.spans, *FENCE.findall(self.whole)])

    def names(self, word: str) -> bool:
        """Whether a column stands in it."""
        return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", self.code) is not None

    def mentions(self, entry: str) -> bool:
        """Whether a file or a folder (which ends with a slash) stands in it."""
        end = "" if entry.endswith("/") else r"(?![\w-]|\.\w)"
        patterns = [as_regex(span, r"[^/]+?") for span in self.spans if GAP.search(span)]
        return re.search(rf"(?<![\w/-]){re.escape(entry)}{end}", self.code) is not None or any(
            pattern.fullmatch(entry) for pattern in patterns
        )

    def undescribed(self, columns: list[str]) -> list[str]:
        """The columns of a table for which nothing in this text stands."""
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


class Public:
    """What an agent sees of one prepared competition."""

    def __init__(self, competition: Competition) -> None:
        self.competition = competition
        self.entries = [name for name in competition.facts.files.public if name != "description.md"]

    def text(self, wording: str) -> Text:
        return Text(getattr(self.competition, wording))

    @cached_property
    def files(self) -> Listing:
        folder = self.competition.public_dir
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "description.md")
        found: Listing = {}
        for path in paths:
            name = path.relative_to(folder).as_posix()
            found |= {name: path.read_bytes} | members(name, path.read_bytes)
        return found

    @cached_property
    def paths(self) -> set[str]:
        """Every file and folder that a text may name, folders with a slash at the end."""
        found = set(self.files) | set(self.entries)
        for path in self.files:
            parents = [parent.as_posix() for parent in PurePosixPath(path).parents if parent.name]
            found |= {f"{parent}/" for parent in parents}
        return found

    @cached_property
    def empty_folders(self) -> list[str]:
        """Those that a mock is too small to fill."""
        return [name for name in self.entries if name.endswith("/") and not any(path.startswith(name) for path in self.files)]

    @cached_property
    def tables(self) -> dict[str, list[str]]:
        """Columns by path; of files with the same columns in one folder only the first."""
        found: dict[tuple[str, ...], str] = {}
        for path, read in self.files.items():
            reader = READERS.get(PurePosixPath(path).suffix)
            columns = reader(read()) if reader else []
            if columns:
                found.setdefault((PurePosixPath(path).parent.as_posix(), *columns), path)
        return {path: list(columns) for (_, *columns), path in found.items()}

    def exists(self, name: str) -> bool:
        """Whether a path, pattern of paths or end of them is that of something public."""
        if any(name.startswith(folder) for folder in self.empty_folders):
            return True
        pattern = as_regex(name, r"[^/]+?")
        return any(pattern.fullmatch(end) for path in self.paths for end in ends(path))

    def is_example(self, name: str) -> bool:
        """Whether a name is made like that of a public file, with other numbers in it."""
        return any(character.isdigit() for character in name) and shape(name) in {
            shape(end) for path in self.paths for end in ends(path)
        }


def members(name: str, read: Callable[[], bytes]) -> Listing:
    """The files in an archive, as they lie when it is unpacked beside itself; none for other files."""
    found: Listing = {}
    folder = PurePosixPath(name).parent.as_posix()
    kind = PurePosixPath(name).suffix
    if kind == ".zip":
        archive = zipfile.ZipFile(io.BytesIO(read()))
        within = {member: (lambda member=member: archive.read(member)) for member in archive.namelist()}
    elif name.endswith(".tar.gz"):
        tar = tarfile.open(fileobj=io.BytesIO(read()))  # noqa: SIM115 - read from as long as its members are
        within = {member.name: (lambda member=member: tar.extractfile(member).read()) for member in tar if member.isfile()}  # type: ignore[union-attr]
    elif kind == ".7z":
        import py7zr

        factory = py7zr.io.BytesIOFactory(2**28)
        with py7zr.SevenZipFile(io.BytesIO(read())) as packed:
            packed.extractall(factory=factory)
        within = {member: content.read for member, content in factory.products.items()}
        for content in factory.products.values():
            content.seek(0)
    else:
        return found
    for member, reader in within.items():
        if not member.endswith("/"):
            path = (PurePosixPath(folder) / member).as_posix()
            found |= {path: reader} | members(path, reader)
    return found


def ends(path: str) -> Iterator[str]:
    """A path, and what is left of it without its first folders."""
    parts = path.rstrip("/").split("/")
    for start in range(len(parts)):
        yield "/".join(parts[start:]) + ("/" if path.endswith("/") else "")


def shape(name: str) -> str:
    """A name without what tells files of one kind apart: numbers, and codes of so many letters and digits."""
    stem, _, extension = name.rpartition(".")
    return re.sub(r"[A-Za-z0-9]+", lambda run: shape_of_part(run[0]), stem) + "." + extension


def shape_of_part(part: str) -> str:
    if len(part) == 1:
        return "x"
    is_code = re.fullmatch(r"[0-9a-f]+", part) and not part.isdigit() and not part.isalpha()
    return "x" * len(part) if is_code else re.sub(r"\d+", "0", part)


def as_regex(pattern: str, gap: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in GAP.split(pattern)]
    return re.compile(gap.join(parts))


def between(first: str, last: str, columns: list[str]) -> list[str]:
    """The columns of a table from one to another that differs in its numbers alone."""
    if first not in columns or last not in columns or re.sub(r"\d", "", first) != re.sub(r"\d", "", last):
        return []
    return columns[columns.index(first) : columns.index(last) + 1]


def csv_columns(content: bytes, delimiter: str = ",") -> list[str]:
    line = next(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=delimiter), [])
    # a table without a header starts with a row of numbers, or of names that end like files
    return [] if any(re.fullmatch(r"-?[\d.]+|.*\.\w{3}", name) for name in line) else [name for name in line if name]


def parquet_columns(content: bytes) -> list[str]:
    import pyarrow.parquet

    return [name for name in pyarrow.parquet.read_schema(io.BytesIO(content)).names if not name.startswith("__index")]


def json_columns(content: bytes) -> list[str]:
    text = content.decode("utf-8-sig")
    try:
        document = json.loads(text)
    except json.JSONDecodeError:
        document = [json.loads(line) for line in text.splitlines()]
    return list(dict.fromkeys(keys(document)))


def keys(value: Any) -> Iterator[str]:
    """Names of fields at any depth.

    An object whose keys hold digits, and which is not one of a list, is a lookup by id; what `info` holds is about the file.
    """
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from item
                for name, inner in item.items():
                    yield from keys(inner) if name != "info" else ()
            else:
                yield from keys(item)
    elif isinstance(value, dict) and not any(re.search(r"\d", key) for key in value):
        yield from keys([value])
    elif isinstance(value, dict):
        for inner in value.values():
            yield from keys(inner)


def array_names(content: bytes) -> list[str]:
    return list(np.load(io.BytesIO(content), allow_pickle=False).files)


READERS: dict[str, Callable[[bytes], list[str]]] = {
    ".csv": csv_columns,
    ".tsv": lambda content: csv_columns(content, "\t"),
    ".parquet": parquet_columns,
    ".json": json_columns,
    ".jsonl": json_columns,
    ".npz": array_names,
}


def file_like(spans: Iterable[str]) -> Iterator[str]:
    for span in spans:
        for name in span.split(", "):
            bare = GAP.sub("", name)
            if " " in bare or not re.fullmatch(r"[\w./+-]*", bare) or bare.startswith((".", "/")):
                continue
            if name.endswith("/") or EXTENSION.fullmatch(name):
                yield name


def refusals(source: str) -> Iterator[str]:
    """The texts with which a grader refuses a submission."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "InvalidSubmission":
            yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def cases_of(names: Iterable[str]) -> pytest.MarkDecorator:
    """Those of one competition run in one process, which then makes no other one wait."""
    parameters = [
        pytest.param(name, edition, id=f"{name}-{edition}", marks=pytest.mark.xdist_group(name))
        for name in names
        for edition in editions(name)
    ]
    return pytest.mark.parametrize(("name", "edition"), parameters)


@pytest.fixture(scope="module")
def public_of(cases: Cases) -> Callable[[str, EditionName], Public]:
    made: dict[tuple[str, EditionName], Public] = {}

    def get(name: str, edition: EditionName) -> Public:
        if (name, edition) not in made:
            made.clear()
            made[name, edition] = Public(cases.prepared(name, edition))
        return made[name, edition]

    return get


@pytest.mark.parametrize("edition", ["v1", "v2"])
@pytest.mark.parametrize("name", IDS)
def test_text_says_nothing_of_editions_or_of_what_runs_the_agent(name: str, edition: EditionName) -> None:
    competition = Registry(edition=edition).get_competition(name)
    files = {PurePosixPath(path).name for path in competition.facts.files.public}
    for wording in WORDINGS:
        text = getattr(competition, wording)
        for file in files:
            text = text.replace(file, "")
        forbidden = [FORBIDDEN] if wording == "description" else [FORBIDDEN, NAMES]
        assert [match[0] for pattern in forbidden for match in pattern.finditer(text)] == [], wording


@pytest.mark.parametrize("name", ["instructions.txt", "instructions_obfuscated.txt", "instructions_models.txt"])
def test_instructions_say_nothing_of_editions(name: str) -> None:
    assert FORBIDDEN.findall((content_dir("containers") / name).read_text(encoding="utf-8")) == []


def test_refusals_say_nothing_of_editions() -> None:
    graders = [Path(grading.__file__).parent, content_dir("competitions")]
    sources = [path for folder in graders for path in sorted(folder.rglob("*.py"))]
    sentences = {path: " ".join(refusals(path.read_text(encoding="utf-8"))) for path in sources}
    assert any(sentences.values())
    assert {path.name: said for path, said in sentences.items() if FORBIDDEN.search(said)} == {}


@cases_of(IDS)
class TestData:
    def test_every_file_and_folder_stands_in_the_text(
        self, name: str, edition: EditionName, public_of: Callable[[str, EditionName], Public]
    ) -> None:
        public = public_of(name, edition)
        for wording in WORDINGS:
            text = public.text(wording)
            assert [entry for entry in public.entries if not text.mentions(entry)] == [], wording

    def test_every_column_stands_in_the_text(
        self, name: str, edition: EditionName, public_of: Callable[[str, EditionName], Public]
    ) -> None:
        public = public_of(name, edition)
        for wording in WORDINGS:
            text = public.text(wording)
            missing = {path: text.undescribed(columns) for path, columns in public.tables.items()}
            assert {path: columns for path, columns in missing.items() if columns} == {}, wording

    def test_every_file_named_in_the_text_exists(
        self, name: str, edition: EditionName, public_of: Callable[[str, EditionName], Public]
    ) -> None:
        public = public_of(name, edition)
        for wording in WORDINGS:
            text = public.text(wording)
            named = set(file_like(text.spans)) - {"submission.csv"}
            assert sorted(file for file in named if not public.exists(file) and not public.is_example(file)) == [], wording


@pytest.mark.parametrize("name", IDS)
def test_numbers_beside_a_file_are_its_count(name: str) -> None:
    competition = Registry(edition="v1").get_competition(name)
    counts = {path.removeprefix("public/"): count for path, count in competition.facts.counts.items() if "public/" in path}
    for wording in WORDINGS:
        for line in getattr(competition, wording).splitlines():
            if not line.startswith(("| `", "- `", "* `")):
                continue
            numbers = {int(number.replace(",", "")) for number in NUMBER.findall(line)}
            head = re.split(r" \| |: ", line.lstrip("|-* "), maxsplit=1)[0]
            named = [
                path
                for span in SPAN.findall(head)
                for path in counts
                if span == path or (path.endswith("/") and span.startswith(path))
            ]
            wrong = [path for path in named if numbers and counts[path] not in numbers]
            assert wrong == [], f"{wording}: {line}"
