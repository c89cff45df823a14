"""The checks of task texts find what a text says wrongly or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.registry import Registry
from mlebench.scaffold.check import task_text
from mlebench.scaffold.check.public import Public
from mlebench.scaffold.check.todo import Todo

from .folders import made, prepared

TEXT, OBFUSCATED = "description.md", "description_obfuscated.md"


def only(found: list[Todo]) -> Todo:
    (todo,) = found
    return todo


class TestWithoutData:
    @pytest.mark.parametrize(
        ("check", "file", "old", "new", "what"),
        [
            ("words", TEXT, "from the rain", "on mock data from the rain", "the text says `mock`"),
            ("words", OBFUSCATED, "from the rain", "from Kaggle's rain", "the text says `Kaggle`"),
            ("words", OBFUSCATED, "from the rain", "see https://rivers.org/a", "the text says `https://rivers.org/a`"),
            ("sections", TEXT, "## Submission", "## Form", "the text has no section about the submission"),
            ("sections", OBFUSCATED, "## Metric", "## Winning", "the text has no section about the metric"),
            (
                "metric",
                TEXT,
                "Root mean squared error",
                "Closeness",
                "does not mention the metric of competition.yaml, root mean",
            ),
        ],
    )
    def test_it_is_found(self, tmp_path: Path, check: str, file: str, old: str, new: str, what: str) -> None:
        competition = Registry().load(made(tmp_path, (file, old, new)))
        todo = only(task_text.OF_TEXT[check](competition))
        assert what in todo.what and todo.file == file

    def test_a_word_is_found_in_its_line(self, tmp_path: Path) -> None:
        competition = Registry().load(made(tmp_path, (TEXT, "from the rain", "on mock data from the rain")))
        assert only(task_text.words(competition)).place == "description.md:5"

    def test_a_title_in_the_obfuscated_text_is_found_of_what_others_know(self, tmp_path: Path) -> None:
        facts = ("competition.yaml", "split: own", "split: own\nkaggle: {type: simple, awards_medals: true}")
        folder = made(tmp_path, facts, ("competition.yaml", f"title: {'river-levels'}", "title: River Levels"))
        competition = Registry().load(folder)
        assert task_text.identity(competition) == []
        (folder / OBFUSCATED).write_text((folder / OBFUSCATED).read_text().replace("A level", "River levels"))
        assert "`River Levels`" in only(task_text.identity(competition)).what

    def test_a_number_other_than_the_count_is_found(self, tmp_path: Path) -> None:
        counts = ("competition.yaml", "thresholds:", "counts: {public/train.csv: 4321}\nthresholds:")
        folder = made(tmp_path, counts, (TEXT, "`train.csv`: one row a day", "`train.csv`: one row for each of 1,234 days"))
        todo = only(task_text.counts(Registry().load(folder)))
        assert "`1234` for `train.csv`, competition.yaml 4321" in todo.what and todo.place == "description.md:9"


class TestAgainstData:
    @pytest.mark.parametrize(
        ("check", "old", "new", "what"),
        [
            ("files-mentioned", "- `test.csv`: the same", "- the same", "does not mention `test.csv`"),
            ("columns-mentioned", "`feature`", "another", "does not mention `feature` of"),
            ("files-named", "A submission", "A submission", ""),
            ("files-named", "one row a day", "one row a day, see `stations.csv`", "names `stations.csv`, which is not in"),
            ("header", "id,target", "id,level", "has the header `id,level`, the sample submission `id`, `target`"),
        ],
    )
    def test_it_is_found(self, tmp_path: Path, check: str, old: str, new: str, what: str) -> None:
        changes = [(TEXT, old, new)] if what else []
        if check == "files-mentioned":
            changes.append((TEXT, "`id` of `test.csv`", "`id`"))
        public = Public(prepared(made(tmp_path, *changes)).competition)
        found = task_text.OF_DATA[check](public)
        assert [what in todo.what for todo in found] == ([True] if len(found) == 1 else [True, True] if what else [])
        assert {todo.file for todo in found} == ({TEXT} if what else set())
