"""Runs RD-Agent on the task: its settings for this machine, then its loop.

By default RD-Agent runs solutions in a separate container or conda environment, calls a model for embeddings and downloads the
competition from Kaggle. Here it runs solutions in its own environment and uses the data of the run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path

from mlebench_agent.litellm_model import OFFLINE
from mlebench_agent.task import Task, stop

NAME = "rd-agent"
PROGRAM = Path("/opt/rd-agent")
DEFAULTS = {"model": "", "loops": 0, "full_timeout": 3600, "debug_timeout": 600, "coder_loops": 10, "runner_loops": 3}
_SHARE_OF_TIME = 0.8
"""Maximum share of the remaining time for one solution."""


def main(words: list[str]) -> int:
    task = Task(words, DEFAULTS)
    if not task.arguments["model"]:
        stop("no model was given; set one with `--argument model=NAME`")
    logs, work = task.logs / NAME, task.home / NAME
    logs.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(work, ignore_errors=True)
    data = work / "data" / "competition"
    data.parent.mkdir(parents=True)
    data.symlink_to(task.data)
    os.chdir(work)
    # read when the package is imported
    os.environ.update(settings(task, logs, work))
    with (logs / "rd-agent.log").open("w", buffering=1) as log, contextlib.redirect_stdout(log):
        import rd_loop

        return rd_loop.run(task, data.name)


def settings(task: Task, logs: Path, work: Path) -> dict[str, str]:
    """RD-Agent's settings, which are environment variables."""
    most = int(task.seconds_left * _SHARE_OF_TIME)
    full, debug = (str(min(task.arguments[name], most)) for name in ("full_timeout", "debug_timeout"))
    return {
        "BACKEND": "rd_loop.Backend",
        "LITELLM_CHAT_MODEL": f"openai/{task.arguments['model']}",
        # an answer that is not streamed reports its usage
        "LITELLM_CHAT_STREAM": "false",
        "LITELLM_LOG_LLM_CHAT_CONTENT": "false",
        **OFFLINE,
        "MAX_RETRY": "20",
        "RETRY_WAIT_SECONDS": "5",
        "OPENAI_API_BASE": os.environ["OPENAI_BASE_URL"],
        "DS_SCEN": "rdagent.scenarios.data_science.scen.DataScienceScen",
        "DS_LOCAL_DATA_PATH": str(work / "data"),
        "DS_CODER_COSTEER_ENV_TYPE": "conda",
        "DS_FULL_TIMEOUT": full,
        "DS_FULL_RECOMMEND_TIMEOUT": full,
        "DS_DEBUG_TIMEOUT": debug,
        "DS_DEBUG_RECOMMEND_TIMEOUT": debug,
        "DS_CODER_MAX_LOOP": str(task.arguments["coder_loops"]),
        "DS_RUNNER_MAX_LOOP": str(task.arguments["runner_loops"]),
        # animated progress bars are useless in a file
        "TQDM_DISABLE": "1",
        "ENABLE_CACHE": "false",
        "CACHE_WITH_PICKLE": "false",
        "WORKSPACE_PATH": str(work / "workspaces"),
        "PICKLE_CACHE_FOLDER_PATH_STR": str(work / "cache"),
        "LOG_TRACE_PATH": str(logs / "trace"),
        "PATH": f"{PROGRAM}/tools:{os.environ['PATH']}",
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
