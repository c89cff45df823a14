"""The program of `docs/python.md` runs exactly as printed, and the other pieces of code on the page are valid."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import mlebench

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
MOST_LINES = 60


def test_the_program_runs_as_printed(tmp_path: Path) -> None:
    program, *_ = BLOCKS
    assert len(program.splitlines()) <= MOST_LINES
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLEBENCH_")}
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, env={**environment, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    low = mlebench.list_competitions("low", "tabular")
    assert lines[: len(low)] == [f"{entry.id} {entry.metric} {entry.direction}" for entry in low]
    assert "[('spaceship-titanic', 'prepared', True)]" in lines
    assert "2 runs; nothing is missing" in lines
    assert "['finished', 'finished']" in lines
    assert "dummy ['first']" in lines
    assert "flagged runs: [()]" in lines
    levels = ast.literal_eval(lines[-1])
    assert {name: levels[name] for name in ("files", "plan", "scores")} == dict.fromkeys(("files", "plan", "scores"), "holds")
    assert json.loads((tmp_path / "report.json").read_text())["splits"]
    assert "<html" in (tmp_path / "report.html").read_text()


def test_every_piece_of_code_is_python_and_its_names_exist() -> None:
    assert len(BLOCKS) > 10
    for block in BLOCKS:
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "mlebench":
                assert node.attr in mlebench.__all__ or node.attr == "preparation", node.attr
