"""The guide to an agent of one's own works as it is printed: its files are written and its commands run, in an empty folder."""

from __future__ import annotations

import json
import re
import shlex
import textwrap
from pathlib import Path

import pytest

from mlebench.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "agents.md"
GUIDE = re.search(r"^## An agent of your own\n(.*?)^###? ", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)[1]
BLOCKS = re.findall(r"^   ```\w*\n(.*?)^   ```", GUIDE, re.DOTALL | re.MULTILINE)
FILES = {
    name: textwrap.dedent(block)
    for name, block in re.findall(r"^\d\. `([\w.]+)`[^`]*?:\n\n   ```\w+\n(.*?)^   ```", GUIDE, re.DOTALL | re.MULTILINE)
}
COMMANDS = [
    # with --from it converts an old agent, which is another guide
    *(line for line in re.findall(r"`(mlebench new-agent [^`]*)`", GUIDE) if "--from" not in line),
    *(line.strip() for block in BLOCKS for line in block.splitlines() if line.strip().startswith("mlebench ")),
]


def test_the_guide_shows_every_file_and_begins_with_making_the_folder() -> None:
    assert {"agent.yaml", "start.sh", "solve.py", "Dockerfile"} <= set(FILES)
    assert COMMANDS[0].startswith("mlebench new-agent") and COMMANDS[1].startswith("mlebench prepare")
    assert [line for line in COMMANDS if "--sandbox local" in line] != []
    assert [name for name in FILES if f"{name} " not in BLOCKS[0]] == []


def test_the_guides_agent_works_in_the_local_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLEBENCH_DATA_DIR", str(tmp_path / "data"))
    for line in COMMANDS:
        words = shlex.split(line)[1:]
        if words[0] == "run" and "local" not in words:
            # the same in a container: tests/sandbox/docker
            continue
        assert main(words) == 0, capsys.readouterr()
        if words[0] == "new-agent":
            for name, content in FILES.items():
                (tmp_path / "my-agent" / name).write_text(content)
    reports = [json.loads(path.read_text()) for path in sorted((tmp_path / "runs").glob("*/grading_report.json"))]
    assert [report["total_valid_submissions"] for report in reports] == [1, 1]
    assert all(report["competition_reports"][0]["score"] < 0.6 for report in reports)
    logs = {path.parent.parent.name.partition("_")[2] for path in (tmp_path / "runs").glob("*/*/run.log")}
    assert logs == {"my-agent", "my-agent-deep"}
