"""`mlebench_agent.conversation`: turns of a program, what is kept and shown of it, and when it gets another turn."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlebench_agent import conversation
from mlebench_agent.conversation import _Patience

from tests.agents.conversing import Conversing, conversing
from tests.agents.home import Home
from tests.gateway.provider import Provider
from tests.waiting import wait_until

__all__ = ["conversing"]
ON = ("continue=true",)
TO_BOTH = "kill -TERM $PPID; kill -TERM $$"
"""As a run that is ended does: every process gets the signal."""

AGENT = """
import sys
from pathlib import Path
from mlebench_agent import conversation

conversation._LONGEST_PAUSE = 0.0
conversation._SECONDS_TO_SAVE = 0.1

class Program(conversation.CommandLineAgent):
    name = "program"

    def prepare(self):
        self.keep(self.task.home / ".program" / "sessions")

    def command(self, prompt, *, is_first):
        return ["sh", sys.argv[0].replace("agent.py", "program.sh"), "first" if is_first else "later"]

    def shown(self, line):
        return None if line == "noise" else f"said\\n{line}"

    def says_to_wait(self, output):
        return "busy" in output.splitlines()

    def usage(self):
        return {"calls": len((self.folder / "sessions" / "calls").read_text().split())}

conversation.main(Program)
"""
LIBRARY = """
import time
from mlebench_agent import conversation
from mlebench_agent.models import BudgetSpent

conversation._LONGEST_PAUSE = 0.0

class Library(conversation.LibraryAgent):
    name = "library"
    turns = 0

    def work_on(self, prompt, *, is_first):
        self.turns += 1
        {work}

    def says_to_wait(self, error):
        return "busy" in str(error)

    def usage(self):
        return {{"calls": self.turns}}

conversation.main(Library)
"""
CALL = 'echo call >> "$MLEBENCH_HOME/.program/sessions/calls"\n'


class Ran:
    """An agent on a program of one's own."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.folder = folder
        (folder / "agent.py").write_text(AGENT)

    def start(self, program: str, *words: str) -> subprocess.Popen[str]:
        """Start it on this shell program."""
        (self.folder / "program.sh").write_text(program)
        return self._start("agent.py", *words)

    def start_library(self, work: str, *words: str) -> subprocess.Popen[str]:
        """Start an agent that is a library on this line of Python."""
        (self.folder / "library.py").write_text(LIBRARY.format(work=work))
        return self._start("library.py", *words)

    def _start(self, script: str, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(self.folder / script), *words]
        with Provider() as provider:
            environment = self.home.environment(provider, 3600)
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def run(self, program: str, *words: str) -> tuple[int, str]:
        """Exit code and log."""
        return _ended(self.start(program, *words))

    def run_library(self, work: str, *words: str) -> tuple[int, str]:
        """Exit code and log."""
        return _ended(self.start_library(work, *words))

    def ask_by_input(self, prompt: str) -> None:
        """Have it give the program this prompt by its standard input."""
        self._add(f"def stdin(self, prompt):\n        return {prompt[0]!r} * {len(prompt)}")

    def parse_lines(self) -> None:
        """Have it take every line of output for JSON."""
        self._add('def shown(self, line):\n        return f"said {json.loads(line)}"')

    def limit(self, kind: str, size: int) -> None:
        """Let it have no more than this: `FSIZE`, bytes of a file, or `DATA`, bytes of its own memory."""
        path = self.folder / "agent.py"
        limit = f"resource.setrlimit(resource.RLIMIT_{kind}, ({size}, {size}))"
        path.write_text(f"import resource\n{limit}\n{path.read_text()}")

    def parse_usage(self) -> None:
        """Have it take what the program counted for JSON."""
        self._add("def usage(self):\n        return json.loads((self.folder / 'sessions' / 'calls').read_text())")

    def _add(self, method: str) -> None:
        path = self.folder / "agent.py"
        path.write_text("import json\n" + path.read_text().replace("conversation.main", f"    {method}\n\nconversation.main"))


def _ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    log, _ = process.communicate(timeout=60)
    return process.returncode, log


@pytest.fixture
def ran(tmp_path: Path) -> Ran:
    return Ran(tmp_path)


def test_what_a_program_writes_into_a_folder_of_its_own_is_kept_and_its_output_shown_a_line_at_a_time(ran: Ran) -> None:
    code, log = ran.run(CALL + "echo noise; echo 'a   word'; exit 5")
    assert code == 5
    assert log.splitlines()[0] == "said a word"
    assert (ran.home.folder / "logs" / "program" / "turn-001.log").read_text() == "noise\na   word\n"
    assert (ran.home.folder / "logs" / "program" / "sessions" / "calls").read_text() == "call\n"
    assert ran.home.usage == {"calls": 1}


def test_one_that_the_provider_kept_waiting_is_called_again(ran: Ran) -> None:
    code, log = ran.run(CALL + 'if [ "$1" = first ]; then echo busy; exit 1; fi')
    assert (code, log.count("turn ")) == (0, 2)


def test_one_that_fails_as_the_budget_is_spent_is_not_called_again(ran: Ran) -> None:
    spent = "HTTP status 400: the run's budget for models is spent: 6 calls of 6 calls are used"
    code, log = ran.run(f'echo busy; echo "{spent}"; exit 1', "continue=true")
    assert (code, log.count("turn ")) == (1, 1)


def test_one_that_the_provider_keeps_waiting_all_the_time_ends(ran: Ran) -> None:
    code, log = ran.run("echo busy; exit 3")
    assert (code, log.count("turn ")) == (3, 13)


def test_one_that_fails_for_another_reason_is_not_called_again(ran: Ran) -> None:
    code, log = ran.run(CALL + "echo refused; exit 1")
    assert (code, log.count("turn ")) == (1, 1)


def test_a_program_that_does_not_end_when_it_is_told_to_leaves_what_it_used(ran: Ran) -> None:
    process = ran.start("trap '' TERM\n" + CALL + "echo up; while :; do sleep 1; done")
    try:
        assert process.stdout is not None and process.stdout.readline() == "said up\n"
        process.send_signal(signal.SIGTERM)
        wait_until((ran.home.folder / "logs" / "usage.json").exists)
        assert json.loads((ran.home.folder / "logs" / "usage.json").read_text()) == {"calls": 1}
        assert process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def test_a_library_goes_on_until_a_limit_of_its_own_though_it_is_to_go_on(ran: Ran) -> None:
    code, log = ran.run_library("self.is_at_its_limit = self.turns == 2", *ON)
    assert (code, log.count("turn ")) == (0, 2)
    assert ran.home.usage == {"calls": 2}


def test_a_library_ends_with_the_budget_though_it_is_to_go_on(ran: Ran) -> None:
    code, log = ran.run_library("raise BudgetSpent('the budget is spent')", *ON)
    assert (code, log.count("turn "), log.splitlines()[0]) == (1, 1, "library: the budget is spent")


def test_a_library_that_the_provider_kept_waiting_is_asked_again(ran: Ran) -> None:
    code, log = ran.run_library("assert self.turns == 3, 'busy'")
    assert (code, log.count("turn ")) == (0, 3)


def test_a_library_that_fails_for_another_reason_is_not_asked_again(ran: Ran) -> None:
    code, log = ran.run_library("raise KeyError('refused')")
    assert (code, log.splitlines()[0]) == (1, "KeyError: 'refused'")
    assert log.count("turn ") == 1


def test_a_library_that_takes_a_signal_for_a_failure_ends_and_leaves_what_it_used(ran: Ran) -> None:
    work = "\n        ".join(
        ("print('up', flush=True)", "while True:", "    try: time.sleep(60)", "    except BaseException: pass")
    )
    process = ran.start_library(work, *ON)
    try:
        assert process.stdout is not None and process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    finally:
        process.kill()
        process.communicate()
    assert ran.home.usage == {"calls": 1}


def pauses(patience: _Patience, *turns: tuple[int, float], waiting: bool = False, got_on: bool = False) -> list[float | None]:
    """The answers after turns with these exit codes and seconds."""
    return [patience.pause(code, seconds, is_kept_waiting=waiting, has_got_on=got_on) for code, seconds in turns]


def test_one_that_is_not_to_go_on_ends_with_its_first_turn() -> None:
    assert pauses(_Patience(False), (0, 900.0)) == [None]
    assert pauses(_Patience(False), (1, 1.0)) == [None]


def test_one_that_has_nothing_more_to_say_is_asked_less_and_less_often() -> None:
    assert pauses(_Patience(True), *[(0, 1.0)] * 8) == [0, 4, 8, 16, 32, 60, 60, 60]
    assert pauses(_Patience(True), (0, 1.0), (0, 1.0), (0, 900.0), (0, 1.0)) == [0, 4, 0, 0]


def test_one_that_fails_at_once_three_times_in_a_row_ends() -> None:
    assert pauses(_Patience(True), *[(1, 1.0)] * 3) == [2, 4, None]
    assert pauses(_Patience(True), (1, 1.0), (1, 1.0), (1, 900.0), (1, 1.0)) == [2, 4, 0, 2]


def test_one_that_is_kept_waiting_ends_after_minutes_without_an_answer() -> None:
    patience = _Patience(False)
    assert pauses(patience, *[(1, 1.0)] * 13, waiting=True) == [2, 4, 8, 16, 32, *[60] * 7, None]
    assert pauses(patience, (1, 1.0), (1, 1.0), waiting=True, got_on=True) == [2, 2]


class TestOneTurn:
    def test_the_program_gets_the_task_and_its_code_is_the_agents(self, conversing: Conversing) -> None:
        assert conversing.run("exit 3") == 3
        assert "Predict y." in conversing.prompts[0] and "Work well." in conversing.prompts[0]
        assert conversing.firsts == [True]

    def test_it_works_in_the_home_with_its_own_variables(self, conversing: Conversing) -> None:
        conversing.run('pwd; echo "$CODE_DIR $MINE"', environment=lambda self: {"MINE": "mine"})
        assert conversing.logged(1) == f"{conversing.home.folder}\n{conversing.home.folder}/code mine\n"

    def test_a_program_that_a_signal_ends_has_the_code_of_a_shell(self, conversing: Conversing) -> None:
        assert conversing.run("kill -KILL $$") == 128 + 9

    def test_what_it_says_is_kept_whole_and_shown_in_short(
        self, conversing: Conversing, capsys: pytest.CaptureFixture[str]
    ) -> None:
        def shown(self: Any, line: str) -> str | None:
            content = json.loads(line)
            return content["text"] if content["kind"] == "message" else None

        lines = ['{"kind": "message", "text": "hello"}', '{"kind": "noise"}', "no JSON", "[1]", '{"text": 1}']
        lines.append(json.dumps({"kind": "message", "text": "x" * 1000}))
        conversing.run("cat <<'END'\n" + "\n".join(lines) + "\nEND\necho error >&2", shown=shown)
        assert conversing.logged(1).splitlines() == [*lines, "error"]
        said = capsys.readouterr().out.splitlines()
        assert said[:5] == ["hello", "no JSON", "[1]", '{"text": 1}', "x" * 400]
        assert said[5:] == ["error", "scripted: turn 1 ended after 30 s with exit code 0"]

    def test_letters_that_are_none_are_escaped(self, conversing: Conversing) -> None:
        conversing.run(r"printf 'a\377b\r\nc'")
        assert conversing.logged(1) == "a\\xffb\nc"

    def test_the_prompt_may_come_by_standard_input(self, conversing: Conversing) -> None:
        conversing.run("cat", stdin=lambda self, prompt: prompt + "ü" * 200_000)
        assert conversing.logged(1).startswith("Work well.") and conversing.logged(1).endswith("ü" * 200_000)

    def test_without_one_there_is_nothing_to_read(self, conversing: Conversing) -> None:
        assert conversing.run("cat") == 0
        assert conversing.logged(1) == ""

    def test_a_program_that_reads_no_prompt_is_said(self, conversing: Conversing, capsys: pytest.CaptureFixture[str]) -> None:
        assert conversing.run("exec <&-; exit 4", stdin=lambda self, prompt: "x" * 10**6) == 4
        assert "scripted: the program did not read its prompt" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["/opt/nothing/here", "x"], "scripted: /opt/nothing/here cannot be started: [Errno 2]"),
            (["sh", "x" * 200_000], "scripted: sh cannot be started: [Errno 7]"),
            (["sh", "a\0b"], "scripted: sh cannot be started: embedded null byte"),
        ],
        ids=["missing", "too long", "nul"],
    )
    def test_a_program_that_cannot_be_started_is_said(
        self, conversing: Conversing, capsys: pytest.CaptureFixture[str], words: list[str], told: str
    ) -> None:
        assert conversing.run("", command=lambda self, prompt, *, is_first: words) == 127
        assert told in capsys.readouterr().out

    def test_what_it_leaves_in_the_background_is_not_waited_for(
        self, conversing: Conversing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(conversation, "_READ_OUT_SECONDS", 0.1)
        kept = 'until grep -qs done "$LOGS_DIR/scripted/turn-001.log"; do sleep 0.05; done'
        assert conversing.run(f'sleep 600 & echo $! > "$CODE_DIR/pid"; echo done; {kept}') == 0
        os.kill(int((conversing.home.folder / "code" / "pid").read_text()), signal.SIGKILL)
        assert conversing.logged(1) == "done\n"

    @pytest.mark.timeout(60)
    def test_a_log_that_cannot_be_written_stops_no_program(
        self, conversing: Conversing, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Its output is read on, or it would wait for a reader until the run's end."""
        full = 'head -c 1000000 /dev/zero | tr "\\0" "\\n"; exit 5'
        assert conversing.run(full, prepare=lambda self: (self.folder / "turn-001.log").mkdir()) == 5
        assert "the program's output is no longer recorded" in capsys.readouterr().out


class TestUsage:
    def test_it_is_reported_after_each_turn(self, conversing: Conversing) -> None:
        seen = 'cat "$LOGS_DIR/usage.json" 2>/dev/null; true'
        conversing.run(seen, seen, "exit 1", takes=(30.0, 30.0, 5.0), words=ON)
        assert (conversing.logged(1), json.loads(conversing.logged(2))) == ("", {"turns": 1})
        assert conversing.home.usage == {"turns": len(conversing.prompts)}

    @pytest.mark.parametrize("usage", [lambda self: {"x": object()}, lambda self: 1 / 0 if self is None else json.loads("{")])
    def test_one_that_cannot_be_read_ends_nothing(
        self, conversing: Conversing, capsys: pytest.CaptureFixture[str], usage: Any
    ) -> None:
        assert conversing.run("exit 2", usage=usage) == 2
        assert "scripted: cannot read its usage: " in capsys.readouterr().out


class TestGoingOn:
    def test_only_where_it_is_wanted(self, conversing: Conversing) -> None:
        assert conversing.run("true", words=("continue=false",)) == 0
        assert len(conversing.prompts) == 1

    def test_an_agent_is_reminded_until_less_than_a_minute_is_left(self, conversing: Conversing) -> None:
        takes = (3000.0, 3000.0, 1130.0, 20.0)
        submit = 'echo id,y > "$SUBMISSION_DIR/submission.csv"'
        assert conversing.run("true", submit, takes=takes, words=ON) == 0
        assert conversing.firsts == [True, False, False, False]
        assert conversing.prompts[1].startswith("You still have 70 minutes. There is no submission yet")
        assert conversing.prompts[2].startswith("You still have 20 minutes. There is a submission")
        assert conversing.prompts[3].startswith("You still have 1 minute.")
        assert conversing.clock.now == 7150

    def test_three_failures_at_once_are_enough(self, conversing: Conversing) -> None:
        assert conversing.run("exit 0", "exit 1", "exit 2", "exit 3", takes=(1.0,), words=ON) == 3
        assert len(conversing.prompts) == 4

    def test_a_success_or_work_in_between_begins_anew(self, conversing: Conversing) -> None:
        scripts = ("exit 1", "exit 1", "exit 0", "exit 1", "exit 1", "exit 1", "exit 1", "exit 7")
        takes = (1.0, 1.0, 1.0, 1.0, 1.0, 100.0, 1.0, 1.0)
        assert conversing.run(*scripts, takes=takes, words=ON) == 7
        assert len(conversing.prompts) == 9

    def test_one_at_a_limit_of_its_own_is_not_asked_again(self, conversing: Conversing) -> None:
        assert conversing.run("exit 9", words=ON, is_at_its_limit=True) == 9
        assert len(conversing.prompts) == 1


class TestTheEnd:
    @pytest.mark.parametrize("number", ["TERM", "INT"])
    def test_a_signal_within_a_turn_is_the_last_turns(self, conversing: Conversing, number: str) -> None:
        saves = f"trap 'echo saved; exit 6' {number}; {TO_BOTH.replace('TERM', number)}; sleep 600"
        assert conversing.run(saves, takes=(1000.0,), words=ON) == 6
        assert len(conversing.prompts) == 1
        assert conversing.logged(1) == "saved\n"
        assert conversing.home.usage == {"turns": 1}

    def test_a_signal_while_it_waits_ends_it_at_once(self, conversing: Conversing) -> None:
        conversing.clock.on_sleep = lambda: os.kill(os.getpid(), signal.SIGTERM)
        assert conversing.run("exit 0", takes=(1.0,), words=ON) == 0
        assert len(conversing.prompts) == 2
        assert conversing.clock.slept < 1
        assert conversing.home.usage == {"turns": 2}


def test_a_wrong_argument_ends_it_before_anything_is_started(conversing: Conversing, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        conversing.run("true", words=("modle=x",))
    assert ended.value.code == 2 and conversing.prompts == []
    assert "there is no argument `modle`; this agent takes continue, model" in capsys.readouterr().err


class TestHostilePrograms:
    def test_a_line_without_an_end_does_not_fill_the_memory(self, ran: Ran) -> None:
        ran.limit("DATA", 120_000_000)
        code, log = ran.run("head -c 150000000 /dev/zero | tr '\\0' a")
        assert code == 0
        assert max(len(line) for line in log.splitlines()) <= 400
        assert (ran.home.folder / "logs" / "program" / "turn-001.log").stat().st_size == 150_000_000

    def test_a_log_that_takes_no_letters_beyond_english_ones_stops_nothing(
        self, ran: Ran, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONIOENCODING", "ascii")
        monkeypatch.setenv("PYTHONUTF8", "0")
        code, log = ran.run("echo 'größer'; yes noise | head -n 20000; echo done")
        assert (code, "said done" in log) == (0, True)

    def test_one_that_closes_its_output_goes_on(self, ran: Ran) -> None:
        code, _ = ran.run(
            'exec >&- 2>&-; n=0; while [ $n -lt 200000 ]; do n=$((n + 1)); done; echo late > "$MLEBENCH_HOME/code/late"'
        )
        assert code == 0
        assert (ran.home.folder / "code" / "late").exists()

    def test_what_it_leaves_in_the_background_does_not_hold_it_up_and_ends_nothing(self, ran: Ran) -> None:
        script = "trap '' HUP; (n=0; while [ $n -lt 3000000 ]; do n=$((n + 1)); echo $n; done) & exit 3"
        process = ran.start(script)
        log, _ = process.communicate(timeout=60)
        assert process.returncode == 3, log[-500:]
        assert "turn 1 ended" in log

    def test_a_line_nested_too_deeply_to_be_parsed_is_shown_as_it_is(self, ran: Ran) -> None:
        ran.parse_lines()
        nested = "[" * 200_000
        (ran.folder / "nested").write_text(f"{nested}\n" + "{}\n" * 20_000)
        code, log = ran.run(f"cat {ran.folder}/nested; echo '\"last\"'")
        assert code == 0
        assert "[[[[" in log and "said last" in log

    def test_one_that_takes_its_folder_away_is_read_to_its_end(self, ran: Ran) -> None:
        folder = ran.home.folder / "logs" / "program"
        away = f"if [ -d {folder} ]; then mv {folder} {folder}.away && echo file > {folder}; fi"
        code, log = ran.run(f"{away}; yes noise | head -n 20000; echo done; exit 1", "continue=true")
        assert code == 1
        assert log.count("said done") == 3
        assert "is no longer recorded: [Errno 20] Not a directory" in log

    def test_traps_in_place_of_the_next_turns_files_stop_nothing(self, ran: Ran) -> None:
        traps = f"cd {ran.home.folder}/logs/program; mkfifo turn-002.log 2>&-; mkdir turn-003.log 2>&-"
        code, log = ran.run(f"{traps}; yes noise | head -n 20000; echo done; exit 1", "continue=true")
        assert code == 1
        assert log.count("said done") == 3
        assert "is no longer recorded: [Errno 21] Is a directory" in log
        assert (ran.home.folder / "logs" / "program" / "turn-002.log").is_file()

    def test_a_disk_that_is_full_stops_nothing(self, ran: Ran) -> None:
        ran.limit("FSIZE", 4096)
        code, log = ran.run("yes noise | head -n 20000; echo done")
        assert (code, "said done" in log) == (0, True)
        assert log.count("is no longer recorded: [Errno 27] File too large") == 1

    def test_one_that_leaves_its_input_unread_to_another_is_not_waited_for(self, ran: Ran) -> None:
        ran.ask_by_input("x" * 300_000)
        process = ran.start('sleep 600 <&0 & echo $! > "$CODE_DIR/pid"; exit 4')
        process.communicate(timeout=120)
        os.kill(int((ran.home.folder / "code" / "pid").read_text()), signal.SIGKILL)
        assert process.returncode == 4

    @pytest.mark.parametrize("calls", [b"[" * 200_000, b'{"n": NaN', b"\xff", b"[1]"], ids=["deep", "cut", "bytes", "list"])
    def test_what_it_says_that_it_used_may_be_anything(self, ran: Ran, calls: bytes) -> None:
        ran.parse_usage()
        (ran.folder / "calls").write_bytes(calls)
        code, log = ran.run(f"cp {ran.folder}/calls $MLEBENCH_HOME/.program/sessions/calls; exit 2")
        assert code == 2
        assert "cannot read its usage" in log
