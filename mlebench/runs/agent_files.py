"""The files of a group's agent as they were when the group was created, so that a refusal can list what changed since."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mlebench.agents import NOT_COPIED, AgentSpec, agent_in, file_digest

_MOST_FILES = 500
"""For a larger agent, only the fingerprint is kept."""
_MOST_NAMED = 5
_OF_PLACE = ("name", "directory", "description")
"""Fields of an agent that give its location or are for people only."""


def file_hashes(agent: AgentSpec) -> dict[str, str]:
    """Each file's SHA-256 by its name in the agent's folder; empty for a folder of more than 500 files."""
    files = agent.files()
    if len(files) > _MOST_FILES:
        return {}
    return {path.relative_to(agent.directory).as_posix(): file_digest(path).hex() for path in files}


def fingerprint_of(hashes: Mapping[bytes, str]) -> str:
    """`AgentSpec.fingerprint` of a folder, computed from the SHA-256 of its files by their paths within it."""
    digest = hashlib.sha256()
    for path in sorted(hashes, key=lambda path: PurePosixPath(os.fsdecode(path))):
        if not set(NOT_COPIED).intersection(PurePosixPath(os.fsdecode(path)).parts):
            digest.update(path + b"\0" + bytes.fromhex(hashes[path]))
    return digest.hexdigest()[:16]


def changed_files(kept: Any, agent: AgentSpec) -> str:
    """Names of the files that differ from the kept hashes, such as `start.sh, tools.py (new)`; empty if none were kept."""
    if not isinstance(kept, Mapping) or not kept:
        return ""
    now = file_hashes(agent)
    changes = [
        name if name in kept and name in now else f"{name} ({'new' if name in now else 'gone'})"
        for name in sorted({*kept, *now})
        if not is_same_content(kept.get(name), now.get(name))
    ]
    more = [f"{len(changes) - _MOST_NAMED} more"] if len(changes) > _MOST_NAMED else []
    return ", ".join([*changes[:_MOST_NAMED], *more])


def settings_in(folder: Path, kept: AgentSpec, arguments: Mapping[str, Any]) -> list[str]:
    """Names of the settings that differ between the `agent.yaml` of a folder and the agent in a plan.

    Args:
        folder: the agent's folder, or a copy of it.
        kept: the plan's agent.
        arguments: those set for this group only.

    Raises:
        UsageError: the folder does not define that variant of the agent.
    """
    found = agent_in(folder, kept.variant).with_arguments(dict(arguments)).to_dict()
    mine = kept.to_dict()
    return [key for key in mine if key not in _OF_PLACE and mine[key] != found[key]]


def is_same_content(kept: Any, now: str | None) -> bool:
    """Whether two hashes are of the same content; older groups kept only the first 16 digits."""
    if not isinstance(kept, str) or now is None:
        return False
    return kept == now or (len(kept) == 16 and now.startswith(kept))
