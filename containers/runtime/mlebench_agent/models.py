"""Calls a model in OpenAI's chat dialect, which the gateway serves for nearly every model, without a library."""

from __future__ import annotations

import email.utils
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlebench_agent.task import say

_FIRST_WAIT = 2.0
_LONGEST_WAIT = 60.0
_PATIENCE = 900.0
"""Seconds for which a provider may fail continuously: longer than the harness waits before it ends the run itself."""
_LEAST_TRIES = 3
"""Minimum tries, even if one try takes longer than the patience."""
_MOST_POOR_ANSWERS = 4
_TIMEOUT = 1800.0
_WORTH_ANOTHER_TRY = (408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529)
SPENT = "the run's budget for models is spent"
"""The start of the gateway's message; providers use the same code for quota errors of their own accounts."""
_SENT_BACK = ("content", "reasoning", "reasoning_content", "reasoning_details", "extra_content")
"""Keys of a message and of its calls that providers expect, or even require, to get back."""
_TOO_LONG = re.compile(
    r"context.?(length|window|size|limit)|(prompt|input|request)\W+(\w+\W+){0,4}too (long|large)|too many (input )?tokens"
    r"|input length\b|token (count|limit)\b.*exceed|exceeds?\b.*\btokens|maximum\b.*\btokens|reduce the length",
    re.IGNORECASE | re.DOTALL,
)


class BudgetSpent(Exception):
    """The run's budget for models is spent: no more calls are possible, and a minute is left to finish."""


class Refused(Exception):
    """The model does not answer this request, and retrying would not help; the message says why."""


class TooLong(Refused):
    """The conversation does not fit into the model's context; shorten it."""


@dataclass(frozen=True)
class Call:
    """A model's call of a tool."""

    id: str
    """The id that a message of role `tool` answers; unique within an answer."""
    name: str
    arguments: Mapping[str, Any]
    problem: str = ""
    """Why the arguments cannot be read; empty if they can."""


@dataclass(frozen=True)
class Answer:
    """A model's answer."""

    message: Mapping[str, Any]
    """The message as the next request's `messages` should contain it, acceptable to every provider: unreadable parts of its calls
    are fixed, and keys that no provider expects are dropped."""
    calls: Sequence[Call]
    """The tool calls, in order; each needs an answer."""
    reason: str
    """Why it ended, such as `stop`, `tool_calls`, or `length` if it was cut off."""
    input_tokens: int
    """Input tokens of the whole conversation, including `cached` ones; 0 if the provider did not count them."""
    output_tokens: int

    @property
    def text(self) -> str:
        """Its text; empty if it only calls tools."""
        return text_of(self.message.get("content"))


class Models:
    """A client that counts usage and retries while a provider fails temporarily."""

    def __init__(self, sleep: Callable[[float], object] = time.sleep, now: Callable[[], float] = time.monotonic) -> None:
        """Args:
        sleep: waits for a number of seconds.
        now: returns the seconds of a monotonic clock.
        """
        self.usage = {"calls": 0, "input_tokens": 0, "output_tokens": 0}
        """Totals of the providers' counts, for `Task.report_usage`."""
        base = os.environ.get("OPENAI_BASE_URL", "http://localhost:5001/v1")
        self._address = f"{base.rstrip('/')}/chat/completions"
        self._key = os.environ.get("OPENAI_API_KEY", "")
        self._sleep, self._now = sleep, now

    def ask(self, model: str, messages: Sequence[Mapping[str, Any]], **more: Any) -> Answer:
        """Ask a model to answer a conversation.

        Args:
            model: its name in models.yaml.
            messages: the conversation, in the form of the dialect.
            more: additional request keys, such as `tools` or `temperature`.

        Raises:
            BudgetSpent: the run's budget does not allow the call.
            TooLong: the conversation does not fit into the model's context.
            Refused: the request is wrong (an unknown model, say), or the provider failed at every try for a quarter of an hour.
        """
        # models sometimes write lone surrogates, which no provider accepts
        body = json.dumps({"model": model, "messages": list(messages), **more}, ensure_ascii=False).encode("utf-8", "replace")
        for number in range(1, _MOST_POOR_ANSWERS + 1):
            content = self._post(body)
            used = self._count(content)
            choice = _choice(content)
            if choice is not None:
                calls = _calls(choice["message"].get("tool_calls"))
                message = _message(choice["message"], calls)
                return Answer(message, [call for call, _ in calls], str(choice.get("finish_reason") or ""), *used)
            problem = f"the model's answer holds no message: {_shown(content)}"
            if number < _MOST_POOR_ANSWERS:
                say(f"{problem}; asking again")
                self._sleep(_FIRST_WAIT**number)
        raise Refused(problem)

    def _count(self, content: Any) -> tuple[int, int]:
        counted = content.get("usage") if isinstance(content, dict) else None
        usage: Mapping[str, Any] = counted if isinstance(counted, dict) else {}
        used = _whole(usage.get("prompt_tokens")), _whole(usage.get("completion_tokens"))
        self.usage["calls"] += 1
        self.usage["input_tokens"] += used[0]
        self.usage["output_tokens"] += used[1]
        return used

    def _post(self, body: bytes) -> Any:
        """The parsed answer to a request; its text if it is not JSON."""
        # an answer that was lost in transit is not charged twice
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Idempotency-Key": uuid.uuid4().hex,
        }
        failing_since, tries = None, 0
        while True:
            tries += 1
            wait = min(_LONGEST_WAIT, _FIRST_WAIT**tries)
            try:
                with urllib.request.urlopen(urllib.request.Request(self._address, body, headers), timeout=_TIMEOUT) as response:
                    return _parsed(response.read())
            except urllib.error.HTTPError as error:
                problem = self._problem(error)
                wait = _seconds(error.headers.get("Retry-After")) or wait
            except (OSError, http.client.HTTPException) as error:
                problem = f"{type(error).__name__}: {error}"
            failing_since = self._now() if failing_since is None else failing_since
            if tries >= _LEAST_TRIES and self._now() + wait > failing_since + _PATIENCE:
                raise Refused(f"the model did not answer {tries} times, the last time with {problem}")
            say(f"the model did not answer ({problem}); retrying in {wait:.0f} s")
            self._sleep(wait)

    def _problem(self, error: urllib.error.HTTPError) -> str:
        """The message of an error if a retry may help; otherwise raises the matching exception."""
        try:
            content = _parsed(error.read(100_000))
        except (OSError, http.client.HTTPException):
            content = None
        inner = content.get("error") if isinstance(content, dict) else None
        details = inner if isinstance(inner, dict) else {"message": inner or content}
        message, code = str(details.get("message") or error.reason)[:1000], str(details.get("code"))
        problem = f"HTTP {error.code}: {message}"
        if error.code == 400 and code == "insufficient_quota" and message.startswith(SPENT):
            raise BudgetSpent(message) from None
        if error.code in (400, 413, 422) and (code == "context_length_exceeded" or _TOO_LONG.search(message)):
            raise TooLong(problem) from None
        if error.code not in _WORTH_ANOTHER_TRY:
            raise Refused(problem) from None
        return problem


def text_of(content: Any) -> str:
    """The text of a message's content, which is a string or a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _choice(content: Any) -> Any:
    """The first choice of an answer that has a message; None if there is none."""
    try:
        choice = content["choices"][0]
        return choice if isinstance(choice["message"], dict) else None
    except (LookupError, TypeError):
        return None


def _calls(listed: Any) -> list[tuple[Call, Mapping[str, Any]]]:
    """Each call, with its form for the next request."""
    calls: list[tuple[Call, Mapping[str, Any]]] = []
    for given in listed if isinstance(listed, list) else ():
        if not isinstance(given, dict):
            continue
        function = given["function"] if isinstance(given.get("function"), dict) else {}
        name = str(function.get("name") or "unnamed")
        arguments, problem = _arguments(function.get("arguments"))
        identity = str(given.get("id") or "")
        if not identity or identity in [call.id for call, _ in calls]:
            identity = f"call_{uuid.uuid4().hex}"
        # providers validate what is sent back, and reject even their own model's faulty names and arguments
        written_name = re.sub(r"[^\w-]", "_", name, flags=re.ASCII)[:64]
        written = {"name": written_name, "arguments": json.dumps(arguments, ensure_ascii=False)}
        sent_back = {key: given[key] for key in _SENT_BACK if given.get(key) is not None}
        calls.append(
            (Call(identity, name, arguments, problem), {**sent_back, "id": identity, "type": "function", "function": written})
        )
    return calls


def _arguments(text: Any) -> tuple[Mapping[str, Any], str]:
    """The arguments of a call, and what is wrong with them."""
    if isinstance(text, dict) or not text:
        return text or {}, ""
    try:
        # a raw line break in a string stands for itself
        arguments = json.loads(str(text), strict=False)
    except (ValueError, RecursionError) as error:
        return {}, f"the arguments are not valid JSON: {error}"
    return (arguments, "") if isinstance(arguments, dict) else ({}, "the arguments are not a JSON object")


def _message(given: Mapping[str, Any], calls: Sequence[tuple[Call, Mapping[str, Any]]]) -> Mapping[str, Any]:
    message = {key: given[key] for key in _SENT_BACK if given.get(key) is not None}
    if calls:
        return {"role": "assistant", "content": None, **message, "tool_calls": [sound for _, sound in calls]}
    # few providers accept an empty message
    return {"role": "assistant", **message, "content": text_of(given.get("content")) or "(nothing)"}


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def _shown(content: Any) -> str:
    return (content if isinstance(content, str) else json.dumps(content))[:500]


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _seconds(text: str | None) -> float | None:
    """Seconds that `Retry-After` asks for, given there as a number or a date; None if it cannot be read."""
    try:
        seconds = float(text or "")
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(text or "").timestamp() - time.time()
        except (ValueError, TypeError, IndexError):
            return None
    return min(_LONGEST_WAIT, seconds) if seconds > 0 else None
