"""Columns of the tables of comments."""

COMMENTS = ["Date", "Comment"]
NUMBERED = ["id", *COMMENTS]
"""Including a row id, which v1's table lacks."""
LABELLED = ["Insult", *COMMENTS]
