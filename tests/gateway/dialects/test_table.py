"""Which dialect a path is of."""

from __future__ import annotations

import pytest

from mlebench.gateway.dialects.base import Refusal
from mlebench.gateway.dialects.table import find_route


@pytest.mark.parametrize("version", ["v1", "v1alpha", "v1beta"])
@pytest.mark.parametrize(("verb", "action"), [("generateContent", "generate"), ("countTokens", "count")])
def test_gemini_is_asked_in_every_version(version: str, verb: str, action: str) -> None:
    found = find_route("POST", f"/{version}/models/gemini-2.5-flash:{verb}")
    assert found is not None
    assert (found[0].name, found[1].action, found[1].model) == ("gemini", action, "gemini-2.5-flash")


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gpt-4.1", "/v1/models/vendor/name:free", "/models"])
def test_models_are_listed_where_openai_and_anthropic_list_them(path: str) -> None:
    found = find_route("GET", path)
    assert found is not None and found[1].action == "models"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gpt-4.1"])
def test_models_are_not_changed(path: str) -> None:
    for method in ("POST", "DELETE", "PUT"):
        try:
            found = find_route(method, path)
        except Refusal as refusal:
            assert refusal.status == 405
        else:
            assert found is None
