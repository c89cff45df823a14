"""A driver of GPUs that is not there: an `nvidia-smi` on the path that says what a test wants."""

from __future__ import annotations

import os
from pathlib import Path


class Driver:
    """Answers every question after the loads of GPUs in the same way."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self._folder = folder
        self.folder_of_answers = temporary / f"mlebench-{os.getuid()}"
        """Where answers are kept for other runs."""

    def says(self, answer: str, code: int = 0) -> None:
        """From now on `nvidia-smi` prints `answer` and ends with `code`."""
        self._folder.mkdir(exist_ok=True)
        (self._folder / "answer").write_bytes(os.fsencode(answer))
        script = self._folder / "nvidia-smi"
        script.write_text(f'#!/bin/sh\necho "$1" >> {self._folder}/asked\ncat {self._folder}/answer\nexit {code}\n')
        script.chmod(0o755)

    @property
    def asked(self) -> int:
        """How often it was asked what GPUs do; which there are is another question."""
        path = self._folder / "asked"
        return path.read_text().count("utilization.gpu") if path.exists() else 0
