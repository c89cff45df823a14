"""One attempt in a container: observed to its end, stopped at its limits, extracted and cleaned up."""

from __future__ import annotations

import contextlib
import math
import shutil
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from mlebench._support.secrets import Mask
from mlebench.errors import MlebenchError
from mlebench.sandbox.base import OUTPUT_FOLDERS, Measured, Outcome, RunRequest
from mlebench.sandbox.checker import Checker, serve_checker
from mlebench.sandbox.docker import network, outputs
from mlebench.sandbox.docker.archive import ContainerArchive
from mlebench.sandbox.docker.container import HostFolder
from mlebench.sandbox.docker.engine import failures, is_outage, signals_sent, summary
from mlebench.sandbox.docker.guard import Guard
from mlebench.sandbox.docker.images import Image
from mlebench.sandbox.docker.outcome import Forced, name_outcome, time_of
from mlebench.sandbox.docker.traits import Traits
from mlebench.sandbox.kept_outcome import keep_outcome
from mlebench.sandbox.run_clock import RunClock, age_of
from mlebench.sandbox.run_gateway import (
    Endpoint,
    RunGateway,
    kept_token,
    name_models_end,
    serve_again,
    with_models_end,
)
from mlebench.sandbox.run_log import RunLog
from mlebench.sandbox.snapshots import LOOK_SECONDS, Snapshots, Version, kept_bytes

_SHORTEST_TICK, _LONGEST_TICK = 0.1, 1.0
_OUTAGE_PATIENCE = 300.0
"""Seconds to wait for an engine that does not answer."""
_RETURN_PATIENCE = 60.0
"""The same after a run is over."""
_ENDED = ("exited", "dead", "stopped")
"""States of a container whose main process has ended; in the last one, Podman has yet to clean up after it."""
_SUBMISSION = "/home/submission/submission.csv"


class DockerHandle:
    """A container in which an agent works on a run; see `Handle`."""

    def __init__(
        self,
        client: Any,
        container: Any,
        request: RunRequest,
        folder: HostFolder,
        log: RunLog,
        traits: Traits,
        image: Image | None = None,
    ) -> None:
        self.label = request.label
        self.cpu_ids = request.cpu_ids
        self._client = client
        self._traits = traits
        self._container = container
        self._request = request
        self._folder = folder
        self._log = log
        self._image_digest = image.id if image else container.attrs.get("Image")
        self._asked: Literal["stop", "detach"] | None = None
        self._stop_grace = request.profile.grace
        self._is_stopping = False
        self._is_observing = True
        self._was_seen_running = False
        self._away_since: float | None = None
        self._had_outage = False
        self._wake = threading.Event()
        self._over = threading.Event()
        self._checker: Checker | None = None
        self._gateway: RunGateway | None = None
        self._was_found_ended = False
        self._guard = Guard(client, container.id, request.profile, _engine_root(client), log.note, traits.holds_no)
        self._follower: threading.Thread | None = None
        self._output: Any = None
        self._read_until: float | None = None
        self.started_at = datetime.now(UTC)
        self._clock = RunClock(self.started_at, 0.0)

    def begin(self, models: Endpoint | None = None) -> None:
        """Start the created container.

        Args:
            models: the agent's endpoint at the model gateway, if it has one.
        """
        try:
            self._checker = serve_checker(self._request, self._folder.open(), self._folder.uploads, self._log.note)
            if models is not None:
                self._gateway = self._serve_models(models.token)
            self._container.start()
        except BaseException:
            self._close_servers()
            raise
        self._container.reload()
        self._attend()

    def resume(self) -> None:
        """Take over a container that an earlier harness started."""
        try:
            self._checker = serve_checker(self._request, self._folder.open(), self._folder.uploads, self._log.note)
        except (OSError, MlebenchError) as error:
            # the agent is already running
            self._log.note(f"the submission checker is no longer available: {error}")
        self._gateway = serve_again(self._request, self._log.note, lambda: self._serve_models(kept_token(self._folder.token)))
        # queried again, as the agent may have ended since the container was found; if the engine is unreachable, `_look` waits
        # for it
        with contextlib.suppress(*failures()):
            self._container.reload()
        self._was_found_ended = self._container.status in _ENDED
        self._attend()

    def _serve_models(self, token: str) -> RunGateway:
        return RunGateway(self._request, self._folder.models, token, self._log.note, self._wake.set)

    def wait(self, deadline: datetime) -> Outcome:
        """Wait for the end or the deadline; see `Handle.wait`."""
        forced = self._observe(deadline)
        self._is_observing = False
        if forced is not None and forced.by == "detach":
            self._close_servers()
            self._stop_following()
            return replace(name_outcome(forced, {}, self._request.profile, {}), started_at=self.started_at)
        if forced is not None and forced.by in ("deadline", "stop", "excess", "restarted", "models"):
            self._stop_container(forced)
        return self._conclude(forced)

    def stop(self, grace: float) -> None:
        """Stop the agent; `wait` returns state cancelled. A second call while it is stopping ends the grace period."""
        self._stop_grace = grace
        self._asked = self._asked or "stop"
        self._wake.set()
        if self._is_stopping:
            # it may have ended already
            with contextlib.suppress(*failures()):
                self._container.kill()

    def detach(self) -> None:
        """Leave the agent running."""
        self._asked = self._asked or "detach"
        self._wake.set()

    def measure(self) -> Measured | None:
        """The guard's latest measurement."""
        return self._guard.latest if self._is_observing else None

    def _attend(self) -> None:
        if not self._container.attrs.get("HostConfig", {}).get("CpusetCpus"):
            # some engines omit what they do not support
            self.cpu_ids = ()
        state = self._container.attrs["State"]
        self.started_at = time_of(state.get("StartedAt")) or self.started_at
        self._clock = RunClock(self.started_at, _age(state.get("Pid"), self._container.id))
        self._follower = threading.Thread(target=self._copy_output, name=f"log of {self.label}", daemon=True)
        self._follower.start()

    def _observe(self, deadline: datetime) -> Forced | None:
        """Observe until the container has ended on its own (None) or must be ended."""
        limit = (deadline - self.started_at).total_seconds()
        snapshots, submission = self._snapshots(), _ContainerSubmission(self)
        tick = _SHORTEST_TICK
        while True:
            is_running = self._look()
            if not isinstance(is_running, bool):
                return is_running
            if is_running:
                if (excess := self._guard.look()) is not None:
                    return Forced("excess", excess)
                if self._gateway is not None and (end := self._gateway.look()) is not None:
                    return Forced("models", models=end)
                if snapshots.due() and self._clock.elapsed < limit:
                    snapshots.take(submission)
            elif self._away_since is None:
                return self._found_ended(limit)
            if self._asked is not None:
                return Forced(self._asked)
            left = limit - self._clock.elapsed
            if left <= 0:
                return Forced("deadline")
            self._wake.wait(min(tick, left))
            self._wake.clear()
            tick = min(_LONGEST_TICK, tick * 1.3)

    def _look(self) -> bool | Forced:
        """Whether the container is running, if the engine answers, or why the attempt must be ended."""
        from docker.errors import NotFound

        try:
            self._container.reload()
        except NotFound:
            return Forced("lost")
        except failures() as error:
            return Forced("outage") if self._is_given_up(error) else False
        self._note_return()
        if self._container.status in _ENDED:
            return False
        self._was_seen_running = True
        # after a restart, an engine still reports when a container ended before
        if time_of(self._container.attrs["State"].get("FinishedAt")) is not None:
            return Forced("restarted")
        return True

    def _found_ended(self, limit: float) -> Forced | None:
        state = self._container.attrs["State"]
        started, ended = time_of(state.get("StartedAt")), time_of(state.get("FinishedAt"))
        if self._was_seen_running or started is None or ended is None or (ended - started).total_seconds() < limit:
            return None
        # an earlier harness stopped it at that time and could no longer record that
        return Forced("deadline")

    def _snapshots(self) -> Snapshots:
        profile = self._request.profile
        folder, most = self._request.run_dir / "snapshots", profile.max_output
        return Snapshots(folder, profile.snapshot_every, self._clock, most, self._log.note, self._request.secrets)

    def _is_given_up(self, error: BaseException) -> bool:
        """Handle a missing answer about the container; returns whether it has been missing for too long."""
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
            if forced.by in ("excess", "restarted"):
                # it would continue to fill the disk, or repeat finished work
                self._container.kill()
            else:
                self._container.stop(timeout=math.ceil(grace))
        except failures() as error:
            # it may just have ended; a container still running is removed by force at the end
            self._log.note(f"the engine did not stop the container: {summary(error)}")

    def _conclude(self, forced: Forced | None) -> Outcome:
        taken = self._take_out()
        state = self._container.attrs.get("State", {})
        signals = self._signals(state) if forced is None else []
        profile, usage = self._request.profile, self._guard.usage
        if forced is not None and forced.models is not None:
            outcome = name_models_end(forced.models, self._request, state.get("ExitCode"), by_itself=False)
        else:
            outcome = name_outcome(forced, state, profile, usage, had_outage=self._had_outage, signals=signals)
        if forced is None:
            outcome = with_models_end(outcome, self._gateway, self._request, was_away=self._was_found_ended)
        if taken is None and outcome.failure_class != "infrastructure":
            detail = f"{outcome.detail}, but its output could not be extracted; see run.log"
            outcome = replace(outcome, state="failed", reason="output-lost", detail=detail, failure_class="infrastructure")
        # an engine may quote what it rejects
        outcome = replace(outcome, detail=Mask(self._request.secrets).apply_to_text(outcome.detail))
        self._log.note(outcome.log_line)
        usage = self._guard.usage | {"image_digest": self._image_digest}
        if taken is not None and taken.left_out.of_submission:
            usage["left_out"] = taken.left_out.of_submission
        if self._checker is not None:
            usage["checker_calls"] = self._checker.calls
        ended_at = max(time_of(state.get("FinishedAt")) or datetime.now(UTC), self.started_at)
        outcome = replace(outcome, started_at=self.started_at, ended_at=ended_at, resources=usage)
        keep_outcome(self._request.run_dir, self._request.attempt, outcome)
        self._clean_up()
        return outcome

    def _signals(self, state: dict[str, Any]) -> list[tuple[float, int]]:
        ended = time_of(state.get("FinishedAt"))
        if ended is None:
            return []
        since, until = self.started_at.timestamp(), ended.timestamp() + 0.01
        return signals_sent(self._client, self._container.id, since, until, events_at_once=self._traits.events_at_once)

    def _take_out(self) -> outputs.Taken | None:
        """Extract the output folders; None if that failed."""
        try:
            self._container.reload()
            self._container.wait(timeout=60)
            self._container.reload()
        except failures() as error:
            self._log.note(f"the engine does not report how the container ended: {summary(error)}")
        if self._follower is not None:
            self._follower.join(timeout=30)
        try:
            return self._take_folders()
        except failures() as error:
            if not is_outage(error):
                self._log.note(f"the output could not be extracted: {summary(error)}")
                return None
            self._log.note(f"extracting the output failed ({summary(error)}) and is retried once")
        try:
            self._await_engine()
            return self._take_folders()
        except failures() as error:
            self._log.note(f"the output could not be extracted: {summary(error)}")
            return None

    def _take_folders(self) -> outputs.Taken:
        request = self._request
        most = max(0, request.profile.max_output - kept_bytes(request.run_dir / "snapshots"))
        budget = outputs.Budget(bytes=most)
        source = ContainerArchive(self._client, self._container.id, budget.seconds)
        return outputs.take_out(source, request.run_dir, OUTPUT_FOLDERS, budget, self._log.note, request.secrets)

    def _await_engine(self) -> None:
        """Wait briefly until the engine knows the container again."""
        end = time.monotonic() + _RETURN_PATIENCE
        while True:
            try:
                self._container.reload()
                return
            except failures():
                if time.monotonic() > end:
                    raise
            self._over.wait(_LONGEST_TICK)

    def _close_servers(self) -> None:
        if self._checker is not None:
            self._checker.close()
        if self._gateway is not None:
            self._gateway.close()

    def _copy_output(self) -> None:
        from docker.errors import NotFound

        while self._asked != "detach" and not self._over.is_set():
            try:
                self._output = self._container.logs(stream=True, follow=True, since=self._read_until)
                self._log.copy(self._timed(self._output))
                self._hang_up()
                break
            except NotFound:
                break
            except failures() as error:
                if self._is_stopping:
                    break
                if not is_outage(error):
                    self._log.note(f"the agent's output is missing here: the engine does not provide it ({summary(error)})")
                    break
                self._over.wait(_LONGEST_TICK)
        self._log.finish()

    def _timed(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The agent's output; remembers the position, so that reading continues there after a broken connection."""
        for block in blocks:
            self._read_until = time.time()
            yield block
            if self._log.is_full:
                # an agent may print forever, and output that is not kept need not be read
                return

    def _hang_up(self) -> None:
        if self._output is not None:
            # the client may find nothing to close in a stream that has ended
            with contextlib.suppress(Exception):
                self._output.close()

    def _stop_following(self) -> None:
        """Stop writing the log, which now belongs to another harness."""
        self._hang_up()
        if self._follower is not None:
            self._follower.join(timeout=10)

    def _clean_up(self) -> None:
        from docker.errors import NotFound

        self._over.set()
        self._close_servers()
        name, command = self._container.name, self._traits.name
        if self._request.keep:
            self._log.note(f"the container is kept as {name}; remove it with `{command} rm -v {name}`")
            return
        try:
            self._container.remove(v=True, force=True)
        except NotFound:
            pass
        except failures() as error:
            self._log.note(f"the container was not removed ({summary(error)}); remove it with `{command} rm -fv {name}`")
        network.release(self._client)
        shutil.rmtree(self._folder.path, ignore_errors=True)


class _ContainerSubmission:
    """The submission in a handle's running container; see `snapshots.Submission`."""

    def __init__(self, handle: DockerHandle) -> None:
        self._handle = handle

    def version(self) -> Version | None:
        """Its version according to the engine."""
        with _as_os_error():
            status = self._source().status(_SUBMISSION)
        if status is None or not stat.S_ISREG(status.mode):
            return None
        return Version(status.size, status.modified)

    @contextmanager
    def blocks(self) -> Iterator[Iterator[bytes]]:
        """Its content, until the run is asked to end."""
        meter = outputs.Meter(outputs.Budget.submission_bytes + 2**20, LOOK_SECONDS, lambda: self._handle._asked is None)
        with _as_os_error(), outputs.open_file(self._source(), _SUBMISSION, meter) as blocks:
            yield blocks

    def _source(self) -> ContainerArchive:
        return ContainerArchive(self._handle._client, self._handle._container.id, LOOK_SECONDS)


@contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except outputs.Exhausted as spent:
        raise TimeoutError(str(spent)) from spent
    except TimeoutError:
        raise
    except failures() as error:
        raise OSError(summary(error)) from error


def _age(pid: int | None, container_id: str) -> float | None:
    """Seconds for which a container's main process has been running; None if it is on another machine."""
    try:
        is_here = bool(pid) and container_id in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return age_of(pid) if pid and is_here else None


def _engine_root(client: Any) -> Path | None:
    root = Path(client.info().get("DockerRootDir") or "/nonexistent")
    return root if root.is_dir() else None
