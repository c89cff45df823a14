"""Where the data of a task comes from: volumes of the engine that stand for folders of a data directory, without a copy.

Harbor's rules refuse folders of the machine in a task, and the engine takes no variable in the place of a folder that is the same
for everybody; so a task names volumes, and a script beside the tasks makes them for the data directory of this machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from mlebench.registry import Competition

DATA, ORACLE = "/home/data", "/oracle"
"""Where the agent finds the data, and the oracle, besides, what belongs to the verifier."""


class Places(NamedTuple):
    """The two volumes of a task, and the folders that they stand for, below the data directory."""

    volume: str
    """All of the competition's data; only for the verifier, and the oracle."""
    folder: str
    public_volume: str
    """What the agent sees."""
    public_folder: str


def places_of(competition: Competition) -> Places:
    """The places of a competition in its edition; data from another key, or made up, has a volume of its own."""
    marks = [competition.id, competition.edition.name, competition.instance_hash or competition.edition.key_hash]
    if competition.data_kind == "mock":
        marks.append("mock")
    volume = "-".join(["mlebench", *filter(None, marks)])
    public = competition.public_dir.relative_to(competition.data_dir)
    return Places(volume, competition.root.name, f"{volume}-public", public.as_posix())


def external(volume: str) -> dict[str, Any]:
    """A volume of a compose file that is there before the task, and stays when it ends."""
    return {"external": True, "name": volume}


def mounted(source: str, target: str) -> dict[str, Any]:
    """A volume in a service of a compose file; read-only, and nothing of the image goes into it."""
    return {"type": "volume", "source": source, "target": target, "read_only": True, "volume": {"nocopy": True}}
