"""The names of `mlebench.utils`, each as programs written for the published harness use it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from mlebench import utils
from mlebench.errors import RawDataFault


def test_json_lines_are_read_with_or_without_comments(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('\ufeff{"a": 1}\n\n# a remark\n// {"a": 2}\n{"a": "x\u2028y"}\n', encoding="utf-8")
    assert utils.read_jsonl(path, skip_commented_out_lines=True) == [{"a": 1}, {"a": "x\u2028y"}]
    with pytest.raises(ValueError, match=r"x\.jsonl, line 3"):
        utils.read_jsonl(str(path))


def test_tables_are_read_to_the_nearest_double_with_any_option(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a;b\n0.1234567890123456789;NA\n")
    table = utils.read_csv(tmp_path / "x.csv", sep=";", keep_default_na=False)
    assert table.to_dict("list") == {"a": [0.12345678901234568], "b": ["NA"]}
    with pytest.raises(FileNotFoundError):
        utils.read_csv(tmp_path / "missing.csv")


def test_answers_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"neither a \.csv nor a \.jsonl"):
        utils.load_answers(tmp_path / "answers.parquet")


def test_a_timestamp_sorts_and_is_read_back() -> None:
    stamp = utils.get_timestamp()
    assert abs(time.time() - _seconds(stamp)) < 5
    assert "/" not in stamp and ":" not in stamp


def _seconds(stamp: str) -> float:
    from calendar import timegm

    return timegm(time.strptime(stamp, "%Y-%m-%dT%H-%M-%S-%Z"))


def test_folders_say_whether_they_are_empty(tmp_path: Path) -> None:
    assert utils.is_empty(tmp_path)
    (tmp_path / "x").touch()
    assert not utils.is_empty(tmp_path)


@pytest.mark.parametrize(("variables", "expected"), [({}, False), ({"CI": "true"}, True), ({"GITHUB_ACTIONS": "true"}, True),
                                                     ({"CI": "false"}, False)])  # fmt: skip
def test_continuous_integration_is_told_by_the_environment(
    variables: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CI", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert utils.in_ci() is expected


def test_the_places_of_the_harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLEBENCH_RUNS_DIR", raising=False)
    assert (utils.get_module_dir() / "utils.py").is_file()
    assert utils.get_module_dir().parent == utils.get_repo_dir()
    assert utils.get_runs_dir() == tmp_path / "runs"


class TestArchives:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "src" / "deep").mkdir(parents=True)
        (tmp_path / "src" / "a.txt").write_text("a")
        (tmp_path / "src" / "deep" / "b.txt").write_text("b")
        return tmp_path / "src"

    def test_a_folder_is_packed_and_unpacked(self, folder: Path, tmp_path: Path) -> None:
        utils.compress(folder, tmp_path / "x.zip")
        utils.extract(tmp_path / "x.zip", tmp_path / "out")
        assert (tmp_path / "out" / "deep" / "b.txt").read_text() == "b"
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.txt", "deep"]

    def test_a_file_is_packed(self, folder: Path, tmp_path: Path) -> None:
        utils.compress(src=folder / "a.txt", compressed=tmp_path / "x.zip")
        assert zipfile.ZipFile(tmp_path / "x.zip").namelist() == ["a.txt"]

    def test_what_lies_there_is_replaced_on_request_alone(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "x.zip").write_text("kept")
        with pytest.raises(FileExistsError, match="exist_ok"):
            utils.compress(folder, tmp_path / "x.zip")
        assert (tmp_path / "x.zip").read_text() == "kept"
        utils.compress(folder, tmp_path / "x.zip", exist_ok=True)
        assert zipfile.is_zipfile(tmp_path / "x.zip")
        with pytest.raises(FileNotFoundError):
            utils.compress(tmp_path / "missing", tmp_path / "y.zip")

    def test_archives_inside_are_unpacked_where_they_lie(self, folder: Path, tmp_path: Path) -> None:
        utils.compress(folder / "deep", folder / "deep.zip")
        utils.compress(folder, tmp_path / "outer.zip")
        utils.extract(tmp_path / "outer.zip", tmp_path / "flat")
        assert (tmp_path / "flat" / "deep.zip").exists()
        utils.extract(tmp_path / "outer.zip", tmp_path / "all", recursive=True)
        assert (tmp_path / "all" / "b.txt").read_text() == "b"
        assert not (tmp_path / "all" / "deep.zip").exists()

    def test_an_archive_that_leaves_its_folder_is_refused(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.writestr("../outside.txt", "x")
        with pytest.raises(RawDataFault):
            utils.extract(tmp_path / "x.zip", tmp_path / "out")
        assert not (tmp_path / "outside.txt").exists()


def test_checksums_of_a_folder_are_those_of_its_tables(tmp_path: Path) -> None:
    for name in ("a.csv", "b.jsonl", "c.txt", "d.json"):
        (tmp_path / name).write_text(name)
    (tmp_path / "deep").mkdir()
    expected = {name: hashlib.md5(name.encode()).hexdigest() for name in ("a.csv", "b.jsonl", "d.json")}
    assert utils.generate_checksums(tmp_path) == expected
    assert utils.get_checksum(tmp_path / "a.csv") == expected["a.csv"]
    assert set(utils.generate_checksums(tmp_path, exts=["txt", "csv"], exclude=[tmp_path / "a.csv"])) == {"c.txt"}


def test_functions_are_imported_by_their_place() -> None:
    assert utils.import_fn("mlebench.utils:purple") is utils.purple
    with pytest.raises(ImportError):
        utils.import_fn("mlebench.utils:yellow")


def test_the_module_is_light() -> None:
    heavy = {"kaggle", "pandas", "numpy", "yaml", "pydantic", "requests", "sklearn"}
    code = f"import json, sys, mlebench.utils; print(json.dumps(sorted({heavy!r} & set(sys.modules))))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []
