"""The files that a group's agent had when the group was made, so that a refusal names those that changed since."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mlebench.agents import NOT_COPIED, AgentSpec, agent_in, file_digest

_MOST_FILES = 500
"""Of a larger agent only the fingerprint is kept."""
_MOST_NAMED = 5
_OF_PLACE = ("name", "directory", "description")
"""What of an agent says where it lies, or is for people."""


def file_hashes(agent: AgentSpec) -> dict[str, str]:
    """Each file's SHA-256 by its name in the agent's folder; empty for a folder of more than 500 files."""
    files = agent.files()
    if len(files) > _MOST_FILES:
        return {}
    return {path.relative_to(agent.directory).as_posix(): file_digest(path).hex() for path in files}


def fingerprint_of(hashes: Mapping[bytes, str]) -> str:
    """`AgentSpec.fingerprint` of a folder of which the files' SHA-256 alone are known, by their paths in it."""
    digest = hashlib.sha256()
    for path in sorted(hashes, key=lambda path: PurePosixPath(os.fsdecode(path))):
        if not set(NOT_COPIED).intersection(PurePosixPath(os.fsdecode(path)).parts):
            digest.update(path + b"\0" + bytes.fromhex(hashes[path]))
    return digest.hexdigest()[:16]


def changed_files(kept: Any, agent: AgentSpec) -> str:
    """Names of the files that differ from what was kept, such as `start.sh, tools.py (new)`; empty where none was kept."""
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
    """Names of the settings in which the `agent.yaml` of a folder differs from the agent that a plan keeps.

    Args:
        folder: the agent's folder, or a copy of it.
        kept: the agent of the plan.
        arguments: those that were set for the group alone.

    Raises:
        UsageError: the folder holds no agent of that variant.
    """
    found = agent_in(folder, kept.variant).with_arguments(dict(arguments)).to_dict()
    mine = kept.to_dict()
    return [key for key in mine if key not in _OF_PLACE and mine[key] != found[key]]


def is_same_content(kept: Any, now: str | None) -> bool:
    """Whether two hashes are of the same content; a group from before they were kept whole has their first 16 digits."""
    if not isinstance(kept, str) or now is None:
        return False
    return kept == now or (len(kept) == 16 and now.startswith(kept))
