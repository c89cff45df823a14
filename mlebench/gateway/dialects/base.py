"""What the gateway knows of a dialect: where requests go, what is taken out of them, what they used, and how a refusal reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from mlebench._support.dialect import DialectName
from mlebench.errors import Refusal
from mlebench.gateway.tokens import Tokens


class Route(NamedTuple):
    """What a path asks for."""

    action: Literal["generate", "count", "models"]
    """A completion, the number of tokens of a prompt, or the list of models."""
    model: str | None = None
    """The model, where the path names it."""
    is_streaming: bool = False
    """Whether the path asks for a stream."""


@dataclass(frozen=True)
class Call:
    """A request to a model, read and cleaned: nothing is in `content` that the gateway does not know or was not granted."""

    action: Literal["generate", "count"]
    model: str
    """Its name as the agent wrote it."""
    content: Mapping[str, Any]
    """The body."""
    is_streaming: bool = False
    removed: tuple[str, ...] = ()
    """What was taken out of body and headers, a few words each, such as `tool web_search_20250305`."""
    most_output: int | None = None
    """Most tokens that the answer may have, over all choices asked for; None where the request sets no limit."""
    choices: int = 1
    """Answers asked for at once."""
    text_bytes: int = 0
    """Bytes of UTF-8 of all that the model reads, media left out: no more tokens than these."""
    media_bytes: int = 0
    """Bytes of images, sound and documents, as they are in the body; each counts with at least 16 KiB, since a small file may
    hold a large picture."""
    drops_usage: bool = False
    """Whether the stream's usage was asked for by the gateway alone, and is taken out of the answer again."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Parameters that the provider's path gets, such as `alt=sse`."""


class StreamReader(Protocol):
    """Reads a stream of server-sent events as it passes by."""

    tokens: Tokens | None
    """What the stream said that it used, as far as it was read; None while it has said nothing."""
    is_complete: bool
    """Whether the stream's last event was read, so that nothing was cut off."""
    failure: str | None
    """What an error event in the stream said."""

    def feed(self, block: bytes) -> bytes:
        """Read a block; returns what is passed on now: the same bytes, without events that the gateway alone asked for."""
        ...

    def finish(self) -> bytes:
        """The stream has ended; returns what was held back."""
        ...


class Dialect(Protocol):
    """One dialect; has no state, and does nothing but compute."""

    name: DialectName

    def route(self, method: str, path: str) -> Route | None:
        """What a request asks for; None where the path is not of this dialect.

        Args:
            method: in capitals.
            path: without the query, decoded once, such as `/v1/messages`.

        Raises:
            Refusal: the path is of this dialect and closed (404 or 405), such as one that reads stored answers.
        """
        ...

    def read(
        self, route: Route, content: Any, query: Mapping[str, str], grants: Collection[str], fields: Collection[str] = ()
    ) -> Call:
        """Read and clean a request.

        Args:
            route: of its path.
            content: the parsed body, a new value that may be changed.
            query: of its path.
            grants: see `mlebench.profiles.Grant`.
            fields: further keys of the body that the model's provider takes, such as `top_k`.

        Raises:
            Refusal: it is not a request of this dialect, or asks for what cannot be taken out; the sentence says what to change.
        """
        ...

    def request_headers(self, headers: Mapping[str, str], grants: Collection[str]) -> tuple[dict[str, str], list[str]]:
        """The headers that the provider gets, and what was taken out of them.

        Args:
            headers: of the request, names in small letters.
            grants: see `mlebench.profiles.Grant`.
        """
        ...

    def path(self, call: Call, served: str) -> str:
        """Where a provider takes the call, behind its base URL, such as `/chat/completions`.

        Args:
            call: the request.
            served: the model's name at the provider.
        """
        ...

    def body(self, call: Call, served: str) -> dict[str, Any]:
        """What the provider is sent."""
        ...

    def limited(self, call: Call, most_output: int) -> Call:
        """The same call with a limit to its answer, where it sets none.

        Args:
            call: the request.
            most_output: see `Call.most_output`.
        """
        ...

    def tokens(self, content: Any) -> Tokens | None:
        """What a plain answer says that it used; None where it says nothing that can be used."""
        ...

    def reader(self, call: Call) -> StreamReader:
        """A reader of the call's stream."""
        ...

    def refusal(self, refusal: Refusal) -> bytes:
        """The body of an answer that says so in this dialect, as its clients' libraries expect errors."""
        ...

    def error_event(self, refusal: Refusal) -> bytes:
        """The event that says so in the middle of a stream."""
        ...

    def models(self, names: Mapping[str, Collection[str]], one: str | None = None) -> dict[str, Any]:
        """The body that lists models, each with its dialects; with `one` (see `Route.model`), the body
        that describes this one of them."""
        ...

    def probe(self, served: str) -> tuple[str, dict[str, Any]]:
        """Path and body of the smallest question that a provider can be asked, to see whether it answers at all."""
        ...
