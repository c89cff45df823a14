"""The public names of the two packages, pinned: which they are, that importing them is cheap, that type checkers see the same."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

NAMES = {
    "mlebench": {
        "AggregateReport",
        "Audit",
        "Bundle",
        "Choices",
        "Competition",
        "CompetitionReport",
        "DataStatus",
        "Display",
        "Environment",
        "Experiment",
        "GroupResult",
        "GroupStopped",
        "Interrupted",
        "InvalidSubmission",
        "MlebenchError",
        "NotPrepared",
        "Plan",
        "Preview",
        "Registry",
        "Report",
        "Review",
        "RunRecord",
        "Silent",
        "Step",
        "UsageError",
        "Verdict",
        "WorkFailed",
        "__version__",
        "aggregate_reports",
        "audit",
        "bundle",
        "export_atif",
        "export_harbor",
        "grade_csv",
        "grade_group",
        "grade_jsonl",
        "grade_many",
        "list_competitions",
        "list_groups",
        "load_group",
        "make_mock",
        "prepare",
        "preview_run",
        "registry",
        "report",
        "review",
        "run",
        "status",
        "validate_submission",
        "verify",
    },
    "grading": {
        "AggregateReport",
        "Board",
        "Boolean",
        "Column",
        "CompetitionReport",
        "EditionGraders",
        "Grader",
        "Integer",
        "IntegerList",
        "InvalidSubmission",
        "Label",
        "Probability",
        "Real",
        "RunLengths",
        "Text",
        "Thresholds",
        "aggregate_reports",
        "per_edition",
        "refuse",
    },
}
FOR_PROGRAMS = {
    "mlebench.competitions.utils": "df_to_one_hot get_logger one_hot_dfs_to_log_loss_inputs prepare_for_accuracy_metric "
    "prepare_for_auroc_metric read_csv rle_decode rle_encode",
    "mlebench.data": "download_and_prepare_dataset download_dataset ensure_leaderboard_exists generate_checksums get_checksum "
    "get_leaderboard is_dataset_prepared",
    "mlebench.grade": "aggregate_reports grade_csv grade_jsonl validate_submission",
    "mlebench.grade_helpers": "CompetitionReport Grader InvalidSubmissionError",
    "mlebench.registry": "Competition Registry registry",
    "mlebench.utils": "authenticate_kaggle_api compress create_run_dir extract generate_checksums generate_run_id get_checksum "
    "get_logger get_module_dir get_repo_dir get_runs_dir get_timestamp import_fn in_ci is_compressed is_empty load_answers "
    "load_yaml purple read_csv read_jsonl",
}
"""Names that programs written for the published harness import."""
HEAVY = {"docker", "kaggle", "numpy", "pandas", "pydantic", "ray", "rich", "scipy", "sklearn", "yaml"}
each_package = pytest.mark.parametrize("package", NAMES)


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@each_package
def test_exactly_these_names_are_public(package: str) -> None:
    face = importlib.import_module(package)
    assert sorted(face.__all__) == sorted(NAMES[package])
    assert set(dir(face)) >= NAMES[package]


@each_package
def test_every_public_name_says_what_it_is(package: str) -> None:
    face = importlib.import_module(package)
    named = {name: getattr(face, name) for name in NAMES[package] - {"__version__"}}
    undocumented = [name for name, value in named.items() if not own_docstring(value)]
    assert undocumented == []


def own_docstring(value: object) -> str | None:
    """Without the signature that `dataclass` writes where a docstring is missing, nor one that is inherited."""
    text = value.__dict__.get("__doc__") if isinstance(value, type) else inspect.getdoc(value)
    return text if isinstance(text, str) and not text.startswith(f"{getattr(value, '__name__', '')}(") else None


@each_package
def test_importing_the_package_loads_nothing_heavy(package: str) -> None:
    assert python(f"import sys, {package}; print(sorted({HEAVY!r} & set(sys.modules)))") == "[]"


@each_package
def test_a_name_that_is_not_public_is_refused_as_python_does(package: str) -> None:
    face = importlib.import_module(package)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'gradecsv'"):
        face.gradecsv
    assert not hasattr(face, "gradecsv")


@each_package
def test_type_checkers_see_the_names_where_they_live(package: str) -> None:
    face = importlib.import_module(package)
    typed = names_for_type_checkers(face)
    assert typed.keys() == NAMES[package] - {"__version__"}
    for name, value in typed.items():
        assert getattr(face, name) is value, name


def names_for_type_checkers(face: ModuleType) -> dict[str, object]:
    """What the block under `if TYPE_CHECKING` defines: imports `as` themselves, and names given to something imported."""
    tree = ast.parse(Path(str(face.__file__)).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    defined: dict[str, object] = {}
    exec(compile(ast.Module(block.body, []), str(face.__file__), "exec"), defined)
    exported = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    exported |= {ast.unparse(node.targets[0]) for node in block.body if isinstance(node, ast.Assign)}
    return {name: defined[name] for name in exported if name}


@pytest.mark.parametrize("module", FOR_PROGRAMS)
def test_names_that_programs_import_are_there_and_documented(module: str) -> None:
    home = importlib.import_module(module)
    names = set(FOR_PROGRAMS[module].split())
    assert names <= set(home.__all__)
    assert [name for name in names if not inspect.getdoc(getattr(home, name))] == []


@pytest.mark.parametrize(
    "first", ["from mlebench import registry", "from mlebench.registry import registry", "import mlebench.grade"]
)
def test_public_names_never_hide_a_package(first: str) -> None:
    code = f"{first}; import mlebench; print(type(mlebench.registry).__name__, type(mlebench.registry.registry).__name__)"
    assert python(code) == "module Registry"
