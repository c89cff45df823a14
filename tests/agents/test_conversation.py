"""`mlebench_agent.conversation`: turns of a program, what of it is kept and shown, and when it is called again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents.home import ROOT, Home
from tests.gateway.provider import Provider
from tests.waiting import wait_until

sys.path.append(str(ROOT / "containers" / "runtime"))

from mlebench_agent.conversation import _Patience

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
        command = [sys.executable, str(self.folder / "agent.py"), *words]
        with Provider() as provider:
            environment = self.home.environment(provider, 3600)
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def run(self, program: str, *words: str) -> tuple[int, str]:
        """Exit code and log."""
        process = self.start(program, *words)
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
