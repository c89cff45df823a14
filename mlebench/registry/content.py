"""Loads the code of content folders by path; their names keep hyphens and are no packages."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from mlebench.errors import UsageError


@functools.cache
def load_module(path: Path) -> ModuleType:
    """Import one Python file of a content folder; a second call gives the same module.

    Raises:
        UsageError: if the file is missing.
    """
    name = f"_mlebench_{path.parent.name}_{path.stem}".replace("-", "_")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise UsageError(f"{path} is missing; a competition folder needs it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
