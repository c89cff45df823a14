"""The variables that the harness's helper processes and plain agents inherit from it."""

from __future__ import annotations

import os

_NAMES = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "TMPDIR", "SSL_CERT_FILE", "CUDA_HOME")


def inherited() -> dict[str, str]:
    """Those that are set."""
    return {name: os.environ[name] for name in _NAMES if name in os.environ}
