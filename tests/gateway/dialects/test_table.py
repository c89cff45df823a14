"""Which dialect a path is of, and the list of models that all have in common."""

from __future__ import annotations

from typing import Any

import pytest

from mlebench._support.dialect import DialectName
from mlebench.errors import Refusal
from mlebench.gateway.dialects.base import Route
from mlebench.gateway.dialects.table import DIALECTS, find_route
from tests.gateway.dialects.requests import PATHS, read


@pytest.mark.parametrize("dialect", PATHS)
def test_each_path_is_of_one_dialect(dialect: DialectName) -> None:
    found = find_route("POST", PATHS[dialect])
    assert found is not None and found[0].name == dialect and found[1].action == "generate"
    assert [*DIALECTS] == [one.name for one in DIALECTS.values()]


@pytest.mark.parametrize("version", ["v1", "v1alpha", "v1beta"])
def test_google_asks_below_the_list_of_models(version: str) -> None:
    assert find_route("POST", f"/{version}/models/m:generateContent") == (DIALECTS["gemini"], Route("generate", "m"))
    assert find_route("POST", f"/{version}/models/m:countTokens") == (DIALECTS["gemini"], Route("count", "m"))


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/models", None),
        ("/models", None),
        ("/v1beta/models", None),
        ("/v1/models/org/m:free", "org/m:free"),
        ("/v1beta/models/m", "m"),
    ],
)
def test_the_list_of_models(path: str, model: str | None) -> None:
    for method in ("GET", "HEAD"):
        assert find_route(method, path) == (DIALECTS["chat"], Route("models", model))


def test_models_are_not_changed() -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert find_route(method, "/v1/models") is None and find_route(method, "/v1/models/m") is None


@pytest.mark.parametrize("dialect", PATHS)
def test_models_are_listed_for_the_clients_of_all(dialect: DialectName) -> None:
    listed = DIALECTS[dialect].models({"b": ("messages", "chat"), "a": ("gemini",)})
    assert [entry["id"] for entry in listed["data"]] == ["a", "b"]
    assert [entry["name"] for entry in listed["models"]] == ["models/a", "models/b"]
    assert [entry["dialects"] for entry in listed["data"]] == [["gemini"], ["chat", "messages"]]
    assert listed["object"] == "list" and not listed["has_more"] and listed["last_id"] == "b"
    assert DIALECTS[dialect].models({"b": ("messages", "chat")}, "b") == listed["data"][1]
    assert DIALECTS[dialect].models({})["data"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/embeddings",
        "/v1/completions",
        "/v1/files",
        "/v1/vector_stores",
        "/v1/chat/completionsx",
        "/x/v1/messages",
        "/v1//messages",
        "/v1/messages\n",
        "/V1/messages",
        "/v1beta/cachedContents",
        "/upload/v1beta/files",
        "http://example.org/v1/messages",
        "/v1/../v1/messages",
    ],
)
def test_other_paths_are_of_none(path: str) -> None:
    assert find_route("POST", path) is None
    assert find_route("GET", path) is None


@pytest.mark.parametrize("path", ["/v1/responses/x", "/v1/chat/completions/x", "/v1/messages/batches", "/v1beta/models/m:embed"])
def test_closed_paths_are_refused(path: str) -> None:
    for method in ("POST", "PUT", "DELETE"):
        with pytest.raises(Refusal) as refused:
            find_route(method, path)
        assert refused.value.status == 404


@pytest.mark.parametrize(
    ("dialect", "changes", "sent_limit"),
    [
        ("chat", {}, {"max_completion_tokens": 600}),
        ("chat", {"n": 3}, {"n": 3, "max_completion_tokens": 200}),
        ("responses", {}, {"max_output_tokens": 600}),
        ("messages", {}, {"max_tokens": 600}),
        ("gemini", {"generationConfig": {"topK": 3}}, {"generationConfig": {"topK": 3, "maxOutputTokens": 600}}),
        (
            "gemini",
            {"generation_config": {"candidate_count": 2}},
            {"generationConfig": {"candidateCount": 2, "maxOutputTokens": 300}},
        ),
    ],
)
def test_an_answer_is_limited_over_all_choices(dialect: DialectName, changes: dict[str, Any], sent_limit: dict[str, Any]) -> None:
    call = DIALECTS[dialect].limited(read(dialect, changes), 600)
    body = DIALECTS[dialect].body(call, "served")
    assert call.most_output == 600 and body | sent_limit == body
    assert read(dialect, body).most_output == 600
