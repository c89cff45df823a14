"""Fields of an example."""

TEST_FIELDS = ["example_id", "question_text", "document_text", "long_answer_candidates"]
"""Fields of an example without annotations."""
