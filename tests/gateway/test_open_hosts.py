"""Which hosts are open, and which addresses may stand behind them."""

from __future__ import annotations

import pytest

from mlebench.gateway import open_hosts
from mlebench.gateway.open_hosts import OpenHosts, address_of, read_target


def test_names_are_compared_in_one_form() -> None:
    hosts = OpenHosts(["Bücher.example", "*.PyPI.org", "[2001:DB8::1]:80"])
    assert hosts.has(read_target("xn--bcher-kva.example:443"))
    assert hosts.has(read_target("A.B.pypi.ORG.:443")) and not hosts.has(read_target("pypi.org:443"))
    assert hosts.has(read_target("[2001:db8:0::1]:80")) and not hosts.has(read_target("[2001:db8::1]:443"))


def test_a_public_address_is_open_and_this_machines_own_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = OpenHosts(["pypi.org", "10.0.0.1:8443"])
    assert hosts.may_lead_to(address_of("151.101.0.223"), 443)
    assert hosts.may_lead_to(address_of("10.0.0.1"), 8443) and not hosts.may_lead_to(address_of("10.0.0.1"), 443)
    monkeypatch.setattr(open_hosts, "_own_addresses", lambda: {"151.101.0.223"})
    assert not hosts.may_lead_to(address_of("151.101.0.223"), 443)
