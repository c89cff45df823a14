"""The task as every packaged agent sees it: instructions and description in one prompt, arguments, folders and time."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

_STARTED = time.monotonic()
_DEFAULT_SECONDS = 24 * 3600.0
_LARGEST_DESCRIPTION = 60_000
"""Maximum bytes of the description in the prompt; one command-line argument may have 128 KiB."""


class Task:
    """What a start script is given, and the time it has left."""

    def __init__(self, words: Iterable[str], defaults: Mapping[str, Any]) -> None:
        """Args:
            words: the start script's arguments, `key=value`.
            defaults: every argument that the agent takes, with its default; a value must have the default's type.

        Ends the program with code 2 and a sentence if an argument is unknown or has another type.
        """
        self.home = Path(os.environ.get("MLEBENCH_HOME", "/home"))
        self.data = Path(os.environ.get("DATA_DIR", self.home / "data"))
        self.logs = Path(os.environ.get("LOGS_DIR", self.home / "logs"))
        self.code = Path(os.environ.get("CODE_DIR", self.home / "code"))
        self.submission = Path(os.environ.get("SUBMISSION_DIR", self.home / "submission")) / "submission.csv"
        self.seed = int(os.environ.get("MLEBENCH_SEED", 0))
        self.arguments: dict[str, Any] = dict(defaults)
        for word in words:
            name, separator, text = word.partition("=")
            if not separator or name not in defaults:
                stop(f"there is no argument `{name}`; this agent takes {', '.join(sorted(defaults))}")
            self.arguments[name] = _value(name, text, defaults[name])

    @property
    def seconds_left(self) -> float:
        """Seconds left of the run's time limit, counted from the agent's start."""
        return float(os.environ.get("TIME_LIMIT_SECS", _DEFAULT_SECONDS)) - (time.monotonic() - _STARTED)

    @property
    def time_left(self) -> str:
        """The time left in words, such as `12 minutes`."""
        return _minutes(self.seconds_left)

    @property
    def prompt(self) -> str:
        """The instructions, the description of the competition and the time, with the same wording for every agent."""
        instructions = (self.home / "instructions.txt").read_text(encoding="utf-8")
        # a command-line argument cannot hold a NUL, and a cut must not split a character
        whole = (self.data / "description.md").read_bytes().replace(b"\0", b"")
        description = whole[:_LARGEST_DESCRIPTION].decode("utf-8", "ignore")
        if len(whole) > _LARGEST_DESCRIPTION:
            description += f"\n[the rest is in {self.data}/description.md]"
        return (
            f"{instructions.rstrip()}\n\n"
            f"You have {self.time_left}. Work on your own until then: nobody answers questions.\n\n"
            f"DESCRIPTION ({self.data}/description.md)\n\n{description.rstrip()}\n"
        )

    @property
    def reminder(self) -> str:
        """The prompt that asks an agent that stopped early to go on."""
        state = "There is a submission" if self.submission.is_file() else "There is no submission yet"
        return (
            f"You still have {self.time_left}. {state} at {self.submission}. Go on with what promises most, "
            "without asking for confirmation: look for a better score on data that you held out, and replace the submission by a "
            "better one."
        )

    def check_submission(self, path: Path | None = None) -> str:
        """The submission checker's answer for a file, such as `valid: the submission is valid`."""
        script = self.home / "validate_submission.sh"
        done = subprocess.run(["sh", str(script), str(path or self.submission)], capture_output=True, text=True)
        return (done.stdout or done.stderr).strip()

    def submit(self, made: Path) -> str:
        """Make a file the submission, atomically; returns the checker's answer."""
        partial = self.submission.with_name(".submission.csv.partial")
        shutil.copyfile(made, partial)
        partial.replace(self.submission)
        return self.check_submission()

    def report_usage(self, usage: Mapping[str, Any]) -> None:
        """Write the agent's own counts (flat, numbers and texts); the run's record keeps them as `reported_usage`."""
        partial = self.logs / ".usage.json"
        partial.write_text(json.dumps(dict(usage)), encoding="utf-8")
        partial.replace(self.logs / "usage.json")


def say(text: str) -> None:
    """Add a line to the run's log."""
    # a model's text may contain lone surrogates, which no stream accepts, and an image's locale may support few characters
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def stop(sentence: str) -> NoReturn:
    """End the program with code 2, for wrong input."""
    print(sentence, file=sys.stderr, flush=True)
    sys.exit(2)


def _value(name: str, text: str, default: Any) -> Any:
    if isinstance(default, str):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(default, bool):
        wanted, is_right = "true or false", isinstance(value, bool)
    elif isinstance(default, int):
        wanted, is_right = "a whole number", isinstance(value, int) and not isinstance(value, bool)
    else:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        wanted, is_right = "a number", is_number and math.isfinite(value)
    if not is_right:
        stop(f"the argument `{name}` must be {wanted}, not `{text}`")
    return value


def _minutes(seconds: float) -> str:
    minutes = max(0, int(seconds // 60))
    return f"{minutes} minutes" if minutes != 1 else "1 minute"
