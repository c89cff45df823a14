"""Shared by agents that use litellm: litellm's name for a model in its dialect, and detection of a spent budget."""

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
"""Variables to set before importing litellm, which otherwise downloads lists of prices and headers."""
_NAMES = {"chat": "openai/{}", "responses": "openai/responses/{}", "messages": "anthropic/{}"}
_TIMEOUT = 60.0


def litellm_name(model: str) -> str:
    """The litellm name of a gateway model in the dialect that suits it best.

    That is its maker's dialect if the gateway serves it, because some models support tools, reasoning or caching only there; else
    chat. Ends the program with code 2 if the gateway serves no dialect that litellm speaks.
    """
    return _NAMES[_dialect(model, _dialects(model))].format(model)


def check_budget(error: BaseException) -> None:
    """Check whether an error is the gateway's refusal of a call that exceeds the budget.

    Raises:
        BudgetSpent: it is such a refusal.
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
    stop(f"{model} supports only the dialect {' or '.join(served)}; this agent supports {', '.join(sorted(_NAMES))}")


def _dialects(model: str) -> list[str]:
    """The dialects in which the gateway serves a model; chat if unknown."""
    address = f"{os.environ['OPENAI_BASE_URL'].rstrip('/')}/models"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            entries = {entry["id"]: entry for entry in json.load(answer)["data"]}
        return [str(dialect) for dialect in entries[model]["dialects"]]
    except (OSError, ValueError, LookupError, TypeError) as error:
        say(f"the dialects of {model} are unknown ({type(error).__name__}: {error}); using chat")
        return ["chat"]
