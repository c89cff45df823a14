"""Secrets that agents ask for: looked up when a run starts, masked wherever a run's output is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_SHORTEST = 4
"""Shorter values are not masked: every `1` of a log would turn into stars."""


def find_secrets(names: Iterable[str], env_file: Path | None = None) -> dict[str, str]:
    """Values of the secrets that are set, from the environment or else from `.env` in the working directory.

    Args:
        names: names of environment variables.
        env_file: read instead of `.env`; lines `NAME=value`, quotes and a leading `export` allowed.

    Returns:
        the values found, by name; names that are set nowhere are left out.
    """
    written = _read_env_file(env_file or Path(".env"))
    found = {name: os.environ.get(name) or written.get(name) for name in names}
    return {name: value for name, value in found.items() if value}


def mask(text: bytes, secrets: Iterable[str]) -> bytes:
    """`text` with every secret value replaced by stars."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret.encode(), b"***")
    return text


def mask_stream(blocks: Iterable[bytes], secrets: Iterable[str]) -> Iterator[bytes]:
    """`mask` for bytes that come in blocks; a secret that a block's end cuts in two is masked as well."""
    values = [secret for secret in secrets if len(secret) >= _SHORTEST]
    overlap = max((len(secret.encode()) for secret in values), default=1) - 1
    rest = b""
    for block in blocks:
        rest = mask(rest + block, values)
        ready = len(rest) - overlap
        if ready > 0:
            yield rest[:ready]
            rest = rest[ready:]
    if rest:
        yield rest


def _read_env_file(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    values = {}
    for line in lines:
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.startswith("#"):
            values[name.strip()] = value.strip().strip("\"'")
    return values
