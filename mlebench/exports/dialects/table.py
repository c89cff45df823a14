"""The readers of the four dialects."""

from __future__ import annotations

from collections.abc import Mapping

from mlebench.exports.dialects.base import DialectReader
from mlebench.exports.dialects.chat import ChatText
from mlebench.exports.dialects.gemini import GeminiText
from mlebench.exports.dialects.messages import MessagesText
from mlebench.exports.dialects.responses import ResponsesText

READERS: Mapping[str, DialectReader] = {
    "chat": ChatText(),
    "responses": ResponsesText(),
    "messages": MessagesText(),
    "gemini": GeminiText(),
}
"""By the name of the dialect, as the ledger has it."""
