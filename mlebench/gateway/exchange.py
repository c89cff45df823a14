"""One call to a model: reserved, asked, passed on as it comes, settled and written down."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from aiohttp.web import BaseRequest, Response, StreamResponse

from mlebench._support.ledger import Ledger
from mlebench._support.secrets import Mask
from mlebench.errors import Refusal
from mlebench.gateway.account import Account, Reservation, cost_of
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.dialects.base import Dialect, StreamReader
from mlebench.gateway.failures import Failures, is_failure
from mlebench.gateway.front import SERVER_NAME
from mlebench.gateway.model_call import Outcome
from mlebench.gateway.models import Model
from mlebench.gateway.passed import Passed
from mlebench.gateway.prepared import Prepared
from mlebench.gateway.replays import Answered
from mlebench.gateway.request_body import written
from mlebench.gateway.shared_limits import shared
from mlebench.gateway.texts import Texts
from mlebench.gateway.tokens import Tokens
from mlebench.gateway.upstream import ProviderFailed, Question, Reply, Upstream

HUNG_UP = 499
_LARGEST_ERROR = 2**20
_TOKENS_PER_SECOND = 100
"""What a model generates at most, where a caller hung up and nothing says how much it was."""
_BYTES_PER_TOKEN = 4
_USUAL_OUTPUT = 1024
"""Tokens that an answer is expected to have when calls of a minute are counted; corrected once it is there."""
_LARGE = 2**18
_KEEP_ALIVE = b": the provider is silent\n\n"
_EVENT_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")


@dataclass(frozen=True)
class Services:
    """What all calls of a run share."""

    upstream: Upstream
    account: Account
    ledger: Ledger
    texts: Texts
    failures: Failures
    mask: Mask
    """Of the providers' keys; each answer has a copy of its own."""
    bounds: Bounds
    suspect: Callable[[Model, Dialect], None]
    """A provider has failed for as long as it may."""
    waiting: Callable[[Model, float | None], None]


class Exchange:
    """One call, from the reservation to its line in the ledger, which is written once whatever happens."""

    def __init__(self, services: Services, prepared: Prepared) -> None:
        """Args:
        services: of the run.
        prepared: the request.
        """
        self._services, self._prepared, self._record = services, prepared, prepared.record
        self._now = asyncio.get_running_loop().time
        self._reservation: Reservation | None = None
        self._passed = Passed(services.bounds.kept)
        self._reader: StreamReader | None = None
        self._was_asked = False
        self._is_written = False
        self._writing_since: float | None = None
        self.kept: Answered | None = None
        """The answer, where it is good and whole."""

    async def answer(self, request: BaseRequest | None) -> StreamResponse:
        """Answer a request.

        Args:
            request: of the agent; None of a call that the harness itself makes, which is answered plainly.

        Raises:
            Refusal: the budget does not allow it.
        """
        try:
            await self._reserve()
            async with self._place():
                return await self._ask(request)
        except ProviderFailed as failure:
            return self._fail(failure)
        except (asyncio.CancelledError, ConnectionError):
            self._give_up("the caller hung up")
            raise
        except Refusal as refusal:
            self._write("refused", refusal.status, reason=refusal.message)
            raise
        except BaseException:
            self._give_up("the gateway failed")
            raise
        finally:
            if self._reservation is not None:
                self._reservation.release()

    async def _reserve(self) -> None:
        call = self._prepared.call
        if call.action == "generate":
            self._reservation = await self._services.account.reserve(
                self._prepared.model, call.text_bytes, call.media_bytes, call.most_output, call.choices
            )
            if self._reservation.is_shortened:
                self._limit(self._reservation.tokens.output)

    def _limit(self, most_output: int) -> None:
        """Limit an answer that the request leaves open to what the budget has left."""
        prepared = self._prepared
        call = prepared.dialect.limited(prepared.call, most_output)
        body = written(prepared.dialect.body(call, prepared.model.served))
        self._prepared = replace(prepared, call=call, body=body)
        self._record = replace(self._record, limited_to=most_output)

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """A place among the calls that all runs of this machine may ask at once."""
        model, call = self._prepared.model, self._prepared.call
        expected = call.text_bytes // _BYTES_PER_TOKEN + min(call.most_output or _USUAL_OUTPUT, _USUAL_OUTPUT)
        services = self._services
        async with shared(model.limits_name, model.limits, expected, lambda left: services.waiting(model, left)) as place:
            try:
                yield
            finally:
                place.used(self._record.tokens.input + self._record.tokens.output)

    async def _ask(self, request: BaseRequest | None) -> StreamResponse:
        prepared = self._prepared
        call, served = prepared.call, prepared.model.served
        question = Question(
            prepared.model,
            prepared.dialect.name,
            prepared.dialect.path(call, served),
            prepared.body,
            prepared.headers,
            call.query,
        )
        self._record = replace(self._record, served=served, provider=prepared.model.provider)
        self._was_asked = True
        reply = await self._services.upstream.ask(question)
        try:
            if reply.status >= 400:
                return await self._pass_error(reply)
            if call.is_streaming and request is not None:
                return await self._pass_stream(reply, request)
            return await self._pass_plain(reply)
        finally:
            reply.close()

    async def _pass_error(self, reply: Reply) -> Response:
        body = self._masked(await reply.body(_LARGEST_ERROR))
        self._passed.add(body)
        if is_failure(reply.status):
            self._blame()
        else:
            self._services.failures.answered(self._prepared.model)
        self._write("failed", reply.status, reason=f"the provider answers with {reply.status}")
        return Response(status=reply.status, headers=self._headers(reply), body=body)

    async def _pass_plain(self, reply: Reply) -> Response:
        body = await reply.body(self._services.bounds.answer, self._see_first_byte)
        if len(body) < _LARGE:
            tokens, body = self._understood(body)
        else:
            tokens, body = await asyncio.to_thread(self._understood, body)
        self._passed.add(body)
        self._services.failures.answered(self._prepared.model)
        is_estimated = tokens is None and self._prepared.call.action == "generate"
        self._write("answered", reply.status, tokens or (self._estimate(None, len(body)) if is_estimated else None), is_estimated)
        headers = self._headers(reply)
        self.kept = Answered(reply.status, headers, body)
        return Response(status=reply.status, headers=headers, body=body)

    def _understood(self, body: bytes) -> tuple[Tokens | None, bytes]:
        """What a plain answer says that it used, and its body, masked."""
        mask = copy.copy(self._services.mask)
        blocks = (body[start : start + _LARGE] for start in range(0, len(body), _LARGE))
        return _tokens(self._prepared.dialect, body), b"".join(map(mask.feed, blocks)) + mask.finish()

    async def _pass_stream(self, reply: Reply, request: BaseRequest) -> StreamResponse:
        response = StreamResponse(status=reply.status, headers={**self._headers(reply), "server": SERVER_NAME})
        self._reader = self._prepared.dialect.reader(self._prepared.call)
        mask = copy.copy(self._services.mask)
        try:
            async with self._watched(response, request, reply.is_event_stream), contextlib.aclosing(reply.blocks()) as blocks:
                await self._send(response.prepare(request))
                async for block in blocks:
                    self._see_first_byte()
                    await self._write_on(response, mask.feed(self._reader.feed(block)))
            await self._write_on(response, mask.feed(self._reader.finish()) + mask.finish())
            if reply.is_event_stream and not self._reader.is_complete and self._reader.failure is None:
                # where a body ends with its connection, nothing else distinguishes a provider that died from one that finished
                raise ProviderFailed(502, f"provider {self._prepared.model.provider} ended its stream before the answer's end")
        except ProviderFailed as failure:
            return await self._break_off(response, request, failure, is_event_stream=reply.is_event_stream)
        self._end_stream(reply)
        await self._send(response.write_eof())
        return response

    def _end_stream(self, reply: Reply) -> None:
        """The provider has said all."""
        assert self._reader is not None
        tokens, failure = self._reader.tokens, self._reader.failure
        if tokens is None and not reply.is_event_stream and self._passed.is_kept_whole:
            # a provider that does not stream answers plainly
            tokens = _tokens(self._prepared.dialect, self._passed.kept)
        if failure is None:
            self._services.failures.answered(self._prepared.model)
        else:
            self._blame()
        if failure is not None and tokens is None:
            self._write("failed", reply.status, reason=failure)
            return
        is_estimated = tokens is None or not self._reader.is_complete
        self._write("answered", reply.status, self._estimate(tokens, 0) if is_estimated else tokens, is_estimated, failure)
        if self._reader.is_complete and failure is None and self._passed.is_kept_whole:
            self.kept = Answered(reply.status, self._headers(reply), self._passed.kept)

    async def _break_off(
        self, response: StreamResponse, request: BaseRequest, failure: ProviderFailed, *, is_event_stream: bool
    ) -> StreamResponse:
        """The provider died: say so, and cut the connection, so that nobody takes what came for the whole answer."""
        self._blame()
        assert self._reader is not None
        if self._passed.size:
            self._write("answered", response.status, self._estimate(self._reader.tokens, 0), True, failure.message)
        else:
            self._write("failed", response.status, reason=failure.message)
        if is_event_stream and self._passed.is_between_events:
            await self._send(response.write(self._prepared.dialect.error_event(failure.refusal)))
        if request.transport is not None:
            request.transport.close()
        return response

    async def _write_on(self, response: StreamResponse, block: bytes) -> None:
        if not block:
            return
        self._passed.add(block)
        if self._passed.size > self._services.bounds.stream:
            raise ProviderFailed(502, f"provider {self._prepared.model.provider} sends without an end")
        self._writing_since = self._now()
        await response.write(block)
        self._writing_since = None

    async def _send(self, writing: object) -> None:
        """Write to a client that may be slow, but not for ever."""
        try:
            async with asyncio.timeout(self._services.bounds.write_seconds):
                await writing  # type: ignore[misc]
        except TimeoutError:
            raise ConnectionAbortedError("the client does not read") from None

    @contextlib.asynccontextmanager
    async def _watched(self, response: StreamResponse, request: BaseRequest, is_event_stream: bool) -> AsyncIterator[None]:
        """Watch over a stream: comments while the provider is silent, an end where the client does not read."""
        task = asyncio.create_task(self._watch(response, request, is_event_stream))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await task

    async def _watch(self, response: StreamResponse, request: BaseRequest, is_event_stream: bool) -> None:
        bounds, size = self._services.bounds, -1
        while request.transport is not None:
            if self._writing_since is not None:
                if self._now() - self._writing_since >= bounds.write_seconds:
                    request.transport.abort()
            elif is_event_stream and size == self._passed.size and response.prepared and self._passed.is_between_events:
                # what stands between may cut connections on which nothing passes
                await response.write(_KEEP_ALIVE)
            size = self._passed.size
            await asyncio.sleep(min(bounds.keep_alive_seconds, bounds.write_seconds))

    def _fail(self, failure: ProviderFailed) -> Response:
        """The provider gave no answer."""
        self._blame()
        body = self._prepared.dialect.refusal(failure.refusal)
        self._passed.add(body)
        self._write("failed", failure.status, reason=failure.message)
        return Response(status=failure.status, body=body, headers={"content-type": "application/json"})

    def _give_up(self, reason: str) -> None:
        """The answer goes nowhere any more; what was generated until now is paid for all the same."""
        if self._is_written:
            return
        if not self._was_asked or self._prepared.call.action == "count":
            self._write("failed", HUNG_UP, reason=reason)
            return
        said = self._reader.tokens if self._reader else None
        if self._reader is not None and self._reader.is_complete and said is not None:
            self._write("answered", 200, said, False, reason)
            return
        said = said or Tokens()
        if not said.input and self._reservation is not None:
            # the caller chose when to go, and so that the prompt's length stays unsaid: it counts as the most that it can have
            said = replace(said, input=self._reservation.tokens.input)
        seconds = self._now() - self._prepared.ended
        tokens = self._estimate(said, int(seconds * _TOKENS_PER_SECOND) * _BYTES_PER_TOKEN)
        self._write("answered", 200 if self._reader else HUNG_UP, tokens, True, reason)

    def _estimate(self, said: Tokens | None, size: int) -> Tokens:
        """What a call used that did not say so, or not to its end.

        Args:
            said: what it said.
            size: bytes of generated text.
        """
        said = said or Tokens()
        call = self._prepared.call
        # nearly every event of a stream holds a token
        output = max(self._passed.events, size // _BYTES_PER_TOKEN)
        most = call.most_output or self._prepared.model.most_output
        output = max(said.output, output if most is None else min(output, most))
        return replace(said, input=said.input or -(-call.text_bytes // _BYTES_PER_TOKEN), output=output)

    def _write(
        self,
        outcome: Outcome,
        status: int,
        tokens: Tokens | None = None,
        estimated: bool = False,
        reason: str | None = None,
    ) -> None:
        """Settle, and write the call's line in the ledger."""
        if self._is_written:
            return
        self._is_written = True
        prepared, services = self._prepared, self._services
        cost = None
        if self._reservation is not None and tokens is not None and outcome == "answered":
            self._reservation.settle(tokens, estimated=estimated)
            cost = cost_of(prepared.model, tokens)
        self._record = replace(
            self._record,
            outcome=outcome,
            status=status,
            tokens=tokens or Tokens(),
            cost_usd=cost,
            estimated=estimated,
            seconds=round(self._now() - self._prepared.ended, 4),
            reason=None
            if reason is None
            else self._masked(reason.encode("utf-8", "backslashreplace")).decode("utf-8", "replace"),
            request_sha256=hashlib.sha256(prepared.body).hexdigest(),
            response_sha256=self._passed.sha256,
        )
        entry = services.ledger.append(self._record.to_entry())
        # after the answer has left: a thread that masks and packs would hold the interpreter meanwhile
        asyncio.get_running_loop().call_soon(services.texts.keep, entry["n"], prepared.body, self._passed.kept)

    def _see_first_byte(self) -> None:
        if self._record.first_byte_seconds is None:
            self._record = replace(self._record, first_byte_seconds=round(self._now() - self._prepared.ended, 4))

    def _blame(self) -> None:
        if self._services.failures.failed(self._prepared.model, self._prepared.dialect.name):
            self._services.suspect(self._prepared.model, self._prepared.dialect)

    def _headers(self, reply: Reply) -> dict[str, str]:
        return {name: self._masked(value.encode()).decode("utf-8", "replace") for name, value in reply.headers.items()}

    def _masked(self, text: bytes) -> bytes:
        return self._services.mask.apply(text)


def _tokens(dialect: Dialect, body: bytes) -> Tokens | None:
    try:
        return dialect.tokens(json.loads(body))
    except (ValueError, RecursionError):
        return None
