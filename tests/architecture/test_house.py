"""The house keeps its shape: arrows between rooms run one way, nothing runs in a circle, and there are few rooms.

A room is a package or a root module of `mlebench`, or one of the folders beside it. Every import counts: those inside functions,
those for type checkers and those by a name in a string. Exempt is what a *face* hands on (see `FACES`): it defines nothing, so
nothing leans on it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.imports import Import, circles, read_imports, source_files

ROOT = Path(__file__).parents[2]
FOLDERS = ("mlebench", "grading", "competitions", "benchmarks", "agents", "containers", "docs")
MODULES = source_files(ROOT, FOLDERS)
IMPORTS = read_imports(MODULES)

FLOORS: tuple[tuple[str, ...], ...] = (
    ("benchmarks", "docs"),
    ("mlebench.__main__",),
    ("mlebench.cli",),
    ("mlebench.reports", "mlebench.exports", "mlebench.doctor", "mlebench.scaffold"),
    # the board that reports make is of results that verify
    ("mlebench.evidence",),
    ("mlebench.runs",),
    ("mlebench.grade",),
    ("mlebench.competitions", "mlebench.metrics"),
    ("mlebench.sandbox", "mlebench.preparation", "competitions", "mlebench.utils", "mlebench.grade_helpers"),
    ("mlebench.research",),
    ("mlebench.kaggle", "mlebench.data", "mlebench.gateway"),
    ("mlebench.registry", "mlebench.agents", "mlebench.profiles"),
    ("mlebench._support",),
    ("mlebench.errors",),
    ("grading",),
    # what runs inside a container knows nothing of the harness
    ("agents", "containers"),
)
"""From the top down; a room may import those on lower floors alone."""

FACES = {
    "mlebench": "the public names of the whole harness, whatever room they live in",
    "mlebench.data": "hands what `preparation` does to programs written for the published harness",
}
"""Packages whose `__init__.py` only hands names on, with the reason why it may reach up."""

EXECUTORS = "mlebench.runs.executors"
MOST_ROOMS, MOST_ARROWS, MOST_ROOT_MODULES = 30, 137, 9


def room(module: str) -> str:
    """`mlebench.runs.plan` is in the room `mlebench.runs`, `grading.medals` in `grading`."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "mlebench" else parts[0]


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(reversed(FLOORS)) if name in rooms)


def between_rooms() -> list[Import]:
    """Imports that leave their room, without those of and from a face's hands."""
    return [
        found
        for found in IMPORTS
        if room(found.importer) != room(found.imported) and found.importer not in FACES and found.imported != "mlebench"
    ]


def test_every_room_has_its_floor() -> None:
    placed = [name for rooms in FLOORS for name in rooms]
    assert len(placed) == len(set(placed))
    assert {room(module) for module in MODULES} - {"mlebench"} <= set(placed)


def test_nothing_imports_upward_or_beside() -> None:
    wrong = [found for found in between_rooms() if floor(room(found.importer)) <= floor(room(found.imported))]
    assert [str(found) for found in wrong] == []


def test_rooms_form_no_circle() -> None:
    assert circles((room(found.importer), room(found.imported)) for found in between_rooms()) == []


@pytest.mark.parametrize("package", sorted({room(module) for module in MODULES}))
def test_files_of_a_room_form_no_circle(package: str) -> None:
    inside = [found for found in IMPORTS if room(found.importer) == package == room(found.imported)]
    assert circles((found.importer, found.imported) for found in inside) == []


def test_folders_within_a_room_form_no_circle() -> None:
    """`runs/schedule` and `runs/executors`, say, do not lean on each other; a room's own files and its folders may."""
    inside = [found for found in IMPORTS if room(found.importer) == room(found.imported) and found.importer not in FACES]
    pairs = [(folder_of(found.importer), folder_of(found.imported)) for found in inside]
    assert circles((start, end) for start, end in pairs if not nested(start, end)) == []


def folder_of(module: str) -> str:
    return module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]


def nested(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


def test_the_house_stays_small() -> None:
    rooms = {room(module) for module in MODULES} - {"mlebench"}
    # the documents are generated from every room that has something to document
    arrows = {(room(found.importer), room(found.imported)) for found in between_rooms() if room(found.importer) != "docs"}
    at_the_root = {path.name for path in (ROOT / "mlebench").glob("*.py")}
    assert len(rooms) <= MOST_ROOMS, sorted(rooms)
    assert len(arrows) <= MOST_ARROWS, sorted(arrows)
    assert len(at_the_root) <= MOST_ROOT_MODULES, sorted(at_the_root)


def test_nothing_imports_the_command_line() -> None:
    """Benchmarks may, which time commands as a user gives them, documents, which list all, and `python -m mlebench` is one."""
    wrong = [found for found in IMPORTS if room(found.imported) == "mlebench.cli" != room(found.importer)]
    assert [str(found) for found in wrong if room(found.importer) not in ("benchmarks", "docs", "mlebench.__main__")] == []


def test_grading_imports_nothing_of_the_harness() -> None:
    assert [str(found) for found in IMPORTS if room(found.importer) == "grading" != room(found.imported)] == []


def test_the_harness_takes_nothing_from_its_own_public_face() -> None:
    """Whoever needs a name imports it from the file that holds it, or a lazy face would close a circle."""
    assert [str(found) for found in IMPORTS if found.imported == "mlebench" and found.importer.startswith("mlebench.")] == []


@pytest.mark.parametrize("name", FACES)
def test_a_face_only_hands_names_on(name: str) -> None:
    """It may define how it hands them on (`__getattr__`, `__dir__`), and no more."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    assert [found for found in defined if found not in ("__getattr__", "__dir__")] == []


def test_no_process_imports_the_program_that_uses_the_library() -> None:
    """Pools of `multiprocessing` do, and run a script without a main guard again; `start_child` does not."""
    product = {name: path for name, path in MODULES.items() if room(name).startswith(("mlebench", "grading", "competitions"))}
    assert [f"{name}:{line}" for name, path in product.items() for line in process_pools(path.read_text("utf-8"))] == []


def test_a_process_pool_would_be_noticed() -> None:
    for line in (
        "import multiprocessing",
        "import multiprocessing.pool as pools",
        "from multiprocessing import Pool",
        "from multiprocessing.context import SpawnProcess",
        "from concurrent.futures import ProcessPoolExecutor",
        "import concurrent.futures\nconcurrent.futures.ProcessPoolExecutor()",
    ):
        assert list(process_pools(line)), line
    for line in ("from multiprocessing import Pipe", "from multiprocessing.connection import Connection, wait"):
        assert not list(process_pools(line)), line


def process_pools(source: str) -> Iterator[int]:
    """Lines that reach for processes of `multiprocessing` or a pool of them; pipes and connections start none."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names) if any(alias.name.partition(".")[0] == "multiprocessing" for alias in names):
                yield node.lineno
            case ast.ImportFrom(module="multiprocessing", names=[ast.alias(name="Pipe")]):
                pass
            case ast.ImportFrom(module="multiprocessing.connection"):
                pass
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] == "multiprocessing":
                yield node.lineno
            case ast.alias(name="ProcessPoolExecutor") | ast.Attribute(attr="ProcessPoolExecutor"):
                yield node.lineno


def test_what_differs_between_executors_is_answered_by_the_executor() -> None:
    outside = {name: path for name, path in MODULES.items() if name.startswith("mlebench.") and not name.startswith(EXECUTORS)}
    assert [f"{name}:{line}" for name, path in outside.items() for line in comparisons_of_executors(path.read_text())] == []


def test_a_comparison_of_executors_would_be_noticed() -> None:
    for line in (
        'if executor.name == "local": pass',
        'x = plan.executor != "slurm"',
        'y = 1 if "ray" == name else 2',
        'z = self.executor.name in ("local", "ray")',
        'match name:\n    case "slurm": pass',
    ):
        assert list(comparisons_of_executors(line)), line
    for line in (
        'if sandbox.name == "local": pass',
        "executor = name",
        'parser.add_argument("--executor", choices=("local", "ray"))',
    ):
        assert not list(comparisons_of_executors(line)), line


def comparisons_of_executors(source: str) -> Iterator[int]:
    """Lines that ask which executor is in use: a comparison of something called executor, or with the name of one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            words = {inner.value for side in sides for inner in ast.walk(side) if isinstance(inner, ast.Constant)}
            called = any("executor" in ast.unparse(side).lower() for side in sides)
            if words & {"slurm", "ray"} or (called and "local" in words):
                yield node.lineno
        elif isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant) and node.value.value in ("slurm", "ray"):
            yield node.value.lineno
