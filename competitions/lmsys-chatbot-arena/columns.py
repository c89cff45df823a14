"""Columns of the table of battles."""

CONVERSATION = ["id", "prompt", "response_a", "response_b"]
VERDICTS = ["winner_model_a", "winner_model_b", "winner_tie"]
