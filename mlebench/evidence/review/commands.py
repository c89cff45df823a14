"""What an agent did, as far as its traces show: commands that it ran, Python that it ran or left, files that it wrote or edited.

The sources are tool calls in transcripts, agents' logs (JSON documents, JSON lines, lines such as `$ command`, fenced blocks) and
`code/`. Prose is not a command: a log line counts only if its prompt mark and its first word identify it as one.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple

from mlebench.evidence.review.reviewed import ReviewedRun
from mlebench.evidence.review.said import Said, ToolCall
from mlebench.evidence.review.texts import LineCounter, TextFile

Kind = Literal["shell", "python", "write", "edit"]
"""shell: a command line or script; python: Python source; write: a whole file; edit: a part of a file replaced."""


@dataclass(frozen=True)
class Action:
    """One thing that an agent did or prepared."""

    kind: Kind
    text: str
    """The command, the source, or what was written."""
    file: str
    """Where it was found, in the form of `Evidence.file`."""
    line: int | None = None
    path: str = ""
    """The file that was written or edited."""
    old: str = ""
    """What an edit replaced."""
    ran: bool = True
    """Whether the trace shows that it was done; False for what is only in `code/`."""


_MOST_ACTIONS = 20_000
_MOST_TEXT = 64 * 2**20
_DEEPEST = 24
_PROGRAMS = frozenset(
    (
        *(
            "apt",
            "apt-get",
            "aria2c",
            "awk",
            "base64",
            "bash",
            "cat",
            "cd",
            "chmod",
            "conda",
            "cp",
            "curl",
            "docker",
            "echo",
            "env",
        ),
        *(
            "export",
            "find",
            "for",
            "gawk",
            "gdown",
            "git",
            "grep",
            "head",
            "huggingface-cli",
            "jq",
            "kaggle",
            "kill",
            "ls",
            "mkdir",
        ),
        *("mv", "nc", "npm", "nvidia-smi", "ollama", "paste", "perl", "ping", "pip", "pip3", "printf", "ps", "python", "python3"),
        *("rm", "rsync", "scp", "sed", "sh", "sleep", "socat", "sort", "ssh", "strings", "sudo", "tail", "tar", "tee", "timeout"),
        *(
            "touch",
            "uv",
            "unzip",
            "wc",
            "wget",
            "while",
            "xargs",
            "zcat",
            "claude",
            "codex",
            "gemini",
            "nslookup",
            "dig",
            "mamba",
        ),
        *("xxd", "od", "less", "more", "mlebench", "set", "source", "test", "diff", "cut", "uniq", "tr", "node", "hf", "conda"),
    )
)
"""First words that make a log line with a prompt mark a command."""
_MARKED = re.compile(
    r"^[ \t]*(?:\[[^\]\n]{1,40}\][ \t]*){0,3}(?:\d{4}-\d\d-\d\d[T ][\d:.,]+Z?[ \t]*[-|]?[ \t]*)?"
    r"(?:(?:DEBUG|INFO|WARNING|NOTICE)\b[ \t:|-]*(?:[\w.]{1,40}[ \t]?[:|-][ \t]+)?)?"
    r"(?:(?:\([\w.-]{1,30}\) )?(?:[\w.-]{1,40}@[\w.-]{1,60}:[^$#\n]{0,100}|(?:ba|z)?sh-[\d.]+)?[$#%] |\++ "
    r"|> (?:(?:bash|shell|sh|exec|run)\b:? )?"
    r"|(?:(?i:running|executing|execute|run|command|cmd|ran|exec|bash|shell|action input|tool call|tool)"
    r"(?: command| cmd| shell| bash| script)?(?:[:>=] ?| (?=[`'\"]))[`'\"]?)"
    r"|(?:(?i:bash|shell|run_shell_command|execute_bash)\((?:command=)?[\"']?))(?P<command>.+)$",
    re.MULTILINE,
)
_TAGGED = re.compile(
    r"<(?P<tag>execute_bash|bash|command|shell|cmd|execute_command|run|python|execute_ipython|ipython|code)>"
    # up to the next tag of that name, so that none is scanned repeatedly
    r"(?P<body>(?:[^<]|<(?!/?(?P=tag)>)){1,20000})</(?P=tag)>"
)
_PROMPTED = re.compile(r"^[ \t]*(?:>>>|\.\.\.|In \[\d+\]:) (?P<line>.*)$", re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*```[ \t]*(?P<kind>[\w-]*)[^\n]*$", re.MULTILINE)
_SHELLS = ("bash", "sh", "shell", "console", "zsh", "mswea_bash_command", "terminal", "execute_bash")
_PYTHONS = ("python", "py", "python3", "ipython", "jupyter")
_HEREDOC = re.compile(r"<<-?[ \t]*(?P<quote>['\"]?)(?P<end>[A-Za-z_]\w*)(?P=quote)(?P<rest>[^\n]*)\n")
_TARGET = re.compile(r"(?:>>?|\btee(?:[ \t]+-a)?)[ \t]*(?P<path>[^\s;&|<>]+)")
_INLINE = re.compile(
    r"""\bpython[\d.]*[ \t]+(?:-\w+[ \t]+)*-c[ \t]+(?P<quote>["'])(?P<body>.{0,20000}?)(?<!\\)(?P=quote)""", re.DOTALL
)
_PATHS = ("path", "file_path", "filePath", "filename", "file_name", "notebook_path", "target_file", "file", "relative_path")
_CONTENTS = ("content", "file_text", "contents", "new_source", "code_edit", "text", "file_content")
_NEWS, _OLDS = (
    ("new_str", "new_string", "newString", "new_text", "insert_text", "replace", "replacement"),
    (*("old_str", "old_string", "oldString", "old_text", "search", "target"),),
)
_COMMANDS = ("command", "cmd", "bash_command", "shell_command", "commands", "keystrokes", "command_line", "argv", "bash", "shell")
_CODES = ("code", "python", "source", "python_code", "script", "cell")
_ARGUMENTS = ("arguments", "input", "args", "parameters", "params", "action_input", "tool_input", "kwargs")
_NAMES = ("name", "tool", "tool_name", "function", "recipient_name", "action")
_VERBS = ("view", "create", "str_replace", "insert", "undo_edit")
"""Editor commands, which arrive under the same key as shell commands."""
_PATCHED = re.compile(r"^\*\*\* (?P<what>Add|Update) File: (?P<path>.+)$", re.MULTILINE)


def actions_of(run: ReviewedRun) -> Sequence[Action]:
    """Everything that a run did, without repetitions: from transcripts first, then logs, then `code/`."""
    found: list[Action] | None = run.memo.get("actions")
    if found is None:
        found = run.memo["actions"] = list(each_once(_all(run)))
    return found


def _all(run: ReviewedRun) -> Iterator[Action]:
    said = [(talk.name, one) for talk in run.talks for one in talk.news if one.role == "agent"]
    has_tools = any(one.calls for _, one in said)
    for name, one in said:
        yield from _of_said(name, one, has_tools)
    for text in run.texts("logs", "run.log"):
        programs = [replace(action, ran=True) for action in of_code(text)]
        yield from programs or _of_log(text)
    for text in run.texts("code", "output"):
        yield from of_code(text)


def each_once(actions: Iterator[Action]) -> Iterator[Action]:
    """Each action at its first occurrence, with the scripts in its command and the files that it writes."""
    known: set[tuple[Kind, str, str, str]] = set()
    size = 0
    for action in (inner for outer in actions for inner in _opened(outer)):
        key = (action.kind, action.text.strip(), action.path, action.old)
        if key in known:
            continue
        known.add(key)
        size += len(action.text)
        if len(known) > _MOST_ACTIONS or size > _MOST_TEXT:
            return
        yield action


def _opened(action: Action) -> Iterator[Action]:
    """A shell script without the bodies of its here-documents, and the bodies as separate actions."""
    if action.kind in ("write", "edit"):
        yield action
        if action.path.lower().endswith((".py", ".ipynb")) and action.kind == "write":
            yield replace(action, kind="python", path="")
        elif action.path.lower().endswith(".sh") and action.kind == "write":
            yield from _opened(replace(action, kind="shell", path=""))
        return
    if action.kind == "python":
        yield action
        yield from (replace(inner, file=action.file, ran=action.ran) for inner in shell_in_python(action))
        return
    if (inner := _wrapped(action.text)) is not None:
        action = replace(action, text=inner)
    text, bodies = _without_heredocs(action.text)
    # Python's output is not a command
    yield replace(action, text=_INLINE.sub(lambda found: found[0].replace(found["body"], ""), text))
    for head, body in bodies:
        target = _TARGET.search(head)
        if re.search(r"\bpython[\d.]*\b", head) and not target:
            yield from _opened(replace(action, kind="python", text=body))
        elif target:
            yield from _opened(replace(action, kind="write", text=body, path=target["path"].strip("'\"")))
        elif re.match(r"\s*(?:ba|z)?sh\b", head):
            yield from _opened(replace(action, text=body))
        elif "apply_patch" in head:
            yield from _of_patch(replace(action, text=body))
    for found in _INLINE.finditer(text):
        body = found["body"].replace('\\"', '"').replace("\\$", "$") if found["quote"] == '"' else found["body"]
        yield from _opened(replace(action, kind="python", text=body))


def _wrapped(text: str) -> str | None:
    """The script of `bash -lc SCRIPT`; None of another command."""
    if not re.match(r"\s*(?:/\S*/)?(?:ba|z)?sh\s+-\w*c\s", text):
        return None
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    return words[2] if len(words) == 3 else None


def _without_heredocs(text: str) -> tuple[str, list[tuple[str, str]]]:
    """A script without the bodies of its here-documents, and these with the command that gets each."""
    pieces, bodies, place = [], [], 0
    while (found := _HEREDOC.search(text, place)) is not None:
        end = re.compile(rf"^\t*[ ]*{re.escape(found['end'])}[ \t]*$", re.MULTILINE).search(text, found.end())
        stop = end.start() if end else len(text)
        start = text.rfind("\n", 0, found.start()) + 1
        bodies.append((text[start : found.start()].split("&&")[-1].split(";")[-1] + found["rest"], text[found.end() : stop]))
        pieces.append(text[place : found.end()])
        place = end.end() if end else len(text)
    return "".join([*pieces, text[place:]]), bodies


def _of_said(name: str, said: Said, has_tools: bool) -> Iterator[Action]:
    for call in said.calls:
        yield from of_call(call, name)
    # if the agent has tools, code blocks in prose only describe commands
    if not has_tools:
        yield from _fenced(TextFile(name, "transcript", said.text), with_lines=False)


def of_call(call: ToolCall, file: str, line: int | None = None) -> Iterator[Action]:
    """What a tool call does."""
    name, given = call.name.lower(), call.arguments
    if isinstance(given, str):
        if "patch" in name or given.lstrip().startswith("*** Begin Patch"):
            yield from _of_patch(Action("edit", given, file, line))
        elif re.search(r"python|jupyter|notebook|code", name):
            yield Action("python", given, file, line)
        elif re.search(r"sh\b|shell|bash|exec|command|terminal|run", name):
            yield Action("shell", given, file, line)
        return
    if isinstance(given, list):
        for entry in given:
            if isinstance(entry, dict):
                yield from of_call(ToolCall(call.name, entry), file, line)
        return
    if isinstance(given, dict):
        yield from _of_arguments(name, given, file, line)


def _of_arguments(name: str, given: dict[str, Any], file: str, line: int | None) -> Iterator[Action]:
    path = _first(given, _PATHS)
    new, content = _first(given, _NEWS), _first(given, _CONTENTS)
    edits = given.get("edits")
    patch = next((text for key in ("input", "patch", "diff") if isinstance(text := given.get(key), str)), "")
    if "*** Begin Patch" in patch:
        yield from _of_patch(Action("edit", patch, file, line))
    elif path and isinstance(edits, list):
        for edit in edits[:1000]:
            if isinstance(edit, dict):
                yield Action("edit", _first(edit, _NEWS), file, line, path, _first(edit, _OLDS))
    elif path and new:
        yield Action("edit", new, file, line, path, _first(given, _OLDS))
    elif path and content:
        yield Action("write", content, file, line, path)
    elif not path:
        yield from _of_commands(name, given, file, line)
    elif (command := _command(given)) and command.split()[0] not in _VERBS:
        yield Action("shell", command, file, line)


def _of_commands(name: str, given: dict[str, Any], file: str, line: int | None) -> Iterator[Action]:
    if command := _command(given):
        yield from [Action("shell", command, file, line)]
    code = _first(given, _CODES)
    if code:
        is_shell = re.search(r"sh\b|shell|bash|terminal", name) or given.get("language") in _SHELLS
        yield Action("shell" if is_shell else "python", code, file, line)
    elif not command and isinstance(text := given.get("input"), str):
        yield from of_call(ToolCall(name, text), file, line)


def _command(given: dict[str, Any]) -> str:
    for key in _COMMANDS:
        value = given.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
            # `bash -lc SCRIPT` is the script
            is_wrapped = len(value) == 3 and value[0].rpartition("/")[2] in ("bash", "sh", "zsh") and value[1].startswith("-")
            return str(value[2]) if is_wrapped else shlex.join(value)
    return ""


def _first(given: dict[str, Any], keys: Sequence[str]) -> str:
    return next((text for key in keys if isinstance(text := given.get(key), str) and text), "")


def _of_patch(action: Action) -> Iterator[Action]:
    """The files of a patch in the form that Codex and others use."""
    found = list(_PATCHED.finditer(action.text))
    for place, head in enumerate(found):
        end = found[place + 1].start() if place + 1 < len(found) else len(action.text)
        lines = action.text[head.end() : end].split("\n")
        new = "\n".join(line[1:] for line in lines if line.startswith("+"))
        old = "\n".join(line[1:] for line in lines if line.startswith("-"))
        kind: Kind = "write" if head["what"] == "Add" else "edit"
        yield replace(action, kind=kind, text=new, old=old, path=head["path"].strip())


def _of_log(text: TextFile) -> Iterator[Action]:
    """A log is a JSON document, lines of JSON, or lines of all kinds, which may hold JSON as well."""
    document = _json(text.text) if text.text.lstrip()[:1] in ("{", "[") and text.cut_at is None else None
    if document is not None and not isinstance(document, str | int | float):
        yield from _in_json(document, text.name, 1, 0)
        return
    plain = []
    for number, line in text.numbered_lines():
        start = line.lstrip()[:1]
        if start in ("{", "[") and len(line) > 10 and isinstance(parsed := _json(line.strip()), dict | list):
            yield from _in_json(parsed, text.name, number, 0)
            plain.append("")
        else:
            plain.append(line)
    yield from _fenced(replace(text, text="\n".join(plain)))


def _fenced(text: TextFile, with_lines: bool = True) -> Iterator[Action]:
    """Blocks between fences, and marked lines outside of them."""
    rest, place = [], 0
    lines = LineCounter(text)
    for block in _blocks(text.text):
        line = lines.line_of(block.start) if with_lines else None
        if block.kind in _SHELLS:
            yield Action("shell", block.body, text.name, line)
        elif block.kind in _PYTHONS:
            yield Action("python", block.body, text.name, line)
        elif not block.kind and is_command(block.body.lstrip("$ ").split("\n")[0]):
            yield Action("shell", re.sub(r"(?m)^\$ ", "", block.body), text.name, line)
        # keeps the positions of the text outside
        rest += [text.text[place : block.start], re.sub(r"[^\n]", " ", block.body)]
        place = block.start + len(block.body)
    yield from _tagged(text, with_lines)
    lines = LineCounter(text)
    for found in _MARKED.finditer("".join([*rest, text.text[place:]])) if with_lines else ():
        command = found["command"].strip()
        if is_command(command):
            # of `bash("…")` without what closes it
            mark = found[0][: found.start("command") - found.start()]
            bare = command.rstrip("\"')`") if re.search(r"\((?:command=)?[\"']?$|[`'\"]$", mark) else command
            yield Action("shell", bare, text.name, lines.line_of(found.start("command")))


class _Block(NamedTuple):
    kind: str
    start: int
    """Position of the body in the text."""
    body: str


def _blocks(text: str) -> Iterator[_Block]:
    """The text between fences; an unclosed fence does not count."""
    opening: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        is_bare = not fence[0].strip().strip("`")
        if opening is None:
            opening = fence
        elif is_bare:
            start = min(opening.end() + 1, len(text))
            yield _Block(opening["kind"].lower(), start, text[start : fence.start()])
            opening = None


def _tagged(text: TextFile, with_lines: bool) -> Iterator[Action]:
    """The text between tags, and input at Python prompts."""
    lines = LineCounter(text)
    for found in _TAGGED.finditer(text.text):
        kind: Kind = "python" if found["tag"] in ("python", "execute_ipython", "ipython", "code") else "shell"
        body = found["body"].strip()
        if kind == "python" or is_command(body):
            yield Action(kind, body, text.name, lines.line_of(found.start()) if with_lines else None)
    typed = list(_PROMPTED.finditer(text.text)) if with_lines else []
    if typed:
        source = "\n".join(found["line"] for found in typed[:_MOST_ACTIONS])
        yield Action("python", source, text.name, text.line_of(typed[0].start()))


def is_command(line: str) -> bool:
    """Whether the first word of a line is a program that agents call."""
    words = re.sub(r"^(?:sudo |env |nohup |time |\w+=\S* )+", "", line.strip().lstrip("('\"`")).split(None, 1)
    return bool(words) and words[0].rstrip(":;").rpartition("/")[2] in _PROGRAMS


def _in_json(value: Any, file: str, line: int, depth: int) -> Iterator[Action]:
    """Calls of tools wherever they are in a document."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for entry in value[:_MOST_ACTIONS]:
            yield from _in_json(entry, file, line, depth + 1)
        return
    if not isinstance(value, dict):
        return
    name = _first(value, _NAMES) or _first(value, ("type", "kind"))
    given = next((value[key] for key in _ARGUMENTS if value.get(key) not in (None, "", {}, [])), None)
    if isinstance(given, str) and isinstance(parsed := _json(given), dict):
        given = parsed
    is_message = value.get("role") in ("user", "system", "tool", "developer")
    if given is not None and (name or isinstance(given, dict)) and not is_message:
        yield from of_call(ToolCall(name, given), file, line)
        if isinstance(given, str):
            return
    elif not is_message and (command := _command(value)):
        if command not in _VERBS:
            yield Action("shell", command, file, line)
        elif "observation" not in _first(value, ("kind", "observation")).lower():
            yield from _of_arguments(name, value, file, line)
    if value.get("role") in ("assistant", "model") and not value.get("tool_calls") and isinstance(value.get("content"), str):
        yield from (replace(action, line=line) for action in _fenced(TextFile(file, "logs", value["content"]), with_lines=False))
    for key, inner in value.items():
        if isinstance(inner, dict | list) and inner is not given and not (is_message and key == "content"):
            yield from _in_json(inner, file, line, depth + 1)


def of_code(text: TextFile) -> Iterator[Action]:
    """A code file as an action that may have been run."""
    if text.suffix in (".py", ".ipynb"):
        yield Action("python", text.text, text.name, 1, ran=False)
    elif text.suffix in (".sh", ".bash") or text.text.startswith(("#!/bin/bash", "#!/bin/sh", "#!/usr/bin/env bash")):
        yield Action("shell", text.text, text.name, 1, ran=False)
    elif text.text.startswith(("#!/usr/bin/env python", "#!/usr/bin/python")):
        yield Action("python", text.text, text.name, 1, ran=False)


_WRITTEN = re.compile(
    r"^[ \t]*%%(?:writefile|file)[ \t]+(?:-a[ \t]+)?(?P<path>[^\n]+)\n(?P<body>.*?)(?=^# %%|\Z)", re.MULTILINE | re.DOTALL
)
_MAGIC = re.compile(r"^[ \t]*(?:!|%(?=pip|conda|sx|sh)|%%(?:bash|sh)\b[^\n]*\n)(?P<command>[^\n]*)", re.MULTILINE)
_SYSTEM = re.compile(
    r"\b(?:os\.(?:system|popen)|subprocess\.(?:run|call|Popen|check_call|check_output|getoutput|getstatusoutput))\(\s*"
    r"(?:f?(?P<quote>['\"]{3}|['\"])(?P<text>.{0,4000}?)(?<!\\)(?P=quote)|(?P<list>\[[^\]]{1,4000}\]))",
    re.DOTALL,
)


def shell_in_python(action: Action) -> Iterator[Action]:
    """Command lines that Python source runs, and files that it writes: magics of notebooks, `os.system`, `subprocess`."""
    text = action.text
    base = (action.line or 1) - 1 if not action.ran else None
    lines = LineCounter(TextFile(action.file, "code", text))
    for found in _WRITTEN.finditer(text) if "%%" in text else ():
        line = None if base is None else base + text.count("\n", 0, found.start()) + 1
        yield Action("write", found["body"], action.file, line or action.line, found["path"].strip(" \t'\""))
    for found in _MAGIC.finditer(text):
        line = None if base is None else base + lines.line_of(found.start())
        if found["command"].strip():
            yield Action("shell", found["command"], action.file, line if base is not None else action.line)
    lines = LineCounter(TextFile(action.file, "code", text))
    for found in _SYSTEM.finditer(text):
        line = None if base is None else base + lines.line_of(found.start())
        words = found["text"]
        if words is None:
            words = " ".join(re.findall(r"""['"]([^'"]*)['"]""", found["list"]))
        yield Action("shell", words, action.file, line if base is not None else action.line)


def is_submission_path(path: str) -> bool:
    """Whether a path is that of a submission, under its proper name or a similar one."""
    name = PurePosixPath(path).name.lower()
    in_folder = "submission" in PurePosixPath(path).parts[:-1] and name.endswith(".csv")
    return in_folder or bool(
        re.fullmatch(r"(?:.*[_-])?(?:sub|submission|submit)s?(?:[_.-].*)?\.csv.*|(?:test_)?pred(?:iction)?s?\.csv", name)
    )


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
