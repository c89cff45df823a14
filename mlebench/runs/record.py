"""The record of one run, `run.json`: a small state machine, written with atomic renames.

    pending ──► running ──► finished | failed | timed-out | cancelled
       ▲                                   │                   │
       └────────────────── another attempt ────────────────────┘

Every end has a failure class: none, `agent` (caused by the agent, a result like any other) or `infrastructure` (caused by the
harness or its machines: retried and reported separately).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SkipValidation, TypeAdapter, ValidationError

from grading.printable import printable
from grading.report import CompetitionReport
from mlebench._support.files import move_aside, parse_own_json, write_json
from mlebench._support.plain_files import read_plain
from mlebench._support.yaml_model import describe
from mlebench.errors import WorkFailed
from mlebench.runs.claims import harmless
from mlebench.runs.usage import read_usage
from mlebench.sandbox.base import FailureClass, Outcome

State = Literal["pending", "running", "finished", "failed", "timed-out", "cancelled"]
ENDED: frozenset[State] = frozenset({"finished", "failed", "timed-out", "cancelled"})
_ALLOWED: dict[State, frozenset[State]] = {
    "pending": frozenset({"running", "cancelled"}),
    "running": ENDED,
    "finished": frozenset(),
    "failed": frozenset({"pending"}),
    "timed-out": frozenset({"pending"}),
    "cancelled": frozenset({"pending"}),
}
RECORD_DAMAGED = "record-damaged"
"""Reason for a run whose `run.json` cannot be read."""
_FIRST_YEAR, _LAST_YEAR = 2000, 9000
_LARGEST_FILE = 64 * 2**20
_LONGEST_DETAIL = 4000
_OF_ATTEMPT = (
    *("attempt", "state", "reason", "detail", "exit_code", "failure_class", "started_at", "ended_at", "usage", "ledgers"),
    *("node", "place"),
)
"""What is kept of an attempt that is followed by another; model calls cost money in each."""
_NEXT_ATTEMPT = ("reason", "detail", "exit_code", "failure_class", "started_at", "ended_at", "report", "submission_sha256")


Amount = Annotated[float, Field(ge=0, lt=1e12)]
Count = Annotated[int, Field(ge=0, lt=1e6)]


def _with_numbers(resources: dict[str, Any]) -> dict[str, Any]:
    """Require numbers for what is added up and compared later; keys of other harnesses may hold anything."""
    for key in ("peak_memory_bytes", "cpu_seconds"):
        value = resources.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ValueError(f"`{key}` is not a number")
    return resources


def _with_heads(ledgers: dict[str, Any]) -> dict[str, Any]:
    for name, end in ledgers.items():
        if not isinstance(end, Mapping) or type(end.get("lines")) is not int or not isinstance(end.get("head"), str | None):
            raise ValueError(f"`{printable(str(name))}` lacks `lines` and `head`")
    return ledgers


@dataclass
class RunRecord:
    """Everything known about one run; times are ISO texts in UTC."""

    run_id: str
    group: str
    competition_id: str
    seed: int
    agent: str
    edition: str
    state: State = "pending"
    attempt: Count = 0
    """How often it was started; 0 before the first start."""
    reason: str | None = None
    """One word, see `Outcome.reason`; after grading also no-submission, invalid-submission and grader-error."""
    detail: str | None = None
    """One sentence."""
    exit_code: int | None = None
    failure_class: FailureClass | None = None
    plan_sha256: str | None = None
    """`Plan.sha256` of the group's plan when the group was created; None in older records."""
    created_at: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    wall_seconds: Amount | None = None
    node: str | None = None
    """Name of the machine it ran on; under Slurm, Slurm's name for the node."""
    place: str | None = None
    """The executor's name for that place: a Ray node id or a Slurm job id; None on this machine."""
    gpu_ids: list[str] = field(default_factory=list)
    cpu_ids: list[Count] = field(default_factory=list)
    """Cores that it was bound to, by the kernel's numbers; empty if it was not bound."""
    gpu_hours: Amount = 0.0
    """Total over all attempts."""
    resources: Annotated[dict[str, Any], AfterValidator(_with_numbers)] = field(default_factory=dict)
    """What the sandbox measured: `cpu_seconds`, `peak_memory_bytes`, `image_digest`, …"""
    usage: dict[str, Any] = field(default_factory=dict)
    """What the model gateway measured, see `mlebench.runs.usage`; empty if the run had no gateway."""
    reported_usage: dict[str, Any] = field(default_factory=dict)
    """What the agent claims in `logs/usage.json`: `input_tokens`, `output_tokens`, `cost_usd`, …"""
    ledgers: Annotated[dict[str, Any], AfterValidator(_with_heads)] = field(default_factory=dict)
    """The ends of the run's ledgers by name: `lines` and `head`, the hash of the last line."""
    checker_calls: list[dict[str, Any]] = field(default_factory=list)
    """Every verdict of the submission checker: `at`, `valid` and, from newer harnesses, `sha256` of the file."""
    refused_checks: Count = 0
    """Number of checker calls answered without a verdict."""
    submission_sha256: str | None = None
    report: Annotated[dict[str, Any] | None, SkipValidation] = None
    """The grading report; None until graded, and after infrastructure failures. May be damaged: read it through `graded`."""
    attempts: list[dict[str, Any]] = field(default_factory=list)
    """How earlier attempts ended; their output is in `attempts/<n>/`."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left to do unless another attempt is requested."""
        return self.state in ENDED

    @property
    def graded(self) -> CompetitionReport | None:
        """The parsed grading report; None if there is none or `report` is damaged."""
        try:
            return None if self.report is None else CompetitionReport.from_dict(self.report)
        except ValueError:
            return None

    @property
    def has_valid_submission(self) -> bool:
        """Whether a submission was graded as valid."""
        return (graded := self.graded) is not None and graded.valid_submission

    def move(self, state: State) -> None:
        """Change the state.

        Raises:
            ValueError: the transition is not allowed.
        """
        if state not in _ALLOWED[self.state]:
            raise ValueError(f"run {self.run_id} cannot go from {self.state} to {state}")
        self.state = state

    def begin(self, node: str, gpu_ids: list[str], place: str | None = None) -> None:
        """Record that a new attempt is about to start on `node`; `started_at` is null until it has."""
        self.move("running")
        self.attempt += 1
        self.started_at = None
        self.node = node
        self.place = place
        self.gpu_ids = gpu_ids
        self.cpu_ids = []

    def end(self, outcome: Outcome) -> None:
        """Record the outcome of the attempt."""
        self.move(outcome.state)
        self.reason = outcome.reason
        self.detail = outcome.detail
        self.exit_code = outcome.exit_code
        self.failure_class = outcome.failure_class
        if outcome.started_at is not None:
            self.started_at = outcome.started_at.isoformat()
        self.ended_at = (outcome.ended_at or datetime.now(UTC)).isoformat()
        self.wall_seconds = round(seconds_between(self.started_at, self.ended_at), 3)
        self.gpu_hours = round(self.gpu_hours + len(self.gpu_ids) * self.wall_seconds / 3600, 6)
        # the calls themselves are in the run's folder
        self.resources = {key: value for key, value in outcome.resources.items() if key != "checker_calls"}

    def again(self) -> None:
        """Reset to pending; the last attempt is kept in `attempts`."""
        was = asdict(self)
        self.attempts.append({key: was[key] for key in _OF_ATTEMPT})
        self.move("pending")
        for key in _NEXT_ATTEMPT:
            setattr(self, key, None)
        self.wall_seconds = None
        self.checker_calls = []
        self.refused_checks = 0
        self.resources = {}
        self.usage = {}
        self.reported_usage = {}
        self.ledgers = {}

    def write(self, run_dir: Path) -> None:
        """Write `run.json`; the agent's own claims are left out if they prevent writing."""
        content = asdict(self)
        run_dir.mkdir(parents=True, exist_ok=True)
        move_aside(run_dir / "run.json")
        try:
            write_json(run_dir / "run.json", content)
        except (ValueError, TypeError, OverflowError, RecursionError):
            said: dict[str, Any] = {
                "reported_usage": {},
                "checker_calls": [],
                "detail": printable(self.detail or "", _LONGEST_DETAIL) or None,
            }
            write_json(run_dir / "run.json", content | said)

    @classmethod
    def read(cls, run_dir: Path) -> RunRecord:
        """Read `run.json`; keys of a newer harness are ignored.

        Raises:
            WorkFailed: it is missing or damaged.
        """
        path = run_dir / "run.json"
        try:
            content = parse_own_json(read_plain(path, _LARGEST_FILE))
            if not isinstance(content, Mapping) or content.get("state") not in _ALLOWED:
                raise ValueError("it is not a run record")
            record = _adapter().validate_python(_with_claims_apart(content))
            measured = read_usage(record.usage)
            record.usage = {} if measured is None else measured.to_dict()
            record.reported_usage = harmless(record.reported_usage)
            for time in (record.created_at, record.started_at, record.ended_at):
                checked_time(time or now())
            return record
        except ValidationError as error:
            raise WorkFailed(f"cannot read {path}: {describe(error)}") from None
        except (OSError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise WorkFailed(f"cannot read {path}: {error}") from None


@functools.cache
def _adapter() -> TypeAdapter[RunRecord]:
    return TypeAdapter(RunRecord)


def _with_claims_apart(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Convert records from before the gateway, which hold the agent's claims under `usage`."""
    if "reported_usage" in content:
        return content
    return {**content, "usage": {}, "reported_usage": content.get("usage", {})}


def checked_time(text: str) -> str:
    """The text of a time, if this harness can have written it.

    Raises:
        ValueError: it is not an ISO time with a zone, or in an implausible year.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        raise ValueError(f"{printable(text)} is not a valid time of a run")
    return text


def known_time(text: Any) -> datetime | None:
    """The time in an untrusted text; None if it is not an ISO time with a zone."""
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo is not None else None


def now() -> str:
    """The current time as ISO text in UTC."""
    return datetime.now(UTC).isoformat()


def seconds_between(start: str | None, end: str | None) -> float:
    """Seconds from one ISO time to another; 0 if either is unknown."""
    if start is None or end is None:
        return 0.0
    return max(0.0, (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
