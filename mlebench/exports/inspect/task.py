"""The task `mlebench/competitions` of Inspect: a sample for each competition, an epoch for each seed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from inspect_ai import Epochs, Task, task
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.agent import AgentPrompt, as_solver, react
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.solver import Solver, solver
from inspect_ai.tool import bash, python
from inspect_ai.util import SandboxEnvironmentSpec

from mlebench._support.version import VERSION
from mlebench.errors import MlebenchError
from mlebench.exports.inspect.compose import write_compose
from mlebench.exports.inspect.scoring import graded, ready
from mlebench.exports.inspect.settings import DataPlace, check_parameters, chosen, limits, overrides
from mlebench.exports.inspect.taking import current_image
from mlebench.exports.inspect.validating import validate
from mlebench.profiles import Profile
from mlebench.registry import Competition
from mlebench.runs.given import instructions, public_folder, task_text
from mlebench.sandbox.docker.container import check_readable

TASK_VERSION = 1
"""Raised when what is asked of agents, or how it is scored, changes for every competition; each has a version of its own, too."""
_OTHERWISE = {
    "CHECKING A SUBMISSION": """If you have the tool `validate`, it says whether a file such as /home/submission/submission.csv
is a valid submission and, if not, why. It does not reveal a score.""",
    "TIME AND MACHINE": """The environment variable TIME_LIMIT_SECS holds your time in seconds, counted from the start. At its
end you are stopped. Your limits on memory and processors are fixed as well; work that exceeds them is ended. Libraries for
machine learning are installed; check before you rely on one.""",
}
"""Sections of the instructions that tell of what a run has and a sample has not."""


@task
def competitions(
    split: str | None = None,
    ids: str | list[str] | None = None,
    edition: str = "v1",
    seeds: int = 1,
    obfuscated: bool = False,
    profile: str | None = None,
    time_limit: str | None = None,
    network: str = "none",
    data_dir: str | None = None,
    package_set: str = "light",
    docker_image_name: str | None = None,
    cpu_override: float | None = None,
    mem_override: str | None = None,
    gpu_count: int | None = None,
    gpu_driver: str = "nvidia",
    compose_overrides: dict[str, Any] | str | None = None,
    tool_timeout: int | None = None,
    **others: Any,
) -> Task:
    """Machine-learning competitions, each worked on in a container and graded on the host.

    Args:
        split: low, medium, high, all, dev, demo, research, own, or a file with one id a line.
        ids: single competitions.
        edition: v1, the published data, or v2, the corrected; `MLEBENCH_SPLIT_KEY` holds your own split key.
        seeds: how often each competition is worked on; `--epochs` says the same.
        obfuscated: give task texts and folders without names that let a model recall the competition.
        profile: limits of a sample, as in `mlebench run --profile`.
        time_limit: seconds or words such as 4h, in place of the profile's.
        network: none, or open to everything; a model is asked by Inspect itself.
        data_dir: the data directory.
        package_set: which base image, light or full.
        docker_image_name: another image, built on one of those.
        cpu_override: processors, in place of the profile's.
        mem_override: memory such as 16g, in place of the profile's.
        gpu_count: GPUs, in place of the profile's.
        gpu_driver: what hands out GPUs.
        compose_overrides: laid over the compose file: a mapping, or the path of a YAML file.
        tool_timeout: seconds that one command of the default solver may take; by default the sample's time limit.
        others: parameters that there are not; they are refused, as Inspect would go on without them.
    """
    given = locals()
    with _one_sentence():
        check_parameters({**given.pop("others"), **given})
        place = DataPlace.of(data_dir, edition)
        found = chosen(place, split, ids)
        bounds = limits(profile, cpu_override, mem_override, gpu_count, time_limit, network)
        image = docker_image_name or current_image(package_set)
        over = overrides(compose_overrides)
        samples = [_sample(each, bounds, image, gpu_driver, over, obfuscated) for each in found]
    where = {"data_dir": str(place.data_dir), "edition": place.edition}
    return Task(
        dataset=MemoryDataset(samples, name=split or "competitions"),
        setup=ready(**where),
        solver=basic_solver(tool_timeout or int(bounds.time_limit), **where),
        scorer=graded(**where),
        epochs=Epochs(seeds, "mean"),
        time_limit=int(bounds.time_limit),
        version=TASK_VERSION,
        metadata={
            "mlebench": VERSION,
            "edition": place.edition,
            "split_key_hash": found[0].edition.key_hash,
            "profile": bounds.name,
            "network": bounds.network,
            "obfuscated": obfuscated,
            "image": image,
        },
    )


@solver
def basic_solver(tool_timeout: int, data_dir: str | None = None, edition: str = "v1") -> Solver:
    """Inspect's own basic agent with bash, Python and the checker."""
    tools = [bash(timeout=tool_timeout), python(timeout=tool_timeout), validate(data_dir, edition)]
    return as_solver(react(prompt=AgentPrompt(submit_prompt=_END), tools=tools))


_END = "When your submission stands and you are done improving it, call the tool `{submit}` with a few words on what it is."


def prompt(competition: Competition, *, obfuscated: bool) -> str:
    """What a sample asks: the instructions with the paths of its container, and the task's text."""
    given = instructions(obfuscated=obfuscated)
    for title, text in _OTHERWISE.items():
        section = re.compile(rf"^{title}\n.+?(?=\n\n)", re.MULTILINE | re.DOTALL)
        given = section.sub(f"{title}\n{text}", given, count=1)
    return f"{given.rstrip()}\n\n{task_text(competition, obfuscated=obfuscated)}"


def _sample(
    competition: Competition, bounds: Profile, image: str, gpu_driver: str, over: dict[str, Any], obfuscated: bool
) -> Sample:
    folder = public_folder(competition, obfuscated=obfuscated)
    check_readable(folder)
    text = task_text(competition, obfuscated=obfuscated)
    name = "competition" if obfuscated else competition.id
    compose = write_compose(folder, text, name, bounds, image, gpu_driver, over)
    return Sample(
        id=competition.id,
        input=prompt(competition, obfuscated=obfuscated),
        sandbox=SandboxEnvironmentSpec("docker", str(compose)),
        metadata={
            "competition_id": competition.id,
            "split": competition.split,
            "modality": competition.modality,
            "metric": competition.metric,
            "edition": competition.edition.name,
            "competition_version": competition.facts.version,
            "data": competition.data_kind,
        },
    )


@contextlib.contextmanager
def _one_sentence() -> Iterator[None]:
    """What a user can fix is said as Inspect says such things: in a sentence, without a traceback."""
    try:
        yield
    except MlebenchError as error:
        raise PrerequisiteError(str(error)) from None
