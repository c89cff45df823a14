"""The container engine: how it is reached, and what its errors mean.

Anything that speaks Docker's API serves; `DOCKER_HOST` names one that is not at the usual place (Podman's socket).
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
"""Label of every container of ours; its value is the run's label."""

_ANSWER_SECONDS = 120
_EVENTS_SECONDS = 20


def connect(seconds: float = _ANSWER_SECONDS) -> DockerClient:
    """A client of the engine.

    Args:
        seconds: how long it may take to answer a question, the first one included.

    Raises:
        EngineUnreachable: nothing answers.
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
    """What a call of the engine raises when the engine refuses it, breaks off or is away; for `except`."""
    from docker.errors import DockerException
    from urllib3.exceptions import HTTPError

    # requests' own errors are OSErrors; a stream that breaks off raises what lies below them, a cut answer is no JSON
    return DockerException, HTTPError, OSError, ValueError


def summary(error: BaseException) -> str:
    """An engine's error in one line, without the layers of transport around it."""
    explanation = getattr(error, "explanation", None)
    text = str(explanation or error)
    inner = re.search(r"(PermissionError|FileNotFoundError|ConnectionRefusedError)\(\d+, '([^']+)'", text)
    return inner[2] if inner else " ".join(text.split())[:300]


def refuses_cores(error: BaseException) -> bool:
    """Whether an error says that the engine does not bind the container to the cores that were asked for."""
    return bool(re.search(r"cpuset|requested cpus are not available", str(error), re.IGNORECASE))


def is_outage(error: BaseException) -> bool:
    """Whether an error says that the engine itself is away, not that it refused something."""
    from requests import exceptions
    from urllib3.exceptions import HTTPError

    if isinstance(error, exceptions.RequestException):
        return isinstance(error, (exceptions.ConnectionError, exceptions.Timeout, exceptions.ChunkedEncodingError))
    return isinstance(error, (HTTPError, OSError))


def is_on_this_machine(client: Any) -> bool:
    """Whether the engine runs here, and not on another or a virtual machine."""
    # reached over a network; a socket may still lead to a virtual machine
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
    """Signals that were sent to a container through the engine, by whomever, in their order.

    What runs inside can send none of them, and makes no other event. An engine remembers a few hundred events of all its
    containers together, so one that was asked late may have forgotten.

    Args:
        client: the engine.
        container_id: the container.
        since: the Unix time before which none matters.
        until: the Unix time after which none matters, not far in the future: the engine would wait for it.
        events_at_once: the engine must be told to tell what it has, and tells nothing of a time that ended in the past.

    Returns:
        Unix times and numbers of signals; 0 where the engine does not tell which one it was.
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
    """Whether the engine can hand GPUs to containers, by runtime or by device specification (CDI)."""
    return (
        "nvidia" in (info.get("Runtimes") or {})
        or bool(shutil.which("nvidia-container-runtime-hook"))
        or bool(info.get("CDISpecDirs"))
    )
