"""The model gateway in a run's sandbox: its endpoint for the agent, how it ends a run, and its status."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from mlebench._support.plain_files import read_plain
from mlebench._support.quantities import show_duration
from mlebench.errors import MlebenchError
from mlebench.sandbox.base import SEE_LOG, Outcome, RunRequest
from mlebench.sandbox.model_status import ModelStatus, drop_status, write_status

if TYPE_CHECKING:
    pass

ModelsEnd = Literal["budget-exhausted", "model-unavailable"]
"""Why a run is ended because of its models."""
CONTAINER_URL = "http://localhost:5001"
"""Address of the gateway in every container."""
_TOKEN_START = "sk-mlebench-"
"""Some clients accept a key only with this prefix."""
_LONGEST_TOKEN = 200
_STATUS_SECONDS = 1.0


class Endpoint(NamedTuple):
    """What an agent needs to call models."""

    url: str
    """Without a path."""
    token: str


def new_token(path: Path) -> str:
    """Create an attempt's token and keep it in a file readable only by this user, for the next harness.

    Raises:
        OSError: it cannot be written.
    """
    token = _TOKEN_START + secrets.token_hex(24)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w", encoding="ascii") as file:
        file.write(token)
    return token


def kept_token(path: Path) -> str:
    """The token that an earlier harness created.

    Raises:
        OSError: there is none.
    """
    token = read_plain(path, _LONGEST_TOKEN).decode("ascii", "replace")
    if not token.startswith(_TOKEN_START):
        raise OSError(f"{path.name} does not contain a run's token")
    return token


def model_environment(request: RunRequest, endpoint: Endpoint | None) -> dict[str, str]:
    """Variables by which clients of every dialect find the gateway; empty if the run has none."""
    if request.models is None or endpoint is None:
        return {}
    url, token = endpoint
    variables = {
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": token,
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": token,
        "GOOGLE_GEMINI_BASE_URL": url,
        "GEMINI_API_KEY": token,
    }
    if request.models.allow:
        proxy = url.replace("://", f"://agent:{token}@")
        here = "localhost,127.0.0.1"
        variables |= {"HTTPS_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": here, "no_proxy": here}
    return variables


class RunGateway:
    """The gateway of one attempt, from before the agent's start until its end, or until the harness exits."""

    def __init__(
        self,
        request: RunRequest,
        address: Path,
        token: str,
        note: Callable[[str], None],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """Serve it.

        Args:
            request: the run, which has models.
            address: the path of a Unix socket.
            token: the agent's key.
            note: receives a sentence for the run's log.
            wake: called when `look` has news.

        Raises:
            OSError: the address cannot be bound, or the ledger cannot be written.
        """
        from mlebench.gateway.gateway import Gateway

        assert request.models is not None
        self._request = request
        self._status: ModelStatus | None = None
        self._looked = float("-inf")
        self._gateway = Gateway(request.models, address, request.run_dir, token, request.secrets, note, wake, whose=request.whose)

    def look(self) -> ModelsEnd | None:
        """Why the run must be ended now, if so; also updates the status file."""
        if time.monotonic() - self._looked >= _STATUS_SECONDS:
            self._write_status()
        return self._gateway.must_end

    def own_end(self) -> ModelsEnd | None:
        """Why the agent ended on its own, if its models were the cause; queries the provider if needed."""
        return self._gateway.own_end()

    def close(self) -> None:
        """Cut every connection; afterwards the ledger holds all usage."""
        self._gateway.close()
        drop_status(self._request.run_dir)

    def _write_status(self) -> None:
        self._looked = time.monotonic()
        spent = self._gateway.spent
        status = ModelStatus(spent.calls, spent.tokens.input, spent.tokens.output, spent.usd, self._gateway.waiting)
        if status != self._status:
            # in the plain sandbox the agent may have put anything there
            with contextlib.suppress(OSError):
                write_status(self._request.run_dir, status)
        self._status = status


def serve_again(request: RunRequest, note: Callable[[str], None], serve: Callable[[], RunGateway]) -> RunGateway | None:
    """Serve the gateway of an agent that is already running, at its old address; None, with a line in the log, on failure.

    Args:
        request: the run.
        note: receives that line.
        serve: serves it.
    """
    if request.models is None:
        return None
    try:
        return serve()
    except (OSError, MlebenchError) as error:
        note(f"the model gateway is no longer available: {error}")
        return None


def name_models_end(end: ModelsEnd, request: RunRequest, code: int | None, *, by_itself: bool) -> Outcome:
    """The outcome of an attempt that ended because of its models, in any sandbox, without times and usage.

    Args:
        end: why.
        request: the run.
        code: the agent's exit code, if known.
        by_itself: whether the agent ended before it was asked to.
    """
    profile = request.profile
    if end == "budget-exhausted":
        how = "ended" if by_itself else "was stopped a minute"
        detail = f"{how} after its budget for models was spent ({profile.budget.words}); change it with `--budget`"
        return Outcome("finished" if by_itself and code == 0 else "failed", end, detail, code, "agent")
    how = "ended when" if by_itself else "was stopped as"
    patience = "" if by_itself else f" for {show_duration(profile.patience)}"
    detail = f"{how} its model provider failed{patience}; test it with `mlebench models check NAME`; its errors are in run.log"
    return Outcome("failed", end, detail, code, "infrastructure")


def with_models_end(outcome: Outcome, gateway: RunGateway | None, request: RunRequest, *, was_away: bool) -> Outcome:
    """The outcome of an agent that ended on its own, attributed to its models if they may have been the cause.

    Args:
        outcome: the sandbox's outcome.
        gateway: the run's gateway, still open; None if it has none.
        request: the run.
        was_away: whether the agent ended before this harness returned.
    """
    if request.models is None or outcome.failure_class == "infrastructure":
        return outcome
    if gateway is not None and (end := gateway.own_end()) is not None:
        named = name_models_end(end, request, outcome.exit_code, by_itself=True)
        return replace(outcome, **{key: getattr(named, key) for key in ("state", "reason", "detail", "failure_class")})
    if outcome.state != "failed" or not (was_away or gateway is None):
        return outcome
    # the missing gateway may be the only reason for its failure
    detail = f"{outcome.log_line}, while its model gateway was not available{SEE_LOG}"
    return replace(outcome, reason="model-unavailable", detail=detail, failure_class="infrastructure")
