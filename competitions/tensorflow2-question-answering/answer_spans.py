"""Examples of the simplified Natural Questions: the correct long and short predictions of a question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def right_predictions(example: Mapping[str, Any]) -> dict[str, list[str]]:
    """All correct predictions of an example's two rows, the best first; an empty list if the row should be blank.

    Args:
        example: has `example_id` and `annotations`, of which the first counts: `yes_no_answer` (`YES`, `NO` or `NONE`),
            `short_answers` and `long_answer` with `start_token` (-1: none) and `end_token`.

    Returns:
        Predictions (`YES`, `NO` or `start:end`) by row id, `<example_id>_short` before `<example_id>_long`.
    """
    annotation = example["annotations"][0]
    yes_or_no = [word for word in [annotation["yes_no_answer"]] if word != "NONE"]
    long = annotation["long_answer"]
    return {
        f"{example['example_id']}_short": yes_or_no + [_span(answer) for answer in annotation["short_answers"]],
        f"{example['example_id']}_long": [] if long["start_token"] == -1 else [_span(long)],
    }


def _span(answer: Mapping[str, int]) -> str:
    return f"{answer['start_token']}:{answer['end_token']}"
