"""Categories are numbered from 0."""

LAST_CATEGORY = 1009
