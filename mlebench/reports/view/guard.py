"""Which requests the server accepts, and the headers of every response.

The address holds a token. A page of somebody else's in the same browser knows none, and is refused by what browsers say about a
request besides: for which host it is, as anybody may let a name point here; from which page it comes; and whether it is a
navigation. Beyond loopback a password is asked for as well.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import ipaddress
import os
import secrets
import stat
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from mlebench._support.hints import quoted
from mlebench._support.plain_files import open_plain
from mlebench._support.rate import Rate
from mlebench.errors import UsageError

SERVER_NAME = "mlebench"
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
FILE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""Of what an agent left: nothing of it runs even where a browser would show it as a page."""
HEADERS = {
    "Content-Security-Policy": _PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    # to nobody else; without any, a browser would not say about a form of ours where it comes from
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Server": SERVER_NAME,
}
"""Of every answer that does not say otherwise."""
_METHODS = ("GET", "HEAD", "POST")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LEAST_LETTERS, _LARGEST_FILE = 12, 1024


class NotServed(NamedTuple):
    """Why a request is not answered."""

    status: int
    sentence: str


class Place(NamedTuple):
    """What is in an address between the scheme and the path."""

    host: str
    port: int | None

    @classmethod
    def of(cls, text: str, scheme: str = "http") -> Place | None:
        """Host and port, such as `127.0.0.1:8765`; a default port is filled in. None if malformed."""
        try:
            found = urlsplit(f"//{text}")
            port = found.port
        except ValueError:
            return None
        # neither a user nor a path is in a host
        if not found.hostname or found.netloc != text or "@" in text:
            return None
        return cls(found.hostname, port or {"http": 80, "https": 443}[scheme])


@dataclass(frozen=True)
class Guard:
    """Decides on requests before anything is looked up for them."""

    token: str
    port: int
    names: frozenset[str] = frozenset(LOOPBACK)
    """By which this machine is asked for, at `port`."""
    trusted: frozenset[tuple[str, int | None]] = frozenset()
    """Hosts that somebody else serves this server as, with their port; None: whatever port."""
    takes_addresses: bool = False
    """Whether it listens at every address of this machine, so that any of them in numbers is one of its names."""
    password: Password | None = None

    async def refusal(self, request: web.BaseRequest) -> NotServed | None:
        """Why a request is not answered; None: it is."""
        refused = self._by_origin(request)
        if refused is None and self.password is not None:
            refused = await self.password.refusal(request)
        if refused is None and not self._has_token(request.raw_path):
            refused = NotServed(404, "not found")
        return refused

    def _by_origin(self, request: web.BaseRequest) -> NotServed | None:
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not self._is_ours(Place.of(hosts[0])):
            return NotServed(421, f"open this server as 127.0.0.1:{self.port}, or allow another name with `--trusted-host NAME`")
        if request.method not in _METHODS:
            return NotServed(405, "this server accepts GET, HEAD and POST")
        is_change = request.method == "POST"
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none") and (is_change or not _is_visit(request)):
            return NotServed(403, "the request came from another site")
        origins = request.headers.getall("Origin", [])
        if (is_change or origins) and not (len(origins) == 1 and self._is_our_origin(origins[0])):
            return NotServed(403, "the request came from another site, or does not say where it came from")
        return None

    def _is_our_origin(self, origin: str) -> bool:
        scheme, separator, rest = origin.partition("://")
        return bool(separator) and scheme in ("http", "https") and self._is_ours(Place.of(rest, scheme))

    def _is_ours(self, place: Place | None) -> bool:
        if place is None:
            return False
        if place in self.trusted or (place.host, None) in self.trusted:
            return True
        return place.port == self.port and (place.host in self.names or (self.takes_addresses and _is_address(place.host)))

    def _has_token(self, path: str) -> bool:
        given = path.removeprefix("/").partition("/")[0].partition("?")[0]
        return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self.token.encode())


def _is_visit(request: web.BaseRequest) -> bool:
    """Whether somebody followed a link, or typed it: the page that has it sees nothing of the answer."""
    return request.headers.get("Sec-Fetch-Mode") == "navigate" and request.headers.get("Sec-Fetch-Dest") == "document"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Password:
    """Lets browsers in that know a word, by HTTP Basic under any user name. Guesses are slow, those of each address apart."""

    digest: bytes
    guesses_at_once: float = 10.0
    """Of one address."""
    seconds_per_guess: float = 6.0
    """Until it has one more."""
    delay: float = 0.5
    """Seconds until a wrong guess is answered."""
    most_addresses: int = 4096
    """Of which is known how often they guessed; the one that guessed longest ago is forgotten first."""
    _guesses: OrderedDict[str, Rate] = field(default_factory=OrderedDict)

    @classmethod
    def of(cls, word: str) -> Password:
        """The password `word`, of which a digest is kept."""
        return cls(hashlib.sha256(word.encode()).digest())

    async def refusal(self, request: web.BaseRequest) -> NotServed | None:
        """Why a request is not let in; None: it is."""
        given = _basic_password(request.headers.get("Authorization", ""))
        if given is None:
            return NotServed(401, "a password is required; any user name is accepted")
        guesses = self._guesses_of(request.remote or "")
        # taken before it is looked at, or this refusal would tell as much as an answer
        if guesses.take() > 0:
            return NotServed(429, "too many wrong passwords from this address; wait a minute")
        if hmac.compare_digest(hashlib.sha256(given).digest(), self.digest):
            # a correct password is not a guess
            guesses.take(-1)
            return None
        await asyncio.sleep(self.delay)
        return NotServed(401, "the password is wrong")

    def _guesses_of(self, address: str) -> Rate:
        with contextlib.suppress(ValueError):
            found = ipaddress.ip_address(address.partition("%")[0])
            if found.version == 6:
                # of which everybody has 2**64
                address = str(ipaddress.ip_network((found, 64), strict=False))
        rate = self._guesses.pop(address, None) or Rate(self.guesses_at_once, self.seconds_per_guess)
        self._guesses[address] = rate
        if len(self._guesses) > self.most_addresses:
            self._guesses.popitem(last=False)
        return rate


def _basic_password(header: str) -> bytes | None:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        _, separator, word = base64.b64decode(rest.strip(), validate=True).partition(b":")
    except ValueError:
        return b""
    return word if separator else b""


def read_password(path: Path) -> Password:
    """The password in a file that nobody else can read.

    Raises:
        UsageError: there is none, others can read it, or it holds no password of twelve characters on one line.
    """
    try:
        with open_plain(path) as file:
            status = os.fstat(file.fileno())
            content = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; {_advice(path)}") from None
    except OSError as error:
        raise UsageError(f"cannot read a password from {path}: it is {error.strerror}; use a file that you own") from None
    if status.st_uid != os.getuid():
        raise UsageError(f"{path} belongs to another user; use a file that you own")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise UsageError(f"{path} is readable by others; restrict it with `chmod 600 {quoted(str(path))}`")
    return Password.of(_word(path, content))


def _word(path: Path, content: bytes) -> str:
    try:
        word = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        word = ""
    if len(content) > _LARGEST_FILE or not word.isprintable() or len(word) < _LEAST_LETTERS:
        raise UsageError(f"{path} does not hold one line with a password of {_LEAST_LETTERS} characters or more; {_advice(path)}")
    return word


def _advice(path: Path) -> str:
    return f"`(umask 077; openssl rand -base64 18 > {quoted(str(path))})` writes a new one"
