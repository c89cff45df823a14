"""AIDE in its container, beside what tests/sandbox/docker says of its search."""

from __future__ import annotations

import json
from pathlib import Path

from tests.agents.packaged.trial import check_budget_end, check_work, run_agent
from tests.agents.packaged.working_model import PROGRAMS, TOKENS
from tests.gateway.provider import Answer, Received

REVIEW = {"is_bug": False, "summary": "seen", "metric": 0.5, "lower_is_better": True}


class Solver:
    """A scripted model that writes the same right solution again and again, and reviews it."""

    def __init__(self) -> None:
        program = PROGRAMS["demo-wine"].replace("/home/submission/", "./working/").replace("/home/data/", "./input/")
        self._solution = f"Plan: a forest.\n\n```python\n{program}print('log loss', 0.5)\n```"
        self.count = 0

    def __call__(self, received: Received) -> Answer:
        self.count += 1
        if received.content.get("tools"):
            return Answer(text="", tool=("submit_review", REVIEW), tokens=TOKENS)
        return Answer(text=self._solution, tokens=TOKENS)


def test_it_solves_a_competition_with_the_gateway_alone(data_dir: Path, tmp_path: Path) -> None:
    model = Solver()
    arguments = ["feedback_model=scripted", "steps=1", "generate_report=false"]
    trial = run_agent("aide", "demo-wine", "chat", model, data_dir, tmp_path, arguments=arguments)
    check_work(trial, "chat", "solution.py")
    assert trial.record["reported_usage"]["input_tokens"] == TOKENS.input * model.count
    [node] = json.loads(trial.file("logs/aide/journal.json").read_text())["nodes"]
    assert node["metric"]["value"] == 0.5
    assert "aide: solution 0 (draft): metric 0.5" in trial.log


def test_a_spent_budget_ends_it_and_what_stands_counts(data_dir: Path, tmp_path: Path) -> None:
    trial = run_agent("aide", "demo-wine", "chat", Solver(), data_dir, tmp_path, arguments=["feedback_model=scripted"],
                      words=["--budget", "calls=3"])  # fmt: skip
    check_budget_end(trial, 60)
    assert trial.record["reported_usage"]["calls"] == 3
    assert trial.log.count("aide: a step failed") == 3
