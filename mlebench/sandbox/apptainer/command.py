"""The command line of one run, by the options that the user guide of Apptainer describes."""

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
"""Who makes the network: Apptainer by `--net`, the kernel around it, or nobody, so that it is the machine's."""
_ISOLATION = (
    "--containall",
    "--cleanenv",
    # what a variable holds is a word, and no expression of a shell
    "--no-eval",
    # what a site shows in every container
    "--no-mount",
    "hostfs,bind-paths",
    "--writable-tmpfs",
)


@dataclass(frozen=True)
class Mounted:
    """Something of the host that is shown in the container."""

    source: Path
    target: str
    is_writable: bool = False

    @property
    def word(self) -> str:
        """The value of `--mount`, which takes paths that `--bind` cannot: fields with a comma are quoted as in CSV."""
        line = io.StringIO()
        fields = ["type=bind", f"src={self.source}", f"dst={self.target}", *([] if self.is_writable else ["ro"])]
        csv.writer(line, lineterminator="").writerow(fields)
        return line.getvalue()


@dataclass(frozen=True)
class Execution:
    """What is to run, and within what."""

    image: Path
    command: Sequence[str]
    network: Network
    home: Path | None = None
    """Becomes `/home`, the user's home in the container; None for an empty one."""
    scratch: Path | None = None
    """Holds `/tmp` and `/var/tmp`; by default they are in memory and small."""
    mounts: Sequence[Mounted] = ()
    has_gpus: bool = False
    limits: Profile | None = None
    """A profile whose limits Apptainer is to set by cgroups."""
    folder: str = "/home"
    """Where the command starts."""

    def before(self) -> list[str]:
        """Words that stand before the program's name."""
        return [sys.executable, "-I", "-S", own_network.__file__] if self.network == "namespace" else []

    def words(self) -> list[str]:
        """Words that follow the program's name. None of them is private: every user of the machine can read them."""
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
    # a program that is installed setuid cannot be that within a namespace
    return ["--userns"] if network == "namespace" else []


def _limit_words(profile: Profile) -> list[str]:
    memory = str(profile.memory)
    return [
        "--memory",
        memory,
        # the same as memory: no swap on top of it
        "--memory-swap",
        memory,
        "--cpus",
        f"{profile.cpus:g}",
        "--pids-limit",
        str(profile.pids),
    ]
