"""What the reader of imports sees, on a small project of known arrows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.imports import circles, read_imports, source_files

FILES = {
    "house/__init__.py": "",
    "house/hall.py": "from house import kitchen\nimport os\nimport house.cellar.wine",
    "house/kitchen.py": "def cook():\n    from house.cellar import wine as bottle, KEY",
    "house/cellar/__init__.py": "KEY = 1\nfrom . import wine",
    "house/cellar/wine.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..hall import door",
    "house/attic.py": "import importlib\nimportlib.import_module('house.hall')\nWORD = 'house'\nHOME = 'house.kitchen:cook'",
    "garden/a-shed/tools.py": "from .shelf import spade\nfrom ..nothing import x",
    "garden/a-shed/shelf.py": "spade = 1",
}


@pytest.fixture
def arrows(tmp_path: Path) -> set[tuple[str, str, bool]]:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = read_imports(source_files(tmp_path, ["house", "garden"]))
    return {(one.importer, one.imported, one.by_name) for one in found}


def test_late_relative_typed_and_named_imports_are_all_seen(arrows: set[tuple[str, str, bool]]) -> None:
    assert arrows == {
        ("house.hall", "house.kitchen", False),
        ("house.hall", "house.cellar.wine", False),
        ("house.kitchen", "house.cellar.wine", False),
        ("house.kitchen", "house.cellar", False),
        ("house.cellar", "house.cellar.wine", False),
        ("house.cellar.wine", "house.hall", False),
        ("house.attic", "house.hall", True),
        ("house.attic", "house.kitchen", True),
        ("garden.a-shed.tools", "garden.a-shed.shelf", False),
    }


def test_circles_are_found_however_long(arrows: set[tuple[str, str, bool]]) -> None:
    assert circles((start, end) for start, end, _ in arrows) == [
        ["house.cellar", "house.cellar.wine", "house.hall", "house.kitchen"],
    ]
    assert circles([("a", "b"), ("b", "c"), ("d", "c")]) == []
    assert circles([("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"), ("a", "c")]) == [["a", "b"], ["c", "d"]]
