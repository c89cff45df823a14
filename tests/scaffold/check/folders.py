"""A complete competition folder in which nothing is left to do, for tests to break."""

from __future__ import annotations

from pathlib import Path

from mlebench.preparation import make_mock, prepare
from mlebench.registry import Registry
from mlebench.registry.facts import EditionName
from mlebench.scaffold import scaffold
from mlebench.scaffold.check.contract import SMALL, Case

NAME = "river-levels"
TEXT = """# River levels

## Task

Predict the level of a river from the rain of the day before.

## Files

- `train.csv`: one row a day; columns: `id`, `feature`, `target`.
- `test.csv`: the same without `target`.
- `sample_submission.csv`: a submission in the right format.

## Submission

One row for each `id` of `test.csv`:

```
id,target
3,0.5
8,0.5
```

## Metric

Root mean squared error.
"""

LENIENT = """from grading import Grader, Real
from grading.metrics.regression import rmse


class Lenient(Grader):
    def check_file(self, path, answers):
        pass

    def score_file(self, path, answers):
        return 0.0

    def __call__(self, submission, answers):
        return 1.0


grader = Lenient(id="id", columns={"target": Real()}, metric=rmse)
"""
"""A `grade.py` that scores whatever is submitted."""


def made(home: Path, *changes: tuple[str, str, str], **files: str) -> Path:
    """A folder below `home`.

    Args:
        home: an empty folder.
        changes: a file, a text in it, and what takes its place.
        files: contents of whole files, by name with `_` for the dot.
    """
    scaffold("competition", NAME, home)
    folder = home / NAME
    for path in folder.iterdir():
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if "TODO" not in line))
    (folder / "description.md").write_text(TEXT)
    (folder / "description_obfuscated.md").write_text(TEXT.replace("River levels", "A level").replace("river", "thing"))
    for name, content in files.items():
        stem, _, ending = name.rpartition("_")
        (folder / f"{stem}.{ending}").write_text(content)
    for name, old, new in changes:
        text = (folder / name).read_text()
        assert old in text, f"{old} is not in {name}"
        (folder / name).write_text(text.replace(old, new))
    return folder


def prepared(folder: Path, edition: EditionName = "v1") -> Case:
    """The case of a folder on a small mock, prepared next to it."""
    competition = Registry(folder.parent / "data", edition).load(folder)
    raw, own = folder.parent / "raw", folder.parent / "own"
    own.mkdir()
    make_mock(competition, raw, size=SMALL, seed=3)
    prepare(competition, raw, mock=True)
    return Case(competition, raw, own)
