"""The agent's side of a task: instruction and image. Nothing in it stems from the answers or says where they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlebench._support.paths import content_dir
from mlebench.exports.harbor.choices import Choices
from mlebench.exports.harbor.places import DATA, external, mounted, places_of
from mlebench.runs.given import task_text
from mlebench.sandbox.base import thread_variables
from mlebench.sandbox.docker.images import DEFAULT_PARENT, GPU_PARENT, base_recipe

if TYPE_CHECKING:
    from mlebench.registry import Competition

LABEL = "mlebench.harbor"
"""On the images of tasks, by which those that Harbor leaves can be found."""
_AS_HARBOR_RUNS_IT = f"""
LABEL {LABEL}=agent
# Harbor keeps the container up and runs its commands beside; nothing in it checks submissions
USER root
RUN rm -f /home/validate_submission.sh
ENTRYPOINT []
CMD ["sleep", "infinity"]
"""


def instruction(competition: Competition, choices: Choices) -> str:
    """What the agent is told: the rules that agents of this harness get, in Harbor's words, and the task."""
    rules = (content_dir("containers") / "instructions_harbor.txt").read_text(encoding="utf-8")
    task = task_text(competition, obfuscated=False, text=choices.limits.task_text)
    return f"{rules.rstrip()}\n\n---\n\n{task}"


def environment(competition: Competition, choices: Choices) -> dict[str, str]:
    """The agent's variables, as far as they are not set in the image."""
    return {
        "COMPETITION_ID": competition.id,
        "TIME_LIMIT_SECS": str(int(choices.limits.time_limit)),
        **thread_variables(max(1, int(choices.limits.cpus))),
    }


def image_files(competition: Competition, choices: Choices) -> dict[str, str | Path]:
    """The files of `environment/`: texts, and files to be copied."""
    files: dict[str, str | Path] = {}
    if choices.image:
        dockerfile, arguments = "ARG BASE\nFROM ${BASE}\n", {"BASE": choices.image}
    else:
        parent = GPU_PARENT if choices.limits.gpus else DEFAULT_PARENT
        recipe = base_recipe(choices.package_set, parent_here(parent))
        files |= {name: recipe.context / name for name in recipe.files}
        dockerfile = (recipe.context / recipe.dockerfile).read_text(encoding="utf-8")
        arguments = dict(recipe.arguments)
    return files | {
        "Dockerfile": dockerfile + _AS_HARBOR_RUNS_IT,
        "docker-compose.yaml": compose_text(_compose(competition, choices, arguments)),
    }


def _compose(competition: Competition, choices: Choices, arguments: Mapping[str, str]) -> dict[str, Any]:
    service = {
        "build": {"args": dict(arguments)},
        "shm_size": choices.limits.shm,
        "pids_limit": choices.limits.pids,
        "volumes": [mounted("data", DATA)],
    }
    return {"services": {"main": service}, "volumes": {"data": external(places_of(competition).public_volume)}}


def parent_here(default: str) -> str:
    """The image to build on, as a compose file has it: where the task runs, a variable may name another."""
    return f"${{MLEBENCH_BASE_IMAGE:-{default}}}"


def compose_text(content: Mapping[str, Any]) -> str:
    """A compose file."""
    import yaml

    return yaml.safe_dump(dict(content), sort_keys=False)
