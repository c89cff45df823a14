"""What a Python program says of an experiment, for type checkers: the keyword arguments of `mlebench.run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from mlebench.profiles import Network
from mlebench.registry.facts import EditionName
from mlebench.runs.settings import ExecutorName
from mlebench.sandbox.base import SandboxWord


class Choices(TypedDict, total=False):
    """Parts of an experiment; every one may be left out. `Experiment` checks the values."""

    agents: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]
    """An agent, `NAME` or `NAME/VARIANT`, or the path of its folder; several; or, for arguments or a profile per agent,
    `{"agent": NAME, "arguments": {…}, "profile": …}`. Each agent gets a run group."""
    competitions: str | Sequence[str]
    """Ids of competitions, or a single one."""
    split: str
    """A split, as `list_competitions` takes it; in addition to `competitions`."""
    seeds: int | Sequence[int]
    """Number of seeds, counted from 0, or the seeds themselves; by default one."""
    profile: str | Mapping[str, Any]
    """CPUs, memory, GPUs, time and network of a run, by name, or `{"base": NAME, "time_limit": "2h", …}`."""
    network: Network
    """What a run can reach: `none`, `models` (through the gateway) or `open`."""
    budget: str | Mapping[str, Any]
    """For models, per run: `"usd=5,calls=200"` or `{"usd": 5, "calls": 200}`."""
    allow: str | Sequence[str]
    """Hosts that are open besides the models."""
    models: Path | str | Sequence[Path | str]
    """Files of models besides `containers/models.yaml`."""
    edition: EditionName
    """`v1`, the published data (default), or `v2`, the corrected data."""
    obfuscated: bool
    """Describe the tasks without names that let a model recall the competition."""
    sandbox: SandboxWord
    """`docker` (default), `apptainer`, `bubblewrap`, `plain` (no isolation), or `local` (bubblewrap where it works)."""
    name: str
    """Name of the run group; by default the time and the agent."""
    executor: ExecutorName
    """`local` (default), `ray` or `slurm`."""
    address: str
    """Address of the Ray cluster."""
    executor_settings: Mapping[str, Any]
    """For Slurm: `partition`, `account`, … as sbatch knows them."""
    images_from: Path | str
    """Shared folder through which images reach the nodes."""
    node_data: str
    """Folder on each node's disk to which public data is copied once."""
    parallel: int
    """Most runs at once; by default what the machine can hold."""
    retries: int
    """Retries after failures of the infrastructure; 2 by default."""
    retry_delay: float
    """Seconds before the first retry; each further one waits three times as long."""
    fail_fast: int
    """Stop a group after so many runs in a row that fail right away; 3 by default, 0 never."""
    keep: bool
    """Keep containers and working folders."""
