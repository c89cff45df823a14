"""Familiarity is the mean probability of the true tokens, as the model's server reports it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlebench._support.ledger import broken_line_of, ledger_lines
from mlebench._support.steps import Step
from mlebench.errors import UsageError, WorkFailed
from mlebench.evidence.review.familiarity import Familiarity, familiarity
from mlebench.profiles import Budget
from tests.evidence.review.judges import key, models_file
from tests.gateway.provider import KEY, Answer, Provider, Received
from tests.sound_steps import assert_sound

__all__ = ["key"]
pytestmark = pytest.mark.usefixtures("key")
KNOWN, NEW = math.log(0.9), math.log(0.2)


def value_of(token: str) -> float:
    """The scripted model knows words with an `e`."""
    return KNOWN if "e" in token else NEW


def tokens_of(text: str) -> list[str]:
    return re.findall(r"\s*\S+", text)


def completion(received: Received) -> Answer:
    """A server that echoes the prompt with log-probabilities, and one generated token behind it."""
    tokens = tokens_of(received.content["prompt"])
    values = [None, *map(value_of, tokens[1:]), -5.0]
    choice = {"text": "".join(tokens) + " next", "logprobs": {"tokens": [*tokens, " next"], "token_logprobs": values}}
    usage = {"prompt_tokens": len(tokens), "completion_tokens": 1, "total_tokens": len(tokens) + 1}
    return Answer(body=json.dumps({"choices": [choice], "usage": usage}).encode())


def chat(received: Received) -> Answer:
    """A server that returns those of a chat's prompt, including the template, on request."""
    tokens = tokens_of(received.content["messages"][0]["content"])
    entries = [{"1": {"logprob": value_of(token), "decoded_token": token}} for token in tokens]
    around = {"2": {"logprob": -3.0, "decoded_token": "<|im_start|>"}}
    told = [None, around, *entries, around] if received.content.get("prompt_logprobs") == 0 else None
    message = {"message": {"role": "assistant", "content": "x"}, "finish_reason": "length"}
    return Answer(body=json.dumps({"choices": [message], "prompt_logprobs": told}).encode())


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    with Provider(KEY) as provider:
        serve(provider, completion)
        (tmp_path / "models.yaml").write_text(models_file(provider))
        yield provider


def serve(provider: Provider, completions: Callable[[Received], Answer], chats: Callable[[Received], Answer] = chat) -> None:
    provider.answer = lambda received: (chats if received.path.endswith("/chat/completions") else completions)(received)


def refuse(received: Received) -> Answer:
    return Answer(status=404)


def put(folder: Path, **texts: str) -> Path:
    """Texts by competition."""
    for name, text in texts.items():
        (folder / "texts" / name).mkdir(parents=True, exist_ok=True)
        (folder / "texts" / name / "topic.txt").write_text(text)
    return folder / "texts"


def measure(folder: Path, texts: Path, **options: Any) -> Familiarity:
    budget = Budget(**options.pop("budget", {}))
    options.setdefault("patience", 0.0)
    return familiarity("a", texts, folder=folder / "review", model_files=[folder / "models.yaml"], budget=budget, **options)


def test_it_is_the_figure_computed_by_hand(tmp_path: Path, provider: Provider) -> None:
    # behind the first: the, net, we (0.9 each), and, saw (0.2 each)
    found = measure(tmp_path, put(tmp_path, one="when the net and we saw")).competitions["one"]
    assert (found.texts, found.chunks, found.tokens, found.unanswered) == (1, 1, 5, 0)
    assert found.probability == pytest.approx((3 * 0.9 + 2 * 0.2) / 5)
    assert found.log_probability == pytest.approx((3 * KNOWN + 2 * NEW) / 5)
    assert found.probability_interval is None


def test_a_chat_that_tells_log_probabilities_is_the_second_way(tmp_path: Path, provider: Provider) -> None:
    serve(provider, refuse)
    steps: list[Step] = []
    texts = put(tmp_path, one="when the net and we saw", two="no")
    found = measure(tmp_path, texts, listener=steps.append).competitions
    assert_sound(steps, phases=["asking models"])
    assert found["one"].tokens == 6 and found["one"].probability == pytest.approx((4 * 0.9 + 2 * 0.2) / 6)
    assert found["two"].tokens == 1 and found["two"].probability == pytest.approx(0.2)


@pytest.mark.parametrize("status", [200, 400])
def test_a_model_that_tells_none_is_said_in_one_sentence(tmp_path: Path, provider: Provider, status: int) -> None:
    def plain(received: Received) -> Answer:
        return Answer(status=status, body=None if status == 400 else b'{"choices": [{"text": "hello"}]}')

    serve(provider, plain, plain)
    with pytest.raises(UsageError, match=r"model `a` returns no log-probabilities of prompts \(in completions, .*; in chat, "):
        measure(tmp_path, put(tmp_path, one="some words", two="more words"))
    assert len(provider.received) == 2


def test_a_provider_that_fails_at_once_is_named(tmp_path: Path, provider: Provider) -> None:
    serve(provider, lambda received: Answer(status=503))
    with pytest.raises(WorkFailed, match="model `a` cannot be asked: provider scripted answers with 503"):
        measure(tmp_path, put(tmp_path, one="some words"))


def test_long_texts_are_read_in_equal_chunks_and_all_of_them(tmp_path: Path, provider: Provider) -> None:
    text = " ".join(f"word{number}" for number in range(1000))
    texts = put(tmp_path, one=text)
    (texts / "one" / "second.md").write_text("another text")
    (texts / "one" / "picture.png").write_bytes(b"\x89PNG")
    found = measure(tmp_path, texts, characters=1000).competitions["one"]
    asked = sorted((received.content["prompt"] for received in provider.received), key=lambda words: (text + words).index(words))
    assert "".join(words for words in asked if words != "another text") == text
    lengths = [len(words) for words in asked if words != "another text"]
    assert max(lengths) <= 1000 and max(lengths) - min(lengths) < 30
    assert (found.texts, found.chunks) == (2, len(asked))
    low, high = found.probability_interval or (2, 2)
    assert found.probability is not None and 0 < low <= found.probability <= high < 1


def test_a_budget_that_is_spent_leaves_chunks_which_another_measurement_reads(tmp_path: Path, provider: Provider) -> None:
    texts = put(tmp_path, one=" ".join(f"e{number:02}" for number in range(50)), two="words that are long")
    first = measure(tmp_path, texts, characters=50, budget={"calls": 2}, jobs=1)
    assert not first.is_complete
    assert first.unanswered == ["3 of 5 chunks were not measured: the budget (calls=2) is spent; `--judge-budget` sets another"]
    assert first.competitions["two"].probability is None
    second = measure(tmp_path, texts, characters=50, budget={"calls": 3})
    assert second.is_complete and second.usage["calls"] == 3 and second.usage["kept_answers"] == 2
    third = measure(tmp_path, texts, characters=50)
    assert third.usage["calls"] == 0 and third.competitions == second.competitions
    assert len(provider.received) == 5


def test_a_chunk_that_is_not_answered_leaves_the_others(tmp_path: Path, provider: Provider) -> None:
    def some(received: Received) -> Answer:
        return Answer(status=400) if "bad" in received.content["prompt"] else completion(received)

    serve(provider, some)
    found = measure(tmp_path, put(tmp_path, one="when the net", two="the bad words"))
    assert found.competitions["one"].probability == pytest.approx(0.9)
    assert (found.competitions["two"].probability, found.competitions["two"].unanswered) == (None, 1)
    [sentence] = found.unanswered
    assert sentence.startswith("1 of 2 chunks were not measured: provider scripted answers with 400")


def test_calls_stand_in_a_ledger_of_their_own(tmp_path: Path, provider: Provider) -> None:
    found = measure(tmp_path, put(tmp_path, one="when the net and we saw"))
    path = tmp_path / "review" / "familiarity_calls.jsonl"
    assert broken_line_of(path, 2**30) is None
    [line] = ledger_lines(path, 2**30)
    assert (line["tokens"]["input"], line["tokens"]["output"], line["cost_usd"]) == (6, 1, 8e-06)
    assert found.usage == {"calls": 1, "input_tokens": 6, "output_tokens": 1, "cost_usd": 8e-06, "kept_answers": 0}


def test_it_is_set_against_scores(tmp_path: Path, provider: Provider) -> None:
    found = measure(tmp_path, put(tmp_path, one="x the net", two="x the cat", three="x a cat", four="x y"))
    relation = found.against({"one": 1.0, "two": 0.5, "three": 0.0, "five": 1.0})
    assert [point[0] for point in relation.points] == ["one", "three", "two"]
    assert relation.pearson.value == pytest.approx(1)
    assert json.loads(json.dumps(found.to_dict()))["competitions"]["four"]["tokens"] == 1


def test_a_folder_without_texts_is_refused_before_anything_is_asked(tmp_path: Path, provider: Provider) -> None:
    (tmp_path / "texts" / "one").mkdir(parents=True)
    with pytest.raises(UsageError, match="there are no texts"):
        measure(tmp_path, tmp_path / "texts")
    with pytest.raises(UsageError, match="nowhere: No such file"):
        measure(tmp_path, tmp_path / "nowhere")
    (tmp_path / "texts" / "one" / "link.txt").symlink_to(tmp_path / "models.yaml")
    with pytest.raises(UsageError, match=r"link.txt: a link"):
        measure(tmp_path, tmp_path / "texts")
    assert provider.received == []


def test_a_model_of_other_dialects_alone_is_refused(tmp_path: Path, provider: Provider) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(path.read_text().replace("[chat]", "[messages]"))
    with pytest.raises(UsageError, match="only available in messages"):
        measure(tmp_path, put(tmp_path, one="some words"))
