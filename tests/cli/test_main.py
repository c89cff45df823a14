"""The command line's contract: what goes where, and the exit codes."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grading.metric_names import find_metric
from grading.report import aggregate_reports
from mlebench.cli.main import COMMANDS, command_module, command_parser, main
from mlebench.grade import save_report


@pytest.fixture
def prepared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    assert main(["prepare", "spaceship-titanic", "--mock", "--data-dir", str(tmp_path)]) == 0
    capsys.readouterr()
    return tmp_path


def sample(data: Path) -> Path:
    return data / "spaceship-titanic" / "prepared" / "public" / "sample_submission.csv"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"mlebench {command}" in capsys.readouterr().out


def test_list_json_is_an_array_of_the_82(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert len(entries) == 82
    assert {"id", "title", "split", "modality", "metric", "direction"} <= set(entries[0])


def test_a_mistyped_id_command_or_split_is_told_with_its_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    for words, hint in (
        (["info", "spaceship-titanik"], "did you mean `spaceship-titanic`? `mlebench list` lists all competitions"),
        (["prepara"], "did you mean `prepare`?"),
        (["list", "--split", "lo"], "did you mean `low`? Otherwise give low, medium"),
    ):
        assert main(words) == 2
        captured = capsys.readouterr()
        assert hint in captured.err
        assert captured.out == ""


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["list", "--splt", "low"], "unknown option `--splt`; did you mean `--split`?"),
        (["list", "--modalty=image"], "did you mean `--modality`?"),
        (["agents", "bild", "x"], "did you mean `mlebench agents build x`?"),
        (["run", "--sandbox", "dokcer"], "unknown value `dokcer` of `--sandbox`; did you mean `docker`?"),
        (["export", "harbor", "--wiht-oracle"], "did you mean `--with-oracle`?"),
        (["validate", "x.csv", "--competiton-id", "x"], "did you mean `--competition-id`?"),
        (["images", "export", "d", "--gpu"], "`--gpu` is an option of `mlebench images build`"),
        (["grade", "x.csv", "--jobs", "0"], "expected a whole number of at least 1"),
        (["validate", "x.csv"], "no competition given for x.csv; run `mlebench validate x.csv -c ID`"),
    ],
)
def test_a_mistyped_option_or_choice_is_told_with_its_nearest(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    told = capsys.readouterr().err
    assert hint in told
    assert told.count("\n") == 1


SAME_EVERYWHERE = (
    "--competition-id", "--split", "--data-dir", "--runs-dir", "--edition", "--split-key", "--json", "--jobs", "--thresholds",
)  # fmt: skip


def test_an_option_is_written_alike_in_every_command() -> None:
    seen: dict[str, set[tuple[str, ...]]] = {}
    for command in COMMANDS:
        module = importlib.import_module(command_module(command))
        for action in command_parser(command, module)._actions:
            for option in action.option_strings:
                seen.setdefault(option, set()).add((*action.option_strings, str(action.metavar)))
    assert {option: spellings for option, spellings in seen.items() if option in SAME_EVERYWHERE and len(spellings) > 1} == {}
    assert seen["-c"] == {("-c", "--competition-id", "ID")}


def test_without_a_command_the_usage_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "competitions and data:" in captured.err


def test_a_reader_that_stops_early_sees_no_traceback() -> None:
    command = f"{sys.executable} -m mlebench.cli.main list 2>&1 >/dev/full | cat"
    ended = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert ended.stdout == "mlebench list: No space left on device\n"
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "mlebench.cli.main", "list"], stdout=writer, stderr=subprocess.PIPE, text=True
        )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_list_of_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    """Each of its names is one that `new-competition --metric` takes, with a number for K."""
    assert main(["list", "--metrics", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    for each in listed:
        found = [find_metric(re.sub(r"K\b", number, each["name"])) for number in ("5", "0.5")]
        assert each["direction"] in [metric.direction for metric in found if metric], each["name"]
    ranked = next(each for each in listed if each["name"] == "mean average precision at K")
    assert (ranked["submission"], "MAP@5" in ranked["aliases"]) == ("ranked labels", True)
    assert main(["list", "--metrics"]) == 0
    assert "root mean squared error" in capsys.readouterr().out
    assert main(["list", "--metrics", "--modality", "text"]) == 2
    assert "`--metrics` lists metrics, not competitions; leave out `--modality`" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["-q", "list"], ["--quiet", "list"], ["-v", "list"], ["list", "-q"]])
def test_quiet_and_verbose_stand_before_or_after_the_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--split", "demo"]) == 0
    assert "demo-wine" in capsys.readouterr().out


def test_another_option_before_the_command_is_told_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "list"]) == 2
    assert capsys.readouterr().err == "mlebench: the option `--json` goes after the command: `mlebench list --json`\n"
    assert main(["-q"]) == 2
    assert "competitions and data:" in capsys.readouterr().err


def test_the_package_can_be_run_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "mlebench", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("mlebench ")


@pytest.mark.parametrize("command", ["grade", "validate"])
def test_a_submission_belongs_to_one_competition(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "x.csv", "-c", "demo-wine", "--competition-id", "spaceship-titanic"]) == 2
    assert "gives both demo-wine and spaceship-titanic, but a submission belongs to one competition" in capsys.readouterr().err


def test_a_submission_that_is_not_there_is_one_sentence_and_no_table(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["grade", str(prepared / "nofile.csv"), "-c", "spaceship-titanic", "--data-dir", str(prepared)]
    assert main([*words, "-o", str(prepared / "out")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"mlebench grade: {prepared / 'nofile.csv'} is missing; submit a csv file\n"
    (report,) = (prepared / "out").iterdir()
    assert json.loads(report.read_text())["total_runs_with_submissions"] == 0


def test_a_hint_repeats_the_users_own_options_but_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["my file.csv", "--edition", "v2", "--split-key", "hush", "--data-dir", "/my data"]
    assert main(["grade", *words]) == 2
    command = "`mlebench grade 'my file.csv' --edition v2 --split-key KEY --data-dir '/my data' -c ID`"
    told = capsys.readouterr().err
    assert command in told
    assert "hush" not in told
    assert main(["run", "--split-key=hush", "-c", "demo-wine"]) == 2
    assert "no agent given; run `mlebench run --split-key=KEY -c demo-wine --agent NAME`" in capsys.readouterr().err


def test_a_file_of_ids_is_a_split_in_every_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ids.txt").write_bytes(b"\xef\xbb\xbf# mine\r\n\r\ndemo-wine  # small\r\ndemo-digits\r\n")
    split = ["--split", str(tmp_path / "ids.txt")]
    assert main(["list", *split, "--json"]) == 0
    assert [entry["id"] for entry in json.loads(capsys.readouterr().out)] == ["demo-wine", "demo-digits"]
    assert main(["run", "--agent", "dummy", "--sandbox", "local", *split, "--dry-run", "--data-dir", str(tmp_path)]) == 2
    assert "demo-wine, demo-digits" in capsys.readouterr().out
    assert main(["status", *split, "--data-dir", str(tmp_path), "--json"]) == 0
    capsys.readouterr()
    assert main(["prepare", *split, "--verify-only", "--data-dir", str(tmp_path)]) == 2
    assert "demo-digits: not prepared" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"demo-wine\ndemo-digits,\n", "line 2 is not a competition id (demo-digits,)"),
        ("demo-wine\u2028demo-digits".encode(), "line 1 is not a competition id (demo-wine\\u2028demo-digits)"),
        (b"\x1b[31m\n", "line 1 is not a competition id (\\x1b[31m)"),
        ("demo-wine\n".encode("utf-16"), "is UTF-16 text"),
        (b"# nothing\n", "names no competition"),
    ],
)
@pytest.mark.parametrize("option", ["--list", "--split"])
def test_a_line_that_is_no_id_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, problem: str, option: str
) -> None:
    (tmp_path / "ids.txt").write_bytes(content)
    assert main(["prepare", option, str(tmp_path / "ids.txt")]) == 2
    assert problem in capsys.readouterr().err


def test_two_reports_of_one_second_are_both_kept(tmp_path: Path) -> None:
    assert len({save_report(aggregate_reports([]), tmp_path) for _ in range(2)}) == 2


def test_a_demo_that_cannot_work_is_refused_before_anything_is_prepared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--agent", "dumy", "--data-dir", str(tmp_path / "data")]) == 2
    assert "did you mean `dummy`" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_lists_of_ids_may_hold_remarks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ids.txt").write_text("  # a remark\n\n  demo-wine \n")
    assert main(["prepare", "--list", str(tmp_path / "ids.txt"), "--verify-only", "--data-dir", str(tmp_path)]) == 2
    assert "demo-wine: not prepared" in capsys.readouterr().err
    assert main(["prepare", "--list", str(tmp_path / "no.txt")]) == 2
    assert "no.txt: No such file or directory; " in capsys.readouterr().err


def test_grade_json_is_one_report_and_its_exit_code_tells_validity(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", str(sample(prepared)), "-c", "spaceship-titanic", "--data-dir", str(prepared), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["valid_submission"] and report["score"] == pytest.approx(0.5, abs=0.2)
    broken = prepared / "broken.csv"
    broken.write_text("PassengerId,Transported\n")
    assert main(["grade", str(broken), "-c", "spaceship-titanic", "--data-dir", str(prepared), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error_kind"] == "invalid"


@pytest.mark.parametrize(
    ("name", "kind", "exists"),
    [
        ("gone.csv", "missing", False),
        ("folder.csv", "missing", False),
        ("text.txt", "not_csv", False),
        ("empty.csv", "invalid", True),
    ],
)
def test_a_report_tells_why_there_is_no_score(
    prepared: Path, capsys: pytest.CaptureFixture[str], name: str, kind: str, exists: bool
) -> None:
    (prepared / "folder.csv").mkdir()
    (prepared / "text.txt").write_text("hello")
    (prepared / "empty.csv").write_bytes(b"")
    words = ["grade", str(prepared / name), "-c", "spaceship-titanic", "--data-dir", str(prepared), "--json"]
    assert main(words) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["error_kind"], report["submission_exists"], report["score"]) == (kind, exists, None)
    assert report["error"]


def test_a_crash_of_the_grader_is_never_the_agents_fault(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    answers = prepared / "spaceship-titanic" / "prepared" / "private" / "test.csv"
    answers.write_text(answers.read_text().replace("True", "Maybe"))
    words = ["grade", str(sample(prepared)), "-c", "spaceship-titanic", "--data-dir", str(prepared), "--json"]
    assert main(words) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["error_kind"] == "grader_error"
    assert "Maybe" not in report["error"]
    assert "Traceback" in caplog.text


def test_damaged_answers_are_said_with_the_command_that_mends_them(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (prepared / "spaceship-titanic" / "prepared" / "private" / "test.csv").write_bytes(b"")
    for command in ("grade", "validate"):
        assert main([command, str(sample(prepared)), "-c", "spaceship-titanic", "--data-dir", str(prepared)]) == 2
        assert f"`mlebench prepare spaceship-titanic --force --data-dir {prepared}`" in capsys.readouterr().err


def test_a_jsonl_of_submissions_becomes_one_timestamped_report(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        {"competition_id": "spaceship-titanic", "submission_path": str(path)} for path in (sample(prepared), prepared / "no.csv")
    ]
    (prepared / "all.jsonl").write_text("\n".join(map(json.dumps, lines)))
    words = ["grade", "--submission", str(prepared / "all.jsonl"), "--output-dir", str(prepared / "out")]
    assert main([*words, "--data-dir", str(prepared)]) == 0
    (report,) = (prepared / "out").glob("*_grading_report.json")
    content = json.loads(report.read_text())
    assert (content["total_runs"], content["total_valid_submissions"]) == (2, 1)
    assert [entry["submission_exists"] for entry in content["competition_reports"]] == [True, False]


def test_grading_without_data_tells_the_command_that_mends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grade", "x.csv", "-c", "spaceship-titanic", "--data-dir", str(tmp_path)]) == 2
    assert f"`mlebench prepare spaceship-titanic --data-dir {tmp_path}`" in capsys.readouterr().err


def test_published_spellings_select_competitions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ids.txt").write_text("spaceship-titanic\n")
    assert main(["prepare", "--list", str(tmp_path / "ids.txt"), "--mock", "--data-dir", str(tmp_path)]) == 0
    words = ["prepare", "-c", "spaceship-titanic", "--data-dir", str(tmp_path), "--skip-verification"]
    assert main([*words, "--mock"]) == 0
    assert "already prepared" in capsys.readouterr().err


def test_a_mock_is_not_taken_for_the_real_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["prepare", "spaceship-titanic", "--data-dir", str(tmp_path / "data")]
    assert main([*words, "--mock"]) == 0
    assert main(["mock", "spaceship-titanic", "--out", str(tmp_path / "download")]) == 0
    assert main([*words, "--from", str(tmp_path / "download"), "--no-verify"]) == 2
    command = f"`mlebench prepare spaceship-titanic --from {tmp_path / 'download'} --no-verify --force --data-dir"
    assert f"prepared from a mock; {command}" in capsys.readouterr().err
    assert main([*words, "--from", str(tmp_path / "download"), "--no-verify", "--force"]) == 0


def test_leaderboard_places_a_score(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "spaceship-titanic", "--score", "0.81", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["medal"] == "bronze"
    assert main(["leaderboard", "demo-wine", "--score", "0.05", "--json"]) == 0
    place = json.loads(capsys.readouterr().out)
    assert (place["rank"], place["medal"], place["leaderboard_size"]) == (1, "gold", 72)


def test_status_tells_what_is_prepared(prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--data-dir", str(prepared), "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["id"], entry["edition"], entry["mock"]) == ("spaceship-titanic", "v1", True)


def test_quiet_tells_nothing_but_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "spaceship-titanic", "--mock", "--data-dir", str(tmp_path), "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    empty = tmp_path / "empty"
    empty.mkdir()
    words = ["prepare", "leaf-classification", "--from", str(empty), "--data-dir", str(tmp_path), "--no-verify", "-q"]
    assert main(words) == 1
    assert "missing from the raw data" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_a_completion_script_asks_for_candidates(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "mlebench completion words" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["grade-s"], "grade-sample"),
        (["prepare", "--split-"], "--split-key"),
        (["prepare", "demo-"], "demo-wine"),
        (["info", "leaf-"], "leaf-classification"),
        (["run", "--split", ""], "research"),
        (["run", "--agent", "d"], "dummy"),
        (["run", "--profile", ""], "demo"),
        (["agents", "build", "ba"], "baseline"),
        (["agents", "cod"], "codex"),
        (["export", "harbor", "--wi"], "--with-oracle"),
        (["runs", ""], "latest"),
        (["report", "my-"], "my-group"),
    ],
)
def test_completion_offers_commands_options_and_names(
    words: list[str], offered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLEBENCH_RUNS_DIR", str(tmp_path))
    (tmp_path / "my-group").mkdir()
    (tmp_path / "my-group" / "group.yaml").touch()
    assert main(["completion", "words", "--", *words]) == 0
    found = capsys.readouterr().out.split()
    assert offered in found and all(name.startswith(words[-1]) for name in found)


def test_bash_completes_with_its_script() -> None:
    asked = (
        'eval "$(mlebench completion bash)"; COMP_WORDS=(mlebench info demo-w); COMP_CWORD=2; _mlebench; echo "${COMPREPLY[@]}"'
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, env=os.environ | {"PATH": path})
    assert done.stdout == "demo-wine\n"
