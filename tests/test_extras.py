"""Every extra that the code or a document names is one of `pyproject.toml`, and brings the package it is said to bring."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from mlebench._support.extras import EXTRA_OF, extras_explained
from mlebench.errors import UsageError

ROOT = Path(__file__).parents[1]
EXTRAS: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def test_each_optional_package_is_in_its_extra() -> None:
    packages = {extra: {re.split(r"[\[<>=]", entry)[0] for entry in listed} for extra, listed in EXTRAS.items()}
    assert {package: extra for package, extra in EXTRA_OF.items() if package not in packages.get(extra, set())} == {}


def test_each_package_of_an_extra_is_known_to_the_code() -> None:
    listed = {re.split(r"[\[<>=]", entry)[0] for entries in EXTRAS.values() for entry in entries} - {"mlebench"}
    assert listed == set(EXTRA_OF)


def test_every_extra_that_is_named_exists() -> None:
    files = [
        path for folder in ("mlebench", "docs", "competitions", "containers", "agents") for path in (ROOT / folder).rglob("*")
    ]
    named = {
        name.strip()
        for path in [*files, ROOT / "README.md", ROOT / "Makefile", ROOT / "pyproject.toml"]
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ".sh", ".yaml", ""}
        for names in re.findall(r"mlebench\[([a-z, -]+)\]", path.read_text(encoding="utf-8", errors="ignore"))
        for name in names.split(",")
    }
    assert named <= set(EXTRAS)
    assert named


def test_a_package_of_no_extra_is_an_error_of_its_own() -> None:
    with pytest.raises(ModuleNotFoundError), extras_explained():
        raise ModuleNotFoundError("No module named 'other'", name="other")
    with pytest.raises(UsageError, match=r"mlebench\[formats\]"), extras_explained():
        raise ModuleNotFoundError("No module named 'pyarrow'", name="pyarrow.parquet")
