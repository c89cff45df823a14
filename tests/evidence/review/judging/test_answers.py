"""Answers are read whatever stands around them, and a yes counts by its quotes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlebench.evidence.review.finding import LONGEST_QUOTE
from mlebench.evidence.review.judging.answers import FILE, AnswerKey, JudgeAnswer, KeptAnswers, proven, read_answer
from mlebench.evidence.review.judging.chunks import chunks_of
from mlebench.evidence.review.texts import TextFile

YES = JudgeAnswer(True, ("wrote it by hand",))
KEY = AnswerKey("somewhere p/m", "w", "c")


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": "yes", "quotes": ["wrote it by hand"], "steering": []}',
        '```json\n{"answer": "Yes", "quotes": ["wrote it by hand"]}\n```',
        'I thought {of this}. First {"answer": "no"}, but then: {"quotes": "wrote it by hand", "answer": "yes "}',
        '<think>{"a": {"answer": "no"}}</think>{"answer": "yes", "quotes": ["wrote it by hand", 5, null, " "], "more": 1}',
    ],
)
def test_an_answer_is_found(text: str) -> None:
    assert read_answer(text) == YES


@pytest.mark.parametrize(
    "text", ["", "yes", '{"answer": "maybe"}', '{"answer": true}', '{"answer": "no"', "[" * 100_000, '{"a":' * 5000]
)
def test_what_is_no_answer_is_none(text: str) -> None:
    assert read_answer(text) is None


def test_a_yes_counts_with_a_quote_that_stands_there() -> None:
    [chunk] = chunks_of([TextFile("r/logs/a.log", "logs", f"I wrote  it\nby hand\n{'z' * 1000}\n")], 1).shown
    found = proven(JudgeAnswer(True, ("wrote it by hand", "wrote it with a model")), chunk)
    assert (found.counts, found.is_unproven, found.invented) == (True, False, 1)
    assert [(place.file, place.line, place.quote) for place in found.evidence] == [("r/logs/a.log", 1, "wrote it by hand")]
    [long] = proven(JudgeAnswer(True, ("z" * 900,)), chunk).evidence
    assert len(long.quote) == LONGEST_QUOTE


@pytest.mark.parametrize("quote", ["wrote it with a model", "I", "a.log", "r/logs/a.log", "by … hand", ""])
def test_a_yes_whose_quotes_stand_nowhere_or_say_nothing_does_not_count(quote: str) -> None:
    [chunk] = chunks_of([TextFile("r/logs/a.log", "logs", "I wrote it by hand\n")], 1).shown
    found = proven(JudgeAnswer(True, (quote,)), chunk)
    assert (found.counts, found.is_unproven, found.evidence) == (False, True, ())


def test_what_looks_like_a_key_is_masked_in_evidence() -> None:
    [chunk] = chunks_of([TextFile("r/code/a.py", "code", "client = OpenAI(api_key='sk-proj-0123456789abcdef')\n")], 1).shown
    [place] = proven(JudgeAnswer(True, ("OpenAI(api_key='sk-proj-0123456789abcdef')",)), chunk).evidence
    assert place.quote == "OpenAI(api_key='***')"


def test_the_quotes_of_a_no_are_no_evidence() -> None:
    [chunk] = chunks_of([TextFile("r/logs/a.log", "logs", "I wrote it by hand\n")], 1).shown
    assert proven(JudgeAnswer(False, ("I wrote it by hand",)), chunk).evidence == ()


def test_answers_are_kept_and_found_again(tmp_path: Path) -> None:
    kept = KeptAnswers(tmp_path)
    kept.add(KEY, YES, {"judge": "a", "question": "by_hand"})
    kept.close()
    again = KeptAnswers(tmp_path)
    assert again.get(KEY) == YES
    assert again.get(KEY._replace(wording="other")) is None
    again.close()


def test_a_spoiled_file_of_answers_gives_those_that_can_be_read(tmp_path: Path) -> None:
    kept = KeptAnswers(tmp_path)
    kept.add(KEY, YES, {})
    kept.close()
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"answer": 5}\n[]\n\xff\xfe\n{"answer": "yes", "mod')
    again = KeptAnswers(tmp_path)
    assert again.get(KEY) == YES
    again.close()


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "review").mkdir()
    (tmp_path / "review" / FILE).symlink_to(tmp_path / "elsewhere")
    kept = KeptAnswers(tmp_path / "review")
    kept.add(KEY, YES, {})
    kept.close()
    assert (tmp_path / "elsewhere").read_text() == "mine"
