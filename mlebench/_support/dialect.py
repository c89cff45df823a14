"""The names of the dialects in which models are asked, for what speaks them and for what says which an agent needs."""

from typing import Literal

DialectName = Literal["chat", "responses", "messages", "gemini"]
"""OpenAI's chat completions and responses, Anthropic's messages, Gemini's generateContent."""
