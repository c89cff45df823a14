"""Names of models that nobody serves."""

from __future__ import annotations

from mlebench.gateway.usage import measured_usage
from tests.gateway.served import Served, content_of, path_of


def test_they_hide_no_model_that_was_asked(served: Served) -> None:
    for number in range(120):
        assert served.ask("POST", path_of("gemini", f"aaa-{number}"), content_of("gemini")).status == 404
    assert served.call("gemini").status == 200

    usage = measured_usage(served.folder)

    assert list(usage["models"]) == ["a-model"]
    assert (usage["calls"], usage["refused_calls"]) == (1, 120)
