"""One attempt as local processes: waited for, stopped at its time limit, cleaned up."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from grading.printable import printable
from mlebench._support.quantities import show_size
from mlebench.sandbox.base import Measured, Outcome, RunRequest, exited
from mlebench.sandbox.checker import Checker
from mlebench.sandbox.kept_outcome import keep_outcome, kept_outcome
from mlebench.sandbox.local import processes
from mlebench.sandbox.local.data import LaidData
from mlebench.sandbox.local.ending import Ending, boot_id, keep_asked, read_asked, read_ending, read_watched
from mlebench.sandbox.local.outputs import reclaim, settle
from mlebench.sandbox.local.places import Places
from mlebench.sandbox.run_clock import RunClock, age_of
from mlebench.sandbox.run_gateway import ModelsEnd, RunGateway, name_models_end, with_models_end
from mlebench.sandbox.run_log import RunLog
from mlebench.sandbox.snapshots import PlainSubmission, Snapshots, kept_bytes

_logger = logging.getLogger("mlebench")
_Ended = Literal["stop", "deadline"] | ModelsEnd
"""Why the harness ends an attempt."""
_ENDED: tuple[_Ended, ...] = ("stop", "deadline", *get_args(ModelsEnd))
_Forced = _Ended | Literal["detach"]
"""The same, or detaching from it."""
_LOOK_SECONDS = 30.0
_GATEWAY_SECONDS = 1.0
"""Seconds between checks of the model gateway."""
_REPEAT_SECONDS = 0.2
_END_SECONDS, _LEAVE_SECONDS = 10.0, 15.0
_LATE_SECONDS = 2.0
"""Seconds within which the end of a whole place, such as a queue's job, ends both its agents and this process."""
_TERMINATED = 128 + signal.SIGTERM
_SHUTDOWN_CODES = (128 + signal.SIGTERM, 128 + signal.SIGKILL)


class LocalHandle:
    """One attempt; `process` and `data` are known only to the harness that started it."""

    def __init__(
        self,
        request: RunRequest,
        log: RunLog,
        places: Places,
        pid: int | None,
        started_at: datetime,
        checker: Checker | None = None,
        gateway: RunGateway | None = None,
        process: subprocess.Popen[bytes] | None = None,
        data: LaidData | None = None,
    ) -> None:
        self.label = request.label
        self.cpu_ids = request.cpu_ids
        self.started_at = started_at
        self._request = request
        self._log = log
        self._places = places
        self._process = process
        self._data = data
        self._exit = processes.Exit(pid) if pid is not None else None
        self._family = processes.Family(pid, places.mark, has_own_processes=places.is_private) if pid is not None else None
        self._clock = RunClock(started_at, 0.0 if process is not None else age_of(pid) if pid is not None else None)
        self._asked: Literal["stop", "detach"] | None = None
        self._stop_grace = request.profile.grace
        self._checker = checker
        self._gateway = gateway
        self._lock = threading.Lock()
        self._served_since = None if process is not None else datetime.now(UTC)
        """Since when this harness has served an agent that it did not start."""

    def wait(self, deadline: datetime) -> Outcome:
        """Wait for the end or the deadline; see `Handle.wait`."""
        if self._family is None:
            return self._conclude(None)
        forced = self._observe((deadline - self.started_at).total_seconds()) or self._late_request()
        if forced == "detach":
            self._close()
            return Outcome("cancelled", "detached", "the agent keeps running without a harness", started_at=self.started_at)
        if forced is not None:
            self._let_finish(forced, self._stop_grace if forced == "stop" else self._request.profile.grace)
        self._end(self._family)
        return self._conclude(forced)

    def stop(self, grace: float) -> None:
        """Stop the agent; `wait` returns state cancelled."""
        self._stop_grace = grace
        self._ask("stop")

    def detach(self) -> None:
        """Leave the agent running."""
        self._ask("detach")

    def measure(self) -> Measured | None:
        """Its processes' usage and, if the keeper counts it, the usage of disk."""
        measured = None if self._family is None else self._family.measure()
        watched = read_watched(self._places.state, self._places.mark) if self._places.is_private else None
        if measured is None or watched is None:
            return measured
        return replace(measured, disk_bytes=watched.disk_bytes)

    def _ask(self, what: Literal["stop", "detach"]) -> None:
        with self._lock:
            self._asked = self._asked or what
            if self._exit is not None:
                self._exit.wake()

    def _observe(self, limit: float) -> _Forced | None:
        """Observe until the agent has ended on its own (None) or must be ended, at most `limit` seconds after its start."""
        assert self._exit is not None
        run_dir, every = self._request.run_dir, self._request.profile.snapshot_every
        outputs, most = self._places.outputs, self._request.profile.max_output
        snapshots = Snapshots(run_dir / "snapshots", every, self._clock, most, self._log.note, self._request.secrets)
        pause = min(_LOOK_SECONDS if self._gateway is None else _GATEWAY_SECONDS, every or _LOOK_SECONDS)
        while True:
            left = limit - self._clock.elapsed
            if self._exit.wait(max(0.0, min(pause, left))):
                return None
            if self._asked:
                return self._asked
            if self._clock.elapsed >= limit:
                return "deadline"
            if self._gateway is not None and (end := self._gateway.look()) is not None:
                return end
            if snapshots.due():
                snapshots.take(PlainSubmission(outputs / "submission" / "submission.csv", outputs))

    def _late_request(self) -> Literal["stop", "detach"] | None:
        """A request to this harness that arrives just after its agent was ended by a signal from elsewhere."""
        ending = read_ending(self._places.state, self._places.mark)
        if ending is None or ending.code != _TERMINATED or self._ended_by_another(ending) is not None:
            return None
        end = time.monotonic() + _LATE_SECONDS
        while self._asked is None and time.monotonic() < end:
            time.sleep(_REPEAT_SECONDS)
        return self._asked

    def _ended_by_another(self, ending: Ending | None) -> _Ended | None:
        """Why another harness ended the agent, as recorded; None if none did."""
        asked = read_asked(self._places.state, self._places.mark)
        if asked is None or ending is None or not asked.since <= ending.ended_at <= asked.until:
            return None
        return next((why for why in _ENDED if why == asked.why), None)

    def _let_finish(self, why: _Ended, grace: float) -> None:
        """Ask every process to exit, including those started meanwhile, and wait for them at most `grace` seconds."""
        assert self._exit is not None and self._family is not None
        # the agent is ended even without it
        with contextlib.suppress(OSError):
            keep_asked(self._places.state, self._places.mark, why, grace)
        end = time.monotonic() + grace
        is_over = False
        while not is_over and (left := end - time.monotonic()) > 0:
            self._family.terminate()
            is_over = self._exit.wait(min(left, _REPEAT_SECONDS))

    def _end(self, family: processes.Family) -> None:
        """End every process of the attempt; the log reports any that remain."""
        assert self._exit is not None
        left = family.end(_END_SECONDS)
        if not self._exit.wait(_LEAVE_SECONDS):
            family.end_heads()
            self._exit.wait(_LEAVE_SECONDS)
            left = family.end(_END_SECONDS)
        if left:
            self._log.note(f"{left} of the agent's processes could not be ended")

    def _conclude(self, forced: _Forced | None) -> Outcome:
        request, run_dir = self._request, self._request.run_dir
        usage = self._collect_process() | self._places.image()
        ending = read_ending(self._places.state, self._places.mark)
        by_another = self._ended_by_another(ending) if forced is None else None
        is_by_itself = forced is None and by_another is None
        outcome = self._name(forced, by_another, ending)
        watched = read_watched(self._places.state, self._places.mark)
        # read last, as an earlier read may have been incomplete
        is_cleared = read_ending(self._places.state, self._places.mark) is None
        if is_cleared and forced is None and (kept := kept_outcome(run_dir, request.attempt)) is not None:
            # a node that was believed dead recorded the end before us
            self._close()
            return kept
        if is_by_itself and watched is not None and watched.reason is not None and outcome.exit_code != 0:
            outcome = _name_excess(watched.reason, watched.used, request, outcome.exit_code)
        elif is_by_itself:
            outcome = with_models_end(outcome, self._gateway, request, was_away=self._was_away(ending))
        ended_at = self.started_at + timedelta(seconds=self._clock.elapsed)
        if ending is not None:
            usage |= ending.usage | usage
        for key, value in {} if watched is None else watched.usage.items():
            usage[key] = max(value, usage.get(key, 0))
        if ending is not None:
            ended_at = ended_at if self._family is not None else max(ending.ended_at, self.started_at)
        reclaim(run_dir, self._log.note)
        try:
            self._places.bring_outputs()
        except OSError as error:
            self._log.note(f"some of the agent's output could not be collected ({error.strerror})")
        if self._data is not None and self._data.was_changed():
            text = f"the prepared data of {request.competition_id} was changed during this run"
            advice = f"`mlebench prepare -c {request.competition_id} --force` prepares it again"
            self._log.note(f"{text}; {advice}")
            _logger.warning("%s (%s); %s", text, request.public_dir, advice)
        self._log.audit()
        left = max(0, request.profile.max_output - kept_bytes(run_dir / "snapshots"))
        left_out = settle(run_dir, left, self._log.note, request.secrets)
        if left_out.of_submission:
            usage["left_out"] = left_out.of_submission
        self._log.note(outcome.log_line)
        outcome = replace(outcome, started_at=self.started_at, ended_at=ended_at, resources=usage)
        keep_outcome(run_dir, request.attempt, outcome)
        self._places.clear(keep=request.keep)
        self._close()
        self._places.remove_sockets()
        return outcome

    def _name(self, forced: _Forced | None, by_another: _Ended | None, ending: Ending | None) -> Outcome:
        """The outcome, depending on what ended the agent: this harness, another one or neither."""
        code = self._exit_code(forced, ending)
        if by_another == "stop":
            # a cancellation is recorded as such; a place that is taken away also stops its runs
            return _lost_place("was being stopped when its harness ended, too", code)
        if forced is not None or by_another is not None:
            return _name_outcome(forced or by_another, code, self._request)
        if code in _SHUTDOWN_CODES and self._family is None and ending is not None and ending.boot != boot_id():
            # if an agent exits with such a code on its own, the machine stays up
            return Outcome("failed", "terminated", "was ended by the shutdown of the machine", code, "infrastructure")
        if code == _TERMINATED and self._was_away(ending):
            return _lost_place("was ended by SIGTERM while no harness was waiting for it", code)
        if (why := self._places.why_not_started()) is not None:
            return Outcome(
                "failed", "start-failed", f"the network could not be set up: {printable(why, 300)}", code, "infrastructure"
            )
        return _name_outcome(None, code, self._request)

    def _was_away(self, ending: Ending | None) -> bool:
        """Whether the agent ended before this harness returned; its keeper may have outlived it."""
        if self._family is None:
            return True
        return self._served_since is not None and ending is not None and ending.left_at < self._served_since

    def _exit_code(self, forced: str | None, ending: Ending | None) -> int | None:
        """The agent's exit code; None if no process observed its end and no code is recorded."""
        own = self._process.returncode if self._process is not None else None
        if own is not None and own >= 0:
            return own
        if ending is not None:
            return ending.code
        # the keeper ended while we watched: the agent killed it and removed the leader's record
        return 128 + signal.SIGKILL if self._family is not None and forced is None else None

    def _collect_process(self) -> dict[str, Any]:
        """CPU seconds of the attempt, from the kernel's counts for its parent."""
        if self._process is None:
            return {}
        with contextlib.suppress(ChildProcessError):
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if pid == 0:
                return {}
            # otherwise Popen would wait for a child that has already been reaped
            self._process.returncode = os.waitstatus_to_exitcode(status)
            return {"cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3)}
        return {}

    def _close(self) -> None:
        with self._lock:
            if self._exit is not None:
                self._exit.close()
                self._exit = None
        if self._checker is not None:
            self._checker.close()
            self._checker = None
        if self._gateway is not None:
            self._gateway.close()
            self._gateway = None


def _name_excess(reason: str, used: int, request: RunRequest, code: int | None) -> Outcome:
    """The outcome of an attempt that exceeded a limit, worded as for a container."""
    profile = request.profile
    if reason == "out-of-memory":
        detail = f"used more than its {show_size(profile.memory)} of memory; raise it with `--profile-set memory=SIZE`"
    elif reason == "process-limit":
        detail = f"had {used:,} processes and threads, more than its {profile.pids:,}; raise it with `--profile-set pids=NUMBER`"
    elif reason == "disk-full":
        detail = f"wrote {show_size(used)}, more than its {show_size(profile.disk)} of disk"
    elif reason == "disk-unmeasured":
        detail = "nested folders so deeply that what it wrote could not be counted, so its limit on disk could not be enforced"
    else:
        detail = f"the disk is full, and it had written {show_size(used)} of it"
        return Outcome("failed", reason, detail, code, "infrastructure")
    return Outcome("failed", reason, detail, code, "agent")


def _lost_place(detail: str, code: int | None) -> Outcome:
    return Outcome("failed", "place-lost", detail, code, "infrastructure")


def _name_outcome(forced: _Forced | None, code: int | None, request: RunRequest) -> Outcome:
    """The outcome of an attempt, without times and usage.

    Args:
        forced: why the harness ended it, if it did.
        code: the agent's exit code, if known.
        request: the run.
    """
    if forced == "deadline":
        limit = request.profile.time_limit
        return Outcome("timed-out", "timed-out", f"stopped at its time limit of {limit:g} s", code, "agent")
    if forced == "budget-exhausted" or forced == "model-unavailable":
        return name_models_end(forced, request, code, by_itself=False)
    if forced == "stop":
        return Outcome("cancelled", "cancelled", "stopped on request", code)
    if code is None:
        detail = "its processes vanished (killed from outside or out of memory)"
        return Outcome("failed", "lost", detail, code, "infrastructure")
    return exited(code)
