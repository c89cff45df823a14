"""What the programs in an agent's own folder would do: `start.sh` and the files next to it.

They run in every run of the group and leave no trace unless they print what they do. Dockerfiles do not count.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlebench.evidence.review.commands import Action, each_once, of_code
from mlebench.evidence.review.python_source import PythonSource, python_sources
from mlebench.evidence.review.reviewed import ReviewedGroup


def agent_actions(group: ReviewedGroup) -> Sequence[Action]:
    """Commands, Python and written files, each once."""
    return _programs(group)[0]


def agent_sources(group: ReviewedGroup) -> Sequence[PythonSource]:
    """The Python among them."""
    return _programs(group)[1]


def _programs(group: ReviewedGroup) -> tuple[Sequence[Action], Sequence[PythonSource]]:
    """Both, read once for all rules that look at the group's first run."""
    found: tuple[Sequence[Action], Sequence[PythonSource]] | None = group.runs[0].memo.get("agent programs")
    if found is None:
        actions = list(each_once(action for text in group.agent_texts() for action in of_code(text)))
        found = group.runs[0].memo["agent programs"] = (actions, python_sources(actions))
    return found
