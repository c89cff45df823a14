"""The program: `apptainer`, else `singularity`, and which of the harness's variables it may see.

Both obey variables of their own (`APPTAINER_BIND`, `APPTAINER_NV`, …) as if they were options. A site's modules set such
variables, and one that shows a file system of the host would open the walls; so none is handed on but those that say where to
keep files.
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
    """An Apptainer or a SingularityCE of this machine."""

    path: str
    """Absolute."""
    name: str
    """What it calls itself: `apptainer` or `singularity-ce`."""
    version: str
    prefix: str = field(default="APPTAINER", compare=False)
    """Begins its variables: `APPTAINER` or `SINGULARITY`."""

    def environment(self, agents: Mapping[str, str] | None = None) -> dict[str, str]:
        """The whole environment to start it in.

        Args:
            agents: variables of the agent. The value of each arrives as it is; nobody evaluates it.
        """
        known = (f"{prefix}_{name}" for prefix in ("APPTAINER", "SINGULARITY") for name in _KEPT)
        kept = {name: os.environ[name] for name in (*_OWN, *known) if name in os.environ}
        # HOME is the option's to say, and refused as a variable
        given = {f"{self.prefix}ENV_{name}": value for name, value in (agents or {}).items() if name != "HOME"}
        return {**inherited(), **kept, **given}

    def ask(self, words: Sequence[str], seconds: float = _ANSWER_SECONDS, before: Sequence[str] = ()) -> Answer:
        """Run it and wait for its end.

        Args:
            words: what follows its name.
            seconds: after which it is ended.
            before: words that stand before its name.
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
    """How a call of the program ended."""

    is_well: bool
    output: str
    said: str
    """The end of what it wrote to standard error, in one line that can be shown."""


def is_there() -> bool:
    """Whether one is on the path."""
    return any(map(shutil.which, _NAMES))


def find_program() -> Program:
    """The program that is first on the path.

    Raises:
        UsageError: there is none, or it is too old.
    """
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        raise UsageError(
            "there is no Apptainer here; load it (on clusters often `module load apptainer`), or choose another sandbox with "
            "`--sandbox docker` or `--sandbox bubblewrap`"
        )
    path = str(Path(path).absolute())
    answer = Program(path, "", "").ask(["--version"])
    found = re.match(r"(apptainer|singularity|singularity-ce|singularity-pro) version (\d+)\.(\d+)(\S*)", answer.output.strip())
    if found is None:
        said = printable(answer.output.strip()[:_MOST_SAID]) or answer.said or "nothing"
        raise UsageError(
            f"{path} does not say its version (`{path} --version` said: {said}); load another with `module load apptainer`"
        )
    name, version = found[1], printable(f"{found[2]}.{found[3]}{found[4]}"[:60])
    oldest = _OLDEST.get("singularity-ce" if name == "singularity-pro" else name)
    if oldest is None or (int(found[2]), int(found[3])) < oldest:
        raise UsageError(
            f"{path} is {name} {version}, which lacks options that keep an agent in; load Apptainer 1.1, SingularityCE 3.10 or "
            "newer, for example with `module load apptainer`"
        )
    return Program(path, name, version, "APPTAINER" if name == "apptainer" else "SINGULARITY")


def _last_words(errors: bytes) -> str:
    """The last line that says what failed, else the last words."""
    lines = errors[-16 * _MOST_SAID :].decode(errors="replace").splitlines()
    fatal = [line.partition(":")[2].strip() for line in lines if line.startswith(("FATAL:", "ERROR:"))]
    return printable(fatal[-1] if fatal else " ".join(" ".join(lines).split())[-_MOST_SAID:], _MOST_SAID)
