"""The four dialects, and which of them a path is of."""

from __future__ import annotations

from collections.abc import Mapping

from mlebench._support.dialect import DialectName
from mlebench.gateway.dialects.base import Dialect, Route
from mlebench.gateway.dialects.chat import Chat
from mlebench.gateway.dialects.gemini import Gemini
from mlebench.gateway.dialects.messages import Messages
from mlebench.gateway.dialects.responses import Responses

DIALECTS: Mapping[DialectName, Dialect] = {dialect.name: dialect for dialect in (Chat(), Responses(), Messages(), Gemini())}


def find_route(method: str, path: str) -> tuple[Dialect, Route] | None:
    """The dialect that a path is of, and what is asked for; None where it is of none.

    The list of models is the same in all, and is answered by chat.

    Args:
        method: in capitals.
        path: without the query, decoded once.

    Raises:
        Refusal: the path is of a dialect and closed.
    """
    for dialect in DIALECTS.values():
        if (route := dialect.route(method, path)) is not None:
            return dialect, route
    return None
