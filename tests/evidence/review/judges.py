"""Judging models that are scripts: they read the request as a model does, by its marker, and answer what a test says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlebench.evidence.review.judge import Judgements, ask_judges
from mlebench.evidence.review.judging.questions import QUESTIONS
from mlebench.evidence.review.reviewed import reviewed_groups
from mlebench.gateway.tokens import Tokens
from mlebench.profiles import Budget
from mlebench.runs.group import Group
from tests.gateway.provider import KEY, Answer, Provider, Received

TOKENS = Tokens(input=1000, output=10)
"""Of each call: $0.00102 at a dollar and two for a million tokens."""


@dataclass(frozen=True)
class Asked:
    """A request as a judge that keeps to its rules reads it."""

    judge: str
    question: str
    shown: str
    """What stands between the markers."""


Says = Callable[[Asked], Any]
"""What a judge answers, as an object or as the words themselves."""

NO = {"answer": "no", "quotes": [], "steering": []}


def read(received: Received) -> Asked:
    """The request, with the data told from the question by the marker that the system's words name."""
    system, user = _words(received)
    [marker] = set(re.findall(r"DATA-[0-9a-f]{24}", system))
    before, shown, after = user.split(f"\n{marker}\n")
    named = [question.name for question in QUESTIONS if question.words in before and question.words in after]
    assert len(named) == 1
    return Asked(received.model.removeprefix("served-"), named[0], shown)


def _words(received: Received) -> tuple[str, str]:
    content = received.content
    if received.dialect == "chat":
        system, user = (message["content"] for message in content["messages"])
        return system, user
    if received.dialect == "responses":
        return content["instructions"], content["input"]
    assert received.dialect == "messages" and content["max_tokens"] > 0
    return content["system"], content["messages"][0]["content"]


@contextmanager
def judges(folder: Path, says: Says) -> Iterator[Provider]:
    """A provider of the models `a` and `b`, in `folder/models.yaml`, behind which one script answers."""

    def answer(received: Received) -> Answer:
        said = says(read(received))
        if isinstance(said, Answer):
            return said
        return Answer(text=said if isinstance(said, str) else json.dumps(said), tokens=TOKENS)

    with Provider(KEY) as provider:
        provider.answer = answer
        (folder / "models.yaml").write_text(models_file(provider))
        yield provider


def models_file(provider: Provider) -> str:
    entry = "{{provider: scripted, served: served-{0}, prices: {{input: 1, output: 2}}, most_output: 100}}"
    return (
        f'providers:\n  scripted: {{dialects: [chat], base_url: "{provider.base_url("chat")}", key: SCRIPTED_KEY}}\n'
        f"models:\n  a: {entry.format('a')}\n  b: {entry.format('b')}\n"
    )


def ask(group: Group, root: Path, names: Sequence[str] = ("a",), **options: Any) -> Judgements:
    """The judgements about a group."""
    budget = Budget(**options.pop("budget", {}))
    options.setdefault("patience", 2.0)
    with reviewed_groups(group.folder) as groups:
        return ask_judges(groups, names, folder=root / "review", model_files=[root / "models.yaml"], budget=budget, **options)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The provider's key, where the harness looks for it."""
    monkeypatch.setenv("SCRIPTED_KEY", KEY)
    return KEY
