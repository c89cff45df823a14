"""`mlebench export`: which files it writes, what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.evidence.bundle import make_bundle
from mlebench.runs.group import Group
from mlebench.runs.group_report import REPORT_FILE
from tests.exports.recorded import Recording, make_group
from tests.exports.requests import User, request
from tests.exports.test_atif import talk


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Group:
    """Two runs, each with three calls to models."""
    monkeypatch.setenv("MLEBENCH_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)
    group = make_group(tmp_path / "runs", seeds=(0, 1))
    for seed in (0, 1):
        recording = Recording(group, seed)
        talk(recording)
        recording.end()
    return group


def test_each_attempt_at_a_run_is_a_file_in_its_groups_folder(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "atif", "latest"]) == 0
    names = [f"trajectories/group/toy-a_seed{seed}_attempt1.json" for seed in (0, 1)]
    assert capsys.readouterr().out.splitlines() == [f"{name}: 3 calls, 7 steps, 1 conversation" for name in names]
    for name in names:
        assert json.loads(Path(name).read_text())["schema_version"] == "ATIF-v1.7"


def test_one_run_and_one_document(group: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "atif", "group", "-o", "out", "--run", "toy-a_seed1", "--json"]) == 0
    path = Path("out/group/toy-a_seed1_attempt1.json")
    assert json.loads(capsys.readouterr().out) == {
        "files": [{"path": str(path), "calls": 3, "steps": 7, "conversations": 1}],
        "problems": [],
    }
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_damage_is_named_and_the_others_are_written(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    (group.run_dir("toy-a_seed0") / "run.json").write_text("{")
    (group.run_dir("toy-a_seed1") / "transcript" / "000001.json.gz").write_bytes(b"x")
    assert main(["export", "atif", "group"]) == 1
    shown = capsys.readouterr()
    first, second = shown.err.splitlines()
    assert first.startswith("mlebench export: group/toy-a_seed0 is skipped: cannot read")
    assert second.startswith("mlebench export: group/toy-a_seed1/1: the texts of 1 call cannot be read")
    assert shown.out.startswith("trajectories/group/toy-a_seed1_attempt1.json: 3 calls")


def test_a_run_that_is_none_is_refused_with_the_nearest(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "atif", "group", "--run", "toy-a_seed7"]) == 2
    assert "unknown run `toy-a_seed7`; did you mean `toy-a_seed1` or `toy-a_seed0`? `mlebench runs" in capsys.readouterr().err


def test_a_group_without_calls_is_refused_in_one_sentence(
    group: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_group(tmp_path / "runs", "quiet")
    assert main(["export", "atif", "quiet"]) == 2
    assert "no run used a model through the gateway" in capsys.readouterr().err
    assert not Path("trajectories").exists()


def test_groups_of_one_name_do_not_overwrite_each_other(group: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = make_group(tmp_path / "others")
    Recording(other).call("chat", request("chat", "rules", [User("go")]))
    assert main(["export", "atif", "group", str(other.folder)]) == 2
    assert "two groups have the name group" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("")
    assert main(["export", "atif", "group", "-o", "file/x"]) == 1
    assert capsys.readouterr().err == "mlebench export: Not a directory: file/x/group\n"


@pytest.mark.parametrize("words", [["-q", "export", "atif"], ["export", "-q", "atif"], ["export", "atif", "-q"]])
def test_quiet_may_stand_anywhere(words: list[str], group: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quiet = make_group(tmp_path / "runs", "quiet")
    Recording(quiet).end()
    assert main([*words, "group", "quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["export", "atif", "group", "quiet"]) == 0
    assert capsys.readouterr().err == "quiet/toy-a_seed0/1: no model used through the gateway\n"


def test_a_format_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export"]) == 2
    assert "FORMAT" in capsys.readouterr().err
    assert main(["export", "atfi", "x"]) == 2
    assert "atif" in capsys.readouterr().err


def test_a_bundle_is_written_as_its_group_is(group: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (group.folder / REPORT_FILE).write_text('{"competition_reports": []}')
    bundle = tmp_path / "group.mlebench.zip"
    make_bundle([group], bundle, leave_out=["agent"])
    assert main(["export", "atif", "group", "-o", "one"]) == main(["export", "atif", str(bundle), "-o", "two"]) == 0
    names = sorted(path.relative_to("one") for path in Path("one").rglob("*.json"))
    assert len(names) == 2
    for name in names:
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()


def test_a_bundle_whose_files_are_not_as_stated_is_refused(
    group: Group, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (group.folder / REPORT_FILE).write_text('{"competition_reports": []}')
    bundle = tmp_path / "group.mlebench.zip"
    make_bundle([group], bundle, leave_out=["agent"])
    content = bundle.read_bytes()
    at = content.index(b"transcript/000002.json.gz") + 80
    bundle.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    assert main(["export", "atif", str(bundle)]) == 2
    assert "is not a readable bundle" in capsys.readouterr().err
