"""What `mlebench runs` shows of runs, whatever their agents wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlebench.cli.main import main
from mlebench.registry import Registry
from mlebench.runs import lock
from mlebench.runs.group import Group
from mlebench.runs.harness_status import HarnessStatus, write_harness_status
from mlebench.runs.record import now
from tests.reports import toys


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Group:
    data = toys.install(tmp_path, monkeypatch)
    return toys.make_group(tmp_path / "my runs", data, {"toy-one": [0.25]}, name="g")


def test_a_log_is_followed_without_being_obeyed(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    log = group.run_dir("toy-one_seed0") / "run.log"
    log.write_bytes(b"\x1b[32mgreen\x1b[0m\r\n10%\r20%\r\n\x1b]0;owned\x07\x9b\xc2\x9b2J\xe2\x80\xae\tend\n")
    assert main(["runs", "g", "--runs-dir", str(group.folder.parent), "--tail", "toy-one_seed0"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("green\n10%\n20%\n\\x1b]0;owned\\x07")
    assert shown.endswith("\\x9b2J\\u202e\tend\n")


def test_a_reason_with_controls_is_one_printable_cell(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    (planned,) = group.plan.runs
    record = group.record(planned)
    record.detail = "failed\nforged line\x1b[2J"
    record.write(group.run_dir(planned.run_id))
    assert main(["runs", "g", "--runs-dir", str(group.folder.parent)]) == 0
    shown = capsys.readouterr().out
    assert "failed\\nforged line\\x1b[2J" in shown
    assert all(line.isprintable() for line in shown.split("\n"))


def test_hints_name_the_folder_of_groups_that_was_given(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    runs_dir = str(group.folder.parent)
    assert main(["runs", "g", "--runs-dir", runs_dir, "--tail", "toy-one_seed9"]) == 2
    assert f"`mlebench runs g --runs-dir '{runs_dir}'` lists all runs" in capsys.readouterr().err
    assert main(["runs", "--runs-dir", runs_dir, "--watch"]) == 2
    assert f"`mlebench runs latest --watch --runs-dir '{runs_dir}'`" in capsys.readouterr().err


def left(group: Group) -> str:
    """Make the group's run one that has not started, and return its id."""
    (run,) = group.plan.runs
    (group.run_dir(run.run_id) / "run.json").unlink()
    return run.run_id


def runs(group: Group, *words: str) -> int:
    return main(["runs", "g", "--runs-dir", str(group.folder.parent), *words])


def test_acts_are_said_in_a_sentence(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    run_id = left(group)
    assert runs(group, "--parallel", "3") == 0
    assert capsys.readouterr().out.startswith("g is limited to at most 3 runs at once; `mlebench run --resume g")
    assert Group.open(group.folder).settings.parallel == 3
    assert runs(group, "--cancel", run_id) == 0
    assert runs(group, "--retry", run_id) == 0
    assert f"{run_id} is marked for another attempt; `mlebench run --resume g" in capsys.readouterr().out
    assert group.records()[0].state == "pending"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--pause"], "no harness runs g, so no run starts; `mlebench run --resume g"),
        (["--continue"], "no harness runs g, paused or not; `mlebench run --resume g"),
        (["--retry", "toy-one_seed0"], "toy-one_seed0 has not ended (pending), so there is nothing to retry"),
        (["--retry", "toy-one_seed9"], "unknown run `toy-one_seed9` in g; did you mean `toy-one_seed0`?"),
        (["--parallel", "0"], "`--parallel` is 0, expected a whole number of at least 1"),
        (["--parallel", "many"], "`--parallel` is many, expected a whole number of at least 1"),
        (["--pause", "--continue"], "`--continue` and `--pause` exclude each other"),
        (["--pause", "--json"], "`--json` and `--pause` exclude each other"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_act_that_cannot_be_done_is_wrong_usage(
    group: Group, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    left(group)
    try:
        code = runs(group, *words)
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    assert code == 2
    assert said in capsys.readouterr().err


def test_acts_on_no_group_ask_which(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--pause"], ["--continue"], ["--parallel", "2"], ["--retry", "x"]):
        assert main(["runs", "--runs-dir", str(group.folder.parent), *words]) == 2
        assert "no run group given; " in capsys.readouterr().err


def test_result_is_not_done_again(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs(group, "--retry", "toy-one_seed0") == 2
    assert "toy-one_seed0 is a result (finished), and another attempt would mean choosing" in capsys.readouterr().err


def test_table_and_json_tell_the_same_phases(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    left(group)
    assert runs(group) == 0
    table = capsys.readouterr().out
    assert "queued" in table and "no harness runs its group" in " ".join(table.split())
    assert runs(group, "--json") == 0
    content = json.loads(capsys.readouterr().out)
    (run,) = content["runs"]
    assert (run["state"], run["phase"]["name"]) == ("pending", "queued")
    assert run["phase"]["words"].startswith("no harness runs its group; `mlebench run --resume g")
    assert content["harness"] is None
    said = HarnessStatus(now(), 2, 1, waiting={run["run_id"]: "waits for 2 free GPUs"})
    with lock.hold(group.folder):
        write_harness_status(group.folder, said)
        assert runs(group, "--json") == 0
        content = json.loads(capsys.readouterr().out)
        assert runs(group) == 0
    assert (content["harness"]["parallel"], content["runs"][0]["phase"]["words"]) == (1, "waits for 2 free GPUs")
    assert "waits for 2 free GPUs" in capsys.readouterr().out


def test_paused_group_says_what_goes_on(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    left(group)
    with lock.hold(group.folder):
        write_harness_status(group.folder, HarnessStatus(now(), is_paused=True, others="its group is paused"))
        assert runs(group, "--pause") == 0
        capsys.readouterr()
        assert main(["runs", "--json", "--runs-dir", str(group.folder.parent)]) == 0
        assert [entry["state"] for entry in json.loads(capsys.readouterr().out)] == ["paused"]
        assert runs(group) == 0
        shown = capsys.readouterr().out
        assert runs(group, "--pause") == 2
        assert "is already paused" in capsys.readouterr().err
        assert runs(group, "--continue") == 0
    assert "its group is paused" in shown
    assert f"paused, `mlebench runs g --continue --runs-dir '{group.folder.parent}'` starts runs again" in shown


def test_grading_a_group_lists_each_run_by_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = toys.install(tmp_path, monkeypatch)
    group = toys.make_group(tmp_path / "runs", data, {"toy-one": [0.25, 0.5]}, name="two")
    assert main(["grade", str(group.folder), "--data-dir", str(data)]) == 0
    shown = capsys.readouterr().out
    assert "run" in shown and all(run.run_id in shown for run in group.plan.runs)


def test_a_whole_split_that_is_not_prepared_is_prepared_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--agent", "dummy", "--sandbox", "plain", "--data-dir", str(tmp_path), "--runs-dir", str(tmp_path / "runs")]
    assert main([*words, "--split", "low"]) == 2
    assert f"run `mlebench prepare --split low --data-dir {tmp_path}`" in capsys.readouterr().err
    low = Registry().list_competition_ids("low")
    assert main([*words, *(word for name in low[:4] for word in ("-c", name))]) == 2
    assert f"run `mlebench prepare {' '.join(low[:4])} --data-dir {tmp_path}`" in capsys.readouterr().err
