"""`mlebench_agent.task`: arguments, folders, the prompt, the time, and what an agent says that it used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlebench_agent import task as module
from mlebench_agent.task import Task

from tests.agents.home import ROOT, Home

DEFAULTS: dict[str, Any] = {"model": "a-model", "continue": False, "steps": 10, "temperature": 0.5}
LONGEST_WORD = 128 * 1024
"""Bytes that Linux takes in one word of a command line, the final NUL included."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The folders of a run in the local sandbox, two hours before its end."""
    made = Home(tmp_path / "home")
    monkeypatch.setenv("MLEBENCH_HOME", str(made.folder))
    monkeypatch.setenv("MLEBENCH_SEED", "3")
    monkeypatch.setenv("TIME_LIMIT_SECS", "7200")
    for name in ("data", "submission", "logs", "code"):
        monkeypatch.setenv(f"{name.upper()}_DIR", str(made.folder / name))
    monkeypatch.setattr(module, "_STARTED", 0.0)
    set_clock(monkeypatch, 0.0)
    return made


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: seconds))


class TestArguments:
    def test_those_that_are_not_given_have_their_defaults(self, home: Home) -> None:
        assert Task([], DEFAULTS).arguments == DEFAULTS

    @pytest.mark.parametrize(
        ("word", "name", "value"),
        [
            ("model=openai/gpt-5", "model", "openai/gpt-5"),
            ("model=a=b", "model", "a=b"),
            ("model=", "model", ""),
            ("model=12", "model", "12"),
            ("model=--help", "model", "--help"),
            ("continue=true", "continue", True),
            ("continue=false", "continue", False),
            ("steps=0", "steps", 0),
            ("steps=-5", "steps", -5),
            ("temperature=1", "temperature", 1),
            ("temperature=0.25", "temperature", 0.25),
            ("temperature=1e-3", "temperature", 0.001),
        ],
    )
    def test_a_value_is_of_the_kind_of_its_default(self, home: Home, word: str, name: str, value: Any) -> None:
        found = Task([word], DEFAULTS).arguments
        assert found == {**DEFAULTS, name: value}
        assert isinstance(found[name], bool) == isinstance(value, bool)

    def test_a_harness_gives_words_that_come_back_as_they_were(self, home: Home) -> None:
        from mlebench.agents import AgentSpec

        given: dict[str, Any] = {"model": 'with "quotes" and ümlaut', "continue": True, "steps": 7, "temperature": 0.1}
        assert Task(AgentSpec("a", None, Path(), arguments=given).command_arguments, DEFAULTS).arguments == given

    @pytest.mark.parametrize(
        ("word", "told"),
        [
            ("modle=x", "there is no argument `modle`; this agent takes continue, model, steps, temperature"),
            ("model", "there is no argument `model`"),
            ("--model=x", "there is no argument `--model`"),
            ("=x", "there is no argument ``"),
            ("", "there is no argument ``"),
            ("continue=yes", "the argument `continue` must be true or false, not `yes`"),
            ("continue=True", "must be true or false, not `True`"),
            ("continue=1", "must be true or false"),
            ("continue=", "must be true or false"),
            ("steps=1.5", "the argument `steps` must be a whole number, not `1.5`"),
            ("steps=1e3", "must be a whole number"),
            ("steps=true", "must be a whole number"),
            ("steps=[1]", "must be a whole number"),
            ('steps="1"', "must be a whole number"),
            ("temperature=warm", "the argument `temperature` must be a number, not `warm`"),
            ("temperature=false", "must be a number"),
            ("temperature=NaN", "must be a number"),
            ("temperature=Infinity", "must be a number"),
            ("temperature=null", "must be a number"),
            pytest.param("temperature=" + "[" * 50_000, "must be a number", id="nested"),
        ],
    )
    def test_a_wrong_one_ends_the_agent_with_a_sentence(
        self, home: Home, capsys: pytest.CaptureFixture[str], word: str, told: str
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            Task([word], DEFAULTS)
        said = capsys.readouterr()
        assert (ended.value.code, said.out) == (2, "")
        assert told in said.err


class TestPlaces:
    def test_those_of_a_container_are_the_defaults(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("MLEBENCH_HOME", "DATA_DIR", "LOGS_DIR", "CODE_DIR", "SUBMISSION_DIR", "MLEBENCH_SEED"):
            monkeypatch.delenv(name, raising=False)
        task = Task([], {})
        assert (task.home, task.data, task.logs, task.code) == tuple(
            Path(name) for name in ("/home", "/home/data", "/home/logs", "/home/code")
        )
        assert (str(task.submission), task.seed) == ("/home/submission/submission.csv", 0)

    def test_a_local_run_has_its_own(self, home: Home) -> None:
        task = Task([], {})
        assert (task.home, task.data) == (home.folder, home.folder / "data")
        assert (task.submission, task.seed) == (home.folder / "submission" / "submission.csv", 3)

    def test_a_home_alone_is_enough(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("DATA", "SUBMISSION", "LOGS", "CODE"):
            monkeypatch.delenv(f"{name}_DIR")
        assert Task([], {}).logs == home.folder / "logs"


class TestPrompt:
    def test_it_holds_instructions_time_and_description_in_that_order(self, home: Home) -> None:
        prompt = Task([], {}).prompt
        parts = [
            "Work well.",
            "You have 120 minutes.",
            "nobody answers questions",
            f"{home.folder}/data/description.md",
            "Predict y.",
        ]
        assert sorted(parts, key=prompt.index) == parts
        assert prompt.endswith("Predict y.\n")

    @pytest.mark.parametrize(
        ("passed", "words"),
        [(0, "120 minutes"), (7080, "2 minutes"), (7130, "1 minute."), (7200, "0 minutes"), (9999, "0 minutes")],
    )
    def test_the_time_is_what_is_left(self, home: Home, monkeypatch: pytest.MonkeyPatch, passed: float, words: str) -> None:
        set_clock(monkeypatch, passed)
        assert f"You have {words}" in Task([], {}).prompt

    @pytest.mark.parametrize("letter", ["x", "ü", "雪", "🙂"], ids=["one", "two", "three", "four"])
    def test_a_long_description_is_cut_to_what_a_command_line_takes(self, home: Home, letter: str) -> None:
        """In bytes, whatever the letters, and without the half of one."""
        (home.folder / "data" / "description.md").write_text("a" + letter * 200_000, encoding="utf-8")
        prompt = Task([], {}).prompt
        assert len(prompt.encode()) < LONGEST_WORD / 2
        assert f"{letter}\n[the rest is in {home.folder}/data/description.md]\n" in prompt
        done = subprocess.run(["printf", "%s", prompt], capture_output=True, text=True, check=True, encoding="utf-8")
        assert done.stdout == prompt

    def test_a_description_of_usual_length_is_whole(self, home: Home) -> None:
        text = "A sentence. " * 4_999
        (home.folder / "data" / "description.md").write_text(text)
        prompt = Task([], {}).prompt
        assert text.rstrip() in prompt and "the rest is in" not in prompt

    def test_what_no_command_line_takes_is_left_out(self, home: Home) -> None:
        (home.folder / "data" / "description.md").write_bytes(b"Pre\0dict \xff y.")
        assert "Predict  y." in Task([], {}).prompt

    def test_a_reminder_says_whether_there_is_a_submission(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        task = Task([], {})
        set_clock(monkeypatch, 3600)
        assert f"You still have 60 minutes. There is no submission yet at {task.submission}" in task.reminder
        task.submission.write_text("id,y\n")
        assert f"There is a submission at {task.submission}" in task.reminder


def test_a_day_is_left_where_nobody_says_how_long(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIME_LIMIT_SECS")
    assert Task([], {}).seconds_left == 86400


def test_the_checker_is_asked_about_the_submission_or_another_file(home: Home) -> None:
    task = Task([], {})
    task.submission.write_text("id,y\n1,2\n")
    assert task.check_submission() == "valid: the submission is valid"
    other = home.folder / "code" / "other.csv"
    other.write_text("x\n")
    assert task.check_submission(other) == "not valid: x"


def test_usage_is_written_as_a_whole(home: Home) -> None:
    task = Task([], {})
    for count in (1, 2):
        task.report_usage({"input_tokens": count, "note": "ü"})
        assert home.usage == {"input_tokens": count, "note": "ü"}
    with pytest.raises(TypeError):
        task.report_usage({"input_tokens": object()})
    # what was there is still there
    assert home.usage["input_tokens"] == 2


def test_the_reports_of_usage_are_what_a_run_records(home: Home) -> None:
    from mlebench.runs.claims import reported_usage

    Task([], {}).report_usage({"input_tokens": 5, "cost_usd": 0.5, "model": "m"})
    assert reported_usage(home.folder, print) == {"input_tokens": 5, "cost_usd": 0.5, "model": "m"}


def test_a_line_of_the_log_takes_whatever_a_model_says(home: Home) -> None:
    program = "from mlebench_agent.task import say; say('half \\ud83d'); say('tief\\u00fc')"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "containers" / "runtime"), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert done.stdout.decode() == "half \\ud83d\ntiefü\n"


class TestSubmission:
    def test_a_file_becomes_the_submission_and_is_checked(self, home: Home, tmp_path: Path) -> None:
        made = tmp_path / "made.csv"
        made.write_text("id,y\n1,0\n")
        task = Task([], DEFAULTS)
        assert task.submit(made) == "valid: the submission is valid"
        assert (home.folder / "submission" / "submission.csv").read_text() == "id,y\n1,0\n"
        assert made.exists()
        assert [path.name for path in (home.folder / "submission").iterdir()] == ["submission.csv"]

    def test_a_worse_file_takes_its_place_and_is_told_so(self, home: Home, tmp_path: Path) -> None:
        task = Task([], DEFAULTS)
        for text in ("id,y\n", "other\n"):
            (tmp_path / "made.csv").write_text(text)
            said = task.submit(tmp_path / "made.csv")
        assert said.startswith("not valid: other")
        assert (home.folder / "submission" / "submission.csv").read_text() == "other\n"
