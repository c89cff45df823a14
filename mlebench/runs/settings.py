"""How a group is run: kept in its `group.yaml`, so that it is resumed where and how it was started."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator

from mlebench._support.yaml_model import validate

ExecutorName = Literal["local", "ray", "slurm"]


class RunSettings(BaseModel):
    """Settings that no result depends on, so that they may change when a group is resumed. Contains no secrets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    executor: ExecutorName = "local"
    address: str | None = None
    """Address of the Ray cluster; None leaves it to Ray, which checks RAY_ADDRESS and this machine."""
    executor_settings: dict[str, Any] = {}
    """For Slurm: `partition`, `account`, `qos`, … as in sbatch."""
    images_from: Path | None = None
    """A folder shared by all nodes: a new group's images are written there once as archives, and each node loads them once."""
    node_data: str | None = None
    """A folder on each node's local disk, to which public data is copied once; variables (`$TMPDIR`) are expanded there."""
    parallel: int | None = Field(default=None, gt=0)
    """Most runs at once; None: as many as the resources allow."""
    retries: int = Field(default=2, ge=0)
    """How often a run is retried after an infrastructure failure."""
    retry_delay: float = Field(default=5.0, ge=0)
    """Seconds before the first retry; each further one waits three times as long."""
    fail_fast: int = Field(default=3, ge=0)
    """Stop a group after this many immediate failures in a row; 0 never stops."""
    keep: bool = False
    """Keep containers and working folders."""

    @field_validator("images_from", "node_data", mode="before")
    @classmethod
    def _none_in_words(cls, value: Any) -> Any:
        """Accept `none`, with which a flag removes a group's value."""
        return None if value == "none" else value

    @field_validator("images_from")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        return None if folder is None else folder.expanduser().absolute()

    @field_serializer("images_from")
    def _as_text(self, folder: Path | None) -> str | None:
        return None if folder is None else str(folder)

    def changed(self, choices: dict[str, Any]) -> Self:
        """A copy with some values replaced; a different executor starts from its own defaults.

        Raises:
            UsageError: an unknown key or a value of the wrong type.
        """
        if not choices:
            return self
        kept = self._written()
        if choices.get("executor", self.executor) != self.executor:
            kept = {key: value for key, value in kept.items() if key not in ("address", "executor_settings", "images_from")}
        return validate({**kept, **choices}, type(self), "the settings of the run")

    def _written(self) -> dict[str, Any]:
        """The explicit values, without defaults."""
        return self.model_dump(exclude_unset=True)
