"""What every listener may rely on."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from mlebench._support.steps import Step


def assert_sound(steps: Iterable[Step], *, phases: Iterable[str] = ()) -> None:
    """Counts grow, never exceed their total, which stays the same, and reach it; each of `phases` was counted."""
    counted: set[str] = set()
    by_work = sorted(steps, key=lambda step: (step.subject, step.phase))
    for (subject, phase), found in groupby(by_work, key=lambda step: (step.subject, step.phase)):
        of_phase = [step for step in found if step.total is not None]
        if not of_phase:
            continue
        counted.add(phase)
        where = f"{subject or 'the whole'}: {phase}"
        done = [step.done for step in of_phase]
        assert done == sorted(done), where
        assert len({(step.total, step.unit) for step in of_phase}) == 1, where
        assert done[-1] == of_phase[-1].total, where
    assert counted >= set(phases), counted
