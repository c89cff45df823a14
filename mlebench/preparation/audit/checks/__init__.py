"""The checks, by name; each looks for one kind of leak."""

from __future__ import annotations

from mlebench.preparation.audit.case import Check

CHECKS: dict[str, Check] = {}
