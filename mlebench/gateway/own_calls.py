"""Calls that the harness itself makes to models, as a review does: within a budget and the limits that all runs of the machine
share, borne with patience where a provider fails, and written down like those of agents."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiohttp.web import Response

from mlebench._support.hints import command
from mlebench._support.ledger import Ledger
from mlebench._support.secrets import Mask, find_secrets
from mlebench.errors import Refusal, UsageError
from mlebench.gateway.access import ModelAccess
from mlebench.gateway.account import Account, Spent
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.catalogue import Catalogue
from mlebench.gateway.dialects.base import Dialect, Route
from mlebench.gateway.dialects.openai import error_message
from mlebench.gateway.exchange import Exchange, Services
from mlebench.gateway.failures import Failures, Verdict, is_failure
from mlebench.gateway.models import Model
from mlebench.gateway.prepared import Prepared
from mlebench.gateway.request_body import written
from mlebench.gateway.texts import Texts
from mlebench.gateway.transcript import FOLDER as TRANSCRIPT
from mlebench.gateway.transcript import Transcript
from mlebench.gateway.upstream import Upstream
from mlebench.profiles import Budget

_LONGEST_PAUSE = 60.0
_HOPELESS = (401, 403)
"""A key that is refused now is refused later."""
_MOST_TRIES = 5
"""Of a call that a provider fails while it answers others."""


class Told(NamedTuple):
    """What became of a call."""

    status: int
    """As `ModelCall.status`."""
    content: Any = None
    """The parsed answer; None where there is none."""
    reason: str = ""
    """Why there is none: a sentence without secrets."""


def own_access(names: Iterable[str], catalogue: Catalogue, budget: Budget, patience: float = 600.0) -> ModelAccess:
    """Access to models for the harness itself, with the keys that are set here.

    Args:
        names: of models or aliases.
        catalogue: has them.
        budget: of all calls together.
        patience: seconds for which a provider may fail.

    Raises:
        UsageError: there is no such model, its key is not set, or a budget in usd is asked of one without a price.
    """
    models = {name: catalogue.get(name) for name in names}
    keys = find_secrets(sorted({model.key for model in models.values() if model.key is not None}))
    for name, model in models.items():
        if model.key is not None and model.key not in keys:
            raise UsageError(f"model `{name}` needs the key {model.key}; set it with `export {model.key}=…` or in a `.env` file")
        if budget.usd is not None and not model.is_priced:
            raise UsageError(
                f"model `{name}` has no price, so a budget in usd cannot be enforced; give its `prices` in a file with "
                f"`--models`, or a budget in `input_tokens`, `output_tokens` or `calls`; {command('models')} lists known prices"
            )
    return ModelAccess(models, keys, budget, patience=patience)


class OwnCalls:
    """Makes calls while it is entered; used in one event loop."""

    def __init__(
        self,
        access: ModelAccess,
        folder: Path,
        name: str,
        note: Callable[[str], None] = lambda sentence: None,
        bounds: Bounds | None = None,
        pause: float = 1.0,
    ) -> None:
        """Args:
        access: the models, with keys and limits.
        folder: made where it is not there.
        name: the ledger is `<name>_calls.jsonl` in the folder, the texts are in `<name>_transcript/` beside it.
        note: gets a sentence where something could not be written down.
        bounds: of answers and of time.
        pause: seconds before a call that failed is made again; each further time twice as many.
        """
        self._access, self._folder, self._name, self._note = access, folder, name, note
        self._bounds, self._pause = bounds or Bounds(), pause
        self._account = Account(access.budget)
        self._down: set[str] = set()

    @property
    def spent(self) -> Spent:
        """What calls came to since this was made."""
        return self._account.spent

    @property
    def usage(self) -> dict[str, Any]:
        """The same for JSON: `calls`, `input_tokens`, `output_tokens`, `cost_usd` (None where a price is unknown)."""
        spent = self.spent
        counts = {"calls": spent.calls, "input_tokens": spent.tokens.input, "output_tokens": spent.tokens.output}
        return {**counts, "cost_usd": spent.usd}

    def is_down(self, model: Model) -> bool:
        """Whether the model's provider refuses the key or has failed for as long as it may, and has not answered since."""
        return model.provider in self._down

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        keys = tuple(self._access.keys.values())
        transcript = Transcript(self._folder / f"{self._name}_{TRANSCRIPT}", keys, self._access.record == "full", note=self._note)
        self._now = asyncio.get_running_loop().time
        self._answered = dict[str, float]()
        self._services = Services(
            Upstream(self._access.keys, self._bounds),
            self._account,
            Ledger(self._folder / f"{self._name}_calls.jsonl", self._note),
            Texts(transcript, self._bounds.texts),
            Failures(self._access.patience, _unasked, self._now, asyncio.sleep),
            Mask(keys),
            self._bounds,
            lambda model, dialect: self._down.add(model.provider),
            lambda model, seconds: None,
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        await self._services.upstream.close()
        # the texts of the last calls are handed over in the loop's next turn
        await asyncio.sleep(0)
        await self._services.texts.close()
        self._services.ledger.close()

    async def ask(self, model: Model, dialect: Dialect, content: Mapping[str, Any], fields: Iterable[str] = ()) -> Told:
        """Make one call, again while the provider fails and patience lasts.

        Args:
            model: one of those that were given.
            dialect: one of the model's.
            content: the body of a request that is answered plainly.
            fields: keys of the body beside those of the dialect.

        Raises:
            Refusal: the budget is spent.
        """
        begun, pause = self._now(), self._pause
        for tries in range(1, 2**31):
            told, wait = await self._once(model, dialect, content, fields)
            if not is_failure(told.status):
                self._answered[model.provider] = self._now()
                self._down.discard(model.provider)
                return told
            pause = min(_LONGEST_PAUSE, max(pause, wait))
            is_alone = tries >= _MOST_TRIES and self._answered.get(model.provider, begun) > begun
            is_late = model.provider in self._down or self._now() + pause - begun > self._access.patience
            if told.status in _HOPELESS or (is_late and not is_alone):
                self._down.add(model.provider)
            if is_alone or self.is_down(model):
                return told
            await asyncio.sleep(pause)
            pause *= 2
        raise AssertionError("no call is made so often")

    async def _once(
        self, model: Model, dialect: Dialect, content: Mapping[str, Any], fields: Iterable[str]
    ) -> tuple[Told, float]:
        """What became of a call, and how many seconds the provider wants to be left alone."""
        try:
            response = await Exchange(self._services, self._prepared(model, dialect, content, fields)).answer(None)
        except Refusal as refusal:
            if refusal.kind == "budget-exhausted":
                raise
            return Told(refusal.status, None, refusal.message), 0.0
        finally:
            await self._services.texts.has_room()
        assert isinstance(response, Response) and isinstance(response.body, bytes | bytearray)
        return _told(model, response.status, bytes(response.body)), _seconds(response.headers.get("retry-after", ""))

    def _prepared(self, model: Model, dialect: Dialect, content: Mapping[str, Any], fields: Iterable[str]) -> Prepared:
        route = Route("generate", model.name)
        call = dialect.read(route, dict(content), {}, frozenset(), (*model.fields, *fields))
        headers, _ = dialect.request_headers({}, frozenset())
        return Prepared(dialect, model, call, written(dialect.body(call, model.served)), headers, self._now())


def _told(model: Model, status: int, body: bytes) -> Told:
    parsed = None
    with contextlib.suppress(ValueError, RecursionError):
        parsed = json.loads(body)
    if status < 400:
        return Told(status, parsed, "" if parsed is not None else f"the answer of provider {model.provider} is not JSON")
    said = error_message(parsed) if isinstance(parsed, dict) and parsed.get("error") else ""
    # of a provider that does not answer at all the gateway itself has said so
    is_ours = said.startswith(f"provider {model.provider} ")
    return Told(
        status, None, said if is_ours else f"provider {model.provider} answers with {status}{f': {said}' if said else ''}"
    )


def _seconds(words: str) -> float:
    return float(words) if words.isdecimal() and len(words) < 6 else 0.0


async def _unasked(model: Model, dialect: str) -> Verdict:
    # own calls are no worse than a probe, so none is made
    return "fails"
