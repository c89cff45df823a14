"""The toy group of the tests here, and the engine for those that let a group run in containers."""

from __future__ import annotations

from tests.evidence.toy_group import group, made, root
from tests.sandbox.docker.conftest import base_image, client

__all__ = ["base_image", "client", "group", "made", "root"]
