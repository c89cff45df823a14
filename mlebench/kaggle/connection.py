"""Connections to Kaggle: none waits for ever, and what breaks one is told in a few words."""

from __future__ import annotations

import os
from typing import Any

STALLED = 30.0
"""Seconds without a byte after which a connection counts as broken (`MLEBENCH_KAGGLE_TIMEOUT`)."""
_CONNECT = 10.0


def stalled_after() -> float:
    """Seconds without a byte after which a connection counts as broken."""
    return float(os.environ.get("MLEBENCH_KAGGLE_TIMEOUT") or STALLED)


def bound_waiting(http: Any) -> None:
    """Let no request of the SDK's client wait for ever; it sets no limit itself."""
    from requests.adapters import HTTPAdapter

    class Bounded(HTTPAdapter):
        def send(
            self,
            request: Any,
            stream: bool = False,
            timeout: Any = None,
            verify: Any = True,
            cert: Any = None,
            proxies: Any = None,
        ) -> Any:
            return super().send(request, stream, timeout or (_CONNECT, stalled_after()), verify, cert, proxies)

    http.__enter__()
    for scheme in ("http://", "https://"):
        http._session.mount(scheme, Bounded())


def problem_of(error: Exception) -> str:
    """A connection error in a few words."""
    import requests
    from urllib3.exceptions import ReadTimeoutError

    if isinstance(error, requests.Timeout | ReadTimeoutError):
        return "timeout"
    if isinstance(error, requests.ConnectionError) and "Connection refused" in str(error):
        return "connection refused"
    if "resolve" in str(error).lower():
        return "the name cannot be resolved"
    return "the connection was lost"
