"""The command line of one run, using the options documented in Apptainer's user guide."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlebench.profiles import Profile
from mlebench.sandbox.apptainer import own_network
from mlebench.sandbox.apptainer.program import Program

Network = Literal["option", "namespace", "shared"]
"""What provides the network: Apptainer with `--net`, the kernel around it, or nothing, so that it is the machine's."""
_ISOLATION = (
    "--containall",
    "--cleanenv",
    # the value of a variable is literal text, not a shell expression
    "--no-eval",
    # what a site mounts into every container
    "--no-mount",
    "hostfs,bind-paths",
    "--writable-tmpfs",
)


@dataclass(frozen=True)
class Mounted:
    """A host path mounted into the container."""

    source: Path
    target: str
    is_writable: bool = False

    @property
    def word(self) -> str:
        """The value of `--mount`, which accepts paths that `--bind` cannot: fields with a comma are quoted as in CSV."""
        line = io.StringIO()
        fields = ["type=bind", f"src={self.source}", f"dst={self.target}", *([] if self.is_writable else ["ro"])]
        csv.writer(line, lineterminator="").writerow(fields)
        return line.getvalue()


@dataclass(frozen=True)
class Execution:
    """What to run, and its surroundings."""

    image: Path
    command: Sequence[str]
    network: Network
    home: Path | None = None
    """Mounted as `/home`, the user's home in the container; None for an empty one."""
    scratch: Path | None = None
    """Holds `/tmp` and `/var/tmp`, which by default are small and in memory."""
    mounts: Sequence[Mounted] = ()
    has_gpus: bool = False
    limits: Profile | None = None
    """A profile whose limits Apptainer sets through cgroups."""
    folder: str = "/home"
    """Working directory of the command."""

    def before(self) -> list[str]:
        """Words before the program's name."""
        return [sys.executable, "-I", "-S", own_network.__file__] if self.network == "namespace" else []

    def words(self) -> list[str]:
        """Words after the program's name. None is private: every user of the machine can read them."""
        home = ["--no-home"] if self.home is None else ["--home", f"{self.home}:/home"]
        scratch = [] if self.scratch is None else ["--workdir", str(self.scratch)]
        mounts = [word for mounted in self.mounts for word in ("--mount", mounted.word)]
        return [
            "exec",
            *_ISOLATION,
            *_network_words(self.network),
            *home,
            *scratch,
            "--pwd",
            self.folder,
            *mounts,
            *(["--nv"] if self.has_gpus else []),
            *([] if self.limits is None else _limit_words(self.limits)),
            str(self.image),
            *self.command,
        ]

    def complete(self, program: Program) -> list[str]:
        """The whole command."""
        return [*self.before(), program.path, *self.words()]


def _network_words(network: Network) -> list[str]:
    if network == "option":
        return ["--net", "--network", "none"]
    # a setuid program loses its privileges within a namespace
    return ["--userns"] if network == "namespace" else []


def _limit_words(profile: Profile) -> list[str]:
    memory = str(profile.memory)
    return [
        "--memory",
        memory,
        # equal to memory: no additional swap
        "--memory-swap",
        memory,
        "--cpus",
        f"{profile.cpus:g}",
        "--pids-limit",
        str(profile.pids),
    ]
