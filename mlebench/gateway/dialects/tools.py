"""Tools that a request offers to a model: those that the agent runs itself stay, those that a provider runs go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from mlebench.gateway.dialects.cleaning import GONE, Cleaning, Rule, anything, invalid, only, out
from mlebench.profiles import Grant


class ToolKind(NamedTuple):
    """One kind of tool, by its `type`."""

    pattern: str
    """A regular expression of the whole type."""
    rule: Rule = anything
    grant: Grant | None = None
    """What a profile must grant for it to stay; None for what the agent runs itself."""


def tool_list(kinds: tuple[ToolKind, ...], untyped: str = "") -> Rule:
    """A list of tools of these kinds; all others are taken out.

    Args:
        kinds: the first one that fits holds.
        untyped: the type of a tool that says none.
    """
    patterns = [(re.compile(kind.pattern), kind) for kind in kinds]

    def one(value: Any, cleaning: Cleaning, place: str) -> Any:
        if not isinstance(value, dict):
            raise invalid(f"{place} must hold objects")
        given = value.get("type")
        name = given if isinstance(given, str) else untyped if given is None else ""
        kind = next((kind for pattern, kind in patterns if pattern.fullmatch(name)), None)
        if kind is None or (kind.grant is not None and kind.grant not in cleaning.grants):
            return cleaning.take_out(f"tool {given or value.get('name') or 'without a type'}")
        kept = kind.rule(value, cleaning, place)
        if kept is not GONE:
            cleaning.tools.update((name, called) for called in ("", *_names(kept)))
        return kept

    def apply(value: Any, cleaning: Cleaning, place: str) -> Any:
        if value is None:
            return GONE
        if not isinstance(value, list):
            raise invalid(f"{place} must be a list")
        kept = [kept for tool in value if (kept := one(tool, cleaning, place)) is not GONE]
        return kept if kept or not value else GONE

    return apply


def caller(value: Any, cleaning: Cleaning, place: str) -> Any:
    """Who called a tool: the model, or, where that is granted, a program that the provider runs."""
    if isinstance(value, dict) and value.get("type") == "direct":
        return {"type": "direct"}
    return out("code_execution")(value, cleaning, place)


def callers(value: Any, cleaning: Cleaning, place: str) -> Any:
    """Who may call a tool, likewise."""
    return value if "code_execution" in cleaning.grants else only({"direct"})(value, cleaning, place)


def _names(tool: Mapping[str, Any]) -> set[str]:
    inner = [tool.get(key) for key in ("function", "custom")]
    names = [tool.get("name"), *(part.get("name") for part in inner if isinstance(part, dict))]
    return {name for name in names if isinstance(name, str)}
