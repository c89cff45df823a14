"""Nothing that an agent leaves makes its run the infrastructure's failure or loses its valid submission."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from mlebench.runs.group import Group
from mlebench.runs.group_report import write_grading_report
from mlebench.runs.plan import Plan
from mlebench.runs.record import RunRecord
from mlebench.runs.task import RunTask
from mlebench.runs.worker import execute
from tests.ordinary_user import needs_root, run_as_ordinary_user
from tests.scripted import SUBMIT

DEEP = """
python - <<'END'
import os
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
END
"""
USAGE = {
    "a lone surrogate": r"""printf '{"model": "\\udcb2", "\\udc00": "x", "input_tokens": 5}' > usage.json""",
    "a number beyond all bounds": """printf '{"cost_usd": 1e400, "input_tokens": 5}' > usage.json""",
    "400 digits": """python -c 'print("{\\"a\\": 1" + "0" * 400 + ", \\"input_tokens\\": 5}")' > usage.json""",
    "not a number": """printf '{"cost_usd": NaN, "b": -Infinity, "input_tokens": 5}' > usage.json""",
    "other kinds of values": """printf '{"a": [1], "b": {"c": 2}, "d": null, "input_tokens": 5}' > usage.json""",
    "a byte order mark": """printf '\\357\\273\\277{"input_tokens": 5}' > usage.json""",
    "UTF-16": """python -c 'open("usage.json", "w", encoding="utf-16").write("{\\"input_tokens\\": 5}")'""",
    "a key twice": """printf '{"input_tokens": 4, "input_tokens": 5}' > usage.json""",
    "many keys": """
        python - > usage.json <<'END'
        import json
        print(json.dumps({"input_tokens": 5, **{f"key {n}" * 50: "v" * 9999 for n in range(99)}}))
        END
    """,
    "no permission": """printf '{"input_tokens": 5}' > usage.json; chmod 000 usage.json .""",
}
LOST_USAGE = {
    "10,000 digits": """python -c 'print("{\\"input_tokens\\": " + "1" * 10000 + "}")' > usage.json""",
    "a folder": "mkdir usage.json",
    "a pipe": "mkfifo usage.json",
    "a device": "ln -s /dev/zero usage.json",
    "a folder that is a link": 'rm -r ../logs; ln -s "$CODE_DIR" ../logs; echo {} > "$LOGS_DIR/usage.json"',
    "brackets without end": """python -c 'print("[" * 100000)' > usage.json""",
    "too large": "head -c 3000000 /dev/zero > usage.json",
    "bytes": "head -c 3000 /dev/urandom > usage.json",
}
OTHERS = {
    "deep folders": f'cd "$CODE_DIR"{DEEP}cd "$MLEBENCH_HOME"{DEEP}',
    "many files": """
        python - <<'END'
        import os
        for number in range(20000):
            os.close(os.open(f"{number}", os.O_CREAT))
        END
    """,
    "odd names": r"""
        touch "$(printf 'n\377\nq')" -- -rf "$(printf '%0255d' 1)"
        mkdir "$(printf '\033[31m')"
    """,
    "all kinds of files": """
        cd "$SUBMISSION_DIR"
        mkfifo pipe
        ln -s / root
        ln -s nowhere lost
        python -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
        truncate -s 5T sparse
        touch setuid
        chmod 6777 setuid
    """,
    "folders closed to all": """
        mkdir -p "$CODE_DIR/a/b" "$MLEBENCH_HOME/x/y"
        chmod 000 "$CODE_DIR/a" "$MLEBENCH_HOME/x" "$SUBMISSION_DIR"
    """,
    "a submission closed to all": 'chmod 000 "$SUBMISSION_DIR/submission.csv"',
    "folders replaced": """
        cd "$MLEBENCH_HOME/.."
        rm -rf code logs snapshots
        ln -s /etc code
        mkfifo logs
        touch snapshots
    """,
    "its own end forged": 'mkdir "$MLEBENCH_HOME/../.local/ending.json"',
    "its own end forged in other words": """echo '{"code": 1e999, "mark": []}' > "$MLEBENCH_HOME/../.local/ending.json" """,
    "its own end a pipe": 'mkfifo "$MLEBENCH_HOME/../.local/ending.json"',
    "the harness's folder removed": 'rm -rf "$MLEBENCH_HOME/../.local"',
    "the harness's files replaced": """
        cd "$MLEBENCH_HOME/.."
        rm -f run.json run.log checker_calls.jsonl
        mkdir run.json .outcome.json
        mkfifo run.log checker_calls.jsonl
    """,
    "the run's folder closed": 'chmod 000 "$MLEBENCH_HOME/.."',
    "lines that no checker wrote": r"""
        printf '{x}\n[1]\n{"at": 1}\n\377}\n{"at": "\\udc00", "valid": true}\n' > "$MLEBENCH_HOME/../checker_calls.jsonl"
    """,
}
FAILED = {
    "143": ("exit 143", "exit-code"),
    "137": ("exit 137", "killed"),
    "ended by its own signal": ("kill -TERM $$", "exit-code"),
    "its parent ended": ("kill -KILL $PPID", "killed"),
    "all at once": ('rm -rf "$MLEBENCH_HOME/../.local"; kill -KILL $PPID', "killed"),
    "255": ("exit 255", "exit-code"),
}
NO_SUBMISSION = {
    "a folder": "mkdir submission.csv",
    "a pipe": "mkfifo submission.csv",
    "a device": "ln -s /dev/zero submission.csv",
    "a link to data": 'ln -s "$DATA_DIR/sample_submission.csv" submission.csv',
    "a socket": """python -c 'import socket; socket.socket(socket.AF_UNIX).bind("submission.csv")'""",
    "a sparse file": "truncate -s 100G submission.csv",
    "nothing": 'rm -rf "$SUBMISSION_DIR" "$MLEBENCH_HOME/../submission"',
}
VALID = ("finished", "exited", None, True)


@pytest.fixture
def play(plan: Callable[..., Plan], runs_dir: Path) -> Callable[..., tuple[RunRecord, str]]:
    """Runs a script as an agent; returns its record as it is read from disk, and its log."""

    def play(script: str) -> tuple[RunRecord, str]:
        group = Group.create(runs_dir, plan(script, competitions=("toy-a",)), {}, "group")
        (run,) = group.plan.runs
        execute(RunTask(group, run), ())
        record = group.record(run)
        write_grading_report(group)
        return record, (group.run_dir(run.run_id) / "run.log").read_text(errors="replace")

    return play


@pytest.mark.parametrize("script", USAGE.values(), ids=USAGE)
def test_what_can_be_kept_of_a_usage_file_is_kept(play: Callable, script: str) -> None:
    record, log = play(f'{SUBMIT}cd "$LOGS_DIR/."\n{textwrap.dedent(script)}')
    assert (record.state, record.reason, record.failure_class, record.has_valid_submission) == (
        "finished",
        "exited",
        None,
        True,
    ), log
    assert record.reported_usage["input_tokens"] == 5
    assert len(json.dumps(record.reported_usage)) < 100_000


@pytest.mark.parametrize("script", LOST_USAGE.values(), ids=LOST_USAGE)
def test_a_usage_file_that_cannot_be_read_is_left_out_with_a_note(play: Callable, script: str) -> None:
    record, log = play(f'{SUBMIT}cd "$LOGS_DIR/."\n{textwrap.dedent(script)}')
    assert (record.state, record.reason, record.failure_class, record.has_valid_submission) == (
        "finished",
        "exited",
        None,
        True,
    ), log
    assert (record.usage, record.reported_usage) == ({}, {})
    assert "left out" in log


@pytest.mark.parametrize("script", OTHERS.values(), ids=OTHERS)
def test_no_file_of_an_agent_loses_its_submission(play: Callable, runs_dir: Path, script: str) -> None:
    record, log = play(f'{SUBMIT}cd "$LOGS_DIR/."\n{textwrap.dedent(script)}')
    assert (record.state, record.reason, record.failure_class, record.has_valid_submission) == (
        "finished",
        "exited",
        None,
        True,
    ), log
    run_dir = runs_dir / "group" / record.run_id
    assert not (run_dir / "home").exists()
    assert (run_dir / "logs").is_dir() and not (run_dir / "code").is_symlink()
    report = json.loads((runs_dir / "group" / "grading_report.json").read_text())
    assert report["total_valid_submissions"] == 1


@pytest.mark.parametrize(("end", "reason"), FAILED.values(), ids=FAILED)
def test_no_end_that_an_agent_chooses_is_the_infrastructures(play: Callable, end: str, reason: str) -> None:
    record, log = play(f"{SUBMIT}\n{end}")
    assert (record.state, record.reason, record.failure_class) == ("failed", reason, "agent"), log
    assert record.has_valid_submission


@pytest.mark.parametrize("script", NO_SUBMISSION.values(), ids=NO_SUBMISSION)
def test_what_is_no_file_is_no_submission_and_is_named(play: Callable, runs_dir: Path, script: str) -> None:
    record, log = play(f'cd "$SUBMISSION_DIR"; {script}')
    assert (record.state, record.reason, record.failure_class) == ("finished", "no-submission", "agent"), log
    assert record.detail.startswith("no submission: submission")
    assert str(runs_dir) not in record.detail
    assert record.report["error"] == record.detail


def test_the_detail_of_a_missing_submission_says_how_the_agent_ended(play: Callable) -> None:
    record, _ = play("exit 3")
    assert (record.reason, record.detail) == ("exit-code", "exited with code 3; run.log says why")
    assert record.report["error"].endswith(
        "submission/ is empty; write $SUBMISSION_DIR/submission.csv; the agent exited with code 3"
    )


def test_another_attempt_starts_clean_whatever_the_first_left(plan: Callable[..., Plan], runs_dir: Path) -> None:
    """What a killed harness left is not settled."""
    group = Group.create(runs_dir, plan(competitions=("toy-a",)), {}, "group")
    (run,) = group.plan.runs
    folder = group.run_dir(run.run_id)
    (folder / "home" / "agent" / "closed").mkdir(parents=True)
    (folder / "submission").mkdir()
    (folder / "submission" / "submission.csv").write_text("of the first attempt")
    (folder / "logs").symlink_to("/etc")
    os.mkfifo(folder / "run.log")
    record = group.record(run)
    record.begin("", [])
    record.state = "failed"
    record.again()
    record.write(folder)
    for closed in (folder / "home" / "agent" / "closed", folder / "home" / "agent", folder / "submission"):
        closed.chmod(0)
    record = execute(RunTask(group, run), ())
    assert (record.attempt, record.reason, record.has_valid_submission) == (2, "exited", True), record.detail
    assert (folder / "attempts" / "1" / "submission" / "submission.csv").read_text() == "of the first attempt"


@needs_root
def test_the_same_holds_for_an_ordinary_user() -> None:
    run_as_ordinary_user(__file__, "(clos or permission or clean or replaced or folder) and not ordinary")
