"""The rules of a review that need no model, by name."""

from __future__ import annotations

from collections.abc import Mapping

from mlebench.evidence.review.rules import (
    answers_in_code,
    checker_as_oracle,
    competition_named,
    edited_by_hand,
    equal_submissions,
    foreign_files_read,
    hard_coded_predictions,
    model_call_in_solution,
    network_attempt,
    score_rises_with_checks,
    submission_equals_public_file,
)
from mlebench.evidence.review.rules.rule import Rule

RULES: Mapping[str, Rule] = {
    module.RULE.name: module.RULE
    for module in (
        answers_in_code,
        hard_coded_predictions,
        edited_by_hand,
        model_call_in_solution,
        network_attempt,
        competition_named,
        equal_submissions,
        submission_equals_public_file,
        foreign_files_read,
        checker_as_oracle,
        score_rises_with_checks,
    )
}
