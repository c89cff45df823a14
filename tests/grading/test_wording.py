"""What messages quote is short, printable and in the right number, whatever it is."""

from __future__ import annotations

import pandas as pd
import pytest

from grading import InvalidSubmission
from grading.wording import counted, listed, name_ids, quoted, show_ids


def test_one_is_singular() -> None:
    assert [counted(number, "id") for number in (0, 1, 2, 1_000)] == ["0 ids", "1 id", "2 ids", "1,000 ids"]
    assert name_ids(["a"]) == "id 'a'"
    assert name_ids(pd.Series(["a", "b"])) == "ids 'a', 'b'"


def test_the_first_are_shown_and_the_rest_counted() -> None:
    assert show_ids(range(5_000)) == "'0', '1', '2' and 4,997 more"
    assert show_ids(iter("ab")) == "'a', 'b'"
    assert listed(map(str, range(22))).endswith("`18`, `19` and 2 more")


@pytest.mark.parametrize("text", ["x" * 3_000_000, "\x1b]0;owned\x07", "line\nfeed", "\u202eturned", "\udcff", "\x1f" * 500])
def test_parts_are_printable_and_short(text: str) -> None:
    for part in (quoted(text), listed([text] * 30), show_ids([text] * 30), str(InvalidSubmission(text * 3))):
        assert part.isprintable()
        assert len(part) <= 20 * 400
    assert len(str(InvalidSubmission(text * 3))) <= 2_000
