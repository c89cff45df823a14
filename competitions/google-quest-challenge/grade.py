import numpy as np
import pandas as pd

from grading import Grader, InvalidSubmission, Probability, Real, per_edition
from grading.metrics.combine import mean_columnwise
from grading.metrics.correlation import spearman

TARGETS = (
    "question_asker_intent_understanding", "question_body_critical", "question_conversational", "question_expect_short_answer",
    "question_fact_seeking", "question_has_commonly_accepted_answer", "question_interestingness_others",
    "question_interestingness_self", "question_multi_intent", "question_not_really_a_question", "question_opinion_seeking",
    "question_type_choice", "question_type_compare", "question_type_consequence", "question_type_definition",
    "question_type_entity", "question_type_instructions", "question_type_procedure", "question_type_reason_explanation",
    "question_type_spelling", "question_well_written", "answer_helpful", "answer_level_of_information", "answer_plausible",
    "answer_relevance", "answer_satisfaction", "answer_type_instructions", "answer_type_procedure",
    "answer_type_reason_explanation", "answer_well_written",
)  # fmt: skip


def no_constant_column(prediction: np.ndarray, ids: pd.Series) -> np.ndarray:
    """Refuse columns that hold one value throughout: their rank correlation is undefined."""
    constant = [name for name, column in zip(TARGETS, prediction.T, strict=True) if np.ptp(column) == 0]
    if constant:
        raise InvalidSubmission(f"column `{constant[0]}` holds one value throughout, which has no rank correlation")
    return prediction


grader = per_edition(
    v1=Grader(id="qa_id", columns=dict.fromkeys(TARGETS, Real()), rows=no_constant_column, metric=mean_columnwise(spearman)),
    v2=Grader(id="qa_id", columns=dict.fromkeys(TARGETS, Probability()), metric=mean_columnwise(spearman)),
)
