"""The findings of a review about similar code."""

from __future__ import annotations

from collections.abc import Iterator

from grading.printable import printable
from mlebench.evidence.review.finding import LONGEST_QUOTE, Evidence, Level, ReviewFinding
from mlebench.evidence.review.similarity.code_set import Side
from mlebench.evidence.review.similarity.run_code import place_of
from mlebench.evidence.review.similarity.similar_pair import SimilarPair
from mlebench.evidence.review.similarity.similarities import Similarities
from mlebench.evidence.review.similarity.stretches import Lines

RULE = "similarity"
_MOST_EVIDENCE = 5


def similarity_findings(similarities: Similarities) -> Iterator[ReviewFinding]:
    """A finding for each pair with a level, most similar first; a pair of runs from two groups gives one finding per group."""
    for pair in similarities.pairs:
        level = pair.level(similarities.threshold)
        if level is None:
            continue
        yield _finding(pair, level, similarities)
        if pair.right.kind == "run":
            yield _finding(_turned(pair), level, similarities)


def _finding(pair: SimilarPair, level: Level, similarities: Similarities) -> ReviewFinding:
    own, other = pair.left, pair.right
    what = "code" if own.kind == "run" else "the agent's folder"
    if other.kind == "notebook":
        where = f"the notebook {printable(other.name, 120)}"
    else:
        where = f"the code of a run of the same competition in {printable(other.group, 120)}"
    text = (
        f"{what} is {pair.similarity:.0%} like {where}: {pair.left_share:.0%} of it is there, {pair.right_share:.0%} of that "
        f"is here, at most {pair.longest:,} tokens in a row"
    )
    places = [
        Evidence(*place_of(stretch.left), _quote(stretch.left, stretch.right, other))
        for stretch in pair.stretches[:_MOST_EVIDENCE]
    ]
    runs = (own.name,) if own.kind == "run" else similarities.run_ids.get(own.group, ())
    return ReviewFinding(RULE, level, own.group, tuple(runs), text, places)


def _quote(lines: Lines, there: Lines, other: Side) -> str:
    where = there.file if other.kind == "notebook" else f"{other.group}/{there.file}"
    return printable(f"lines {lines.first}–{lines.last} as lines {there.first}–{there.last} of {where}", LONGEST_QUOTE)


def _turned(pair: SimilarPair) -> SimilarPair:
    stretches = [stretch._replace(left=stretch.right, right=stretch.left) for stretch in pair.stretches]
    return SimilarPair(pair.right, pair.left, pair.similarity, pair.right_share, pair.left_share, pair.shared, stretches)
