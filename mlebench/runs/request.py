"""Everything that a sandbox may know about a run: texts, public data, limits, secrets and a submission checker."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from pathlib import Path

from mlebench.errors import MlebenchError
from mlebench.grade.one import Submission
from mlebench.grade.pool import shared_pool
from mlebench.registry import Competition
from mlebench.runs.given import instructions, public_folder, task_text
from mlebench.runs.models import model_access
from mlebench.runs.record import RunRecord
from mlebench.runs.standing import may_be_under_way
from mlebench.runs.task import RunTask
from mlebench.sandbox.base import RunRequest, ShippedImage
from mlebench.sandbox.run_log import RunLog

_loading = threading.Lock()
"""Makes runs that start at once load a competition's code only once."""


def make_request(task: RunTask, record: RunRecord) -> RunRequest:
    """The request for a run's current attempt.

    Raises:
        UsageError: a secret is missing, or the competition is unknown here.
    """
    plan = task.group.plan
    competition = task.competition()
    if not competition.public_dir.is_dir():
        raise MlebenchError(f"{record.competition_id} is not prepared in {plan.data_dir}; run `{competition.prepare_command}`")
    with _loading:
        _load_grader(competition)
    return RunRequest(
        run_id=record.run_id,
        group=task.group.name,
        attempt=record.attempt,
        competition_id=record.competition_id,
        seed=record.seed,
        public_dir=_public_dir(task, record, competition),
        description=task_text(competition, obfuscated=plan.obfuscated, text=plan.profile.task_text),
        instructions=instructions(obfuscated=plan.obfuscated, has_gateway=plan.has_gateway),
        agent=plan.agent,
        profile=plan.profile,
        run_dir=task.run_dir,
        environment=plan.agent.resolve_environment(task.agent_secrets()),
        secrets=task.masked(),
        gpu_ids=tuple(record.gpu_ids),
        cpu_ids=tuple(record.cpu_ids),
        validate=_checker(competition),
        models=model_access(plan, task.model_keys()),
        obfuscated=plan.obfuscated,
        shipped=_shipped(task),
        keep=task.keep,
        recorded_group=record.group,
    )


def _public_dir(task: RunTask, record: RunRecord, competition: Competition) -> Path:
    """The data that the agent sees, on this machine's own disk if the group asks for that."""
    public = public_folder(competition, obfuscated=task.group.plan.obfuscated)
    folder = task.group.settings.node_data
    # an agent that has started already has its data
    if folder is None or record.started_at is not None:
        return public
    from mlebench.preparation.node_copies import Reader, node_copy

    note = RunLog(task.run_dir / "run.log", task.masked()).note
    reader = Reader(str(task.run_dir.absolute()), record.attempt)
    place = Path(os.path.expandvars(folder)).expanduser()
    return node_copy(competition, public, place, note, reader, lambda other: may_be_under_way(Path(other.run_dir), other.attempt))


def _shipped(task: RunTask) -> ShippedImage | None:
    """The image that the group was created with, if it ships its images."""
    image = (task.group.manifest.get("engine") or {}).get("images", {}).get(task.group.plan.agent.id)
    folder = task.group.settings.images_from
    return None if folder is None or not image else ShippedImage(folder, image["name"], image["digest"])


@functools.cache
def _load_grader(competition: Competition) -> None:
    """Load the grader now, so that a broken one is found before the agent has worked for a day."""
    shared_pool().load(competition)


def _checker(competition: Competition) -> Callable[[Path], tuple[bool, str]]:
    """Checks a submission in a dedicated long-lived process."""
    pool = shared_pool()
    return lambda path: pool.check(Submission(competition.id, path), competition)
