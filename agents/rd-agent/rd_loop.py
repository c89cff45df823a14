"""RD-Agent's loop, which submits the best solution as soon as there is one, and its model client; importing needs its settings
in the environment."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import litellm
from mlebench_agent.models import SPENT
from mlebench_agent.task import Task
from rdagent.app.data_science.conf import DS_RD_SETTING
from rdagent.oai.backend import litellm as asking
from rdagent.scenarios.data_science.loop import DataScienceRDLoop
from sklearn.feature_extraction.text import HashingVectorizer

_LEAST_SECONDS = 60.0
_USAGE = {"calls": 0, "input_tokens": 0, "output_tokens": 0}
_words = HashingVectorizer(n_features=1024, alternate_sign=False)
# the task must not be part of the sessions that the loop saves
_task: Task


def run(task: Task, competition: str) -> int:
    """Run the loop to its end; its prints go to standard output, `say` writes to the run's log."""
    global _task
    _task = task
    # drops parameters that a model does not support, such as the temperature
    litellm.drop_params = True
    DS_RD_SETTING.competition = competition
    limit = f"{max(1.0, task.seconds_left - _LEAST_SECONDS):.0f}s"
    asyncio.run(Loop(DS_RD_SETTING).run(loop_n=task.arguments["loops"] or None, all_duration=limit))
    return 0 if task.submission.is_file() else 1


def say(text: str) -> None:
    print(f"rd-agent: {text}", file=sys.__stdout__, flush=True)


class Backend(asking.LiteLLMAPIBackend):
    """Calls a model through the gateway; text similarity is computed from words, without a model."""

    def _create_chat_completion_inner_function(self, *words: Any, **arguments: Any) -> Any:
        try:
            return super()._create_chat_completion_inner_function(*words, **arguments)
        except Exception as error:
            if SPENT not in str(error):
                raise
            say(str(error))
            # any other exception would be printed once for each task of the loop
            os._exit(1)

    def _create_embedding_inner_function(self, input_content_list: list[str]) -> list[list[float]]:
        # a text without words is similar to no other, but its vector must not be zero
        return [[*row, 1e-3] for row in _words.transform(input_content_list).toarray().tolist()]


class Loop(DataScienceRDLoop):
    def running(self, prev_out: dict[str, Any]) -> Any:
        experiment = super().running(prev_out)
        say(f"loop {prev_out[self.LOOP_IDX_KEY]}: {experiment.hypothesis.hypothesis}")
        say(f"loop {prev_out[self.LOOP_IDX_KEY]}: {_scores(experiment)}")
        if not _task.submission.is_file():
            _submit(experiment)
        return experiment

    def record(self, prev_out: dict[str, Any]) -> None:
        super().record(prev_out)
        best = self.trace.sota_exp_to_submit
        if best is not None and best is prev_out.get("running"):
            _submit(best)


def _submit(experiment: Any) -> None:
    folder = Path(experiment.experiment_workspace.workspace_path)
    made = folder / "submission.csv"
    if not made.is_file():
        say("the solution wrote no submission.csv")
        return
    shutil.copyfile(folder / "main.py", _task.code / "main.py")
    say(f"submitted: {_task.submit(made)}")


def _scores(experiment: Any) -> str:
    return "no scores" if experiment.result is None else " ".join(experiment.result.to_string().split())


def _counted(ask: Any) -> Any:
    def counted(*words: Any, **arguments: Any) -> Any:
        answer = ask(*words, **arguments)
        _USAGE["calls"] += 1
        _USAGE["input_tokens"] += answer.usage.prompt_tokens
        _USAGE["output_tokens"] += answer.usage.completion_tokens
        _task.report_usage(_USAGE)
        return answer

    return counted


asking.completion = _counted(asking.completion)
