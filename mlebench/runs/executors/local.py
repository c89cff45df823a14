"""The local executor: slots over this machine's CPUs, memory and GPUs, one thread per run."""

from __future__ import annotations

import queue
import threading
from typing import Any

from mlebench._support.machine import Machine, this_machine
from mlebench.runs.control import Control
from mlebench.runs.executors.base import Ended, Executor
from mlebench.runs.executors.booking import Booking, Need, counted_free
from mlebench.runs.leases import Leases
from mlebench.runs.plan import Plan
from mlebench.runs.settings import RunSettings
from mlebench.runs.task import RunTask, Secrets
from mlebench.runs.worker import execute
from mlebench.sandbox.base import Sandbox


class LocalExecutor(Executor):
    """Executes runs on this machine."""

    name = "local"

    def __init__(self, settings: RunSettings, machine: Machine | None = None, leases: Leases | None = None) -> None:
        machine = machine or this_machine()
        self._booking = Booking(machine.cpus, machine.memory, [gpu.id for gpu in machine.gpus])
        self._leases = leases or Leases("gpus", free_without_lock=True)
        self.parallel = settings.parallel
        self._controls: dict[str, Control] = {}
        self._ended: queue.SimpleQueue[Ended] = queue.SimpleQueue()

    def problems(self, plan: Plan, sandbox: Sandbox, secrets: Secrets) -> list[str]:
        """What is missing for this machine's sandbox."""
        return sandbox.problems([plan.agent], plan.profile)

    def unbuilt(self, plan: Plan, sandbox: Sandbox) -> list[str]:
        """Images that this machine's sandbox has not built yet."""
        return sandbox.unbuilt([plan.agent])

    def describe(self, plan: Plan, sandbox: Sandbox) -> dict[str, Any]:
        """This machine's engine and images."""
        return sandbox.describe([plan.agent])

    def shortage(self, need: Need) -> str | None:
        """Why a run could never start here, or None."""
        return self._booking.shortage(need)

    def slots(self, need: Need) -> int:
        """How many runs fit at once."""
        capacity = self._booking.capacity(need)
        return capacity if self.parallel is None else min(capacity, self.parallel)

    def lacking(self, need: Need) -> str:
        """What a run with this need waits for now."""
        if self.parallel is not None and len(self._controls) >= self.parallel:
            return super().lacking(need)
        if lacking := self._booking.lacking(need):
            return f"waits for {' and '.join(lacking)}"
        # nothing here books the GPU, so if the run does not start at once, another harness leases it
        return f"waits for {counted_free(need.gpus, 'GPU')}" if need.gpus else ""

    def submit(self, task: RunTask) -> bool:
        """Book and start a thread; False if there is no room now."""
        need = Need.of(task.group.plan.profile)
        record = task.group.record(task.run)
        if record.state == "running":
            gpu_ids: tuple[str, ...] | None = tuple(record.gpu_ids)
            self._booking.take_over(task.key, need, record.gpu_ids)
            for gpu in record.gpu_ids:
                self._leases.acquire(gpu)
        elif self.parallel is not None and len(self._controls) >= self.parallel:
            return False
        else:
            gpu_ids = self._booking.take(task.key, need, self._leases)
        if gpu_ids is None:
            return False
        control = self._controls[task.key] = Control()
        threading.Thread(target=self._work, args=(task, gpu_ids, control), name=task.key, daemon=True).start()
        return True

    def wait(self, seconds: float) -> list[Ended]:
        """Runs that ended."""
        found: list[Ended] = []
        try:
            found.append(self._ended.get(timeout=seconds))
            while True:
                found.append(self._ended.get_nowait())
        except queue.Empty:
            pass
        for ended in found:
            self._leases.release(*self._booking.give_back(ended.key))
            del self._controls[ended.key]
        return found

    def stop(self, key: str, grace: float) -> None:
        """Stop a run."""
        if control := self._controls.get(key):
            control.stop(grace)

    def stop_all(self, grace: float) -> None:
        """Stop every run."""
        for control in list(self._controls.values()):
            control.stop(grace)

    def detach_all(self) -> None:
        """Leave every agent running."""
        for control in list(self._controls.values()):
            control.detach()

    def close(self) -> None:
        """Release the leases."""
        self._leases.close()

    def _work(self, task: RunTask, gpu_ids: tuple[str, ...], control: Control) -> None:
        try:
            self._ended.put(Ended(task.key, execute(task, gpu_ids, control)))
        except BaseException as error:
            self._ended.put(Ended(task.key, None, f"{type(error).__name__}: {error}"))
