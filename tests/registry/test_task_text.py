"""Task texts: one source, one text per edition."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.registry.task_text import read_task_text

SOURCE = """# Task

Read <!-- v1 -->`train.zip`<!-- /v1 --><!-- v2 -->`train.json.zip`<!-- /v2 --> first.

<!-- v1 -->
The title of a few rows is empty.

<!-- /v1 -->
- one
<!-- v2 -->
- two
<!-- /v2 -->
- three

<!-- v2 -->
The end.
<!-- /v2 -->
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "description.md"
    path.write_text(SOURCE)
    return path


def test_each_edition_gets_its_passages_and_no_marks(source: Path) -> None:
    v1 = "# Task\n\nRead `train.zip` first.\n\nThe title of a few rows is empty.\n\n- one\n- three\n"
    assert read_task_text(source, "v1") == v1
    assert read_task_text(source, "v2") == "# Task\n\nRead `train.json.zip` first.\n\n- one\n- two\n- three\n\nThe end.\n"


def test_text_without_marks_stays_as_it_is(source: Path) -> None:
    source.write_text("a\n\n\n\nb <!-- a comment --> <!-- note -->\n")
    assert read_task_text(source, "v1") == "a\n\n\n\nb <!-- a comment --> <!-- note -->\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n<!-- v1 -->b", "description.md: a passage of v1 has no end; write <!-- /v1 --> behind it"),
        ("a\n<!-- /v2 -->b", "line 2: <!-- /v2 --> has no counterpart; write <!-- v2 -->…<!-- /v2 -->"),
        ("<!-- v1 -->a\n<!-- v2 -->b<!-- /v2 --><!-- /v1 -->", "line 2: <!-- v2 --> has no counterpart"),
        ("<!-- v1 -->a\n<!-- /v2 -->", "line 2: <!-- /v2 --> has no counterpart"),
    ],
)
def test_marks_without_counterpart_are_refused(source: Path, text: str, message: str) -> None:
    source.write_text(text)
    with pytest.raises(UsageError) as refused:
        read_task_text(source, "v2")
    assert message in str(refused.value)


def test_text_that_cannot_be_read_is_named(source: Path) -> None:
    source.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="it is not UTF-8 text"):
        read_task_text(source, "v1")
    with pytest.raises(UsageError, match="No such file"):
        read_task_text(source.with_name("other.md"), "v1")
