"""Agents that are one script, for tests that let them work."""

from __future__ import annotations

import textwrap
from pathlib import Path

from mlebench.agents import AgentSpec, get_agent

SUBMIT = 'cp "$DATA_DIR/sample_submission.csv" "$SUBMISSION_DIR/submission.csv"\n'


def scripted_agent(folder: Path, script: str = SUBMIT, settings: str = "description: a script") -> AgentSpec:
    """Make the agent in `folder`, or replace the one there; `settings` is its `agent.yaml`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agent.yaml").write_text(settings + "\n")
    (folder / "start.sh").write_text("#!/bin/bash\n" + textwrap.dedent(script))
    (folder / "start.sh").chmod(0o755)
    return get_agent(str(folder))
