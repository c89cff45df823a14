"""The hosts that a profile's `allow` opens, and the addresses that may stand behind them."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import NamedTuple

from mlebench.errors import UsageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

TLS_PORT = 443
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_LONGEST_NAME = 253
_TRANSLATED = [ipaddress.IPv6Network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")]
"""IPv6 networks whose addresses lead to IPv4 ones, which may be anything."""


class Target(NamedTuple):
    """A host in the one way in which it is compared, and a port."""

    host: str
    """A name in small letters, ASCII, without a dot at its end; or an address as the standard library writes it."""
    port: int

    @property
    def address(self) -> Address | None:
        """Of a host that is one."""
        return _address(self.host)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def read_target(text: str, port: int | None = None) -> Target:
    """`HOST:PORT`, `[IPV6]:PORT`, and without the port where `port` is given.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"(?:\[([^\]]+)\]|([^:\[\]]+))(?::([0-9]{1,5}))?", text.strip())
    if found is None or (found[3] is None and port is None):
        raise ValueError("this is not HOST:PORT")
    number = int(found[3]) if found[3] is not None else port
    assert number is not None
    if not 0 < number < 2**16:
        raise ValueError(f"{number} is not a port")
    return Target(_host(found[1] or found[2], is_address=bool(found[1])), number)


class OpenHosts:
    """What `allow` opens."""

    def __init__(self, allow: Iterable[str]) -> None:
        """Args:
        allow: see `Profile.allow`.

        Raises:
            UsageError: an entry is none.
        """
        self._exact: set[Target] = set()
        self._below: set[Target] = set()
        for entry in allow:
            below = entry.startswith("*.")
            try:
                target = read_target(entry.removeprefix("*."), TLS_PORT)
            except ValueError:
                example = "`pypi.org`, `*.example.org`, `mirror.example.org:8443`"
                raise UsageError(f"`allow`: {entry[:200]!r} is not a host; write it as {example}") from None
            (self._below if below else self._exact).add(target)

    def has(self, target: Target) -> bool:
        """Whether a host is open at a port."""
        if target in self._exact:
            return True
        parts = target.host.split(".")
        return target.address is None and any(
            Target(".".join(parts[start:]), target.port) in self._below for start in range(1, len(parts))
        )

    def may_lead_to(self, address: Address, port: int) -> bool:
        """Whether an open host may have an address: a public one that is not this machine's, or one that is listed itself."""
        return Target(str(address), port) in self._exact or (_is_public(address) and str(address) not in _own_addresses())


def _host(text: str, is_address: bool) -> str:
    address = _address(text)
    if address is not None:
        return str(address)
    if is_address:
        raise ValueError("this is not an address")
    name = text.removesuffix(".").lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii").lower()
        except UnicodeError:
            raise ValueError("this is not a name of a host") from None
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise ValueError("this is not a name of a host")
    return name


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and any(address in network for network in _TRANSLATED):
        return False
    return address.is_global and not address.is_multicast


def _own_addresses() -> set[str]:
    import psutil

    families = (socket.AF_INET, socket.AF_INET6)
    found = [entry for entries in psutil.net_if_addrs().values() for entry in entries if entry.family in families]
    return {entry.address.partition("%")[0] for entry in found}


def address_of(text: str) -> Address:
    """An address as the resolver writes it.

    Raises:
        ValueError: it is none.
    """
    address = _address(text.partition("%")[0])
    if address is None:
        raise ValueError("this is not an address")
    return address
