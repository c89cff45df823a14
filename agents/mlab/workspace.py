"""The model's working folder: its files, their state before each edit, and its scripts, which are kept with the run."""

from __future__ import annotations

import contextlib
import difflib
import shutil
import sys
from pathlib import Path

from mlebench_agent.commands import clipped, run_command
from mlebench_agent.task import Task

SHOWN = 12_000
"""Maximum characters of an observation; a longer one loses its middle."""
LARGEST_FILE = 50_000_000
LARGEST_SCRIPT = 1_000_000
MOST_LINES = 100
SCRIPTS = (".py", ".sh", ".r", ".ipynb", ".yaml", ".md")
"""Suffixes of the files that are copied to the run's code."""
LAST_WORD_SECONDS = 120.0
"""Seconds kept in reserve at the end of the run, so that the model can still choose what to submit."""


class Failed(Exception):
    """An action failed; the message is what the model observes."""


class Workspace:
    """A folder with the data linked as `data`; paths are relative to it."""

    def __init__(self, task: Task, command_timeout: float) -> None:
        self.folder = task.home / "workspace"
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (self.folder / "data").symlink_to(task.data)
        self._task, self._timeout = task, command_timeout
        self._earlier: dict[Path, list[str | None]] = {}

    def list_files(self, dir_path: str) -> str:
        entries = sorted((self.folder / dir_path).iterdir())
        return clipped("\n".join(f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries), SHOWN) or "(no files)"

    def read_file(self, file_name: str) -> str:
        return clipped(self.text_of(file_name), SHOWN)

    def write_file(self, file_name: str, content: str) -> str:
        return self.replace(file_name, content)

    def append_file(self, file_name: str, content: str) -> str:
        before = self.text_of(file_name) if (self.folder / file_name).exists() else ""
        return self.replace(file_name, before + content)

    def copy_file(self, source: str, destination: str) -> str:
        shutil.copyfile(self.folder / source, self.writable(destination))
        return f"{source} was copied to {destination}."

    def inspect_script_lines(self, script_name: str, start_line_number: int, end_line_number: int) -> str:
        lines = self.text_of(script_name).splitlines()
        start, end = max(1, start_line_number), min(len(lines), end_line_number)
        if end - start >= MOST_LINES:
            raise Failed(f"at most {MOST_LINES} lines can be inspected at once")
        numbered = "\n".join(f"{number}: {lines[number - 1]}" for number in range(start, end + 1))
        return clipped(f"{script_name} has {len(lines)} lines.\n{numbered}", SHOWN)

    def undo_edit_script(self, script_name: str) -> str:
        earlier = self._earlier.get(self.folder / script_name)
        if not earlier:
            raise Failed(f"there is no earlier edit of {script_name}")
        content = earlier.pop()
        if content is None:
            (self.folder / script_name).unlink(missing_ok=True)
            return f"{script_name} is not there any more, as before its first edit."
        (self.folder / script_name).write_text(content, encoding="utf-8")
        return clipped(f"{script_name} is what it was before its last edit:\n{content}", SHOWN)

    def execute_script(self, script_name: str) -> str:
        if not (self.folder / script_name).is_file():
            raise Failed(f"there is no script {script_name}")
        left = self._task.seconds_left
        seconds = min(self._timeout, max(left - LAST_WORD_SECONDS, left / 2, 1.0))
        interpreter = ["bash"] if script_name.endswith(".sh") else [sys.executable, "-u"]
        done = run_command([*interpreter, str(self.folder / script_name)], self.folder, seconds)
        self.keep_scripts()
        return clipped(f"{done.output}\n[{done.end}]", SHOWN)

    def text_of(self, file_name: str) -> str:
        """The content of a file.

        Raises:
            Failed: it is too large or not a file.
        """
        file = self.folder / file_name
        if not file.is_file():
            raise Failed(f"there is no file {file_name}")
        if file.stat().st_size > LARGEST_FILE:
            raise Failed(
                f"{file_name} has {file.stat().st_size:,} bytes, too many to be read as a whole; write a script that looks at it"
            )
        return file.read_text(encoding="utf-8", errors="replace")

    def replace(self, file_name: str, content: str) -> str:
        """Write a file, keeping its old content for undo; the observation is the diff."""
        file = self.writable(file_name)
        before = self.text_of(file_name) if file.exists() else None
        file.write_text(content, encoding="utf-8")
        self._earlier.setdefault(file, []).append(before)
        if before is None:
            return f"{file_name} was written, with {len(content.splitlines())} lines."
        changes = difflib.unified_diff(before.splitlines(), content.splitlines(), "before", file_name, lineterm="")
        return clipped(f"{file_name} was changed:\n" + "\n".join(changes), SHOWN)

    def writable(self, file_name: str) -> Path:
        """The path of a file whose folder exists.

        Raises:
            Failed: the path is in the data folder.
        """
        file = self.folder / file_name
        if self._task.data.resolve() in (file.resolve(), *file.resolve().parents):
            raise Failed("the data is read-only; write elsewhere in the workspace")
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def keep_scripts(self) -> None:
        """Copy the model's files to the run's code."""
        for file in self.folder.rglob("*"):
            place = file.relative_to(self.folder)
            # packages installed here are not the model's work
            if "site-packages" in place.parts or any(part.startswith(".") for part in place.parts):
                continue
            if file.suffix.lower() not in SCRIPTS or file.is_symlink() or not file.is_file():
                continue
            # a script may be deleting files at the same time
            with contextlib.suppress(OSError):
                if file.stat().st_size <= LARGEST_SCRIPT:
                    kept = self._task.code / place
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, kept)
