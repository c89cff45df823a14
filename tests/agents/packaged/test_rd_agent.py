"""RD-Agent in its container."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.agents.packaged.trial import check_budget_end, check_work, run_agent
from tests.agents.packaged.working_model import PROGRAMS, TOKENS
from tests.gateway.provider import Answer, Received

SCORES = {"spaceship-titanic": "accuracy", "demo-wine": "log loss"}


class Researcher:
    """A scripted model that plays every part in RD-Agent's loop; its first solution fails, the others are right."""

    def __init__(self, competition: str) -> None:
        metric = SCORES[competition]
        program = PROGRAMS[competition].replace("/home/submission/", "")
        scores = f"import pathlib\npathlib.Path('scores.csv').write_text(',{metric}\\nensemble,0.5\\n')\n"
        self._programs = ["raise KeyError('PassengerId')\n", f"{program}{scores}print('debug_time: 1\\nestimated_time: 2')\n"]
        self._metric = metric
        self.prompts: list[str] = []
        """What it was asked."""

    def __call__(self, received: Received) -> Answer:
        self.prompts.append("\n".join(str(message["content"]) for message in received.content["messages"]))
        said = self._say(self.prompts[-1])
        return Answer(text=said if isinstance(said, str) else json.dumps(said), tokens=TOKENS)

    def _say(self, prompt: str) -> Any:
        if "extracts structured information" in prompt:
            return {"Task Type": "Classification", "Metric Name": self._metric, "Metric Direction": True}
        if '"alignment_score"' in prompt:
            grades = ("alignment", "impact", "novelty", "feasibility", "risk_reward_balance")
            evaluation = {f"{name}_score": 5 for name in grades}
            return {"few": {"reason": "r", "component": "Model", "hypothesis": "One column is enough", "evaluation": evaluation}}
        if '"problem": "Description of the first' in prompt:
            return {"few": {"problem": "There is little to go by", "reason": "r"}}
        if '"Replace Best Result": "yes or no"' in prompt:
            return {"Evaluation Aligned With Task": "yes", "Replace Best Result": "yes", "Acceptable": "yes", "Reasoning": "r"}
        if '"final_decision": <true' in prompt:
            is_right = "Code ran successfully" in prompt
            return {"execution": "e", "return_checking": "r", "code": "c", "final_decision": is_right}
        if '"acceptable": <true' in prompt:
            return {"execution": "e", "return_checking": "r", "code": "c", "acceptable": True,
                    "hyperparameter_tuning_decision": False, "hyperparameter_tuning_suggestion": ""}  # fmt: skip
        if "```Python" in prompt or "```python" in prompt:
            return f"```python\n{self._programs.pop(0) if len(self._programs) > 1 else self._programs[0]}\n```"
        return {"description": "Fit what is there"}


def test_it_corrects_runs_and_submits_a_solution_with_the_gateway_alone(data_dir: Path, tmp_path: Path) -> None:
    model = Researcher("spaceship-titanic")
    trial = run_agent("rd-agent", "spaceship-titanic", "chat", model, data_dir, tmp_path, arguments=["loops=2"])
    check_work(trial, "chat", "main.py")
    assert "rd-agent: loop 1: accuracy ensemble 0.5" in trial.log
    # the solution that failed, and what was said of it
    assert any("KeyError: 'PassengerId'" in prompt for prompt in model.prompts)
    assert trial.record["reported_usage"] == {
        "calls": len(model.prompts),
        "input_tokens": TOKENS.input * len(model.prompts),
        "output_tokens": TOKENS.output * len(model.prompts),
    }
    assert trial.files("logs/rd-agent/trace/__session__/1/*_record")
    assert "LocalEnv Logs" in trial.file("logs/rd-agent/rd-agent.log").read_text()


def test_the_budget_ends_it_with_its_first_submission(data_dir: Path, tmp_path: Path) -> None:
    model = Researcher("demo-wine")
    trial = run_agent("rd-agent", "demo-wine", "chat", model, data_dir, tmp_path, words=["--budget", "calls=12"])
    check_budget_end(trial, 30)
    assert "budget" in trial.log.split("rd-agent: submitted")[-1]
    assert "Traceback" not in trial.log
