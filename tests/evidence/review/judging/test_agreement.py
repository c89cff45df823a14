"""Kappa is that of the definition, and says why where there is none."""

from __future__ import annotations

import itertools

import pytest
from sklearn.metrics import cohen_kappa_score

from mlebench.evidence.review.judging.agreement import kappa_of

JUDGES = ("a", "b")


def test_the_example_of_fifty_grants() -> None:
    # 20 times both yes, 15 both no, 5 and 10 apart: agreement 0.7, by chance 0.5
    verdicts = [(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15
    kappa = kappa_of(JUDGES, "by_hand", verdicts)
    assert kappa.to_dict() == {
        "judges": ["a", "b"], "question": "by_hand", "both_yes": 20, "first_yes": 5, "second_yes": 10, "both_no": 15, "runs": 50,
        "kappa": pytest.approx(0.4), "reason": None,
    }  # fmt: skip


@pytest.mark.parametrize("counts", itertools.product((0, 1, 3), repeat=4))
def test_it_is_what_others_compute(counts: tuple[int, ...]) -> None:
    kinds = [(True, True), (True, False), (False, True), (False, False)]
    verdicts = [kind for kind, count in zip(kinds, counts, strict=True) for _ in range(count)]
    kappa = kappa_of(JUDGES, None, verdicts)
    if kappa.value is not None:
        assert kappa.value == pytest.approx(cohen_kappa_score(*zip(*verdicts, strict=True)))
    else:
        assert len({answer for pair in verdicts for answer in pair}) <= 1


def test_it_is_undefined_without_runs_and_where_nothing_varies() -> None:
    assert kappa_of(JUDGES, None, []).to_dict()["kappa"] is None
    assert kappa_of(JUDGES, None, []).reason == "no run was judged by both"
    same = kappa_of(JUDGES, None, [(False, False)] * 4)
    assert (same.value, same.reason) == (None, "both judges gave the same answer every time")
    assert kappa_of(JUDGES, None, [(True, False)]).value == 0
