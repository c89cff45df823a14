"""Where code of competitions written for the published harness finds metrics: every function of `grading.metrics`, by name."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

from grading import metrics


def __getattr__(name: str) -> Any:
    if not name.startswith("_"):
        for module in pkgutil.iter_modules(metrics.__path__, f"{metrics.__name__}."):
            found = getattr(import_module(module.name), name, None)
            if getattr(found, "__module__", None) == module.name:
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; the metrics are those of `grading.metrics`")
