"""One attempt in a container: watched to its end, stopped at its limits, taken out and cleaned up."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from mlebench._support.quantities import show_size
from mlebench.profiles import Profile
from mlebench.sandbox.base import OUTPUT_FOLDERS, EndState, FailureClass, Outcome, RunRequest
from mlebench.sandbox.checker import Checker
from mlebench.sandbox.docker import network, outputs
from mlebench.sandbox.docker.container import ContainerArchive, HostFolder
from mlebench.sandbox.docker.engine import is_outage, summary
from mlebench.sandbox.docker.images import Image
from mlebench.sandbox.docker.run_log import RunLog
from mlebench.sandbox.docker.watch import Excess, Watch
from mlebench.sandbox.ending import keep_ending
from mlebench.sandbox.snapshots import Snapshots

_SHORTEST_TICK, _LONGEST_TICK = 0.1, 1.0
OUTAGE_PATIENCE = 300.0
"""Seconds for which an engine that does not answer is waited for."""
_NEVER = "0001-01-01"


class _Forced(NamedTuple):
    """Why the harness ends an attempt."""

    by: Literal["deadline", "stop", "detach", "excess", "outage", "lost"]
    excess: Excess | None = None


class Verdict(NamedTuple):
    """How an attempt ended, in the words of an `Outcome`."""

    state: EndState
    reason: str
    failure_class: FailureClass | None
    detail: str


class DockerHandle:
    """A container at work on a run; see `Handle`."""

    def __init__(
        self, client: Any, container: Any, request: RunRequest, folder: HostFolder, log: RunLog, image: Image | None = None
    ) -> None:
        self.label = request.label
        self._client = client
        self._container = container
        self._request = request
        self._folder = folder
        self._log = log
        self._image_digest = image.id if image else container.attrs.get("Image")
        self._asked: Literal["stop", "detach"] | None = None
        self._stop_grace = request.profile.grace
        self._is_stopping = False
        self._had_outage = False
        self._wake = threading.Event()
        self._checker: Checker | None = None
        self._watch = Watch(client, container.id, request.profile, _engine_root(client))
        self._follower: threading.Thread | None = None
        self._output: Any = None
        self.started_at = datetime.now(UTC)

    def begin(self) -> None:
        """Start the created container."""
        from docker.errors import NotFound

        self._open_checker()
        try:
            try:
                self._container.start()
            except NotFound:
                # the network was removed by the end of another run
                network.ensure(self._client)
                self._container.start()
        except BaseException:
            self._close_checker()
            raise
        self._container.reload()
        self._attend()

    def resume(self) -> None:
        """Attend to a container that an earlier harness started."""
        self._open_checker()
        self._attend()

    def wait(self, deadline: datetime) -> Outcome:
        """Wait for the end or the deadline; see `Handle.wait`."""
        forced = self._observe(deadline)
        if forced is not None and forced.by == "detach":
            self._close_checker()
            self._stop_following()
            return Outcome("cancelled", "detached", "the agent works on without a harness", started_at=self.started_at)
        if forced is not None and forced.by in ("deadline", "stop", "excess"):
            self._stop_container(forced)
        return self._conclude(forced)

    def stop(self, grace: float) -> None:
        """Stop the agent; `wait` returns state cancelled. Asked again while it is stopping, the grace period ends."""
        self._stop_grace = grace
        self._asked = self._asked or "stop"
        self._wake.set()
        if self._is_stopping:
            with contextlib.suppress(Exception):
                self._container.kill()

    def detach(self) -> None:
        """Leave the agent at work."""
        self._asked = self._asked or "detach"
        self._wake.set()

    def _attend(self) -> None:
        self.started_at = _time(self._container.attrs["State"].get("StartedAt")) or self.started_at
        self._follow_output()

    def _observe(self, deadline: datetime) -> _Forced | None:
        """Until the container has ended by itself (None) or must be ended."""
        from docker.errors import DockerException, NotFound

        profile = self._request.profile
        snapshots = Snapshots(self._request.run_dir / "snapshots", profile.snapshot_every, self.started_at.timestamp())
        tick, away_since = _SHORTEST_TICK, None
        while True:
            try:
                self._container.reload()
                if self._container.status in ("exited", "dead"):
                    return None
                if (excess := self._watch.look()) is not None:
                    return _Forced("excess", excess)
                if snapshots.due():
                    self._take_snapshot(snapshots)
                away_since = None
            except NotFound:
                return _Forced("lost")
            except (DockerException, OSError) as error:
                if is_outage(error) and away_since is None:
                    away_since = time.monotonic()
                    self._had_outage = True
                    self._log.note(f"the container engine does not answer ({summary(error)}); waiting for it")
                if away_since is not None and time.monotonic() - away_since > OUTAGE_PATIENCE:
                    return _Forced("outage")
            if self._asked is not None:
                return _Forced(self._asked)
            left = (deadline - datetime.now(UTC)).total_seconds()
            if left <= 0:
                return _Forced("deadline")
            self._wake.wait(min(tick, left))
            tick = min(_LONGEST_TICK, tick * 1.3)

    def _stop_container(self, forced: _Forced) -> None:
        from docker.errors import DockerException

        grace = self._stop_grace if forced.by == "stop" else self._request.profile.grace
        self._is_stopping = True
        with contextlib.suppress(DockerException, OSError):
            if forced.by == "excess":
                # it would go on filling the disk
                self._container.kill()
            else:
                self._container.stop(timeout=math.ceil(grace))

    def _conclude(self, forced: _Forced | None) -> Outcome:
        from docker.errors import DockerException

        taken = True
        try:
            self._container.reload()
            self._container.wait(timeout=60)
            self._container.reload()
            if self._follower is not None:
                self._follower.join(timeout=30)
            self._take_out()
        except (DockerException, OSError) as error:
            taken = False
            self._log.note(f"the output could not be taken out: {summary(error)}")
        state = self._container.attrs.get("State", {})
        verdict = judge(forced, state, self._request.profile, self._watch.usage, had_outage=self._had_outage)
        if not taken and verdict.failure_class != "infrastructure":
            verdict = Verdict(
                "failed", "output-lost", "infrastructure", f"{verdict.detail}, but its output could not be taken out; see run.log"
            )
        self._log.note(verdict.detail)
        usage = dict(self._watch.usage) | {"image_digest": self._image_digest}
        if self._checker is not None:
            usage["checker_calls"] = self._checker.calls
        ended_at = _time(state.get("FinishedAt")) or datetime.now(UTC)
        outcome = Outcome(
            verdict.state,
            verdict.reason,
            verdict.detail,
            None if forced is not None and forced.by in ("lost", "outage") else state.get("ExitCode"),
            verdict.failure_class,
            self.started_at,
            max(ended_at, self.started_at),
            usage,
        )
        keep_ending(self._request.run_dir, self._request.attempt, outcome)
        self._clean_up()
        return outcome

    def _take_out(self) -> None:
        source = ContainerArchive(self._client, self._container.id)
        budget = outputs.Budget(bytes=self._request.profile.max_output)
        outputs.take_out(source, self._request.run_dir, OUTPUT_FOLDERS, budget, self._log.note, self._request.secrets)

    def _take_snapshot(self, snapshots: Snapshots) -> None:
        source = ContainerArchive(self._client, self._container.id)
        with tempfile.TemporaryDirectory(dir=self._request.run_dir, prefix=".snapshot-") as folder:
            copy = Path(folder) / "submission.csv"
            path = "/home/submission/submission.csv"
            member = outputs.read_file(source, path, copy, outputs.Budget.submission_bytes)
            if member is not None:
                # so that a file in the middle of being written is recognised
                os.utime(copy, (member.mtime, member.mtime))
            # looks even when there is nothing, to set the time of the next look
            snapshots.take(copy)

    def _open_checker(self) -> None:
        if self._request.validate is not None:
            self._folder.socket.parent.mkdir(parents=True, exist_ok=True)
            largest = _largest_submission(self._request.public_dir)
            self._checker = Checker(self._request.validate, self._folder.socket, largest)

    def _close_checker(self) -> None:
        if self._checker is not None:
            self._checker.close()

    def _follow_output(self) -> None:
        self._follower = threading.Thread(target=self._copy_output, name=f"log of {self.label}", daemon=True)
        self._follower.start()

    def _copy_output(self) -> None:
        from docker.errors import DockerException

        since = None
        while self._asked != "detach":
            asked_at = time.time()
            try:
                self._output = self._container.logs(stream=True, follow=True, since=since)
                self._log.copy(self._output)
                break
            except (DockerException, OSError) as error:
                if not is_outage(error) or self._is_stopping:
                    break
                since = asked_at
                time.sleep(_LONGEST_TICK)
        self._log.finish()

    def _stop_following(self) -> None:
        """From now on the log is another harness's to write."""
        if self._output is not None:
            with contextlib.suppress(Exception):
                self._output.close()
        if self._follower is not None:
            self._follower.join(timeout=10)

    def _clean_up(self) -> None:
        from docker.errors import DockerException

        self._close_checker()
        if self._request.keep:
            self._log.note(
                f"the container is kept as {self._container.name}; remove it with `docker rm -v {self._container.name}`"
            )
            return
        with contextlib.suppress(DockerException, OSError):
            self._container.remove(v=True, force=True)
        network.release(self._client)
        shutil.rmtree(self._folder.path, ignore_errors=True)


def judge(
    forced: _Forced | None, state: dict[str, Any], profile: Profile, usage: dict[str, Any], *, had_outage: bool = False
) -> Verdict:
    """Name an attempt's end.

    Args:
        forced: why the harness ended it, if it did.
        state: the container's state as the engine tells it.
        profile: the limits.
        usage: what was counted.
        had_outage: the engine was away for a while.
    """
    code = state.get("ExitCode")
    at_limit = usage.get("peak_processes", 0) >= profile.pids
    hint = f"; it had reached its limit of {profile.pids} processes" if at_limit else ""
    if forced is not None:
        return _judge_forced(forced, profile, hint)
    if state.get("OOMKilled") and code:
        detail = f"used more than its {show_size(profile.memory)} of memory; `--profile-set memory=SIZE` gives it more"
        return Verdict("failed", "out-of-memory", "agent", detail)
    if state.get("Error"):
        return Verdict("failed", "start-failed", "infrastructure", f"the engine could not run it: {state['Error']}")
    if code == 0:
        return Verdict("finished", "exited", None, "ended by itself with exit code 0")
    if had_outage and code in (137, 143, 255):
        # an engine that comes back ends what it finds running
        return Verdict("failed", "engine-restarted", "infrastructure", "the container engine was restarted under it")
    if code == 137:
        return Verdict("failed", "killed", "agent", f"was killed with SIGKILL{hint}; its run.log may tell why")
    return Verdict("failed", "exit-code", "agent", f"ended by itself with exit code {code}{hint}; its run.log tells why")


def _judge_forced(forced: _Forced, profile: Profile, hint: str) -> Verdict:
    if forced.by == "deadline":
        return Verdict("timed-out", "timed-out", "agent", f"stopped at its time limit of {profile.time_limit:g} s{hint}")
    if forced.by == "stop":
        return Verdict("cancelled", "cancelled", None, "stopped on request")
    if forced.by == "excess" and forced.excess is not None:
        kind: FailureClass = "infrastructure" if forced.excess.reason.startswith("host") else "agent"
        return Verdict("failed", forced.excess.reason, kind, forced.excess.detail)
    if forced.by == "outage":
        detail = "the container engine stopped answering; `mlebench doctor` looks into it"
        return Verdict("failed", "engine-unreachable", "infrastructure", detail)
    return Verdict("failed", "lost", "infrastructure", "its container was removed by someone else")


def _engine_root(client: Any) -> Path | None:
    root = Path(client.info().get("DockerRootDir") or "/nonexistent")
    return root if root.is_dir() else None


def _largest_submission(public_dir: Path) -> int:
    """How large a request the checker takes: several times the sample, so that no huge table is ever parsed."""
    tables = [path for path in public_dir.glob("*.csv") if "sample" in path.name.lower() or "submission" in path.name.lower()]
    return min(512 * 2**20, max(64 * 2**20, 8 * max((path.stat().st_size for path in tables), default=0)))


def _time(text: str | None) -> datetime | None:
    """A time of the engine, which writes nanoseconds; None for "never"."""
    if not text or text.startswith(_NEVER):
        return None
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")
