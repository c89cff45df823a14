"""A run's log lists what an agent left that is not kept, in few lines per folder."""

from __future__ import annotations

from mlebench.sandbox.left_out import LeftOut


def test_a_flood_in_one_folder_hides_no_other_folder() -> None:
    notes: list[str] = []
    left_out = LeftOut(notes.append)
    for number in range(1000):
        left_out.add(f"logs/{number}", "a link")
    left_out.add("code/solution.py", "a link")
    left_out.summarise()
    assert notes[:2] == ["left out logs/0: a link", "left out logs/1: a link"]
    assert notes[-2:] == ["left out code/solution.py: a link", "left out 980 more of logs/: a link"]
    assert len(notes) == 22
    assert left_out.counts == {"a link": 1001}
