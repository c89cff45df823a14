"""What an ATIF file of version 1.7 may hold, as a strict model: what harbor 0.26.0 accepts, without fields that are null."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, model_validator

Extra = dict[str, Any]
OF_AN_AGENT = ("model_name", "reasoning_content", "tool_calls", "metrics")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ToolCall(Strict):
    tool_call_id: str = Field(min_length=1)
    function_name: str
    arguments: dict[str, Any]


class Result(Strict):
    source_call_id: str | None = None
    content: str
    extra: Extra | None = None


class Observation(Strict):
    results: list[Result] = Field(min_length=1)


class Metrics(Strict):
    prompt_tokens: NonNegativeInt
    completion_tokens: NonNegativeInt
    cached_tokens: NonNegativeInt
    cost_usd: float | None = None
    extra: Extra | None = None


class Step(Strict):
    step_id: int
    timestamp: str | None = None
    source: Literal["system", "user", "agent"]
    message: str
    model_name: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    observation: Observation | None = None
    metrics: Metrics | None = None
    llm_call_count: NonNegativeInt | None = None
    extra: Extra

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.timestamp is not None:
            assert datetime.fromisoformat(self.timestamp).tzinfo is not None
        if self.source != "agent":
            assert [name for name in OF_AN_AGENT if getattr(self, name) is not None] == []
        if self.llm_call_count == 0:
            assert self.metrics is None and self.reasoning_content is None
        ids = {call.tool_call_id for call in self.tool_calls or ()}
        for result in self.observation.results if self.observation else ():
            assert result.source_call_id is None or result.source_call_id in ids
        return self


class FinalMetrics(Strict):
    total_prompt_tokens: NonNegativeInt
    total_completion_tokens: NonNegativeInt
    total_cached_tokens: NonNegativeInt
    total_cost_usd: float | None = None
    total_steps: NonNegativeInt
    extra: Extra | None = None


class Agent(Strict):
    name: str
    version: str
    model_name: str | None = None
    tool_definitions: list[dict[str, Any]] | None = None
    extra: Extra | None = None


class Trajectory(Strict):
    schema_version: Literal["ATIF-v1.7"]
    session_id: str
    trajectory_id: str
    agent: Agent
    steps: list[Step] = Field(min_length=1)
    notes: str | None = None
    final_metrics: FinalMetrics
    extra: Extra | None = None
    subagent_trajectories: list[Trajectory] | None = None

    @model_validator(mode="after")
    def _is_numbered(self) -> Self:
        assert [step.step_id for step in self.steps] == list(range(1, len(self.steps) + 1))
        assert self.final_metrics.total_steps == len(self.steps)
        inner = [trajectory.trajectory_id for trajectory in self.subagent_trajectories or ()]
        assert len(set(inner)) == len(inner)
        return self

    @property
    def all(self) -> list[Trajectory]:
        """This one and those within it."""
        return [self, *(self.subagent_trajectories or ())]
