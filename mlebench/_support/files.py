"""Files that a reader may look at any moment: written beside their place and renamed into it."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from pathlib import Path
from typing import Any

_serial = itertools.count()


def write_text(path: Path, text: str) -> None:
    """Replace `path` at once; a reader sees the old content or the new one, never a part."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.{next(_serial)}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def write_json(path: Path, content: Any) -> None:
    """Write JSON at once; NaN and infinity are errors, as other readers refuse them."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_yaml(path: Path, content: Any) -> None:
    """Write YAML at once, keys in the order given."""
    import yaml

    write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120))
