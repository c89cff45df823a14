"""Grading in processes of their own: what a submission does there is bounded, is its own fault alone, and holds up nobody."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from mlebench.errors import Interrupted, NotPrepared, UsageError, WorkFailed
from mlebench.grade import grade_csv
from mlebench.grade.limits import Limits
from mlebench.grade.many import grade_many
from mlebench.grade.one import Submission
from mlebench.grade.pool import GradingPool
from mlebench.registry import Competition, Registry
from tests.grade.hostile import make_toy, notes, write_order
from tests.waiting import wait_until

SMALL = Limits(cpu_seconds=0.5, memory=200 * 2**20)


@pytest.fixture
def competition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Competition:
    competitions, data = make_toy(tmp_path)
    monkeypatch.setenv("MLEBENCH_COMPETITIONS_PATH", str(competitions))
    return Registry(data).get_competition("toy")


@pytest.fixture
def order(tmp_path: Path) -> Callable[[str], Submission]:
    def make(words: str) -> Submission:
        return Submission("toy", write_order(tmp_path / f"{words.replace(' ', '-')}.csv", words), 3, "toy_seed3")

    return make


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("check", "grading"):
        monkeypatch.setattr(f"mlebench.grade.pool.limits_of_{name}", lambda _: SMALL)


@pytest.fixture
def pool() -> Iterator[GradingPool]:
    with GradingPool(1) as pool:
        yield pool


def test_code_that_grades_is_loaded_before_there_is_a_submission(pool: GradingPool, competition: Competition) -> None:
    pool.load(competition)
    assert "grader" not in vars(competition)
    (competition.folder / "grade.py").write_text("grader = 1")
    with pytest.raises(UsageError, match="make it a `Grader`"):
        pool.load(competition)
    (competition.folder / "grade.py").write_text("import os\nos._exit(3)")
    with pytest.raises(WorkFailed, match="exited with code 3"):
        pool.load(competition)


def test_a_report_is_that_of_grade_csv(pool: GradingPool, competition: Competition, order: Callable[[str], Submission]) -> None:
    submission = order("score 0.25")
    report = pool.grade(submission, competition)
    expected = grade_csv(submission.path or "", competition, seed=3, run_id="toy_seed3")
    assert report.to_dict() == expected.to_dict() | {"created_at": report.created_at.isoformat()}
    assert (report.score, report.medal) == (0.25, "silver")


def test_a_check_is_told_in_the_words_of_validate(
    pool: GradingPool, competition: Competition, order: Callable[[str], Submission], tmp_path: Path
) -> None:
    assert pool.check(order("fine"), competition) == (True, "Submission is valid.")
    (tmp_path / "bad.csv").write_text("id\na\n")
    assert pool.check(Submission("toy", tmp_path / "bad.csv"), competition)[0] is False
    assert pool.check(Submission("toy", None), competition)[0] is False


@pytest.mark.parametrize(
    ("words", "told", "limits"),
    [
        ("spin", "0 s", SMALL),
        ("spin-in-c", "0 s", SMALL),
        # time enough for a busy machine to see how much it has grown
        ("grow", "200.0 MiB of memory", replace(SMALL, cpu_seconds=60)),
        ("ask-for-much", "200.0 MiB of memory", replace(SMALL, cpu_seconds=60)),
    ],
)
def test_a_submission_that_takes_too_much_is_invalid(
    pool: GradingPool,
    competition: Competition,
    order: Callable[[str], Submission],
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    told: str,
    limits: Limits,
) -> None:
    monkeypatch.setattr("mlebench.grade.pool.limits_of_grading", lambda _: limits)
    report = pool.grade(order(words), competition)
    assert (report.error_kind, report.submission_exists, report.run_id) == ("invalid", True, "toy_seed3")
    assert f"takes more than {told} to grade" in str(report.error)
    assert pool.grade(order("score 0.5"), competition).score == 0.5


@pytest.mark.usefixtures("small")
def test_one_submission_of_many_that_takes_too_much_costs_no_other(
    competition: Competition, order: Callable[[str], Submission]
) -> None:
    submissions = [order(f"score 0.{number}") for number in range(5)]
    submissions[1:1] = [order("spin"), order("grow"), order("die"), order("fail")]
    reports = grade_many(submissions, Registry(competition.data_dir), jobs=2)
    found = [report.error_kind or report.score for report in reports]
    assert found == [0.0, "invalid", "invalid", "grader_error", "grader_error", 0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize("words", ["die", "crash"])
def test_a_process_that_dies_of_itself_is_replaced_once_and_then_the_grader_is_at_fault(
    pool: GradingPool, competition: Competition, order: Callable[[str], Submission], tmp_path: Path, words: str
) -> None:
    report = pool.grade(order(words), competition)
    assert (report.error_kind, report.submission_exists) == ("grader_error", True)
    died = [process for word, process in notes(tmp_path) if word == words]
    assert len(set(died)) == 2
    with pytest.raises(WorkFailed, match="two processes ended"):
        pool.check(order(words), competition)


def test_a_process_that_was_a_victim_is_replaced(
    pool: GradingPool, competition: Competition, order: Callable[[str], Submission]
) -> None:
    assert pool.grade(order("die-once 0.5"), competition).score == 0.5


def test_a_process_that_ended_between_two_questions_is_replaced(
    pool: GradingPool, competition: Competition, order: Callable[[str], Submission], tmp_path: Path
) -> None:
    assert pool.grade(order("score 1"), competition).score == 1
    os.kill(notes(tmp_path)[-1][1], signal.SIGKILL)
    assert pool.grade(order("score 2"), competition).score == 2


def test_what_takes_long_by_the_clock_alone_is_no_fault_of_the_submission(
    pool: GradingPool, competition: Competition, order: Callable[[str], Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limits, "wall_seconds", 0.2)
    report = pool.grade(order("wait"), competition)
    assert report.error_kind == "grader_error"
    assert "this machine is too busy, or its disk does not answer" in str(report.error)


def test_answers_are_read_once_by_each_process(
    pool: GradingPool, competition: Competition, order: Callable[[str], Submission], tmp_path: Path
) -> None:
    for number in range(4):
        pool.grade(order(f"score {number}"), competition)
        pool.check(order(f"score {number}"), competition)
    assert len([word for word, _ in notes(tmp_path) if word == "read"]) == 1


def test_a_grader_or_answers_that_change_are_read_again(
    pool: GradingPool, competition: Competition, order: Callable[[str], Submission]
) -> None:
    assert pool.grade(order("score 1"), competition).score == 1
    grade = competition.folder / "grade.py"
    grade.write_text(grade.read_text().replace("return float(", "return 10 * float("))
    assert pool.grade(order("score 1"), competition).score == 10
    competition.answers.write_text("id,y\nb,x\n")
    assert pool.grade(order("score 1"), competition).error_kind == "invalid"


def test_memory_that_a_submission_leaves_behind_is_given_back(
    pool: GradingPool, competition: Competition, order: Callable[[str], Submission], tmp_path: Path
) -> None:
    pool.grade(order("swell 1"), competition)
    assert not is_alive(notes(tmp_path)[-1][1])
    assert pool.grade(order("score 2"), competition).score == 2


def test_a_failing_grader_is_logged_here_and_its_words_are_in_no_report(
    pool: GradingPool, competition: Competition, order: Callable[[str], Submission], caplog: pytest.LogCaptureFixture
) -> None:
    report = pool.grade(order("fail"), competition)
    assert report.error_kind == "grader_error"
    assert "42" not in str(report.error)
    assert "KeyError: 'the answer is 42'" in caplog.text


def test_why_a_submission_is_invalid_is_logged_where_somebody_listens(
    pool: GradingPool, competition: Competition, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "bad.csv").write_text("id\na\n")
    with caplog.at_level(logging.INFO, logger="mlebench"):
        pool.grade(Submission("toy", tmp_path / "bad.csv"), competition)
    assert "Invalid submission: " in caplog.text


def test_what_a_grader_prints_is_a_message_that_a_terminal_obeys_not(
    competition: Competition, order: Callable[[str], Submission], capfd: pytest.CaptureFixture[str]
) -> None:
    with GradingPool(1) as pool:
        pool.grade(order("print 1"), competition)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "printed \\x1b[31m" in captured.err


def test_faults_of_the_competition_are_raised_as_they_are(
    pool: GradingPool, competition: Competition, order: Callable[[str], Submission]
) -> None:
    grade = competition.folder / "grade.py"
    right = grade.read_text()
    grade.write_text(f"{right}\n1 / 0\n")
    with pytest.raises(UsageError, match=r"grade\.py, line \d+, cannot be loaded: ZeroDivisionError"):
        pool.grade(order("score 1"), competition)
    grade.write_text(right)
    competition.answers.unlink()
    for ask in (pool.grade, pool.check):
        with pytest.raises(NotPrepared, match="toy is not prepared"):
            ask(order("score 1"), competition)


def test_secrets_of_the_harness_are_not_in_the_process(
    competition: Competition, order: Callable[[str], Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLEBENCH_SPLIT_KEY", "OPENAI_API_KEY", "MY_TOKEN", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "secret")
    with GradingPool(1) as pool:
        names = str(pool.grade(order("environment"), competition).error).split()
    assert "PATH" in names
    assert [name for name in names if any(word in name for word in ("KEY", "TOKEN", "SECRET"))] == []


def test_who_asks_to_stop_is_heard_while_a_submission_is_graded(
    pool: GradingPool, competition: Competition, order: Callable[[str], Submission], tmp_path: Path
) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        grading = threads.submit(pool.grade, order("spin-in-c"), competition, is_stopped=stop.is_set)
        wait_until(lambda: notes(tmp_path)[1:])
        stop.set()
        with pytest.raises(Interrupted):
            grading.result(120)
    assert not is_alive(notes(tmp_path)[-1][1])
    assert pool.grade(order("score 1"), competition).score == 1


def test_closing_ends_what_is_graded_and_what_waits(
    competition: Competition, order: Callable[[str], Submission], tmp_path: Path
) -> None:
    with GradingPool(1) as pool, ThreadPoolExecutor(3) as threads:
        asked = [threads.submit(pool.grade, order(f"spin {number}"), competition) for number in range(3)]
        wait_until(lambda: notes(tmp_path)[1:])
        pool.close()
        for grading in asked:
            with pytest.raises(Interrupted):
                grading.result(120)
    with pytest.raises(Interrupted):
        pool.grade(order("score 1"), competition)


def test_checks_do_not_wait_for_grading(competition: Competition, order: Callable[[str], Submission], tmp_path: Path) -> None:
    with GradingPool(2, kept_for_checks=1) as pool, ThreadPoolExecutor(3) as threads:
        for number in range(3):
            threads.submit(pool.grade, order(f"spin {number}"), competition)
        wait_until(lambda: notes(tmp_path)[1:])
        assert pool.check(order("fine"), competition)[0]
        assert len([word for word, _ in notes(tmp_path) if word == "spin"]) == 1
        pool.close()


def test_processes_that_are_certain_to_be_needed_start_at_once(
    competition: Competition, order: Callable[[str], Submission]
) -> None:
    before = {child.pid for child in psutil.Process().children()}
    with GradingPool(3, started=2) as pool:
        started = {child.pid for child in psutil.Process().children()} - before
        assert len(started) == 2
        assert pool.grade(order("score 1"), competition).score == 1
        assert {child.pid for child in psutil.Process().children()} - before == started
    assert not any(is_alive(process) for process in started)


def is_alive(process: int) -> bool:
    """A harness that was killed leaves nobody who takes notice of its processes' ends."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


SCRIPT = """
import sys
from pathlib import Path
from mlebench.grade.one import Submission
from mlebench.grade.pool import GradingPool
from mlebench.registry import Registry

pool = GradingPool(1)
pool.grade(Submission("toy", Path(sys.argv[2])), Registry(Path(sys.argv[1])).get_competition("toy"))
"""


@pytest.mark.parametrize("words", ["spin-in-c", "wait"])
def test_no_process_outlives_a_harness_that_is_killed(
    competition: Competition, order: Callable[[str], Submission], tmp_path: Path, words: str
) -> None:
    harness = subprocess.Popen([sys.executable, "-c", SCRIPT, str(competition.data_dir), str(order(words).path)])
    try:
        wait_until(lambda: notes(tmp_path)[1:])
    finally:
        harness.kill()
        harness.wait()
    wait_until(lambda: not any(is_alive(process) for _, process in notes(tmp_path)))


def test_nothing_is_waited_for_at_the_end_of_a_program(
    competition: Competition, order: Callable[[str], Submission], tmp_path: Path
) -> None:
    """A program that leaves its pool open ends, and its process with it."""
    script = SCRIPT + "print(pool)\n"
    command = [sys.executable, "-c", script, str(competition.data_dir), str(order("score 1").path)]
    started = time.monotonic()
    assert subprocess.run(command, capture_output=True, text=True, timeout=300).returncode == 0
    assert time.monotonic() - started < 300
    wait_until(lambda: not any(is_alive(process) for _, process in notes(tmp_path)))


def test_a_program_that_closed_its_standard_streams_grades(competition: Competition, order: Callable[[str], Submission]) -> None:
    """What talks to a process has no number that the process uses for its own streams."""
    script = f"import os\nos.closerange(0, 3)\n{SCRIPT}"
    command = [sys.executable, "-c", script, str(competition.data_dir), str(order("score 1").path)]
    assert subprocess.run(command, timeout=300).returncode == 0


@pytest.mark.parametrize("command", [["grade"], ["validate"], ["grade-sample"], ["grade", "--jobs", "2"]])
def test_ctrl_c_is_heard_while_a_command_grades(
    competition: Competition, order: Callable[[str], Submission], tmp_path: Path, command: list[str]
) -> None:
    path = str(order("spin-in-c").path)
    if "--jobs" in command:
        listed = tmp_path / "list.jsonl"
        listed.write_text(f'{{"competition_id": "toy", "submission_path": "{path}"}}\n' * 4)
        words = [*command, str(listed), "-o", str(tmp_path)]
    else:
        words = [*command, path, *(["toy"] if command == ["grade-sample"] else ["-c", "toy"])]
    words += ["--data-dir", str(competition.data_dir)]
    harness = subprocess.Popen(
        [sys.executable, "-m", "mlebench", *words],
        stderr=subprocess.PIPE,
        text=True,
        # in the background of a script the tests themselves ignore Ctrl-C, and would pass that on
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wait_until(lambda: notes(tmp_path)[1:])
        harness.send_signal(signal.SIGINT)
        _, messages = harness.communicate(timeout=300)
    finally:
        harness.kill()
    assert (harness.returncode, messages.endswith("interrupted\n")) == (130, True), messages
    assert "Traceback" not in messages
    wait_until(lambda: not any(is_alive(process) for _, process in notes(tmp_path)))
