"""Columns of the tables of comments."""

COMMENTS = ["Date", "Comment"]
NUMBERED = ["id", *COMMENTS]
"""With an id of each row, which v1's table does not have."""
LABELLED = ["Insult", *COMMENTS]
