"""Categories are numbered from 0, which means that no animal is seen."""

LAST_CATEGORY = 675
