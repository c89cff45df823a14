"""Winnowing keeps what it promises: a long enough stretch that two texts share is always noticed, wherever it stands."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mlebench.evidence.review.similarity.code_set import CodeSet, Side, code_set
from mlebench.evidence.review.similarity.fingerprints import GRAM, WINDOW, Fingerprints, fingerprints
from mlebench.evidence.review.similarity.similar_pair import LEAST_IN_PART, LEAST_SHARED, SimilarPair
from mlebench.evidence.review.similarity.token_stream import TokenStream
from mlebench.evidence.review.texts import TextFile

KINDS = st.lists(st.sampled_from("abcdefghij"), max_size=60)
SHARED = st.lists(st.sampled_from("klmnopqrst"), min_size=GRAM + WINDOW - 1, max_size=80)


def prints(*streams: list[str]) -> Fingerprints:
    return fingerprints([TokenStream(kinds, list(range(1, len(kinds) + 1))) for kinds in streams])


@given(KINDS, KINDS, KINDS, KINDS, SHARED)
@settings(max_examples=60, deadline=None)
def test_what_is_shared_is_noticed(
    before: list[str], after: list[str], other: list[str], end: list[str], shared: list[str]
) -> None:
    here, there = prints([*before, *shared, *after]), prints([*other, *shared, *end])
    common = set(here.hashes.tolist()) & set(there.hashes.tolist())
    assert common
    lines = [
        (first, last)
        for value, first, last in zip(here.hashes, here.first_lines, here.last_lines, strict=True)
        if int(value) in common
    ]
    assert any(len(before) < first and last <= len(before) + len(shared) for first, last in lines)


@given(KINDS, KINDS)
@settings(max_examples=60, deadline=None)
def test_the_order_of_functions_changes_no_fingerprint(one: list[str], two: list[str]) -> None:
    assert set(prints(one, two).hashes.tolist()) == set(prints(two, one).hashes.tolist())


def test_a_fraction_is_kept() -> None:
    kinds = [f"{place * place % 997}" for place in range(4000)]
    kept = len(prints(kinds).hashes)
    assert 2 / (WINDOW + 1) * 0.8 < kept / 4000 < 2 / (WINDOW + 1) * 1.2


def test_a_short_function_has_one_fingerprint_and_a_few_words_none() -> None:
    assert len(prints(["def", *"abcdefghijklmn"]).hashes) == 1
    assert len(prints(["def", "a", "b"]).hashes) == 0
    assert len(fingerprints([]).hashes) == 0


def test_a_set_knows_of_which_file_each_fingerprint_is() -> None:
    texts = [
        TextFile(f"{name}.py", "code", f"{name} = f(x + 1) * g([y for y in z if y > 2], {name} ** 3)\n" * 3) for name in "ab"
    ]
    made = code_set(Side("notebook", "n"), [texts[0], TextFile("notes.txt", "code", "x = 1"), texts[1]])
    assert isinstance(made, CodeSet) and made.files == ["a.py", "b.py"]
    assert made.file_of.tolist() == sorted(made.file_of.tolist()) and set(made.file_of.tolist()) == {0, 1}


def pair(similarity: float, shared: int, *, notebook: bool = True, share: float = 0.0, agents: str = "xy") -> SimilarPair:
    left = Side("run", "r", "g", "c", agents[0])
    right = Side("notebook", "n") if notebook else Side("run", "r", "h", "c", agents[1])
    return SimilarPair(left, right, similarity, share, 0.0, shared, [])


def test_levels() -> None:
    assert pair(0.6, 50).level() == "violation"
    assert pair(0.4, 50).level() == "look" and pair(0.4, 50).level(threshold=0.3) == "violation"
    assert pair(0.2, 50).level() is None
    # a part of the other, which holds much more
    assert pair(0.1, LEAST_IN_PART, share=0.9).level() == "violation" and pair(0.1, LEAST_IN_PART - 1, share=0.9).level() is None
    # a few lines
    assert pair(0.7, LEAST_SHARED - 1).level() is None and pair(1, LEAST_SHARED - 1).level() == "look"


def test_levels_between_runs() -> None:
    assert pair(0.6, 50, notebook=False).level() == "look"
    assert pair(0.9, 50, notebook=False).level() == "violation"
    assert pair(0.9, LEAST_IN_PART - 1, notebook=False).level() == "look"
    assert pair(1, 50, notebook=False, agents="xx").level() == "look"
