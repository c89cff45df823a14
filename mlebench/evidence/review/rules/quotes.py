"""Evidence as findings show it: little, short, printable and without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from grading.printable import printable
from mlebench.evidence.review.finding import LONGEST_QUOTE, Evidence

MOST_EVIDENCE = 10
"""Places that one finding names."""
_SECRET = re.compile(
    r"\b(?:sk-(?:ant-|proj-)?|gsk_|hf_|ghp_|gho_|github_pat_|glpat-|xox[abp]-|AIza|AKIA|ya29\.)[\w./+-]{8,}"
    r"|(?i:(?<=bearer )|(?<=key=)|(?<=token=)|(?<=password=))[\w./+-]{16,}"
)


def evidence(file: str, line: int | None, text: str) -> Evidence:
    """A place with its text on one line; what looks like a key is masked."""
    one_line = " ".join(text[: 20 * LONGEST_QUOTE].split())
    return Evidence(file, line, printable(_SECRET.sub("***", one_line), LONGEST_QUOTE))


def first_few(places: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The first places, each once."""
    return tuple(islice(dict.fromkeys(places), MOST_EVIDENCE))
