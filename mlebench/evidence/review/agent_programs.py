"""What the programs of an agent's own folder would do: `start.sh` and whatever lies beside it.

They run in every run of the group, and leave no trace unless they print what they do. Recipes of images are none of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlebench.evidence.review.commands import Action, each_once, of_code
from mlebench.evidence.review.reviewed import ReviewedGroup


def agent_actions(group: ReviewedGroup) -> Sequence[Action]:
    """Commands, Python and written files, each once."""
    return list(each_once(action for text in group.agent_texts() for action in of_code(text)))
