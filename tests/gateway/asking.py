"""What tests of sandboxes need to let scripted agents ask models: access to a scripted provider, and a client of one file."""

from __future__ import annotations

from typing import Any

from mlebench.gateway.access import ModelAccess
from mlebench.gateway.models import Model, Prices
from mlebench.profiles import Budget
from tests.gateway.provider import KEY, Provider

CLIENT = r"""
import json, os, sys, time, urllib.error, urllib.request

BASE = os.environ["OPENAI_BASE_URL"]


def ask(text="hello", model="m", token=None):
    '''Status and body of a question in the chat dialect; 0 and the error where nobody answers.'''
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}).encode()
    headers = {"Authorization": "Bearer " + (token or os.environ["OPENAI_API_KEY"]), "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(BASE + "/chat/completions", body, headers), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def until(path):
    while not os.path.exists(path):
        time.sleep(0.05)


def ready(name="ready"):
    open(os.path.join(os.environ["LOGS_DIR"], name), "w").close()

"""
"""Beginning of an agent's program."""

MODELS = """
providers:
  scripted: {{dialects: [chat], base_url: "{url}", key: SCRIPTED_KEY}}
models:
  m: {{provider: scripted, served: m-served, prices: {{input: 1, output: 2}}}}
"""
"""A file of models with one, `m`, of a provider at `url`."""


def access(provider: Provider, **given: Any) -> ModelAccess:
    """Access to one model, `m`, of a provider of two dialects; `budget` holds limits by key."""
    model = Model(
        name="m",
        served="m-served",
        provider="scripted",
        dialects=("chat", "responses"),
        base_url=provider.base_url("chat"),
        key="SCRIPTED_KEY",
        prices=Prices(input=1, output=2),
    )
    budget = Budget(**given.pop("budget", {}))
    return ModelAccess(models={"m": model}, keys={"SCRIPTED_KEY": KEY}, budget=budget, **given)
