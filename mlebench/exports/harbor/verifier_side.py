"""The verifier's side of a task: an image with this harness, which gets the submission and the competition's data."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlebench._support.hints import quoted
from mlebench._support.paths import content_dir
from mlebench._support.version import VERSION
from mlebench.exports.harbor.agent_side import LABEL, compose_text, parent_here
from mlebench.exports.harbor.choices import Choices
from mlebench.exports.harbor.places import external, mounted, places_of
from mlebench.exports.harbor.verify import DATA_DIR, MODULE

if TYPE_CHECKING:
    from mlebench.registry import Competition

_PARENT = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim-bookworm"
_OWN = "competitions"
_DOCKERFILE = """\
# Grades with the harness that wrote this task, and with the libraries that it grades with
ARG PARENT
FROM ${{PARENT}}
LABEL {label}=verifier
USER root
RUN python3 -m venv /opt/mlebench
COPY requirements.txt /packages/
RUN /opt/mlebench/bin/pip install --no-cache-dir --disable-pip-version-check -r /packages/requirements.txt
{wheel}RUN /opt/mlebench/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps {package}
{own}COPY test.sh /tests/test.sh
ENTRYPOINT []
CMD ["sleep", "infinity"]
"""
_OWN_LINES = f"""\
COPY {_OWN} /{_OWN}
ENV MLEBENCH_COMPETITIONS_PATH=/{_OWN}
"""


def verifier_files(competition: Competition, choices: Choices) -> dict[str, str | Path]:
    """The files of `tests/`: texts, and files to be copied."""
    own = _own_competition(competition)
    files: dict[str, str | Path] = {
        "Dockerfile": _dockerfile(choices.wheel, bool(own)),
        "docker-compose.yaml": compose_text(_compose(competition)),
        "requirements.txt": _requirements(),
        "test.sh": _script(competition, choices),
    }
    if choices.wheel:
        files[choices.wheel.name] = choices.wheel
    return files | own


def _dockerfile(wheel: Path | None, has_own: bool) -> str:
    return _DOCKERFILE.format(
        label=LABEL,
        package=f"/packages/{wheel.name}" if wheel else f"mlebench=={VERSION}",
        wheel=f"COPY {wheel.name} /packages/\n" if wheel else "",
        own=_OWN_LINES if has_own else "",
    )


def _compose(competition: Competition) -> dict[str, object]:
    places = places_of(competition)
    service = {
        "build": {"args": {"PARENT": parent_here(_PARENT)}},
        # grading needs none, and what a submission makes of the grader shall not leave
        "network_mode": "none",
        "volumes": [mounted("data", f"{DATA_DIR}/{places.folder}")],
    }
    return {"services": {"main": service}, "volumes": {"data": external(places.volume)}}


def _script(competition: Competition, choices: Choices) -> str:
    words = ["-m", MODULE, competition.id]
    words += ["--edition", competition.edition.name, "--reward", choices.reward]
    return f"#!/bin/sh\nexec /opt/mlebench/bin/python {' '.join(map(quoted, words))}\n"


def _requirements() -> str:
    """The libraries of this harness in the versions that are installed here, so that scores are the same."""
    names = (re.match(r"[\w.-]+", line) for line in importlib.metadata.requires("mlebench") or () if "extra ==" not in line)
    found = sorted({name[0].lower() for name in names if name})
    return "".join(f"{name}=={importlib.metadata.version(name).partition('+')[0]}\n" for name in found)


def _own_competition(competition: Competition) -> dict[str, str | Path]:
    """The folder of a competition that does not come with the harness."""
    folder = competition.folder
    if folder.parent == content_dir("competitions"):
        return {}
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    return {f"{_OWN}/{folder.name}/{path.relative_to(folder).as_posix()}": path for path in files}
