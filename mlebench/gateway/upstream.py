"""Calls to providers: with their keys, and nothing else of this machine's.

No cookies, no redirects, no `.netrc`; certificates are checked. A proxy is used where the environment of the harness names
one (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`), as the user's other programs do.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp
from yarl import URL

from mlebench._support.dialect import DialectName
from mlebench.errors import Refusal
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.coding import Decoder, decoder_of
from mlebench.gateway.models import Auth, Model

_AUTH: Mapping[DialectName, Auth] = {"chat": "bearer", "responses": "bearer", "messages": "x-api-key", "gemini": "x-goog-api-key"}
_PASSED = frozenset({"content-type", "retry-after", "retry-after-ms", "request-id", "x-request-id", "x-should-retry"})
_PASSED_FAMILIES = ("x-ratelimit-", "anthropic-ratelimit-")
_LONGEST_HEADER = 1024


class Question(NamedTuple):
    """What a provider is asked."""

    model: Model
    dialect: DialectName
    path: str
    """Behind the base URL."""
    body: bytes
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}


class ProviderFailed(Exception):
    """A provider that did not answer, or not to the end; the words name nothing but the provider."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message

    @property
    def refusal(self) -> Refusal:
        """What the agent is answered."""
        return Refusal(self.status, "unavailable", self.message)


class Reply:
    """A provider's answer, its head read."""

    def __init__(self, response: aiohttp.ClientResponse, provider: str) -> None:
        self._response, self._provider = response, provider
        self.status = response.status
        self.headers = dict(_passed(response.headers))
        """Those that an agent gets, names in small letters."""
        self._decoder = decoder_of(response.headers.get("Content-Encoding", ""))
        if self._decoder is None:
            # nobody here can read it, but the agent's client may
            self.headers["content-encoding"] = response.headers["Content-Encoding"][:_LONGEST_HEADER]

    @property
    def is_event_stream(self) -> bool:
        """Whether comments may be written between its parts."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream"

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes, decompressed, in blocks of bounded size.

        Raises:
            ProviderFailed: it broke off.
        """
        decoder = self._decoder or Decoder()
        try:
            while block := await self._response.content.readany():
                for piece in decoder.feed(block):
                    yield piece
            decoder.finish()
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError):
            raise ProviderFailed(502, f"provider {self._provider} broke off its answer") from None

    async def body(self, most: int, begins: Callable[[], None] = lambda: None) -> bytes:
        """The whole body.

        Args:
            most: bytes that it may have.
            begins: called with each block.

        Raises:
            ProviderFailed: it broke off, or has more than `most` bytes.
        """
        parts, size = [], 0
        async with contextlib.aclosing(self.blocks()) as blocks:
            async for block in blocks:
                begins()
                size += len(block)
                if size > most:
                    raise ProviderFailed(502, f"the answer of provider {self._provider} has more than {most} bytes")
                parts.append(block)
        return b"".join(parts)

    def close(self) -> None:
        """Cut it off, so that the provider stops; does nothing to an answer that was read whole."""
        self._response.close()


class Upstream:
    """Connections to providers, kept open between the calls of one run."""

    def __init__(self, keys: Mapping[str, str], bounds: Bounds) -> None:
        """In a running loop."""
        self._keys = keys
        self._proxies: dict[str, str | None] = {}
        """By base URL."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=bounds.connect_seconds, sock_read=bounds.silence_seconds)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=timeout,
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            max_line_size=2**15,
            max_field_size=2**15,
        )

    async def ask(self, question: Question) -> Reply:
        """Send a request; returns when the head of the answer is there. Close the reply.

        Raises:
            ProviderFailed: there is no answer, or one that sends us elsewhere.
        """
        model = question.model
        headers = {
            "user-agent": "mlebench",
            "accept-encoding": "identity",
            "content-type": "application/json",
            **question.headers,
            **self._auth(question),
        }
        try:
            response = await self._session.post(
                _url(question), data=question.body, headers=headers, allow_redirects=False, proxy=self._proxy(question)
            )
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            raise _failed(error, model.provider) from None
        if 300 <= response.status < 400:
            response.close()
            raise ProviderFailed(502, f"provider {model.provider} answers with a redirect ({response.status}); none is followed")
        if not 200 <= response.status < 600:
            response.close()
            raise ProviderFailed(502, f"provider {model.provider} answers with the status {response.status}")
        return Reply(response, model.provider)

    async def close(self) -> None:
        """Cut every connection."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def _proxy(self, question: Question) -> str | None:
        base = question.model.url_of(question.dialect)
        if base not in self._proxies:
            self._proxies[base] = _proxy_for(base)
        return self._proxies[base]

    def _auth(self, question: Question) -> dict[str, str]:
        name = question.model.key
        way = question.model.auth or _AUTH[question.dialect]
        if name is None or way == "none":
            return {}
        key = self._keys[name]
        return {"authorization": f"Bearer {key}"} if way == "bearer" else {way: key}


def _url(question: Question) -> URL:
    query = urlencode({**question.query, **question.model.query})
    url = question.model.url_of(question.dialect) + question.path
    return URL(f"{url}?{query}" if query else url, encoded=True)


def _proxy_for(url: str) -> str | None:
    """The proxy that the harness's environment names for an address."""
    proxies = getproxies_environment()
    parts = urlsplit(url)
    if parts.scheme not in proxies or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxies[parts.scheme]


def _passed(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    names = [(name.lower(), value) for name, value in headers.items()]
    return [
        (name, value)
        for name, value in names
        if (name in _PASSED or name.startswith(_PASSED_FAMILIES)) and len(value) <= _LONGEST_HEADER and value.isprintable()
    ]


def _failed(error: Exception, provider: str) -> ProviderFailed:
    """The failure in words without addresses, which may hold a proxy's password."""
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return ProviderFailed(504, f"provider {provider} does not answer in time")
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return ProviderFailed(502, f"provider {provider} has no certificate that this machine trusts")
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, socket.gaierror):
        return ProviderFailed(502, f"the address of provider {provider} cannot be resolved")
    if isinstance(cause, ConnectionRefusedError):
        return ProviderFailed(502, f"provider {provider} refuses connections")
    return ProviderFailed(502, f"the connection to provider {provider} failed")
