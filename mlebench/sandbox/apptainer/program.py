"""The program, `apptainer` or else `singularity`, and which of the harness's variables it may see.

Both treat certain variables (`APPTAINER_BIND`, `APPTAINER_NV`, …) as options. Modules of a site set such variables, and one that
mounts a host file system would breach the walls; so only those that configure storage locations are passed on.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading.printable import printable
from mlebench.errors import UsageError
from mlebench.sandbox.local.inherited import inherited

_NAMES = ("apptainer", "singularity")
_OLDEST = {"apptainer": (1, 1), "singularity-ce": (3, 10)}
"""Releases that have `--no-eval` and `--no-mount bind-paths`."""
_KEPT = ("CACHEDIR", "TMPDIR", "CONFIGDIR")
_OWN = ("HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR")
_ANSWER_SECONDS = 60.0
_MOST_SAID = 400


@dataclass(frozen=True)
class Program:
    """An Apptainer or SingularityCE installation on this machine."""

    path: str
    """Absolute path."""
    name: str
    """The name it reports: `apptainer` or `singularity-ce`."""
    version: str
    prefix: str = field(default="APPTAINER", compare=False)
    """Prefix of its variables: `APPTAINER` or `SINGULARITY`."""

    def environment(self, agents: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment to start it in.

        Args:
            agents: the agent's variables. Their values arrive literally; nothing evaluates them.
        """
        known = (f"{prefix}_{name}" for prefix in ("APPTAINER", "SINGULARITY") for name in _KEPT)
        kept = {name: os.environ[name] for name in (*_OWN, *known) if name in os.environ}
        # HOME is set by an option and refused as a variable
        given = {f"{self.prefix}ENV_{name}": value for name, value in (agents or {}).items() if name != "HOME"}
        return {**inherited(), **kept, **given}

    def ask(self, words: Sequence[str], seconds: float = _ANSWER_SECONDS, before: Sequence[str] = ()) -> Answer:
        """Run it and wait for its end.

        Args:
            words: the words after its name.
            seconds: time after which it is ended.
            before: the words before its name.
        """
        try:
            ended = subprocess.run(
                [*before, self.path, *words],
                env=self.environment(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Answer(False, "", f"it did not end within {seconds:g} seconds")
        except OSError as error:
            return Answer(False, "", str(error.strerror))
        return Answer(ended.returncode == 0, ended.stdout.decode(errors="replace"), _last_words(ended.stderr))


@dataclass(frozen=True)
class Answer:
    """The result of calling the program."""

    is_well: bool
    output: str
    said: str
    """The end of its standard error, as one printable line."""


def is_there() -> bool:
    """Whether one is on PATH."""
    return any(map(shutil.which, _NAMES))


def find_program() -> Program:
    """The first program on PATH.

    Raises:
        UsageError: there is none, or it is too old.
    """
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        raise UsageError(
            "Apptainer was not found; load it (on clusters often `module load apptainer`), or choose another sandbox with "
            "`--sandbox docker` or `--sandbox bubblewrap`"
        )
    path = str(Path(path).absolute())
    answer = Program(path, "", "").ask(["--version"])
    found = re.match(r"(apptainer|singularity|singularity-ce|singularity-pro) version (\d+)\.(\d+)(\S*)", answer.output.strip())
    if found is None:
        said = printable(answer.output.strip()[:_MOST_SAID]) or answer.said or "nothing"
        raise UsageError(
            f"{path} does not report its version (`{path} --version` printed: {said}); load another with `module load apptainer`"
        )
    name, version = found[1], printable(f"{found[2]}.{found[3]}{found[4]}"[:60])
    oldest = _OLDEST.get("singularity-ce" if name == "singularity-pro" else name)
    if oldest is None or (int(found[2]), int(found[3])) < oldest:
        raise UsageError(
            f"{path} is {name} {version}, which lacks options needed to isolate an agent; load Apptainer 1.1, SingularityCE "
            f"3.10 or "
            "newer, for example with `module load apptainer`"
        )
    return Program(path, name, version, "APPTAINER" if name == "apptainer" else "SINGULARITY")


def _last_words(errors: bytes) -> str:
    """The last line that states an error, or else the last line."""
    lines = errors[-16 * _MOST_SAID :].decode(errors="replace").splitlines()
    fatal = [line.partition(":")[2].strip() for line in lines if line.startswith(("FATAL:", "ERROR:"))]
    return printable(fatal[-1] if fatal else " ".join(" ".join(lines).split())[-_MOST_SAID:], _MOST_SAID)
