"""Actions that a separate model call carries out: reading, editing, reflecting, remembering."""

from __future__ import annotations

import re
from collections.abc import Callable

from research_log import ResearchLog
from workspace import Failed, Workspace

Ask = Callable[[str, str], str]
"""Calls a model: the first argument is the purpose, `edit` or `read`, the second the prompt."""
BLOCK = 20_000
MOST_BLOCKS = 8
_CODE = re.compile(r"^ {0,3}```[\w+-]*[ \t]*\n(.*?)^ {0,3}```[ \t\r]*$", re.DOTALL | re.MULTILINE)


class Assistant:
    """A model that sees one question at a time, and of the conversation only the research log."""

    def __init__(self, workspace: Workspace, log: ResearchLog, ask: Ask) -> None:
        self._workspace, self._log, self._ask = workspace, log, ask

    def understand_file(self, file_name: str, things_to_look_for: str) -> str:
        text = self._workspace.text_of(file_name)
        starts = range(0, min(len(text), BLOCK * MOST_BLOCKS) or 1, BLOCK)
        notes = [self._understand_block(file_name, text, start, things_to_look_for) for start in starts]
        if len(notes) == 1:
            return notes[0]
        shown = "\n\n".join(notes)
        merged = self._ask(
            "read",
            f"These notes were made on successive parts of the file {file_name}. Join them into one description of the file that "
            f"answers this: {things_to_look_for}\nTake nothing into it that the notes do not say.\n\n{shown}",
        )
        left_out = len(text) - BLOCK * MOST_BLOCKS
        return f"{merged}\n[the last {left_out} characters were not read]" if left_out > 0 else merged

    def _understand_block(self, file_name: str, text: str, start: int, things_to_look_for: str) -> str:
        block = text[start : start + BLOCK]
        return self._ask(
            "read",
            f"Describe the file {file_name}, of which you see the characters from {start} to {start + len(block)} of "
            f"{len(text)}. Answer this above all: {things_to_look_for}\nBe exact: name functions, columns and values as they "
            f"stand there, refer to lines, and say so where the file does not show something.\n\n```\n{block}\n```",
        )

    def edit_script(self, script_name: str, edit_instruction: str, save_name: str) -> str:
        self._workspace.writable(save_name)
        is_there = (self._workspace.folder / script_name).exists()
        before = self._workspace.text_of(script_name) if is_there else ""
        after = self._edited(f"the Python script {script_name}", before, edit_instruction)
        return self._workspace.replace(save_name, after)

    def edit_script_segment(
        self, script_name: str, start_line_number: int, end_line_number: int, edit_instruction: str, save_name: str
    ) -> str:
        self._workspace.writable(save_name)
        lines = self._workspace.text_of(script_name).splitlines()
        start, end = max(1, start_line_number), min(len(lines), end_line_number)
        if end < start - 1:
            raise Failed(f"{script_name} has {len(lines)} lines, and none from {start_line_number} to {end_line_number}")
        segment = "\n".join(lines[start - 1 : end])
        after = self._edited(f"lines {start} to {end} of the Python script {script_name}", segment, edit_instruction)
        return self._workspace.replace(save_name, "\n".join([*lines[: start - 1], *after.splitlines(), *lines[end:]]) + "\n")

    def _edited(self, what: str, before: str, instruction: str) -> str:
        answer = self._ask(
            "edit",
            f"Edit {what} as the instruction says, and change nothing else. Answer with the whole edited text, from the first "
            "line to the last and without abbreviations, in one block that begins with ```python and ends with ```.\n\n"
            f"INSTRUCTION\n{instruction}\n\nTEXT\n```python\n{before}\n```",
        )
        # besides the script there may be a short block, such as a command that runs it
        code = max(_CODE.findall(answer), key=len, default=None)
        if code is None:
            raise Failed("the editing model returned no code; nothing was changed. Try again with a clearer instruction.")
        return str(code).rstrip() + "\n"

    def reflect(self, things_to_reflect_on: str) -> str:
        return self._ask(
            "read",
            "You advise a researcher. This is the log of the research so far:\n\n"
            f"{self._log.text or '(empty)'}\n\nReflect on the following, and give your conclusions in a few paragraphs: "
            f"{things_to_reflect_on}",
        )

    def retrieve(self, current_plan: str) -> str:
        if not self._log.text:
            return "The research log is empty."
        return self._ask(
            "read",
            "This is the log of a research project:\n\n"
            f"{self._log.text}\n\nSummarize what of it matters to the plan below: what was tried, with which results, and "
            "what was learned. Leave out the rest; keep names of files and numbers exactly. Take nothing into it that the log "
            f"does not say.\n\nPLAN\n{current_plan}",
        )

    def append_summary(self, content: str) -> str:
        self._log.append("Summary", content)
        return "The summary was appended to the research log."

    def summarize(self, step: str) -> str:
        """A paragraph on one step, for the log."""
        return self._ask(
            "read",
            "Summarize this step of a research project for its log, in at most eight lines: what was done and why, with names of "
            "files and settings exactly; what was observed, with all numbers that were measured; what follows from it. Take "
            f"nothing into it that the step does not say.\n\n{step}",
        )
