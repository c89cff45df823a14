"""Fixtures of the gateway's tests."""

from __future__ import annotations

from tests.gateway.served import served

__all__ = ["served"]
