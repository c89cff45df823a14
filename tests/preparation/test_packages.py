"""Packages of an extra that preparing takes are asked for before anything is downloaded."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from mlebench.cli.main import main
from mlebench.errors import MissingExtra
from mlebench.preparation import packages
from mlebench.registry import Registry


def without(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def find(name: str, *arguments: Any) -> Any:
        return None if name == package else found(name, *arguments)

    monkeypatch.setattr(packages.importlib.util, "find_spec", find)


@pytest.mark.parametrize(
    ("name", "package"),
    [("statoil-iceberg-classifier-challenge", "py7zr"), ("icecube-neutrinos-in-deep-ice", "fastparquet")],
)
def test_a_missing_reader_of_the_raw_data_is_named(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    competition = Registry().get_competition(name)
    packages.require_packages([competition])
    without(package, monkeypatch)
    with pytest.raises(MissingExtra, match=rf"^{name}: this needs the package {package}; `pip install 'mlebench\[formats\]'`"):
        packages.require_packages([competition])
    packages.require_packages([Registry().get_competition("spaceship-titanic")])


@pytest.mark.parametrize("name", ["denoising-dirty-documents", "vesuvius-challenge-ink-detection"])
def test_a_missing_package_that_its_code_imports_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    competition = Registry().get_competition(name)
    loaded = importlib.import_module(competition.prepare_fn.__module__)
    monkeypatch.delitem(sys.modules, loaded.__name__)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtra, match="needs the package pillow"):
        packages.require_packages([competition])


def test_the_command_stops_before_it_prepares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without("py7zr", monkeypatch)
    ids = ["spaceship-titanic", "statoil-iceberg-classifier-challenge"]
    options = [part for name in ids for part in ("-c", name)]
    assert main(["prepare", *options, "--mock", "--data-dir", str(tmp_path)]) == 2
    assert "pip install 'mlebench[formats]'" in capsys.readouterr().err
    assert not (tmp_path / ids[0] / "prepared").exists()
