"""Asks a model in OpenAI's chat dialect, which the gateway serves for nearly every model, without a library."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from mlebench_agent.task import say

_TRIES = 12
_LONGEST_WAIT = 60.0
_TIMEOUT = 1800.0
_WORTH_ANOTHER_TRY = (408, 409, 425, 429, 500, 502, 503, 504, 529)


class BudgetSpent(Exception):
    """The run's budget for models is spent: nothing more can be asked, and a minute is left to finish."""


class Refused(Exception):
    """The model does not answer this request, and would not if it were sent again; the message says why."""


class Models:
    """A client that counts what it uses."""

    def __init__(self) -> None:
        self.usage = {"model_calls": 0, "input_tokens": 0, "output_tokens": 0}
        """As the provider counted it: whole numbers, `cached` input tokens included."""
        base = os.environ.get("OPENAI_BASE_URL", "http://localhost:5001/v1")
        self._address = f"{base.rstrip('/')}/chat/completions"
        self._key = os.environ.get("OPENAI_API_KEY", "")

    def ask(self, model: str, messages: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
        """The message that the model answers with: `content`, and `tool_calls` where it calls tools.

        Args:
            model: its name in models.yaml.
            messages: the conversation, as the dialect has it.
            more: further keys of the request, such as `tools` or `max_tokens`.

        Raises:
            BudgetSpent: the run's budget does not allow the call.
            Refused: the request is wrong (an unknown model, a prompt that is too long), or the provider failed at every try.
        """
        body = json.dumps({"model": model, "messages": list(messages), **more}).encode()
        answer = self._post(body)
        usage = answer.get("usage") or {}
        self.usage["model_calls"] += 1
        self.usage["input_tokens"] += usage.get("prompt_tokens") or 0
        self.usage["output_tokens"] += usage.get("completion_tokens") or 0
        choices = answer.get("choices")
        if not choices or not isinstance(choices[0].get("message"), dict):
            raise Refused(f"the answer holds no message: {json.dumps(answer)[:500]}")
        message: dict[str, Any] = choices[0]["message"]
        return message

    def _post(self, body: bytes) -> dict[str, Any]:
        # an answer that was lost on its way is not paid for again
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        for attempt in range(_TRIES):
            wait = min(_LONGEST_WAIT, 2.0**attempt)
            try:
                request = urllib.request.Request(self._address, body, headers)
                with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
                    answer: dict[str, Any] = json.load(response)
                    return answer
            except urllib.error.HTTPError as error:
                text = error.read(100_000).decode("utf-8", "replace")
                if error.code == 400 and _is_quota(text):
                    raise BudgetSpent(_sentence(text)) from None
                if error.code not in _WORTH_ANOTHER_TRY:
                    raise Refused(f"HTTP {error.code}: {_sentence(text)}") from None
                wait = _seconds(error.headers.get("Retry-After")) or wait
                problem = f"HTTP {error.code}: {_sentence(text)}"
            except (OSError, http.client.HTTPException, ValueError) as error:
                problem = f"{type(error).__name__}: {error}"
            say(f"the model did not answer ({problem}); asking again in {wait:.0f} s")
            time.sleep(wait)
        raise Refused(f"the model did not answer {_TRIES} times: {problem}")


def _is_quota(text: str) -> bool:
    try:
        return bool(json.loads(text)["error"]["code"] == "insufficient_quota")
    except (ValueError, LookupError, TypeError):
        return False


def _sentence(text: str) -> str:
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return text[:500]


def _seconds(text: str | None) -> float | None:
    try:
        return min(_LONGEST_WAIT, max(0.0, float(text or "")))
    except ValueError:
        return None
