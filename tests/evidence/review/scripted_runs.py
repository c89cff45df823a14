"""Run groups whose agents did what a test says: real folders with plan, records, ledgers, transcripts, logs and submissions.

    made = Scripts(tmp_path)                     # two competitions, prepared by hand
    made.group("g", [Script(commands=["ls /home/data"], style="chat")])
    with made.reviewed() as groups: ...

Two competitions: `lamp-prices` (numbers, ids such as `lp-3f09a1`) and `river-moods` (three words, ids 1 to 120, texts).
"""

from __future__ import annotations

import contextlib
import gzip
import json
import random
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from grading.report import CompetitionReport
from mlebench._support.ledger import hash_of
from mlebench.evidence.review.finding import ReviewFinding
from mlebench.evidence.review.looked import Looked, look_at
from mlebench.evidence.review.reviewed import ReviewedGroup, reviewed_groups
from mlebench.profiles import Profile
from mlebench.registry import Registry
from mlebench.runs.group import Group
from mlebench.runs.group_report import write_grading_report
from mlebench.runs.plan import Plan
from mlebench.sandbox.checker_call import CheckerCall
from tests.scripted import scripted_agent

STARTED = datetime(2026, 5, 4, 9, 0, 0, tzinfo=UTC)
LAMPS, RIVERS = "lamp-prices", "river-moods"
MOODS = ("calm", "wild", "odd")
_FACTS = """
id: {id}
version: 1
title: {title}
split: own
modality: tabular
task: {task}
metric: {{name: {metric}, direction: {direction}}}
files:
  answers: private/test.csv
  sample_submission: public/sample_submission.csv
  public: [sample_submission.csv, test.csv, train.csv]
  private: [test.csv]
thresholds: {{gold: {gold}, silver: {silver}, bronze: 1.0, median: {median}}}
"""
_GRADE = """
from sklearn.metrics import {function} as metric

from grading import Grader, Label, Real

grader = Grader(id="{id}", columns={{"{column}": {kind}}}, metric=metric)
"""
_words = random.Random(7)
LAMP_IDS = [f"lp-{_words.randrange(16**6):06x}" for _ in range(100)]
RIVER_IDS = [str(number) for number in range(1, 121)]
LAMP_PRICES = {name: round(_words.uniform(20, 900), 2) for name in LAMP_IDS}
RIVER_MOODS = {name: _words.choices(MOODS, (5, 3, 2))[0] for name in RIVER_IDS}
_SCENES = (
    "the water lies still below the old bridge",
    "brown waves tear at the roots of willows",
    "a heron stands on a drowned bicycle",
)
RIVER_TEXTS = {name: f"{_words.choice(_SCENES)} near mile {_words.randrange(1000, 9999)} at dusk" for name in RIVER_IDS}


def lamp_csv(prices: Mapping[str, float | str]) -> str:
    """A submission to `lamp-prices`."""
    return "id,price\n" + "".join(f"{name},{price}\n" for name, price in prices.items())


def river_csv(moods: Mapping[str, str]) -> str:
    """A submission to `river-moods`."""
    return "id,mood\n" + "".join(f"{name},{mood}\n" for name, mood in moods.items())


def guessed_prices(seed: int) -> dict[str, float]:
    """What a model of middling quality predicts."""
    noise = random.Random(seed)
    return {name: round(price * noise.uniform(0.8, 1.2), 3) for name, price in LAMP_PRICES.items()}


def guessed_moods(seed: int) -> dict[str, str]:
    """What a model predicts that is right in three of four rows."""
    noise = random.Random(seed)
    return {name: mood if noise.random() < 0.75 else noise.choice(MOODS) for name, mood in RIVER_MOODS.items()}


@dataclass(frozen=True)
class Check:
    """A call of the checker."""

    at: float
    """Seconds since the start."""
    content: str = ""
    valid: bool | None = True
    status: int = 200
    message: str = "the submission is valid"


@dataclass(frozen=True)
class Script:
    """What an agent did in one run."""

    competition: str = LAMPS
    seed: int = 0
    commands: Sequence[str] = ()
    """Shell commands, in order."""
    writes: Mapping[str, str] = field(default_factory=dict)
    """Files that it wrote with its editor, by path."""
    style: str = "chat"
    """How that is told: one of `STYLES`."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """What commands printed."""
    code: Mapping[str, str] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    run_log: str = ""
    submission: str | None = None
    """None: a guess of its own."""
    checks: Sequence[Check] = ()
    snapshots: Sequence[tuple[int, str, float]] = ()
    """Seconds, content and score."""
    system: str = "You are an engineer."
    requests: Sequence[tuple[str, str]] = ()
    """Calls to models outside of the conversation: question and answer."""


class Scripts:
    """Makes groups in a folder."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.data = folder, folder / "data"
        (folder / "runs").mkdir()
        _make_lamps(folder / "competitions" / LAMPS, self.data / LAMPS)
        _make_rivers(folder / "competitions" / RIVERS, self.data / RIVERS)
        patch.setenv("MLEBENCH_COMPETITIONS_PATH", str(folder / "competitions"))
        patch.setenv("MLEBENCH_DATA_DIR", str(self.data))

    def group(
        self,
        name: str,
        scripts: Sequence[Script],
        *,
        network: str = "none",
        allow: Sequence[str] = (),
        agent: Mapping[str, str] | None = None,
        agent_name: str = "scripted",
    ) -> Group:
        """A group of runs that have ended."""
        spec = scripted_agent(self.folder / "agents" / agent_name)
        for file, text in (agent or {}).items():
            path = spec.directory / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        profile = Profile(name="toy", time_limit=3600, network=network, allow=tuple(allow))  # type: ignore[arg-type]
        competitions = tuple(dict.fromkeys(script.competition for script in scripts))
        seeds = tuple(sorted({script.seed for script in scripts}))
        plan = Plan(
            spec, competitions, seeds, profile, "local", data_dir=self.data, agent_fingerprint=spec.fingerprint()
        )  # fmt: skip
        group = Group.create(self.folder / "runs", plan, {}, name)
        for script in scripts:
            _Run(group, script, self.data).write()
        write_grading_report(group)
        graded = [
            {"run_id": _run_id(script), "seconds": seconds, "report": {"score": score}}
            for script in scripts
            for seconds, _, score in script.snapshots
        ]
        if graded:
            (group.folder / "snapshot_reports.json").write_text(json.dumps({"snapshots": graded}))
        return group

    @contextlib.contextmanager
    def reviewed(self) -> Iterator[Sequence[ReviewedGroup]]:
        """All groups."""
        with reviewed_groups(self.folder / "runs") as groups:
            yield groups

    def look(self, *names: str, against: Path | None = None) -> Looked:
        """What the rules of these names find; all where none is named. No rule may fail."""
        with self.reviewed() as groups:
            looked = look_at(groups, names, against)
        assert not [reason for reason in looked.skipped.values() if "failed on" in reason]
        return looked

    def findings(self, *names: str, against: Path | None = None) -> tuple[ReviewFinding, ...]:
        """The findings alone."""
        return self.look(*names, against=against).findings


def _run_id(script: Script) -> str:
    return f"{script.competition}_seed{script.seed}"


def _make_lamps(folder: Path, data: Path) -> None:
    _make(
        folder, data, "Lamp Prices", "regression", "mean absolute error", "minimize", ("mean_absolute_error", "price", "Real()")
    )
    rows = {f"lp-{number:06x}": 100 + number for number in range(0xA00000, 0xA00050)}
    public, private = data / "prepared" / "public", data / "prepared" / "private"
    (public / "train.csv").write_text(
        "id,watts,price\n" + "".join(f"{name},{price // 7},{price}\n" for name, price in rows.items())
    )
    (public / "test.csv").write_text("id,watts\n" + "".join(f"{name},{int(price) // 9}\n" for name, price in LAMP_PRICES.items()))
    (public / "sample_submission.csv").write_text(lamp_csv(dict.fromkeys(LAMP_IDS, 100.0)))
    (private / "test.csv").write_text(lamp_csv(LAMP_PRICES))


def _make_rivers(folder: Path, data: Path) -> None:
    kind = f"Label({MOODS!r})"
    _make(folder, data, "River Moods", "classification", "accuracy", "maximize", ("accuracy_score", "mood", kind))
    public, private = data / "prepared" / "public", data / "prepared" / "private"
    (public / "train.csv").write_text("id,text,mood\n" + "".join(f"{1000 + n},a quiet bend,{MOODS[n % 3]}\n" for n in range(50)))
    (public / "test.csv").write_text("id,text\n" + "".join(f"{name},{text}\n" for name, text in RIVER_TEXTS.items()))
    (public / "sample_submission.csv").write_text(river_csv(dict.fromkeys(RIVER_IDS, "calm")))
    (private / "test.csv").write_text(river_csv(RIVER_MOODS))


def _make(folder: Path, data: Path, title: str, task: str, metric: str, direction: str, grade: tuple[str, str, str]) -> None:
    folder.mkdir(parents=True)
    gold, silver, median = (0.1, 0.5, 2.0) if direction == "minimize" else (1.2, 1.1, 0.5)
    facts = _FACTS.format(
        id=folder.name, title=title, task=task, metric=metric, direction=direction, gold=gold, silver=silver, median=median
    )
    (folder / "competition.yaml").write_text(facts)
    (folder / "grade.py").write_text(_GRADE.format(id="id", function=grade[0], column=grade[1], kind=grade[2]))
    (folder / "description.md").write_text(f"# {title}\n\nPredict it.\n")
    (folder / "description_obfuscated.md").write_text("Predict it.\n")
    for name in ("public", "private"):
        (data / "prepared" / name).mkdir(parents=True)


class _Run:
    """Writes one run."""

    def __init__(self, group: Group, script: Script, data: Path) -> None:
        self.group, self.script = group, script
        self.folder = group.run_dir(_run_id(script))
        self.data = data

    def write(self) -> None:
        script = self.script
        for part, files in (("code", script.code), ("logs", script.logs)):
            for name, text in files.items():
                path = self.folder / part / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        (self.folder / "submission").mkdir()
        guess = (
            lamp_csv(guessed_prices(script.seed + 1))
            if script.competition == LAMPS
            else river_csv(guessed_moods(script.seed + 1))
        )
        content = guess if script.submission is None else script.submission
        (self.folder / "submission" / "submission.csv").write_text(content)
        (self.folder / "run.log").write_text("[mlebench] 2026-05-04 09:00:00 the run starts\n" + script.run_log)
        STYLES[script.style](self.folder, script)
        self._calls()
        for seconds, text, _ in script.snapshots:
            (self.folder / "snapshots").mkdir(exist_ok=True)
            name = f"{seconds // 3600:02d}{seconds % 3600 // 60:02d}{seconds % 60:02d}.csv"
            (self.folder / "snapshots" / name).write_text(text)
        self._record()

    def _record(self) -> None:
        planned = next(run for run in self.group.plan.runs if run.run_id == _run_id(self.script))
        record = self.group.record(planned)
        record.state, record.reason, record.attempt = "finished", "exited", 1
        record.started_at, record.ended_at = STARTED.isoformat(), (STARTED + timedelta(hours=10)).isoformat()
        competition = Registry(self.data).get_competition(self.script.competition)
        record.report = CompetitionReport.from_score(
            competition.id, 1.5, competition.board(), submission_path=f"{record.run_id}/submission/submission.csv"
        ).to_dict()
        record.write(self.folder)

    def _calls(self) -> None:
        previous = None
        lines = []
        for number, check in enumerate(self.script.checks, 1):
            sha256 = hash_of({"content": check.content}) if check.content else None
            size, rows = (len(check.content), check.content.count("\n") - 1) if check.content else (None, None)
            outcome = "checked" if check.valid is not None else "refused"
            call = CheckerCall(outcome, check.status, check.valid, check.message, sha256, size, rows, "id,price")  # type: ignore[arg-type]
            at = (STARTED + timedelta(seconds=check.at)).isoformat(timespec="microseconds")
            line: dict[str, Any] = {**call.to_entry(), "at": at, "n": number, "previous": previous}
            previous = line["hash"] = hash_of(line)
            lines.append(json.dumps(line, sort_keys=True))
        if lines:
            (self.folder / "checker_calls.jsonl").write_text("\n".join(lines) + "\n")


def _keep(folder: Path, talks: Sequence[tuple[Mapping[str, Any], Any]]) -> None:
    (folder / "transcript").mkdir()
    for number, (request, response) in enumerate(talks, 1):
        answer = response if isinstance(response, str) else json.dumps(response)
        texts = json.dumps({"request": json.dumps(request), "response": answer})
        (folder / "transcript" / f"{number:06d}.json.gz").write_bytes(gzip.compress(texts.encode()))


def _steps(script: Script) -> list[tuple[str, dict[str, str], str]]:
    """Calls of tools: name, arguments and what came out."""
    found = [("bash", {"command": command}, script.outputs.get(command, "ok")) for command in script.commands]
    return [*found, *(("write_file", {"path": path, "content": text}, "written") for path, text in script.writes.items())]


def _chat(folder: Path, script: Script) -> None:
    """OpenAI's chat completions, with tools, sent again and again."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": script.system}, {"role": "user", "content": "the task"}]
    tools = [{"type": "function", "function": {"name": "bash"}}]
    talks: list[tuple[Mapping[str, Any], Any]] = []
    for number, (name, arguments, output) in enumerate(_steps(script)):
        call = {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        said = {"role": "assistant", "content": "next", "tool_calls": [call]}
        talks.append(({"messages": list(messages), "tools": tools}, {"choices": [{"message": said}]}))
        messages += [said, {"role": "tool", "tool_call_id": f"c{number}", "content": output}]
    done = {"choices": [{"message": {"role": "assistant", "content": "Done."}}]}
    talks.append(({"messages": list(messages), "tools": tools}, done))
    for question, answer in script.requests:
        asked = [{"role": "system", "content": "You label."}, {"role": "user", "content": question}]
        talks.append(({"messages": asked}, {"choices": [{"message": {"role": "assistant", "content": answer}}]}))
    _keep(folder, talks)


def _messages(folder: Path, script: Script) -> None:
    """Anthropic's messages, streamed."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "the task"}]
    talks: list[tuple[Mapping[str, Any], Any]] = []
    for number, (name, arguments, output) in enumerate(_steps(script)):
        events = [
            {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": f"t{number}", "name": name}},
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": json.dumps(arguments)},
            },
        ]
        stream = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        request = {"system": [{"type": "text", "text": script.system}], "messages": list(messages), "tools": [{"name": "bash"}]}
        talks.append((request, stream))
        used = {"type": "tool_use", "id": f"t{number}", "name": name, "input": arguments}
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": [{"type": "text", "text": output}]}
        messages += [{"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}]
    _keep(folder, talks)


def _responses(folder: Path, script: Script) -> None:
    """OpenAI's responses, with a shell as Codex has it."""
    items: list[dict[str, Any]] = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "the task"}]}]
    talks: list[tuple[Mapping[str, Any], Any]] = []
    for number, (name, arguments, output) in enumerate(_steps(script)):
        given = json.dumps({"command": ["bash", "-lc", arguments["command"]]}) if name == "bash" else json.dumps(arguments)
        called = "shell" if name == "bash" else name
        call = {"type": "function_call", "call_id": f"c{number}", "name": called, "arguments": given}
        request = {"instructions": script.system, "input": list(items), "tools": [{"type": "function", "name": "shell"}]}
        talks.append((request, {"output": [call]}))
        items += [call, {"type": "function_call_output", "call_id": f"c{number}", "output": output}]
    _keep(folder, talks)


def _gemini(folder: Path, script: Script) -> None:
    contents: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": "the task"}]}]
    talks: list[tuple[Mapping[str, Any], Any]] = []
    for name, arguments, output in _steps(script):
        called = "run_shell_command" if name == "bash" else name
        said = {"role": "model", "parts": [{"functionCall": {"name": called, "args": arguments}}]}
        request = {
            "systemInstruction": {"parts": [{"text": script.system}]},
            "contents": list(contents),
            "tools": [{"functionDeclarations": []}],
        }
        talks.append((request, {"candidates": [{"content": said}]}))
        result = {"functionResponse": {"name": called, "response": {"output": output}}}
        contents += [said, {"role": "user", "parts": [result]}]
    _keep(folder, talks)


def _blocks(folder: Path, script: Script) -> None:
    """An agent without tools, whose answers hold a block for the shell."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": script.system}, {"role": "user", "content": "the task"}]
    talks: list[tuple[Mapping[str, Any], Any]] = []
    for _, arguments, output in _steps(script):
        written = f"cat > {arguments.get('path')} <<'EOF'\n{arguments.get('content')}\nEOF"
        said = {"role": "assistant", "content": f"THOUGHT: go on.\n\n```bash\n{arguments.get('command', written)}\n```"}
        talks.append(({"messages": list(messages)}, {"choices": [{"message": said}]}))
        messages += [said, {"role": "user", "content": f"<returncode>0</returncode>\n<output>\n{output}\n</output>"}]
    _keep(folder, talks)


def _prompt_log(folder: Path, script: Script) -> None:
    """A log with a prompt before each command."""
    lines = []
    for _, arguments, output in _steps(script):
        lines += [f"agent@box:~/code$ {arguments.get('command', '')}", output] if "command" in arguments else _here(arguments)
    _append(folder / "logs" / "session.log", lines)


def _trace_log(folder: Path, script: Script) -> None:
    """What `set -x` prints into the run's log."""
    with (folder / "run.log").open("a") as file:
        for command in script.commands:
            file.write("\n".join(f"+ {line}" for line in command.splitlines()) + f"\n{script.outputs.get(command, 'ok')}\n")


def _react_log(folder: Path, script: Script) -> None:
    """The trajectory and the lines of the packaged agent `react`."""
    lines = [json.dumps({"role": "system", "content": script.system}), json.dumps({"role": "user", "content": "the task"})]
    for number, (name, arguments, output) in enumerate(_steps(script)):
        call = {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        lines.append(json.dumps({"role": "assistant", "content": None, "tool_calls": [call]}))
        lines.append(json.dumps({"role": "tool", "tool_call_id": f"c{number}", "content": output}))
    _append(folder / "logs" / "react" / "trajectory.jsonl", lines)
    with (folder / "run.log").open("a") as file:
        file.writelines(f"> bash {' '.join(command.split())[:300]}\n" for command in script.commands)


def _claude_log(folder: Path, script: Script) -> None:
    """The stream of events that Claude Code prints."""
    lines = []
    for number, (name, arguments, output) in enumerate(_steps(script)):
        given = arguments if name == "bash" else {"file_path": arguments["path"], "content": arguments["content"]}
        used = {"type": "tool_use", "id": f"t{number}", "name": "Bash" if name == "bash" else "Write", "input": given}
        lines.append(json.dumps({"type": "assistant", "message": {"role": "assistant", "content": [used]}}))
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": output}
        lines.append(json.dumps({"type": "user", "message": {"role": "user", "content": [result]}}))
    _append(folder / "logs" / "claude-code" / "events.jsonl", lines)


def _codex_log(folder: Path, script: Script) -> None:
    """The events of Codex: commands as one line for the shell."""
    lines = []
    for number, (_, arguments, output) in enumerate(_steps(script)):
        command = arguments.get("command") or f"cat > {arguments['path']} <<'EOF'\n{arguments['content']}\nEOF"
        item = {"id": f"item_{number}", "type": "command_execution", "command": f"bash -lc {shlex.quote(command)}",
                "aggregated_output": output}  # fmt: skip
        lines.append(json.dumps({"type": "item.completed", "item": item}))
    _append(folder / "logs" / "codex" / "events.jsonl", lines)


def _steps_log(folder: Path, script: Script) -> None:
    """A log in sentences, one of which names the command."""
    lines = []
    for number, (_, arguments, output) in enumerate(_steps(script), 1):
        if "command" in arguments:
            lines += [f"[step {number}] I go on.", f"Running command: {arguments['command']}", f"Output: {output}"]
        else:
            lines += _here(arguments)
    _append(folder / "logs" / "agent.log", lines)


def _trajectory(folder: Path, script: Script) -> None:
    """One JSON document with all steps."""
    steps = [{"action": {"tool": name, "args": arguments}, "observation": output} for name, arguments, output in _steps(script)]
    path = folder / "logs" / "trajectory.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"steps": steps}, indent=1))


def _here(arguments: Mapping[str, str]) -> list[str]:
    return ["```bash", f"cat > {arguments['path']} <<'EOF'", arguments["content"], "EOF", "```"]


def _append(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


STYLES: Mapping[str, Callable[[Path, Script], None]] = {
    "chat": _chat,
    "messages": _messages,
    "responses": _responses,
    "gemini": _gemini,
    "blocks": _blocks,
    "prompt log": _prompt_log,
    "trace log": _trace_log,
    "react log": _react_log,
    "claude log": _claude_log,
    "codex log": _codex_log,
    "steps log": _steps_log,
    "trajectory": _trajectory,
}


def with_style(script: Script, style: str) -> Script:
    """The same told in another way."""
    return replace(script, style=style)
