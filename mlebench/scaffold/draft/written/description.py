"""Writes the texts of a drafted folder: the task as an agent reads it, the same without names, and the licence note."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from grading.printable import printable
from mlebench.errors import RawDataFault
from mlebench.scaffold.draft.proposal import Draft, Target
from mlebench.scaffold.draft.written.columns import Column, categories, kind_of, made_up
from mlebench.scaffold.draft.written.labelled import labelled_rows
from mlebench.scaffold.draft.written.names import runs_of
from mlebench.scaffold.draft.written.pages import Rules, meanings, page_of, prose, sentences_on, words_of_title
from mlebench.scaffold.draft.written.script import literal
from mlebench.scaffold.draft.written.tables import Seen, see

_WIDE = 40
"""Columns of a table from which those without a meaning share a line."""
_EXAMPLES = 3
_LOOKS_LIKE_A_FILE = re.compile(r".*(/|\.\w{2,7})")
_RESERVED = re.compile(r"\b(editions?|v1|v2|mle-?bench|harness|mocks?)\b", re.IGNORECASE)
"""Words that a task text does not use."""
_KINDS = {
    "empty": "empty",
    "boolean": "True or False",
    "whole number": "whole number",
    "number": "number",
    "date": "date",
    "category": "category",
    "numbers": "list of numbers",
    "tags": "list of words",
    "code": "code",
    "text": "text",
    "list": "list",
}


def description_source(draft: Draft, raw: Path, *, obfuscated: bool) -> str:
    """The text of `description.md`, or of `description_obfuscated.md`.

    Args:
        draft: the competition.
        raw: its raw data.
        obfuscated: whether to leave out the title and everything else that says which competition this is.

    Raises:
        RawDataFault: a table of the draft is missing or damaged.
    """
    return _Description(draft, raw, obfuscated).source()


def licence_note(draft: Draft) -> str:
    """The text of `LICENCE.md`: what may be done with the folder."""
    title = _one_line(draft.origin.title or draft.origin.id)
    if draft.origin.source == "folder":
        return (
            f"# Licence of {title}\n\nThis folder was made from data of your own. "
            "It contains the names of files, columns and classes, but no rows.\n"
            "Whoever may use the data decides who may use this folder.\n"
        )
    return (
        f"# Licence of {title}\n\nThis folder was made from a competition on Kaggle with an account that accepted its rules.\n\n"
        "- `description.md` and `description_obfuscated.md` contain text from the competition's pages, "
        "which belongs to its authors.\n"
        "- `leaderboard.csv`, if there is one, and the thresholds in `competition.yaml` are from the competition's leaderboard.\n"
        "- The data is not in this folder. The competition's rules say what it may be used for.\n\n"
        "The folder is for your own use. Do not redistribute it.\n"
    )


class _Description:
    """One text in the making."""

    def __init__(self, draft: Draft, raw: Path, obfuscated: bool) -> None:
        from mlebench.scaffold.draft.layout import all_columns, public_entries, submitted_columns, test_columns

        self.draft, self.raw, self.obfuscated = draft, raw, obfuscated
        self.entries = public_entries(draft)
        self.columns = list(all_columns(draft))
        self.test_columns = list(test_columns(draft))
        self.submitted = list(submitted_columns(draft))
        self.seen = labelled_rows(draft, raw)
        named = words_of_title(f"{draft.origin.title} {draft.origin.id}") if obfuscated else ()
        self.rules = Rules(self.entries, [*self.columns, *self.submitted], named, obfuscated)
        self.said = meanings(page_of(draft.origin.pages, "data", "description"), self.rules)

    def source(self) -> str:
        sections = [
            f"# {self._title()}",
            *("## Task", *self._task()),
            *("## Files", *self._files()),
            *("## Training and test set", self._sets()),
            *("## Submission", *self._submission()),
            *("## Metric", *self._metric()),
        ]
        return "\n\n".join(section for section in sections if section) + "\n"

    # task

    def _title(self) -> str:
        title = _one_line(self.draft.origin.title)
        if self.obfuscated or not title:
            task, modality = _one_line(self.draft.task), _one_line(self.draft.modality)
            return f"{task[:1].upper()}{task[1:]} ({modality} data)"
        return title

    def _task(self) -> Iterator[str]:
        pages = self.draft.origin.pages
        overview = page_of(pages, "description", "overview", "abstract")
        data = {name: text for name, text in pages.items() if "data" in name.casefold()}
        if "description" not in "".join(name.casefold() for name in pages if name not in data):
            overview = page_of(pages, "overview", "abstract")
        else:
            overview = page_of(
                {name: text for name, text in pages.items() if name not in data}, "description", "overview", "abstract"
            )
        yield prose(overview, self.rules)
        what = _all_of([target.name for target in self.draft.targets]) if len(self.draft.targets) <= 8 else "the targets"
        yield (
            f"Predict {what} for each row of `test.csv`. This is {_one_line(self.draft.task)} on "
            f"{_one_line(self.draft.modality)} data."
        )

    # files

    def _files(self) -> Iterator[str]:
        yield "\n".join(self._list())
        yield "Columns of `train.csv`:"
        yield from self._dictionary(self.columns, self.seen)
        for entry in self.draft.copied:
            yield from self._copied_table(entry)

    def _list(self) -> Iterator[str]:
        from mlebench.scaffold.draft.layout import media_folders

        folders = [f"{folder}/" for folder in media_folders(self.draft.media)]
        without = (
            "without the columns to predict" if len(self.draft.targets) > 1 else f"without {_span(self.draft.targets[0].name)}"
        )
        left_out = [column for column in self.columns if column not in self.test_columns]
        more = [column for column in left_out if column not in {target.name for target in self.draft.targets}]
        without += " and other columns that are known of labelled rows alone" if more else ""
        known = {
            "train.csv": "the labelled rows",
            "test.csv": f"the rows to predict, {without}",
            "sample_submission.csv": "a submission in the right form",
        }
        for entry in self.entries:
            if entry in folders:
                yield f"- {_span(entry)}: {self._about_media(entry, len(folders) > 1)}"
            else:
                yield f"- {_span(entry)}: {known.get(entry, 'further data')}"

    def _about_media(self, folder: str, is_part: bool) -> str:
        media = self.draft.media
        if media is None:
            return ""
        files = {"image": "images", "audio": "sounds", "other": "files"}[media.kind]
        rows = (
            {"train/": "of the labelled rows", "test/": "of the rows to predict"}.get(folder, "of all rows")
            if is_part
            else "of all rows"
        )
        column = media.column or self.draft.ids[0]
        if media.name == "{}/":
            return f"the {files} {rows}; {_span(column)} names the folder of a row's files"
        text = f"the {files} {rows}; {_span(column)} names a row's file"
        cells = self.seen.values[column].astype(str) if column in self.seen.values.columns else None
        is_plain = cells is not None and not cells.str.contains("/").any() and media.name.isprintable() and "`" not in media.name
        return f"{text}, {_span(folder + media.name.replace('{}', '<name>'))}" if is_plain and media.name != "{}" else text

    def _dictionary(self, columns: Sequence[str], seen: Seen) -> Iterator[str]:
        """What every column means; columns that are numbered, or that nothing more is known of, share a line."""
        items: list[tuple[list[str], str]] = []
        for name in columns:
            meaning = self._meaning(name, seen)
            if items and items[-1][1] == meaning and (len(columns) > _WIDE or runs_of([*items[-1][0], name])):
                items[-1][0].append(name)
            else:
                items.append(([name], meaning))
        lines = [line for names, meaning in items for line in self._lines(names, meaning)]
        yield "\n".join(lines)
        strange = [name for name in columns if not _is_span(name)]
        if strange:
            yield "Columns with other names:\n\n" + _fence("\n".join(printable(name, None) for name in strange))

    def _lines(self, names: Sequence[str], meaning: str) -> Iterator[str]:
        run = runs_of(names)
        if run and len(names) > 3:
            before, after = run
            yield f"- {_span(f'{before}<number>{after}')}, {len(names)} columns: {meaning}"
            return
        spans = [_span(name) for name in names if _is_span(name)]
        if spans:
            yield f"- {', '.join(spans)}: {meaning}"

    def _meaning(self, name: str, seen: Seen) -> str:
        roles = []
        if name in self.draft.ids:
            roles.append("identifies the row" if len(self.draft.ids) == 1 else "identifies the row together with the other ids")
        if name in {target.name for target in self.draft.targets}:
            roles.append("the target; only in `train.csv`" if len(self.draft.targets) == 1 else "a target; only in `train.csv`")
            words = next(target for target in self.draft.targets if target.name == name)
            if words.kind == "Probability()" and len(words.classes) == 2 and set(words.classes) != {"0", "1"}:
                roles.append(f"1 stands for {_plain(words.classes[1])}, 0 for {_plain(words.classes[0])}")
        elif name in self.columns and name not in self.test_columns:
            roles.append("only in `train.csv`")
        if name in self.said:
            return "; ".join([self.said[name].rstrip("."), *roles])
        if name not in seen.values.columns:
            return "; ".join(["number of the row", *roles])
        column = Column(name, seen.values[name], None if seen.written is None else seen.written[name])
        return "; ".join([self._kind(column), *roles])

    def _kind(self, column: Column) -> str:
        kind = kind_of(column)
        text = _KINDS[kind]
        if kind == "category" and not self.obfuscated:
            names = categories(column)
            text = f"category, such as {', '.join(_plain(name) for name in names[:4])}" if len(names) <= 12 else text
        return f"{text}; some cells are empty" if 0 < column.gaps < 1 else text

    def _copied_table(self, entry: str) -> Iterator[str]:
        if PurePosixPath(entry).suffix.lower() not in (".csv", ".tsv", ".parquet", ".json", ".jsonl"):
            return
        try:
            seen = see(self.raw, entry)
        except (RawDataFault, ValueError):
            # a document rather than a table
            return
        yield f"Columns of {_span(entry)}:"
        yield from self._dictionary([str(name) for name in seen.values.columns], seen)

    def _sets(self) -> str:
        share = round(100 * self.draft.test_size)
        text = f"About {100 - share} % of the labelled data is in the training set and {share} % in the test set."
        for bond in self.draft.bonds:
            if bond.kind == "time":
                return f"{text} The test set is what comes last by {_span(bond.column)}."
            what = _span(bond.column) if bond.separator is None else f"part {bond.part + 1} of {_span(bond.column)}"
            text += f" Rows with the same {what} are either all in the training set or all in the test set."
        return text

    # submission and metric

    def _submission(self) -> Iterator[str]:
        yield (
            f"A csv file with one row for each {_all_of(self.draft.ids)} of `test.csv`, in any order, and the columns shown "
            "here. The values are made up:"
        )
        yield _fence("\n".join(_csv_line(row) for row in [[*self.draft.ids, *self.submitted], *self._examples()]))
        yield f"{self._values()} Empty cells, missing rows and rows of other ids make a submission invalid."

    def _values(self) -> str:
        submits = self.draft.metric.submits
        return {
            "numbers": "Each value is a number.",
            "probabilities": "Each value is a probability from 0 to 1.",
            "labels": "Each value is one of the labels that occur in `train.csv`.",
            "class probabilities": "Each value is the probability of a class, from 0 to 1.",
            "label sets": "Each value lists labels, in any order.",
            "ranked labels": "Each value lists labels, the most likely first.",
            "texts": "Each value is a text.",
            "masks": "Each value lists runs of pixels, each as its start and its length.",
        }[submits]

    def _examples(self) -> Iterator[list[str]]:
        keys = [self._made_ids(name) for name in self.draft.ids]
        for row in range(_EXAMPLES):
            yield [*(cells[row] for cells in keys), *self._example_values(row)]

    def _made_ids(self, name: str) -> list[str]:
        if name not in self.seen.values.columns:
            return [str(7 * row + 3) for row in range(_EXAMPLES)]
        column = Column(name, self.seen.values[name], None if self.seen.written is None else self.seen.written[name])
        return made_up(column, _EXAMPLES)

    def _example_values(self, row: int) -> list[str]:
        if self.draft.form == "class probabilities":
            return [f"{1 / len(self.submitted):.4g}"] * len(self.submitted)
        return [self._example_value(target, row) for target in self.draft.targets]

    def _example_value(self, target: Target, row: int) -> str:
        submits = self.draft.metric.submits
        if submits in ("probabilities", "class probabilities"):
            return ("0.5", "0.2", "0.7")[row % 3]
        if submits in ("label sets", "ranked labels"):
            return " ".join(target.classes[:2])
        if submits == "masks":
            return "1 3 10 5"
        if target.classes:
            return target.classes[row % len(target.classes)]
        if target.kind.startswith("Boolean"):
            return ("False", "True")[row % 2]
        if submits == "texts" or target.name not in self.seen.values.columns:
            return "some text"
        import pandas as pd

        if submits == "labels":
            labels = [literal(label).strip("\"'") for label in self.seen.values[target.name].value_counts().index[:3]]
            return labels[row % len(labels)] if labels else "0"
        cells = pd.to_numeric(self.seen.values[target.name], errors="coerce").dropna()
        middle = float(cells.median()) if len(cells) else 0.0
        return str(round(middle)) if kind_of(Column(target.name, cells)) == "whole number" else f"{middle:.3g}"

    def _metric(self) -> Iterator[str]:
        metric = self.draft.metric
        name = _one_line(metric.name)
        better = "Higher" if metric.direction == "maximize" else "Lower"
        yield f"{name[:1].upper()}{name[1:]}. {better} is better; a perfect submission scores {metric.best:g}."
        evaluation = page_of(self.draft.origin.pages, "evaluation", "metric")
        yield sentences_on(evaluation, [metric.name, *metric.aliases], self.rules)


def _is_span(name: str) -> bool:
    """Whether a column's name can stand as code in a sentence, and is taken neither for a file nor for a reserved word."""
    plain = name == name.strip() and name.isprintable() and "`" not in name and bool(name)
    return plain and not _LOOKS_LIKE_A_FILE.fullmatch(name)


def _span(name: str) -> str:
    """A name as code; one that cannot be code within a sentence is quoted without."""
    return f"`{name}`" if name.isprintable() and "`" not in name and name.strip() else f"'{_plain(name)}'"


def _all_of(names: Sequence[str]) -> str:
    *first, last = map(_span, names)
    return f"{', '.join(first)} and {last}" if first else last


def _plain(text: str) -> str:
    shown = printable(" ".join(text.split()), 60).replace("`", "'").replace("*", "\\*")
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", shown)


def _one_line(text: str) -> str:
    return _plain(text).replace("\\*", "*").strip()


def _fence(text: str) -> str:
    """A block of code; a line in it cannot end it."""
    lines = [f" {line}" if line.startswith(("```", "~~~")) else line for line in text.split("\n")]
    return "```\n" + "\n".join(lines) + "\n```"


def _csv_line(cells: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([printable(cell, None) for cell in cells])
    return text.getvalue()
