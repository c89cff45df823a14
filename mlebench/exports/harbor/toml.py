"""Writes TOML: the standard library only reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def toml_text(content: Mapping[str, Any]) -> str:
    """A document; values are texts, finite numbers, flags, lists of such, and tables, whose keys are bare ones."""
    return "\n".join(_tables(content, ())).lstrip("\n") + "\n"


def _tables(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    own = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = ["", f"[{'.'.join(path)}]"] if path and (own or not table) else []
    lines += [f"{key} = {_value(value)}" for key, value in own.items()]
    for key, value in table.items():
        if isinstance(value, Mapping):
            lines += _tables(value, (*path, key))
    return lines


def _value(value: Any) -> str:
    # its escapes are TOML's, but for the one control character that JSON lets through
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")
