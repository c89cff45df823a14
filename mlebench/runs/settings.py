"""How a group is run: kept in its `group.yaml`, so that resuming it goes on where and how it was started."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

from mlebench._support.yaml_model import validate

ExecutorName = Literal["local", "ray", "slurm"]


class RunSettings(BaseModel):
    """What no result depends on and may therefore be chosen anew when a group is resumed. Holds no secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    executor: ExecutorName = "local"
    address: str | None = None
    """Of the Ray cluster; None leaves it to Ray, which looks at RAY_ADDRESS and on this machine."""
    executor_settings: dict[str, Any] = {}
    """For Slurm: `partition`, `account`, `qos`, … as sbatch knows them."""
    images_from: Path | None = None
    """A folder that all nodes see: images of a new group are written there as archives, once, and each node loads them once."""
    node_data: str | None = None
    """A folder on each node's own disk, to which public data is copied once; variables (`$TMPDIR`) are filled in there."""
    parallel: int | None = Field(default=None, gt=0)
    """Most runs at once; None: as many as the resources allow."""
    retries: int = Field(default=2, ge=0)
    """How often a run is tried again that the infrastructure ended."""
    retry_delay: float = Field(default=5.0, ge=0)
    """Seconds before the first retry; each further one waits three times as long."""
    fail_fast: int = Field(default=3, ge=0)
    """So many runs in a row that fail at once stop their group; 0 never stops one."""
    keep: bool = False
    """Leave containers and working folders standing."""

    @field_validator("images_from", "node_data", mode="before")
    @classmethod
    def _none_in_words(cls, value: Any) -> Any:
        """`none`, as a flag says that a group no longer has one."""
        return None if value == "none" else value

    @field_validator("images_from")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        return None if folder is None else folder.expanduser().absolute()

    @field_serializer("images_from")
    def _as_text(self, folder: Path | None) -> str | None:
        return None if folder is None else str(folder)

    def changed(self, choices: dict[str, Any]) -> Self:
        """The same with some values replaced; another executor starts from its own defaults.

        Raises:
            UsageError: an unknown key or a value of the wrong kind.
        """
        if not choices:
            return self
        kept = self._written()
        if choices.get("executor", self.executor) != self.executor:
            kept = {key: value for key, value in kept.items() if key not in ("address", "executor_settings", "images_from")}
        return validate({**kept, **choices}, type(self), "the settings of the run")

    def _written(self) -> dict[str, Any]:
        """What was said, defaults left out."""
        return self.model_dump(exclude_unset=True)
