"""The oracle: makes a submission from the answers, to show that a task can be solved.

It works where an agent works, and no agent may see answers; so the task itself gives it none. Only a compose file beside the
tasks, which whoever runs the oracle adds, mounts them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlebench._support.hints import quoted
from mlebench.exports.harbor.agent_side import compose_text
from mlebench.exports.harbor.places import ORACLE, external, mounted

if TYPE_CHECKING:
    from mlebench.registry import Competition

COMPOSE_FILE = "mlebench-oracle.yaml"
VOLUME_VARIABLE = "MLEBENCH_VOLUME"
"""Passes the volume to the compose file, which is the same for all tasks."""


def solve_script(competition: Competition) -> str:
    """`solution/solve.sh`."""
    gold = quoted(f"{ORACLE}/{competition.gold_submission.relative_to(competition.root).as_posix()}")
    return f"""\
#!/bin/sh
set -eu
if [ ! -f {gold} ]; then
    echo "the oracle has no answers; run it in the folder of the tasks with --extra-docker-compose {COMPOSE_FILE}" >&2
    exit 1
fi
cp {gold} /home/submission/submission.csv
"""


def oracle_compose() -> str:
    """The compose file that gives the oracle what it needs."""
    return compose_text(
        {
            "services": {"main": {"volumes": [mounted("oracle", ORACLE)]}},
            "volumes": {"oracle": external(f"${{{VOLUME_VARIABLE}}}")},
        }
    )
