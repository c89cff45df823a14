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


def test_ledgers_name_the_group_as_its_records_do(plan: Callable[..., Plan], runs_dir: Path) -> None:
    """Whoever gives its folder another name and resumes it makes no ledger of another group; what is on the machine is found by
    the folder's name."""
    made = Group.create(runs_dir, plan(), {"engine": {}}, "first")
    group = Group.open(made.folder.rename(runs_dir / "second"))
    run = group.plan.runs[0]
    request = make_request(RunTask(group, run), replace(group.record(run), attempt=3))
    assert request.whose == ("first", run.run_id, 3)
    assert request.label == f"second.{run.run_id}.3"
