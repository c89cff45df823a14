"""What a sandbox is given of a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mlebench.runs.group import Group
from mlebench.runs.plan import Plan
from mlebench.runs.request import make_request
from mlebench.runs.task import RunTask


def test_instructions_speak_of_models_where_a_run_has_some(plan: Callable[..., Plan], runs_dir: Path) -> None:
    for network, speaks in (("none", False), ("open", False), ("models", True)):
        made = plan(limits={"network": network})
        for obfuscated in (False, True):
            group = Group.create(runs_dir, replace(made, obfuscated=obfuscated), {"engine": {}}, f"{network}-{obfuscated}")
            run = made.runs[0]
            request = make_request(RunTask(group, run), group.record(run))
            assert ("OPENAI_BASE_URL" in request.instructions) is speaks
            assert (request.models is not None) is speaks
