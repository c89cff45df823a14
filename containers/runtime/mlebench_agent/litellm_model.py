"""What agents that ask through litellm share: the name by which it asks a model in its dialect, and the end of the budget."""

from __future__ import annotations

import json
import os
import re
import urllib.request

from mlebench_agent.models import SPENT, BudgetSpent
from mlebench_agent.task import say, stop

OFFLINE = {
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_OFFLINE_MODE": "true",
}
"""Variables to be set before litellm is imported, which else fetches lists of prices and headers."""
_NAMES = {"chat": "openai/{}", "responses": "openai/responses/{}", "messages": "anthropic/{}"}
_TIMEOUT = 60.0


def litellm_name(model: str) -> str:
    """The name by which litellm asks a model of the gateway in the dialect that suits it best.

    That is its maker's where the gateway has it, as some models take tools, reason or keep a cache in that one alone; else chat.
    Ends the program with code 2 where the gateway has none that litellm speaks.
    """
    return _NAMES[_dialect(model, _dialects(model))].format(model)


def check_budget(error: BaseException) -> None:
    """Raise what the error means where it is the gateway's refusal of a call that the budget does not allow.

    Raises:
        BudgetSpent: it is.
    """
    if SPENT in str(error):
        raise BudgetSpent(str(error)) from None


def _dialect(model: str, served: list[str]) -> str:
    if re.match(r"gpt-\d|o\d", model):
        order = ("responses", "chat", "messages")
    elif model.startswith("claude-"):
        order = ("messages", "chat", "responses")
    else:
        order = ("chat", "responses", "messages")
    for dialect in order:
        if dialect in served:
            return dialect
    stop(f"{model} can be asked in the dialect {' or '.join(served)} alone; this agent asks in {', '.join(sorted(_NAMES))}")


def _dialects(model: str) -> list[str]:
    """Those in which the gateway takes questions to a model; chat where it does not say."""
    address = f"{os.environ['OPENAI_BASE_URL'].rstrip('/')}/models"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            entries = {entry["id"]: entry for entry in json.load(answer)["data"]}
        return [str(dialect) for dialect in entries[model]["dialects"]]
    except (OSError, ValueError, LookupError, TypeError) as error:
        say(f"in which dialects {model} can be asked is not known ({type(error).__name__}: {error}); it is asked in chat")
        return ["chat"]
