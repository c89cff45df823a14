"""What the code of a competition's folder may import and raise, read from the source of every folder."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlebench.registry import Registry

FOLDERS = sorted(path.parent for path in Registry().get_competitions_dir().glob("*/competition.yaml"))
EACH = pytest.mark.parametrize("folder", [pytest.param(folder, id=folder.name) for folder in FOLDERS])
RESEARCH = frozenset(Registry().list_competition_ids("research"))

LIBRARIES = {"numpy", "pandas", "scipy", "sklearn", "PIL", "rapidfuzz", "shapely", "pyarrow", "pydicom"}
RAW_FAULTS = {"damaged", "missing", "some_missing", "to_get_elsewhere", "unreadable"}


def trees(folder: Path) -> dict[str, ast.Module]:
    """The syntax of each file by its name without `.py`."""
    return {path.stem: ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in sorted(folder.glob("*.py"))}


def imported(tree: ast.Module) -> Iterator[str]:
    """Dotted names; a file of the folder itself begins with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (entry.name for entry in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            modules = [node.module] if node.module else [entry.name for entry in node.names]
            yield from (f"{'.' * node.level}{module}" for module in modules)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def reached(files: dict[str, ast.Module], start: str) -> set[str]:
    """The files of the folder that one of them imports, itself included."""
    found, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [module[1:] for module in imported(files[name]) if module[1:] in files]
    return found


def wrong_imports(folder: Path, *, research: bool = False) -> list[str]:
    files = trees(folder)
    of_grader = reached(files, "grade")
    toolkit = {"grading", "mlebench.data", "mlebench.errors"} | ({"mlebench.research"} if research else set())
    return [
        f"{name}.py imports {module}"
        for name, tree in files.items()
        for module in imported(tree)
        if not is_allowed(module, files, {"grading"} if name in of_grader else toolkit)
    ]


def is_allowed(module: str, files: dict[str, ast.Module], packages: set[str]) -> bool:
    if module.startswith("."):
        return module[1:] in files
    top = module.partition(".")[0]
    within = any(module == package or module.startswith(f"{package}.") for package in packages)
    return within or top in LIBRARIES or top in sys.stdlib_module_names


def wrong_raises(folder: Path) -> list[str]:
    files = trees(folder)
    of_grader = reached(files, "grade")
    found = []
    for name, tree in files.items():
        allowed = {"InvalidSubmission"} if name in of_grader else RAW_FAULTS | {"UsageError"}
        for node in ast.walk(tree):
            if isinstance(node, ast.Assert):
                found.append(f"{name}.py, line {node.lineno}: an assertion tells a user nothing")
            elif isinstance(node, ast.Raise) and node.exc is not None:
                raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                if not (isinstance(raised, ast.Name) and raised.id in allowed):
                    found.append(f"{name}.py, line {node.lineno}: raises {ast.unparse(raised)}")
    return found


def unused_files(folder: Path) -> set[str]:
    files = trees(folder)
    parts = {"prepare", "grade", "mock", "references"} & set(files)
    return set(files).difference(*(reached(files, part) for part in parts))


@EACH
def test_files_import_libraries_their_own_folder_and_what_their_part_may(folder: Path) -> None:
    assert not wrong_imports(folder, research=folder.name in RESEARCH)


@EACH
def test_only_public_errors_are_raised(folder: Path) -> None:
    assert not wrong_raises(folder)


@EACH
def test_every_file_is_a_part_or_is_used_by_one(folder: Path) -> None:
    assert not unused_files(folder)


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    written = {
        "grade": "import numpy, mlebench.data\nfrom .helper import x\nraise ValueError('bad')",
        "helper": "from mlebench.errors import UsageError\nraise InvalidSubmission('bad')",
        "prepare": "from . import gone\nfrom mlebench.data.tables import read_csv\nfrom mlebench.research import networks\n"
        "import mlebench.cli\nassert x\nraise damaged('x', 'y') from None\nraise KeyError",
        "left": "import torch",
    }
    for name, text in written.items():
        (tmp_path / f"{name}.py").write_text(text)
    assert wrong_imports(tmp_path) == [
        "grade.py imports mlebench.data",
        "helper.py imports mlebench.errors",
        "left.py imports torch",
        "prepare.py imports .gone",
        "prepare.py imports mlebench.research",
        "prepare.py imports mlebench.cli",
    ]
    assert [fault.rpartition(" ")[2] for fault in wrong_raises(tmp_path)] == ["ValueError", "nothing", "KeyError"]
    assert unused_files(tmp_path) == {"left"}
