"""The toy group of the tests here."""

from __future__ import annotations

from tests.evidence.toy_group import group, made, root

__all__ = ["group", "made", "root"]
