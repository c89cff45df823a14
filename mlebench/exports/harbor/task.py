"""One competition as a task of Harbor, in the format of its schema version 1.4."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support.version import VERSION
from mlebench.errors import UsageError
from mlebench.exports.harbor.agent_side import environment, image_files, instruction
from mlebench.exports.harbor.choices import Choices
from mlebench.exports.harbor.oracle import VOLUME_VARIABLE, solve_script
from mlebench.exports.harbor.places import places_of
from mlebench.exports.harbor.toml import toml_text
from mlebench.exports.harbor.verifier_side import verifier_files
from mlebench.exports.harbor.verify import SUBMISSION
from mlebench.grade.limits import LONGEST_START, limits_of_grading

if TYPE_CHECKING:
    from mlebench.profiles import Profile
    from mlebench.registry import Competition

SCHEMA_VERSION = "1.4"
CONFIG = "task.toml"
HARNESS = "mlebench"
"""`harness` in the metadata of every task that is ours."""
AGENT_USER = 1000
"""The user of the image that agents work as."""
_MIB = 2**20
_SMALL_SUBMISSION = 100 * 10**6
_BUILD_SECONDS = 3600.0


def task_files(competition: Competition, choices: Choices) -> dict[str, str | Path]:
    """All files of the task's folder: texts, and files to be copied.

    Raises:
        UsageError: the profile or the reward asks for what Harbor, or the competition, does not have.
    """
    if choices.reward == "percentile" and not competition.has_leaderboard:
        raise UsageError(
            f"{competition.id} has no leaderboard to take percentiles from; `mlebench leaderboard {competition.id} --refresh` "
            "gets it, or choose another --reward"
        )
    files: dict[str, str | Path] = {
        CONFIG: toml_text(_config(competition, choices)),
        "instruction.md": instruction(competition, choices),
    }
    sides = {"environment": image_files(competition, choices), "tests": verifier_files(competition, choices)}
    if choices.with_oracle:
        sides["solution"] = {"solve.sh": solve_script(competition)}
    return files | {f"{side}/{name}": content for side, found in sides.items() for name, content in found.items()}


def _config(competition: Competition, choices: Choices) -> dict[str, Any]:
    limits = choices.limits
    volume = {VOLUME_VARIABLE: places_of(competition).volume} if choices.with_oracle else {}
    return {
        "schema_version": SCHEMA_VERSION,
        "artifacts": [str(SUBMISSION)],
        "task": {
            "name": f"mlebench/{competition.id}",
            "version": f"{competition.edition.name}.{competition.facts.version}",
            "description": competition.title,
            "keywords": ["mlebench", "machine-learning", competition.split, competition.modality],
        },
        "metadata": _metadata(competition, choices),
        "agent": {"timeout_sec": limits.time_limit, "user": AGENT_USER, **_network(limits)},
        "verifier": {
            "timeout_sec": LONGEST_START + limits_of_grading(_SMALL_SUBMISSION).wall_seconds,
            "environment_mode": "separate",
            "environment": {"build_timeout_sec": _BUILD_SECONDS, "env": _split_key(competition)},
        },
        "environment": {
            "build_timeout_sec": _BUILD_SECONDS,
            "cpus": limits.cpus,
            "memory_mb": limits.memory // _MIB,
            "storage_mb": limits.disk // _MIB,
            "gpus": limits.gpus,
            "network_mode": "public",
            "workdir": "/home",
            "env": {**environment(competition, choices), **volume},
        },
    }


def _metadata(competition: Competition, choices: Choices) -> dict[str, Any]:
    places = places_of(competition)
    known = {
        "harness": HARNESS,
        "harness_version": VERSION,
        "competition": competition.id,
        "split": competition.split,
        "modality": competition.modality,
        "metric": competition.metric,
        "direction": competition.direction,
        **competition.provenance,
        "profile": choices.limits.name,
        "reward": choices.reward,
        "volume": places.volume,
        "volume_folder": places.folder,
        "public_volume": places.public_volume,
        "public_volume_folder": places.public_folder,
    }
    return {name: value for name, value in known.items() if value is not None}


def _network(limits: Profile) -> dict[str, Any]:
    """What the agent reaches while it works; before that, Harbor installs it."""
    if limits.network == "open":
        return {}
    if limits.network == "none":
        return {"network_mode": "no-network"}
    for host in limits.allow:
        if ":" in host or "_" in host:
            raise UsageError(
                f"Harbor takes hosts without a port and without `_`, but the profile allows `{host}`; "
                "change it with `--profile-set allow=HOST,…`"
            )
    return {"network_mode": "allowlist", "allowed_hosts": list(limits.allow)}


def _split_key(competition: Competition) -> dict[str, str]:
    """The key is secret: Harbor takes it from the environment of whoever runs the task, for the verifier alone."""
    return {"MLEBENCH_SPLIT_KEY": "${MLEBENCH_SPLIT_KEY}"} if competition.edition.key_hash else {}
