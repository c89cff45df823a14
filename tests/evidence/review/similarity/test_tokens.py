"""Code reads the same however it is laid out and named, and whoever wrote it cannot make reading it long."""

from __future__ import annotations

from textwrap import indent

import pytest

from mlebench.evidence.review.similarity.code_set import is_code, streams_of
from mlebench.evidence.review.similarity.plain_tokens import plain_stream
from mlebench.evidence.review.similarity.python_tokens import python_streams
from mlebench.evidence.review.texts import TextFile

ORIGINAL = """
import numpy as np

def scaled(values, low=0.5):
    \"\"\"Says what it does.\"\"\"
    total = np.sum(values ** 2)
    return [value / total for value in values if value > low]

for name in ("a", "b"):
    result = scaled(load(name), low=0.1)
    table[name] = result
"""
LOOP = len(ORIGINAL) - ORIGINAL.index("for name")
"""Characters of the part outside the function."""


def kinds(text: str) -> list[list[str]]:
    """Of every stream, in no order."""
    return sorted(stream.kinds for stream in python_streams(text) if stream.kinds)


@pytest.mark.parametrize(
    "copy",
    [
        ORIGINAL.replace("scaled", "f").replace("value", "x").replace("result", "y").replace("name", "z").replace("low", "least"),
        ORIGINAL.replace("0.5", "-3e4").replace('("a", "b")', '["first", "second", 3]').replace("0.1", "None"),
        "import os, sys\nfrom numpy import *\n" + ORIGINAL.replace("numpy as np", "numpy as n").replace("np.", "n."),
        ORIGINAL.replace("def scaled(values, low=0.5):", "def scaled(values: list[float], low: float = 0.5) -> list[float]:"),
        ORIGINAL.replace("    table", "    # remark\n\n    print(result, 'is it')\n    logger.info('%s', name)\n    table"),
        ORIGINAL.replace("total = np.sum(values ** 2)", "total = (np.sum(\n        (values ** 2)\n    ))"),
        "\n".join([*ORIGINAL.split("\n")[8:], *ORIGINAL.split("\n")[:8]]),
        ORIGINAL[:-LOOP] + "if __name__ == '__main__':\n" + indent(ORIGINAL[-LOOP:], "  "),
        f"# %%\n%matplotlib inline\n!pip install numpy\nx = !ls\n# %%\n%%bash\nls | wc\n# %%\n{ORIGINAL}",
        f"{ORIGINAL}\nprint 'Python 2'\nprint table\n",
        ORIGINAL.replace("\n", "\r\n"),
    ],
    ids=["names", "constants", "imports", "annotations", "remarks", "layout", "moved", "main", "magics", "Python 2", "line ends"],
)  # fmt: skip
def test_a_disguise_changes_no_stream(copy: str) -> None:
    assert kinds(copy) == kinds(ORIGINAL)


@pytest.mark.parametrize(
    "change", [("> low", "< low"), ("** 2", "* 2"), ("np.sum(values ** 2)", "sum(values) ** 2"), ("if value > low", "")]
)
def test_another_program_reads_otherwise(change: tuple[str, str]) -> None:
    assert kinds(ORIGINAL.replace(*change)) != kinds(ORIGINAL)


def test_an_augmented_assignment_is_an_assignment() -> None:
    assert kinds("total += f(x)") == kinds("total = total + f(x)")


def test_keywords_of_a_call_may_stand_in_any_order() -> None:
    assert kinds("f(x, depth=g(1), rate=[y])") == kinds("f(x, rate=[y], depth=g(1))")


def test_long_lists_of_numbers_weigh_no_more_than_one() -> None:
    assert kinds(f"x = {list(range(5000))}") == kinds("x = 1") == kinds("x = {'a': (-1, [2, b'c'])}")


def test_a_block_that_does_not_parse_hides_no_other() -> None:
    found = kinds(f"{ORIGINAL}\nx = = 3\nclass Broken(:\n    y = 2\n{ORIGINAL.replace('scaled', 'again')}")
    assert all(found.count(stream) == 2 for stream in kinds(ORIGINAL) if stream[0] == "def")


def test_lines_are_those_of_the_text() -> None:
    [outside, function] = python_streams(ORIGINAL)
    assert (min(outside.lines), max(outside.lines)) == (9, 11)
    assert (min(function.lines), max(function.lines)) == (4, 7)


def test_another_language_is_read_by_its_words() -> None:
    script = (
        "library(ranger)\n# remark\nfit <- ranger(y ~ ., data = train, trees = 400)\nfor (i in 1:3) { p[[i]] <- f(fit, x)$y }\n"
    )
    copy = "require(ranger)\nm <- r2(z ~ .,\n  data = other, trees = 7)\nfor (j in 2:9) { q[[j]] <- g(m, w)$v }"
    assert plain_stream(script).kinds == plain_stream(copy).kinds
    assert [stream.kinds for stream in python_streams(script)] == [plain_stream(script).kinds]
    assert plain_stream(script).kinds != plain_stream(script.replace("~", "-")).kinds


def test_of_a_report_the_chunks_count() -> None:
    text = "# Title\nWords (of) mine\n```{r}\nx <- f(y)\n```\nmore words\n"
    [stream] = streams_of(TextFile("report.Rmd", "code", text))
    assert stream.kinds == plain_stream("x <- f(y)").kinds and set(stream.lines) == {4}


@pytest.mark.parametrize(
    "text",
    [
        "(" * 200_000, "x = " + "-" * 200_000 + "1", "x = a" + ".b" * 200_000, "x = 1" + " + y" * 100_000,
        "x = " + "not " * 200_000 + "1",
        "x = " + "lambda: " * 100_000 + "1", "x = f" + "()" * 100_000, "x = = 3\n" * 20_000, "x = 1\0\n", '"""\\' * 100_000,
        '"\\' * 300_000, "/*" * 300_000, "if x:\n pass\n" + "elif y:\n pass\n" * 3_000, "print x\n" * 20_000, "\\\n" * 100_000,
        "# %%\n%%bash\n" * 20_000, "=" + " " * 500_000, "\ud800 = 3",
    ],
    ids=range(18),
)  # fmt: skip
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    assert all(len(stream.kinds) == len(stream.lines) for stream in python_streams(text))
    for family in ("hash", "c", "sql"):
        stream = plain_stream(text, family)
        assert len(stream.kinds) <= len(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("RUN/code/a.py", True), ("RUN/code/b.ipynb", True), ("c.R", True), ("d.jl", True), ("e.sh", True), ("f.Rmd", True),
        ("RUN/code/data.csv", False), ("notes.md", False), ("code/site-packages/lib/x.py", False), ("venv/x.py", False),
        ("venv.py", True),
    ],
)  # fmt: skip
def test_code_is_known_by_its_name(name: str, expected: bool) -> None:
    assert is_code(name) is expected
