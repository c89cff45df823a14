"""Runs tests once more without root's right to read and remove everything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

needs_root = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("capsh") is None, reason="already an ordinary user, or cannot become one"
)
IS_ORDINARY = os.getuid() != 0 or "MLEBENCH_TEST_ORDINARY_USER" in os.environ
_DROP = ("capsh", "--drop=cap_dac_override,cap_dac_read_search,cap_fowner", "--", "-c", 'exec "$@"', "x")


def run_as_ordinary_user(file: str, expression: str) -> None:
    """Run the tests of one file that fit a pytest expression; all must pass."""
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", file, "-k", expression]
    environment = os.environ | {"MLEBENCH_TEST_ORDINARY_USER": "1"}
    ended = subprocess.run([*_DROP, sys.executable, *words], capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stdout[-5000:]
