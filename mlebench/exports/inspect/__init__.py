"""The competitions as a task of Inspect: `inspect eval mlebench/competitions`.

Its models and solvers work on the host, their tools in a container that sees public data alone, and submissions are taken out
and graded on the host. Whatever imports Inspect is imported by Inspect itself, through the entry point in `pyproject.toml`, or
when one of these names is first used.
"""

from typing import TYPE_CHECKING

from mlebench._support.lazy import hand_on

if TYPE_CHECKING:
    from mlebench.exports.inspect.scoring import graded as graded
    from mlebench.exports.inspect.task import competitions as competitions
    from mlebench.exports.inspect.validating import validate as validate

_HOMES = {
    "competitions": "mlebench.exports.inspect.task:competitions",
    "graded": "mlebench.exports.inspect.scoring:graded",
    "validate": "mlebench.exports.inspect.validating:validate",
}

__all__ = list(_HOMES)
__getattr__, __dir__ = hand_on(__name__, _HOMES)
