"""The gateway to models as the sandbox of a run holds it: where the agent finds it, how it ends a run, and how it gets on."""

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
"""Why a run ends because of its models."""
CONTAINER_URL = "http://localhost:5001"
"""Where every container finds its gateway."""
_TOKEN_START = "sk-mlebench-"
"""Some clients take a key for one only if it begins like one."""
_LONGEST_TOKEN = 200
_STATUS_SECONDS = 1.0


class Endpoint(NamedTuple):
    """What an agent needs to ask models."""

    url: str
    """Without a path."""
    token: str


def new_token(path: Path) -> str:
    """Make the token of an attempt and keep it in a file that nobody else can read, for the next harness.

    Raises:
        OSError: it cannot be written.
    """
    token = _TOKEN_START + secrets.token_hex(24)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w", encoding="ascii") as file:
        file.write(token)
    return token


def kept_token(path: Path) -> str:
    """The token that an earlier harness made.

    Raises:
        OSError: there is none.
    """
    token = read_plain(path, _LONGEST_TOKEN).decode("ascii", "replace")
    if not token.startswith(_TOKEN_START):
        raise OSError(f"{path.name} holds no token of a run")
    return token


def model_environment(request: RunRequest, endpoint: Endpoint | None) -> dict[str, str]:
    """Variables by which clients of every dialect find the gateway; empty where the run has none."""
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
    """The gateway of one attempt, from before the agent's start to its end, or to when the harness leaves."""

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
            wake: called when `look` has something to say.

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
        """Why the run must be ended now, if it must; also keeps what others see of its models up to date."""
        if time.monotonic() - self._looked >= _STATUS_SECONDS:
            self._write_status()
        return self._gateway.must_end

    def own_end(self) -> ModelsEnd | None:
        """Why the agent ended by itself, where that was its models' doing; asks the provider where it has to."""
        return self._gateway.own_end()

    def close(self) -> None:
        """Cut every connection; all that was used is in the ledger afterwards."""
        self._gateway.close()
        drop_status(self._request.run_dir)

    def _write_status(self) -> None:
        self._looked = time.monotonic()
        spent = self._gateway.spent
        status = ModelStatus(spent.calls, spent.tokens.input, spent.tokens.output, spent.usd, self._gateway.waiting)
        if status != self._status:
            # in the local sandbox the agent may have put anything there
            with contextlib.suppress(OSError):
                write_status(self._request.run_dir, status)
        self._status = status


def serve_again(request: RunRequest, note: Callable[[str], None], serve: Callable[[], RunGateway]) -> RunGateway | None:
    """The gateway of an agent that runs already, which it finds where it was; None, with a line in the log, where that fails.

    Args:
        request: the run.
        note: receives the line.
        serve: serves it.
    """
    if request.models is None:
        return None
    try:
        return serve()
    except (OSError, MlebenchError) as error:
        note(f"there is no gateway to models any more: {error}")
        return None


def name_models_end(end: ModelsEnd, request: RunRequest, code: int | None, *, by_itself: bool) -> Outcome:
    """The outcome of an attempt that its models ended, in either sandbox; times and usage left out.

    Args:
        end: why.
        request: the run.
        code: the agent's exit code, if it left one.
        by_itself: whether the agent ended before it was told to.
    """
    profile = request.profile
    if end == "budget-exhausted":
        how = "ended" if by_itself else "was stopped a minute"
        detail = f"{how} after its budget for models was spent ({profile.budget.words}); `--budget` sets another"
        return Outcome("finished" if by_itself and code == 0 else "failed", end, detail, code, "agent")
    how = "ended when" if by_itself else "was stopped as"
    patience = "" if by_itself else f" for {show_duration(profile.patience)}"
    detail = f"{how} its provider of models failed{patience}; `mlebench models check NAME` asks it, and run.log says what it said"
    return Outcome("failed", end, detail, code, "infrastructure")


def with_models_end(outcome: Outcome, gateway: RunGateway | None, request: RunRequest, *, was_away: bool) -> Outcome:
    """The outcome of an agent that ended by itself, named after its models where they may have been the reason.

    Args:
        outcome: as the sandbox names it.
        gateway: that of the run, still open; None where it has none.
        request: the run.
        was_away: whether the agent ended before this harness came back.
    """
    if request.models is None or outcome.failure_class == "infrastructure":
        return outcome
    if gateway is not None and (end := gateway.own_end()) is not None:
        named = name_models_end(end, request, outcome.exit_code, by_itself=True)
        return replace(outcome, **{key: getattr(named, key) for key in ("state", "reason", "detail", "failure_class")})
    if outcome.state != "failed" or not (was_away or gateway is None):
        return outcome
    # that nobody served its models may be all that it failed for
    detail = f"{outcome.log_line}, while nobody served the gateway to its models{SEE_LOG}"
    return replace(outcome, reason="model-unavailable", detail=detail, failure_class="infrastructure")
