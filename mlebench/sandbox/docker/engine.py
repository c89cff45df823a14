"""The container engine: how to reach it, and what its errors mean.

Anything with Docker's API works; `DOCKER_HOST` points to an engine at an unusual place (such as Podman's socket).
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import re
import shutil
from typing import TYPE_CHECKING, Any

from mlebench.errors import EngineUnreachable

if TYPE_CHECKING:
    from docker import DockerClient

LABEL = "mlebench.run"
"""Label of each of our containers; its value is the run's label."""

_ANSWER_SECONDS = 120
_EVENTS_SECONDS = 20


def connect(seconds: float = _ANSWER_SECONDS) -> DockerClient:
    """A client of the engine.

    Args:
        seconds: timeout of each request, including the first one.

    Raises:
        EngineUnreachable: there is no answer.
    """
    import docker

    try:
        # enough connections for a hundred runs at once
        client = docker.from_env(timeout=seconds, max_pool_size=128)
        client.ping()
    except failures() as error:
        where = os.environ.get("DOCKER_HOST", "its usual socket")
        raise EngineUnreachable(
            f"no container engine answers at {where} ({summary(error)}); start Docker or Podman, or use `--sandbox local`"
        ) from None
    return client


def failures() -> tuple[type[Exception], ...]:
    """Exceptions of an engine call that is refused or interrupted, or whose engine is unreachable; for `except`."""
    from docker.errors import DockerException
    from urllib3.exceptions import HTTPError

    # requests' own errors are OSErrors; an interrupted stream raises lower-level ones, a truncated answer is not JSON
    return DockerException, HTTPError, OSError, ValueError


def summary(error: BaseException) -> str:
    """An engine's error in one line, without its transport layers."""
    explanation = getattr(error, "explanation", None)
    text = str(explanation or error)
    inner = re.search(r"(PermissionError|FileNotFoundError|ConnectionRefusedError)\(\d+, '([^']+)'", text)
    return inner[2] if inner else " ".join(text.split())[:300]


def refuses_cores(error: BaseException) -> bool:
    """Whether an error means that the engine does not bind the container to the requested cores."""
    return bool(re.search(r"cpuset|requested cpus are not available", str(error), re.IGNORECASE))


def is_outage(error: BaseException) -> bool:
    """Whether an error means that the engine itself is unreachable, rather than that it refused something."""
    from requests import exceptions
    from urllib3.exceptions import HTTPError

    if isinstance(error, exceptions.RequestException):
        return isinstance(error, (exceptions.ConnectionError, exceptions.Timeout, exceptions.ChunkedEncodingError))
    return isinstance(error, (HTTPError, OSError))


def is_on_this_machine(client: Any) -> bool:
    """Whether the engine runs here, rather than on another or a virtual machine."""
    # not reached over a network; a socket may still lead to a virtual machine
    return bool(client.api.base_url == "http+docker://localhost" and client.info().get("KernelVersion") == platform.release())


def shares_cores(client: Any) -> bool:
    """Whether the engine runs on this machine, with the same cores, and can bind a container to some of them."""
    if not is_on_this_machine(client):
        return False
    info = client.info()
    return bool(info.get("NCPU") == os.sysconf("SC_NPROCESSORS_ONLN") and info.get("CPUSet", True))


def signals_sent(
    client: Any, container_id: str, since: float, until: float, *, events_at_once: bool = False
) -> list[tuple[float, int]]:
    """Signals sent to a container through the engine, by anyone, in order.

    Processes inside can neither send them nor cause other events. An engine keeps a few hundred events of all its containers
    together, so a late query may miss some.

    Args:
        client: the engine.
        container_id: the container.
        since: Unix time of the first relevant event.
        until: Unix time of the last relevant event, not far in the future: the engine would wait for it.
        events_at_once: the engine must be asked not to wait, and reports nothing for a period that ended in the past.

    Returns:
        Unix times and signal numbers; 0 if the engine does not report which one it was.
    """
    filters = json.dumps({"type": ["container"], "container": [container_id]})
    asked = {"since": str(math.floor(since)), "filters": filters}
    asked |= {"stream": "false"} if events_at_once else {"until": f"{until:.9f}"}
    sent = []
    with contextlib.suppress(*failures()):
        answer = client.api.get(f"{client.api.base_url}/v{client.api.api_version}/events", params=asked, timeout=_EVENTS_SECONDS)
        for line in answer.text.splitlines():
            event = json.loads(line)
            at = event.get("timeNano", 0) / 1e9
            if event.get("Action") == "kill" and at <= until:
                number = str(((event.get("Actor") or {}).get("Attributes") or {}).get("signal", ""))
                sent.append((at, int(number) if number.isdigit() else 0))
    return sent


def has_gpu_runtime(info: dict[str, Any]) -> bool:
    """Whether the engine can give GPUs to containers, by runtime or by device specification (CDI)."""
    return (
        "nvidia" in (info.get("Runtimes") or {})
        or bool(shutil.which("nvidia-container-runtime-hook"))
        or bool(info.get("CDISpecDirs"))
    )
