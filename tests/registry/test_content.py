"""A competition folder is a package: its files import each other, and never those of another folder."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.registry import Registry
from mlebench.registry import content as loader
from mlebench.registry.content import load_module, load_value

HELPER = "SIZE = {size}\n\n\nclass Shape:\n    sides = {size}\n"


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["my-competition", "3d-shapes", "AI4Code", "odd. näme (2)"])
@pytest.mark.parametrize("part", ["prepare", "grade", "mock", "references"])
def test_a_file_of_the_folder_imports_the_others(tmp_path: Path, name: str, part: str) -> None:
    written(tmp_path / name / "sizes.py", "SIZE = 3\n")
    written(tmp_path / name / "shapes.py", "from .sizes import SIZE\n\n\nclass Shape:\n    sides = SIZE\n")
    path = written(
        tmp_path / name / f"{part}.py", "from . import sizes\nfrom .shapes import Shape\nboth = sizes.SIZE, Shape.sides\n"
    )
    assert load_value(path, "both") == (3, 3)


def test_folders_within_the_folder_are_packages_too(tmp_path: Path) -> None:
    written(tmp_path / "a" / "parts" / "sizes.py", "SIZE = 3\n")
    written(tmp_path / "a" / "made" / "__init__.py", "from ..parts.sizes import SIZE\n")
    assert load_value(written(tmp_path / "a" / "grade.py", "from .made import SIZE\n"), "SIZE") == 3


def test_folders_of_one_name_or_nearly_one_share_nothing(tmp_path: Path) -> None:
    folders = [tmp_path / place for place in ("one/a-b", "two/a-b", "one/a_b", "one/a.b", "one/a%2Eb")]
    for size, folder in enumerate(folders):
        written(folder / "shapes.py", HELPER.format(size=size))
        written(folder / "grade.py", "from .shapes import SIZE, Shape\n")
    loaded = [load_module(folder / "grade.py") for folder in folders]
    assert [module.SIZE for module in loaded] == [0, 1, 2, 3, 4]
    assert len({module.Shape for module in loaded}) == len(folders)


def test_a_folder_is_loaded_once_however_its_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a" / "grade.py", "marker = object()\n")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    monkeypatch.chdir(tmp_path)
    paths = [path, Path("a/grade.py"), tmp_path / "b" / ".." / "a" / "grade.py", tmp_path / "link" / "grade.py"]
    (tmp_path / "b").mkdir()
    assert len({load_module(each) for each in paths}) == 1


def test_threads_that_load_at_once_get_one_whole_module(tmp_path: Path) -> None:
    # long enough for the interpreter to change threads in between
    shapes = "from pathlib import Path\nwith Path(__file__).with_name('loads').open('a') as log:\n    log.write('x')\n"
    written(tmp_path / "a" / "shapes.py", shapes + "TOTAL = sum(range(3_000_000))\nSIZE = 3\n")
    path = written(tmp_path / "a" / "grade.py", "from .shapes import SIZE\n")
    together = threading.Barrier(8)

    def load(_: int) -> object:
        together.wait(60)
        return load_value(path, "SIZE")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(load, range(8))) == [3] * 8
    assert (tmp_path / "a" / "loads").read_text() == "x"


def test_an_edited_file_is_read_by_the_next_process_and_nothing_compiled_is_left(tmp_path: Path) -> None:
    written(tmp_path / "a" / "shapes.py", "SIZE = 1\n")
    path = written(tmp_path / "a" / "grade.py", "from .shapes import SIZE\n")
    stamp = (tmp_path / "a" / "shapes.py").stat().st_mtime_ns
    assert load_value(path, "SIZE") == 1
    # same size, same time: what a compiled file is told apart by
    os.utime(written(tmp_path / "a" / "shapes.py", "SIZE = 2\n"), ns=(stamp, stamp))
    assert _in_fresh_process(path) == 2
    assert {each.name for each in (tmp_path / "a").iterdir()} == {"shapes.py", "grade.py"}


def _in_fresh_process(path: Path) -> object:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(load_value, path, "SIZE").result(60)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_functions_and_objects_of_a_folder_go_to_processes_and_come_back(tmp_path: Path, method: str) -> None:
    written(tmp_path / "a-b" / "shapes.py", "class Shape:\n    def __init__(self, sides):\n        self.sides = sides\n")
    grown = "from .shapes import Shape\n\n\ndef grown(shape):\n    return Shape(shape.sides + 1)\n"
    module = load_module(written(tmp_path / "a-b" / "grade.py", grown))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
        found = pool.submit(module.grown, module.Shape(3)).result(60)
    assert type(found) is module.Shape
    assert found.sides == 4


FACTS = """
id: toy
version: 1
title: Toy
split: own
modality: tabular
task: regression
metric: {name: mean absolute error, direction: minimize}
files: {answers: private/test.csv, sample_submission: public/sample.csv, public: [sample.csv], private: [test.csv]}
thresholds: {gold: 0.1, silver: 0.5, bronze: 1.0, median: 2.0}
"""
GRADE = """
import pandas as pd

from grading import Grader, Real

from .truth import Truth, distance


def read(path):
    return pd.read_csv(path).assign(truth=lambda table: table["y"].map(Truth))


grader = Grader(id="id", columns={"y": Real()}, table_metric=distance, read_answers=read)
"""
TRUTH = """
import numpy as np


class Truth:
    def __init__(self, value):
        self.value = value


def distance(answers, submission):
    return float(np.mean([abs(truth.value - y) for truth, y in zip(answers["truth"], submission["y"])]))
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A prepared competition whose answers hold objects of a class of its folder."""
    for name, text in {"competition.yaml": FACTS, "grade.py": GRADE, "truth.py": TRUTH}.items():
        written(tmp_path / "competitions" / "toy" / name, text)
    written(tmp_path / "data" / "toy" / "prepared" / "private" / "test.csv", "id,y\na,0\nb,2\n")
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(tmp_path / "competitions"))
    return Registry(tmp_path / "data")


GRADING = """
import sys, threading
from pathlib import Path
from mlebench.grade.many import grade_many
from mlebench.grade.one import Submission
from mlebench.registry import Registry
from mlebench.registry import content as loader

# beside a thread, processes are started from a server that has loaded nothing
threading.Thread(target=threading.Event().wait, daemon=True).start()
submissions = [Submission("toy", Path(path)) for path in sys.argv[2:]]
print([report.score for report in grade_many(submissions, Registry(Path(sys.argv[1])), jobs=2)])
"""


def test_answers_that_hold_objects_of_the_folder_are_shared_by_grading_processes(toy: Registry, tmp_path: Path) -> None:
    guesses = [written(tmp_path / f"{number}.csv", f"id,y\na,{number}\nb,2\n") for number in range(4)]
    command = [sys.executable, "-c", GRADING, str(toy.data_dir), *map(str, guesses)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (ended.stdout, ended.stderr) == ("[0.0, 0.5, 1.0, 1.5]\n", "")


def test_a_competition_that_has_graded_is_still_sent_to_a_process(toy: Registry) -> None:
    lambdas = "grader = Grader(id='id', columns=lambda answers: {'y': Real()}, table_metric=distance)\n"
    competition = toy.get_competition("toy")
    written(competition.folder / "grade.py", GRADE[: GRADE.index("grader =")] + lambdas)
    assert len(competition.answers_table) == 2
    sent = pickle.loads(pickle.dumps(competition))
    assert sent == competition
    assert set(vars(sent)) == {"facts", "folder", "data_dir", "edition", "replaced"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"grade\.py is missing; a competition folder needs it"),
        ({"grade.py": "x = 1\n"}, r"grade\.py defines no `grader`"),
        ({"grade.py": "\ngrader = (\n"}, r"grade\.py, line 2, cannot be loaded: SyntaxError: '\(' was never closed"),
        ({"grade.py": "import nowhere\n"}, r"grade\.py, line 1, .* ModuleNotFoundError: No module named 'nowhere'"),
        ({"grade.py": "from .shapes import X\n"}, r"grade\.py, line 1, .* No module named '.*shapes'"),
        ({"grade.py": "\nfrom grading import Nothing\n"}, r"grade\.py, line 2, .* ImportError: cannot import name 'Nothing'"),
        ({"grade.py": "from .b import X\n", "b.py": "\nX = 1 / 0\n"}, r"b\.py, line 2, .* ZeroDivisionError: division by zero"),
        ({"grade.py": "from .b import X\n", "b.py": "\n\n X = 1\n"}, r"b\.py, line 3, .* IndentationError: unexpected indent"),
        ({"grade.py": "from .b import X\n", "b.py": "from .grade import grader\n"}, r"b\.py, line 1, .* ImportError"),
        ({"grade.py": "import sys\n\nsys.exit(3)\n"}, r"grade\.py, line 3, cannot be loaded: SystemExit: 3"),
        ({"grade.py": b"grader = '\xff'\n"}, r"grade\.py.* cannot be loaded: SyntaxError: "),
    ],
)
def test_a_fault_of_the_folder_is_one_sentence_with_file_and_line(
    tmp_path: Path, files: dict[str, str | bytes], message: str
) -> None:
    (tmp_path / "a").mkdir()
    for name, content in files.items():
        (tmp_path / "a" / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError, match=message) as caught:
        load_value(tmp_path / "a" / "grade.py", "grader")
    assert "\n" not in str(caught.value)


def test_the_working_folder_is_no_package_of_the_harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "stray" / "grade.py", "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("mlebench.registry.content.stray.grade")


def test_other_imports_do_not_pass_by(tmp_path: Path) -> None:
    load_module(written(tmp_path / "a" / "grade.py", ""))
    assert not [finder for finder in sys.meta_path if type(finder).__module__ == loader.__name__]


def test_a_missing_optional_package_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydicom", None)
    path = written(tmp_path / "a" / "prepare.py", "import pydicom\n")
    with pytest.raises(UsageError, match=r"pip install 'mlebench\[formats\]'"):
        load_module(path)


def test_a_file_that_is_mended_after_a_fault_loads(tmp_path: Path) -> None:
    path = written(tmp_path / "a" / "grade.py", "from .shapes import SIZE\n")
    for shapes in (None, "SIZE = 1 +\n", "SIZE = 1 / 0\n"):
        if shapes is not None:
            written(tmp_path / "a" / "shapes.py", shapes)
        with pytest.raises(UsageError):
            load_module(path)
    written(tmp_path / "a" / "shapes.py", "SIZE = 3\n")
    assert load_value(path, "SIZE") == 3


@pytest.mark.parametrize("value", ["None", "'rmse'", "lambda submission, answers: 0.0"])
def test_a_grader_that_is_none_is_refused(toy: Registry, value: str) -> None:
    competition = toy.get_competition("toy")
    path = written(competition.folder / "grade.py", f"grader = {value}\n")
    with pytest.raises(UsageError, match=f"`grader` in {path} is of type .*; make it a `Grader`"):
        competition.grader
