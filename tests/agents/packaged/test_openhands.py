"""OpenHands in its container."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents.packaged.trial import COMPETITIONS, check_work, run_agent
from tests.agents.packaged.working_model import WorkingModel, steps_for


@pytest.mark.parametrize("competition", COMPETITIONS)
def test_it_solves_a_competition_with_the_gateway_alone(competition: str, data_dir: Path, tmp_path: Path) -> None:
    model = WorkingModel(steps_for(competition))
    trial = run_agent("openhands", competition, "chat", model, data_dir, tmp_path)
    print(trial.log, trial.record["reported_usage"], model.tools, trial.files("logs/**/*"))
    print(json.dumps(trial.calls[0]), len(trial.calls))
    check_work(trial, "chat")
    assert 0
