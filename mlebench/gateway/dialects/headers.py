"""Headers of a request: few are passed on, and only in a form that says nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from mlebench.gateway.dialects.cleaning import Cleaning

HeaderRule = Callable[[str, Cleaning], str | None]
"""Gets a header's value, and returns what is passed on; None: nothing."""

_LONGEST = 200
_OWN = re.compile(
    r"accept(?:-.*)?|authorization|x-api-key|api-key|x-goog-api-key|cache-control|connection|content-.*|cookie|expect|host|"
    r"idempotency-key|keep-alive|pragma|priority|proxy-.*|sec-.*|te|trailer|transfer-encoding|upgrade|"
    # what the best-known clients tell of themselves
    r"x-stainless-.*|x-server-timeout|anthropic-dangerous-direct-browser-access|x-app|x-claude-code-.*|x-codex-.*|originator|"
    r"version|(?:session|thread|conversation)[_-]id|x-client-request-id|x-gemini-api-privileged-user-id|traceparent"
)
"""Headers that the gateway reads or writes itself, or that say nothing to a provider; that they go is not worth a note."""


def printable(value: str, cleaning: Cleaning) -> str | None:
    """Words about the client, short and without anything that is not printable ASCII."""
    return re.sub(r"[^ -~]", "", value)[:_LONGEST].strip() or None


def clean_headers(
    headers: Mapping[str, str], grants: Collection[str], rules: Mapping[str, HeaderRule]
) -> tuple[dict[str, str], list[str]]:
    """The headers that are passed on, and what was taken out.

    Args:
        headers: names in small letters.
        grants: see `mlebench.profiles.Grant`.
        rules: by name, beside that for `user-agent`.
    """
    cleaning = Cleaning(grants)
    kept: dict[str, str] = {}
    for name, value in headers.items():
        rule = printable if name == "user-agent" else rules.get(name)
        if rule is not None:
            if (clean := rule(value, cleaning)) is not None:
                kept[name] = clean
        elif not _OWN.fullmatch(name):
            cleaning.take_out(f"header {name}")
    return kept, list(cleaning.removed)
