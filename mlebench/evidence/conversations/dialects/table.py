"""The readers of the four dialects."""

from __future__ import annotations

from collections.abc import Mapping

from mlebench.evidence.conversations.dialects.base import DialectReader
from mlebench.evidence.conversations.dialects.chat import ChatText
from mlebench.evidence.conversations.dialects.gemini import GeminiText
from mlebench.evidence.conversations.dialects.messages import MessagesText
from mlebench.evidence.conversations.dialects.responses import ResponsesText

READERS: Mapping[str, DialectReader] = {
    "chat": ChatText(),
    "responses": ResponsesText(),
    "messages": MessagesText(),
    "gemini": GeminiText(),
}
"""By the name of the dialect, as the ledger has it."""
