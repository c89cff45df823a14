"""What every agent builds on runs in whatever Python an image brings, with nothing installed beside it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "containers" / "runtime" / "mlebench_agent"
FILES = sorted(path.name for path in ROOT.glob("*.py"))


@pytest.mark.parametrize("name", FILES)
def test_it_is_written_for_the_oldest_python_that_it_promises(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text(), feature_version=(3, 9))
    future = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"
              for alias in node.names}  # fmt: skip
    assert future == {"annotations"} or len(tree.body) == 1


@pytest.mark.parametrize("name", FILES)
def test_it_needs_the_standard_library_alone(name: str) -> None:
    imported = set()
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported <= {*sys.stdlib_module_names, "mlebench_agent"}
