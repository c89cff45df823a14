"""Files of a run group that a reader may look at any moment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mlebench._support.files import write_json, write_text

__all__ = ["write_json", "write_text", "write_yaml"]


def write_yaml(path: Path, content: Any) -> None:
    """Write YAML at once, keys in the order given."""
    write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))
