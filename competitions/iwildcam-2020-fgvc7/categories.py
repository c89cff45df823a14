"""Categories are numbered from 0, which means that no animal is visible."""

LAST_CATEGORY = 675
