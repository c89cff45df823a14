"""OpenAI's older completions, which alone of its ways tell how probable a prompt was; for calls of the harness's own.

Agents have no path to it: it is in no table of dialects. A provider takes it beside chat completions, with the same key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from mlebench.gateway.dialects.base import Call, Route
from mlebench.gateway.dialects.chat import Chat
from mlebench.gateway.dialects.cleaning import Cleaning, check_form, model_name, whole_number


class Completions(Chat):
    """See `Dialect`; requests are those of the harness, so that nothing is taken out of them."""

    def route(self, method: str, path: str) -> Route | None:
        return None

    def read(
        self, route: Route, content: Any, query: Mapping[str, str], grants: Collection[str], fields: Collection[str] = ()
    ) -> Call:
        content = check_form(content)
        return Call(
            "generate",
            model_name(content.get("model")),
            content,
            most_output=whole_number(content.get("max_tokens"), "max_tokens"),
            text_bytes=Cleaning(grants).text_bytes(content),
        )

    def path(self, call: Call, served: str) -> str:
        return "/completions"

    def limited(self, call: Call, most_output: int) -> Call:
        return replace(call, content={**call.content, "max_tokens": most_output}, most_output=most_output)
