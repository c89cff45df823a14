"""One attempt in a container: observed to its end, stopped at its limits, taken out and cleaned up."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from mlebench.errors import MlebenchError
from mlebench.sandbox.base import OUTPUT_FOLDERS, Outcome, RunRequest
from mlebench.sandbox.checker import Checker, serve_checker
from mlebench.sandbox.docker import network, outputs
from mlebench.sandbox.docker.container import ContainerArchive, HostFolder
from mlebench.sandbox.docker.engine import failures, is_outage, summary
from mlebench.sandbox.docker.guard import Guard
from mlebench.sandbox.docker.images import Image
from mlebench.sandbox.docker.outcome import Forced, name_outcome
from mlebench.sandbox.kept_outcome import keep_outcome
from mlebench.sandbox.run_log import RunLog
from mlebench.sandbox.snapshots import Snapshots

_SHORTEST_TICK, _LONGEST_TICK = 0.1, 1.0
_OUTAGE_PATIENCE = 300.0
"""Seconds for which an engine that does not answer is waited for."""
_NEVER = "0001-01-01"


class DockerHandle:
    """A container in which an agent works on a run; see `Handle`."""

    def __init__(
        self, client: Any, container: Any, request: RunRequest, folder: HostFolder, log: RunLog, image: Image | None = None
    ) -> None:
        self.label = request.label
        self.cpu_ids = request.cpu_ids
        self._client = client
        self._container = container
        self._request = request
        self._folder = folder
        self._log = log
        self._image_digest = image.id if image else container.attrs.get("Image")
        self._asked: Literal["stop", "detach"] | None = None
        self._stop_grace = request.profile.grace
        self._is_stopping = False
        self._away_since: float | None = None
        self._had_outage = False
        self._wake = threading.Event()
        self._over = threading.Event()
        self._checker: Checker | None = None
        self._guard = Guard(client, container.id, request.profile, _engine_root(client), log.note)
        self._follower: threading.Thread | None = None
        self._output: Any = None
        self._read_until: float | None = None
        self.started_at = datetime.now(UTC)

    def begin(self) -> None:
        """Start the created container."""
        self._checker = serve_checker(self._request, self._folder.open(), self._folder.uploads)
        try:
            self._container.start()
        except BaseException:
            self._close_checker()
            raise
        self._container.reload()
        self._attend()

    def resume(self) -> None:
        """Attend to a container that an earlier harness started."""
        try:
            self._checker = serve_checker(self._request, self._folder.open(), self._folder.uploads)
        except (OSError, MlebenchError) as error:
            # the agent is running already
            self._log.note(f"there is no submission checker any more: {error}")
        self._attend()

    def wait(self, deadline: datetime) -> Outcome:
        """Wait for the end or the deadline; see `Handle.wait`."""
        forced = self._observe(deadline)
        if forced is not None and forced.by == "detach":
            self._close_checker()
            self._stop_following()
            return replace(name_outcome(forced, {}, self._request.profile, {}), started_at=self.started_at)
        if forced is not None and forced.by in ("deadline", "stop", "excess"):
            self._stop_container(forced)
        return self._conclude(forced)

    def stop(self, grace: float) -> None:
        """Stop the agent; `wait` returns state cancelled. Asked again while it is stopping, the grace period ends."""
        self._stop_grace = grace
        self._asked = self._asked or "stop"
        self._wake.set()
        if self._is_stopping:
            # it may have ended by now
            with contextlib.suppress(*failures()):
                self._container.kill()

    def detach(self) -> None:
        """Leave the agent at work."""
        self._asked = self._asked or "detach"
        self._wake.set()

    def _attend(self) -> None:
        self.started_at = _time(self._container.attrs["State"].get("StartedAt")) or self.started_at
        self._follower = threading.Thread(target=self._copy_output, name=f"log of {self.label}", daemon=True)
        self._follower.start()

    def _observe(self, deadline: datetime) -> Forced | None:
        """Until the container has ended by itself (None) or must be ended."""
        from docker.errors import NotFound

        run_dir, every = self._request.run_dir, self._request.profile.snapshot_every
        started, secrets = self.started_at.timestamp(), self._request.secrets
        snapshots = Snapshots(run_dir / "snapshots", every, started, self._log.note, secrets)
        tick = _SHORTEST_TICK
        while True:
            try:
                self._container.reload()
            except NotFound:
                return Forced("lost")
            except failures() as error:
                if self._is_given_up(error):
                    return Forced("outage")
            else:
                self._note_return()
                if self._container.status in ("exited", "dead"):
                    return None
                if (excess := self._guard.look()) is not None:
                    return Forced("excess", excess)
                if snapshots.due():
                    self._take_snapshot(snapshots)
            if self._asked is not None:
                return Forced(self._asked)
            left = (deadline - datetime.now(UTC)).total_seconds()
            if left <= 0:
                return Forced("deadline")
            self._wake.wait(min(tick, left))
            tick = min(_LONGEST_TICK, tick * 1.3)

    def _is_given_up(self, error: BaseException) -> bool:
        """The engine did not say how the container is; whether that has been so for too long."""
        self._had_outage = self._had_outage or is_outage(error)
        if self._away_since is None:
            self._away_since = time.monotonic()
            self._log.note(f"the container engine does not answer ({summary(error)}); waiting for it")
        return time.monotonic() - self._away_since > _OUTAGE_PATIENCE

    def _note_return(self) -> None:
        if self._away_since is not None:
            self._log.note("the container engine answers again")
            self._away_since = None

    def _stop_container(self, forced: Forced) -> None:
        grace = self._stop_grace if forced.by == "stop" else self._request.profile.grace
        self._is_stopping = True
        try:
            if forced.by == "excess":
                # it would go on filling the disk
                self._container.kill()
            else:
                self._container.stop(timeout=math.ceil(grace))
        except failures() as error:
            # it may just have ended; what still runs is removed by force at the end
            self._log.note(f"the engine did not stop the container: {summary(error)}")

    def _conclude(self, forced: Forced | None) -> Outcome:
        taken = self._take_out()
        state = self._container.attrs.get("State", {})
        outcome = name_outcome(forced, state, self._request.profile, self._guard.usage, had_outage=self._had_outage)
        if taken is None and outcome.failure_class != "infrastructure":
            detail = f"{outcome.detail}, but its output could not be taken out; see run.log"
            outcome = replace(outcome, state="failed", reason="output-lost", detail=detail, failure_class="infrastructure")
        self._log.note(outcome.log_line)
        usage = self._guard.usage | {"image_digest": self._image_digest}
        if taken is not None and taken.left_out.of_submission:
            usage["left_out"] = taken.left_out.of_submission
        if self._checker is not None:
            usage["checker_calls"] = self._checker.calls
        ended_at = max(_time(state.get("FinishedAt")) or datetime.now(UTC), self.started_at)
        outcome = replace(outcome, started_at=self.started_at, ended_at=ended_at, resources=usage)
        keep_outcome(self._request.run_dir, self._request.attempt, outcome)
        self._clean_up()
        return outcome

    def _take_out(self) -> outputs.Taken | None:
        """Bring the output folders out; None where that failed."""
        try:
            self._container.reload()
            self._container.wait(timeout=60)
            self._container.reload()
            if self._follower is not None:
                self._follower.join(timeout=30)
            source = ContainerArchive(self._client, self._container.id)
            budget = outputs.Budget(bytes=self._request.profile.max_output)
            request, note = self._request, self._log.note
            return outputs.take_out(source, request.run_dir, OUTPUT_FOLDERS, budget, note, request.secrets)
        except failures() as error:
            self._log.note(f"the output could not be taken out: {summary(error)}")
            return None

    def _take_snapshot(self, snapshots: Snapshots) -> None:
        source = ContainerArchive(self._client, self._container.id)
        try:
            with tempfile.TemporaryDirectory(dir=self._request.run_dir, prefix=".snapshot-") as folder:
                copy = Path(folder) / "submission.csv"
                path = "/home/submission/submission.csv"
                member = outputs.read_file(source, path, copy, outputs.Budget.submission_bytes)
                if member is not None:
                    # so that a file in the middle of being written is recognised
                    _set_time(copy, member.mtime)
                # looks even when there is nothing, to set the time of the next look
                snapshots.take(copy)
        except failures() as error:
            snapshots.missed(summary(error))

    def _close_checker(self) -> None:
        if self._checker is not None:
            self._checker.close()

    def _copy_output(self) -> None:
        from docker.errors import NotFound

        while self._asked != "detach" and not self._over.is_set():
            try:
                self._output = self._container.logs(stream=True, follow=True, since=self._read_until)
                self._log.copy(self._timed(self._output))
                break
            except NotFound:
                break
            except failures() as error:
                if self._is_stopping:
                    break
                if not is_outage(error):
                    self._log.note(f"what the agent prints is missing here: the engine does not hand it out ({summary(error)})")
                    break
                self._over.wait(_LONGEST_TICK)
        self._log.finish()

    def _timed(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The agent's output; notes how far it was read, so that a connection that breaks goes on there."""
        for block in blocks:
            self._read_until = time.time()
            yield block

    def _stop_following(self) -> None:
        """From now on the log is another harness's to write."""
        if self._output is not None:
            with contextlib.suppress(Exception):
                self._output.close()
        if self._follower is not None:
            self._follower.join(timeout=10)

    def _clean_up(self) -> None:
        from docker.errors import NotFound

        self._over.set()
        self._close_checker()
        name = self._container.name
        if self._request.keep:
            self._log.note(f"the container is kept as {name}; remove it with `docker rm -v {name}`")
            return
        try:
            self._container.remove(v=True, force=True)
        except NotFound:
            pass
        except failures() as error:
            self._log.note(f"the container was not removed ({summary(error)}); remove it with `docker rm -fv {name}`")
        network.release(self._client)
        shutil.rmtree(self._folder.path, ignore_errors=True)


def _set_time(path: Path, seconds: float) -> None:
    # the agent may have set a time that this file system cannot hold
    with contextlib.suppress(OSError, OverflowError, ValueError):
        os.utime(path, (seconds, seconds))


def _engine_root(client: Any) -> Path | None:
    root = Path(client.info().get("DockerRootDir") or "/nonexistent")
    return root if root.is_dir() else None


def _time(text: str | None) -> datetime | None:
    """A time of the engine, which writes nanoseconds; None for "never"."""
    if not text or text.startswith(_NEVER):
        return None
    whole, _, fraction = text.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")
