"""The compose file of a sample: one container that sees public data, and the limits of a profile. Answers are not among it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlebench._support.files import write_text
from mlebench._support.paths import compose_dir
from mlebench.profiles import Profile
from mlebench.sandbox.base import home_variables, thread_variables
from mlebench.sandbox.docker.container import USER, data_mounts

FILE = "compose.yaml"


def write_compose(
    public_dir: Path,
    description: str,
    competition_id: str,
    profile: Profile,
    image: str,
    gpu_driver: str,
    overrides: Mapping[str, Any],
) -> Path:
    """Write the compose file of a competition and the text that it mounts.

    Both stay: Inspect needs them to stop what was left running, and the same settings give the same file.

    Args:
        public_dir: the public data.
        description: the task's text.
        competition_id: as the agent may know it.
        profile: the limits.
        image: the image, which has to be on the engine.
        gpu_driver: what hands out GPUs.
        overrides: laid over the file.

    Returns:
        The file's path.

    Raises:
        OSError: it cannot be written.
    """
    text = _named(description, ".md")
    service = {
        "image": image,
        # it is built here and in no registry
        "x-local": True,
        "entrypoint": ["sleep", "infinity"],
        "command": [],
        "init": True,
        "user": f"{USER}:{USER}",
        "working_dir": "/home",
        "environment": {
            **home_variables("/home"),
            "COMPETITION_ID": competition_id,
            "TIME_LIMIT_SECS": str(int(profile.time_limit)),
            **thread_variables(max(1, int(profile.cpus))),
            # on an engine that hands GPUs to every container
            **({} if profile.gpus else {"NVIDIA_VISIBLE_DEVICES": "void"}),
        },
        "volumes": [_read_only(target, source) for target, source in data_mounts(public_dir, text).items()],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "shm_size": profile.shm,
        # the same as memory: no swap on top of it
        "memswap_limit": profile.memory,
        "ulimits": {"core": 0},
        "logging": {"driver": "json-file", "options": {"max-size": "64m", "max-file": "2"}},
        "stop_grace_period": "1s",
        "deploy": {"resources": _resources(profile, gpu_driver)},
    }
    if profile.network == "none":
        service["network_mode"] = "none"
    content = merged({"services": {"default": _escaped(service)}}, overrides)
    return _named(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), f"/{FILE}")


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings laid over each other, key by key; anything else replaces what it lies over."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def _resources(profile: Profile, gpu_driver: str) -> dict[str, Any]:
    limits = {"cpus": str(profile.cpus), "memory": str(profile.memory), "pids": profile.pids}
    if not profile.gpus:
        return {"limits": limits}
    devices = [{"driver": gpu_driver, "count": profile.gpus, "capabilities": ["gpu"]}]
    return {"limits": limits, "reservations": {"devices": devices}}


def _read_only(target: str, source: Path) -> dict[str, Any]:
    bind = {"create_host_path": False}
    return {"type": "bind", "source": str(source), "target": target, "read_only": True, "bind": bind}


def _escaped(value: Any) -> Any:
    """What compose would take for a variable stays as it is."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _escaped(inner) for key, inner in value.items()}
    return [_escaped(inner) for inner in value] if isinstance(value, list) else value


def _named(text: str, ending: str) -> Path:
    """A file that is named after its content, so that nobody has to replace it while a container uses it."""
    path = compose_dir() / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}{ending}"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return path
