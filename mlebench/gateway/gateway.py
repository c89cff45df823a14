"""The gateway of one run: agents ask it over a Unix socket, and it asks providers with keys that no agent sees.

One thread serves the gateways of all runs of this process. An agent is not trusted: its requests are parsed and written
anew, all that it can take is bounded (`bounds`), and what a provider sends is masked for the provider's key.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Literal, TypeVar

from grading.printable import printable
from mlebench._support.dialect import DialectName
from mlebench._support.ledger import Ledger, Whose, ledger_lines
from mlebench._support.loop_thread import LoopThread
from mlebench._support.secrets import Mask
from mlebench._support.unix_socket import listen_at
from mlebench.gateway.access import ModelAccess
from mlebench.gateway.account import Account, Spent, cost_of
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.dialects.base import Dialect
from mlebench.gateway.exchange import Services
from mlebench.gateway.failures import TOO_MANY, Failures, Verdict, is_failure
from mlebench.gateway.front import Front
from mlebench.gateway.model_call import LEDGER, ModelCall
from mlebench.gateway.models import Model
from mlebench.gateway.open_hosts import OpenHosts
from mlebench.gateway.probe import probe
from mlebench.gateway.proxy import Proxy
from mlebench.gateway.server import Server
from mlebench.gateway.texts import Texts
from mlebench.gateway.tokens import Tokens
from mlebench.gateway.transcript import Transcript
from mlebench.gateway.upstream import Upstream

Found = TypeVar("Found")
End = Literal["budget-exhausted", "model-unavailable"]
"""Why a run ends that its models end."""

_log = logging.getLogger(__name__)
_thread = LoopThread("models")
_LARGEST_LEDGER = 2**31
_OWN_END_SECONDS = 120.0
_LONGEST_NOTE = 400


class Gateway:
    """Serves one run until it is closed."""

    def __init__(
        self,
        access: ModelAccess,
        address: Path,
        run_dir: Path,
        token: str,
        secrets: tuple[str, ...],
        note: Callable[[str], None],
        wake: Callable[[], None],
        bounds: Bounds | None = None,
        whose: Whose | None = None,
    ) -> None:
        """Args:
            access: what the run may ask, and with which keys.
            address: the path of a Unix socket; one that a killed harness left there is replaced.
            run_dir: the run's folder; the ledger that lies there is gone on with.
            token: what the agent has for a key.
            secrets: values to mask in all that is written down.
            note: writes a line to the run's log; called from another thread.
            wake: called from another thread when `must_end` is set.
            bounds: of all that an agent may take.
            whose: what the ledger's lines say of whose they are.

        Raises:
            OSError: the address cannot be bound.
            UsageError: an entry of `allow` is not a host.
        """
        self.must_end: End | None = None
        """Why the run is to be ended now; set a minute after the budget is spent, or when a provider has failed for long."""
        self._access, self._address, self._note, self._wake = access, address, note, wake
        self._bounds = bounds or Bounds()
        hidden = (*secrets, *access.keys.values(), token)
        self._words = Mask(hidden)
        self._hosts = OpenHosts(access.allow)
        self._socket = listen_at(address)
        self._ledger = Ledger(run_dir / f"{LEDGER}.jsonl", self._say, whose)
        self._account = Account(access.budget)
        self._restore(run_dir)
        self._transcript = Transcript(run_dir / "transcript", hidden, access.record == "full", self._say)
        self._mask = Mask(access.keys.values())
        self._waits: Counter[str] = Counter()
        self._suspected: set[str] = set()
        self._checks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._loop = _thread.join()
        try:
            self._ask(self._begin(token), None)
        except BaseException:
            _thread.leave()
            self._socket.close()
            self._address.unlink(missing_ok=True)
            self._ledger.close()
            raise

    @property
    def spent(self) -> Spent:
        """What the run's calls came to so far."""
        return self._account.spent

    @property
    def waiting(self) -> str | None:
        """A sentence where calls wait for a limit that all runs share; None where none does."""
        waits = [(name, count) for name, count in sorted(self._waits.copy().items()) if count > 0]
        calls = [f"{count} call{'s wait' if count > 1 else ' waits'} for {name}" for name, count in waits]
        return f"{', '.join(calls)}, whose limits all runs of this machine share" if calls else None

    def own_end(self) -> End | None:
        """Why an agent that ended by itself did so, if its models were the reason; may ask a provider, up to a minute."""
        if self._account.is_spent_since is not None:
            return "budget-exhausted"
        is_down = self._ask(self._explained(), None)
        return "model-unavailable" if is_down else None

    def close(self) -> None:
        """Cut every connection, settle and write down what was under way, and take the socket away."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._ask(self._end(), self._bounds.close_seconds)
        except TimeoutError:
            _log.error("the gateway at %s did not close in time", self._address)
        _thread.leave()
        self._socket.close()
        self._address.unlink(missing_ok=True)

    def _restore(self, run_dir: Path) -> None:
        """Take up what was spent before this harness; an agent of the local sandbox may have spoiled the ledger."""
        try:
            self._account.restore(ledger_lines(run_dir / f"{LEDGER}.jsonl", _LARGEST_LEDGER))
        except FileNotFoundError:
            return
        except OSError as error:
            self._say(f"what was spent before is unknown, as {LEDGER}.jsonl cannot be read: {error.strerror}")

    def _ask(self, work: Coroutine[Any, Any, Found], seconds: float | None) -> Found:
        """Do something in the loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    async def _explained(self) -> bool:
        try:
            async with asyncio.timeout(_OWN_END_SECONDS):
                return await self._failures.explain_end()
        except TimeoutError:
            return True

    async def _begin(self, token: str) -> None:
        self._texts = Texts(self._transcript, self._bounds.texts)
        self._upstream = Upstream(self._access.keys, self._bounds)
        loop = asyncio.get_running_loop()
        self._failures = Failures(self._access.patience, self._probe, loop.time, asyncio.sleep, self._bounds.probe_seconds)
        services = Services(
            self._upstream,
            self._account,
            self._ledger,
            self._texts,
            self._failures,
            self._mask,
            self._bounds,
            self._suspect,
            self._wait,
        )
        self._server = Server(self._access, token, services, self._bounds, self._say)
        self._proxy = Proxy(self._hosts, self._server.knows, self._bounds, self._say)
        self._front = Front(self._socket, self._server.answer, self._proxy.serve, self._bounds)
        self._accepting = loop.create_task(self._front.run())
        self._watching = loop.create_task(self._watch_budget())

    async def _end(self) -> None:
        own = [self._accepting, self._watching, *self._checks]
        for task in own:
            task.cancel()
        await asyncio.gather(self._server.close(), *own, return_exceptions=True)
        await self._front.close()
        self._proxy.report()
        self._ledger.close()
        await self._upstream.close()
        await self._texts.close()

    async def _watch_budget(self) -> None:
        while self._account.is_spent_since is None:
            await asyncio.sleep(min(1.0, self._bounds.grace_seconds))
        await asyncio.sleep(self._bounds.grace_seconds)
        self._end_run("budget-exhausted")

    def _suspect(self, model: Model, dialect: Dialect) -> None:
        """A provider has failed for as long as the run has patience: ask it, and end the run if it fails that, too."""
        if model.provider in self._suspected or self.must_end is not None:
            return
        self._suspected.add(model.provider)

        async def check() -> None:
            try:
                if await self._failures.is_down(model, dialect.name):
                    self._end_run("model-unavailable")
            finally:
                self._suspected.discard(model.provider)

        task = self._loop.create_task(check())
        self._checks.add(task)
        task.add_done_callback(self._checks.discard)

    def _end_run(self, why: End) -> None:
        if self.must_end is None:
            self.must_end = why
            self._wake()

    async def _probe(self, model: Model, dialect: DialectName) -> Verdict:
        found = await probe(self._upstream, model, dialect)
        status = found.status
        self._say(f"asked provider {model.provider} whether it answers: {status}")
        line = ModelCall(
            "probe",
            status,
            dialect=dialect,
            model=model.name,
            served=model.served,
            provider=model.provider,
            tokens=found.tokens or Tokens(),
            cost_usd=None if found.tokens is None else cost_of(model, found.tokens),
            seconds=round(found.seconds, 4),
        )
        self._ledger.append(line.to_entry())
        if status == TOO_MANY:
            return "busy"
        return "fails" if is_failure(status) else "works"

    def _wait(self, model: Model, seconds: float | None) -> None:
        self._waits[model.limits_name] += -1 if seconds is None else 1

    def _say(self, line: str) -> None:
        # the log's disk may be full; the run goes on
        with contextlib.suppress(OSError):
            self._note(self._words.apply_to_text(printable(line, _LONGEST_NOTE)))
