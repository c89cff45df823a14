"""Runs AIDE's search on the competition and submits the predictions of its best solution as soon as there are any.

AIDE is used as a library: its agent, its interpreter, its journal. This module adds three things: it writes the submission
during the search, keeps to the time limit, and counts what the models use.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import random
import re
import sys
from pathlib import Path
from typing import Any

import openai
import requests
from aide import Agent, Interpreter, Journal, backend
from aide.backend import backend_anthropic, backend_gemini, backend_openai
from aide.journal2report import journal2report
from aide.utils.config import _load_cfg, load_task_desc, prep_agent_workspace, prep_cfg, save_run
from funcy import once
from mlebench_agent.task import Task
from omegaconf import OmegaConf

# AIDE accepts arguments of any name
TASK = Task([], {})
LOGS = TASK.logs / "aide"
WORKSPACE = TASK.home / "aide-workspace"
FAILURES_IN_A_ROW = 3
LEAST_SECONDS_FOR_A_STEP = 60
TOLD_PACKAGES = ("numpy", "pandas", "scikit-learn", "scipy", "torch", "timm", "transformers", "xgboost", "lightgbm", "catboost")


def main(words: list[str]) -> int:
    random.seed(TASK.seed)
    LOGS.mkdir(parents=True, exist_ok=True)
    use = ModelUse()
    config = configure(words)
    choose_endpoint(config)
    use.count_calls()
    journal = search(config, use)
    save_run(config, journal)
    if journal.nodes and config.generate_report and TASK.seconds_left > LEAST_SECONDS_FOR_A_STEP:
        write_report(config, journal)
    use.save()
    return 0 if TASK.submission.exists() else 1


def configure(words: list[str]) -> Any:
    """AIDE's configuration: its defaults, then ours, then the arguments."""
    given = dict(word.split("=", 1) for word in words)
    given.pop("base_url", None)
    model = given.pop("model", None)
    feedback_model = given.pop("feedback_model", model)
    steps = given.pop("steps", None)
    ours: dict[str, str | None] = {
        "data_dir": str(TASK.data),
        "desc_file": str(write_task()),
        "log_dir": str(LOGS),
        "workspace_dir": str(WORKSPACE),
        "exp_name": "search",
        # links; AIDE unpacks archives into its workspace, the data itself is read-only
        "copy_data": "false",
    }
    if model:
        ours |= {"agent.code.model": model, "agent.feedback.model": feedback_model, "report.model": feedback_model}
    if steps:
        ours["agent.steps"] = steps
    dotted = [f"{key}={value}" for key, value in {**ours, **given}.items()]
    config = prep_cfg(OmegaConf.merge(_load_cfg(use_cli_args=False), OmegaConf.from_dotlist(dotted)))
    config.log_dir = LOGS
    handler = logging.FileHandler(LOGS / "aide.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("aide")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False
    return config


def choose_endpoint(config: Any) -> None:
    """With a base URL, call every model there in a dialect that it supports, whatever its name suggests."""
    base_url = os.environ.get("OPENAI_BASE_URL")
    if not base_url:
        return
    backend_openai.OPENAI_BASE_URL = base_url
    backend_gemini._setup_gemini_client = once(lambda: setattr(backend_gemini, "_client", chat_client(base_url)))
    # models go by their names in models.yaml
    backend_anthropic.ANTHROPIC_MODEL_ALIASES.clear()
    dialects = dialects_of_models(base_url)
    models = {config.agent.code.model, config.agent.feedback.model, config.report.model}
    chosen = {model: backend_for(model, dialects.get(model)) for model in models}
    backend.determine_provider = lambda model: chosen.get(model, "openai")
    query = backend.provider_to_query_func["openai"]

    def without_limit(max_tokens: int | None = None, **arguments: Any) -> Any:
        # aideml 0.2.2 gives this limit a name that the chat API does not know
        return query(**arguments)

    backend.provider_to_query_func["openai"] = without_limit


def chat_client(base_url: str) -> openai.OpenAI:
    """A chat client for the base URL, like the one that AIDE makes for a Gemini model."""
    return openai.OpenAI(api_key=os.environ.get("OPENAI_API_KEY", "unused"), base_url=base_url, max_retries=0)


def dialects_of_models(base_url: str) -> dict[str, list[str]]:
    """The dialects that the gateway supports, by model; empty if the endpoint is not a gateway."""
    if "ANTHROPIC_BASE_URL" not in os.environ:
        return {}
    headers = {"Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '')}"}
    try:
        answer = requests.get(f"{base_url}/models", headers=headers, timeout=60)
        return {entry["id"]: entry["dialects"] for entry in answer.json()["data"] if "dialects" in entry}
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        say(f"cannot read the list of models ({type(error).__name__}: {error}); the dialect of each follows from its name")
        return {}


def backend_for(model: str, dialects: list[str] | None) -> str:
    """AIDE's backend for a model: the one that it would choose by name if the model supports it, else another."""
    if dialects is None:
        return "openai"
    # the distinction that backend_openai makes
    by_responses = re.match(r"gpt-|o\d-|codex-mini-latest$", model) is not None
    usable = {
        "anthropic": "messages" in dialects,
        "openai": ("responses" if by_responses else "chat") in dialects,
        # the plain chat API
        "gemini": "chat" in dialects,
    }
    first = "anthropic" if model.startswith("claude-") else "gemini" if model.startswith("gemini-") else "openai"
    for name in (first, "gemini", "anthropic"):
        if usable[name]:
            return name
    sys.exit(f"aide: {model} supports only {', '.join(dialects)}, and AIDE 0.2.2 supports none of these")


def write_task() -> Path:
    """The competition's description, followed by corrections of what AIDE's own prompts say about the machine."""
    installed = []
    for name in TOLD_PACKAGES:
        try:
            installed.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    gpus = os.environ.get("NVIDIA_VISIBLE_DEVICES", "void")
    lines = [
        (TASK.data / "description.md").read_text(encoding="utf-8"),
        "",
        "# Machine",
        f"- Installed: {', '.join(installed)}. Use these and the standard library; other packages may be missing.",
        f"- Processors: {os.environ.get('MLEBENCH_CPUS', os.cpu_count())}. GPU: {'none' if gpus == 'void' else 'available'}.",
        f"- Time for the whole search: {int(TASK.seconds_left / 60)} minutes.",
    ]
    task = LOGS / "task.md"
    task.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return task


def search(config: Any, use: ModelUse) -> Journal:
    prep_agent_workspace(config)
    journal = Journal()
    agent = Agent(task_desc=load_task_desc(config), cfg=config, journal=journal)
    interpreter = Interpreter(config.workspace_dir, **OmegaConf.to_container(config.exec))
    made = Path(config.workspace_dir) / "working" / "submission.csv"
    failures = 0
    while len(journal) < config.agent.steps and failures < FAILURES_IN_A_ROW:
        left = TASK.seconds_left
        if left < LEAST_SECONDS_FOR_A_STEP and len(journal) > 0:
            say(f"{left:.0f} s left: not starting another solution")
            break
        interpreter.timeout = int(min(config.exec.timeout, max(10, left - 15)))
        # a submission left by an earlier solution must not count as this one's
        made.unlink(missing_ok=True)
        try:
            agent.step(exec_callback=interpreter.run)
        except Exception as error:
            failures += 1
            logging.getLogger("aide").exception("a step failed")
            say(f"a step failed: {type(error).__name__}: {error}")
            continue
        failures = 0
        save_run(config, journal)
        show_newest(journal)
        submit_newest(journal, made)
        use.save()
    interpreter.cleanup_session()
    return journal


def show_newest(journal: Journal) -> None:
    node = journal[-1]
    result = "buggy" if node.is_buggy else f"metric {node.metric.value}"
    say(f"solution {node.step} ({node.stage_name}): {result}, ran {node.exec_time:.0f} s")


def submit_newest(journal: Journal, made: Path) -> None:
    """Submit the newest solution's submission if it is the best, or if nothing has been submitted yet."""
    newest = journal[-1]
    is_best = journal.get_best_node() is newest
    if not made.is_file():
        if is_best:
            say(f"solution {newest.step} is the best so far but wrote no submission")
        return
    if not (is_best or not TASK.submission.exists()):
        return
    (TASK.code / "solution.py").write_text(newest.code, encoding="utf-8")
    say(f"submitted solution {newest.step}: {TASK.submit(made)}")


def write_report(config: Any, journal: Journal) -> None:
    try:
        report = journal2report(journal, load_task_desc(config), config.report)
    except Exception as error:
        say(f"no report: {type(error).__name__}: {error}")
        return
    (LOGS / "report.md").write_text(report, encoding="utf-8")


class ModelUse:
    """Counts calls and tokens for the run's record."""

    def __init__(self) -> None:
        self.totals: dict[str, Any] = {"calls": 0, "model_seconds": 0.0, "input_tokens": 0, "output_tokens": 0}

    def count_calls(self) -> None:
        for provider, query in list(backend.provider_to_query_func.items()):
            backend.provider_to_query_func[provider] = self._counted(query)

    def save(self) -> None:
        TASK.report_usage({**self.totals, "model_seconds": round(self.totals["model_seconds"], 1)})

    def _counted(self, query: Any) -> Any:
        def counted(**arguments: Any) -> Any:
            answer = query(**arguments)
            _, seconds, tokens_in, tokens_out, _ = answer
            self.totals["calls"] += 1
            self.totals["model_seconds"] += seconds or 0
            self.totals["input_tokens"] += tokens_in or 0
            self.totals["output_tokens"] += tokens_out or 0
            return answer

        return counted


def say(text: str) -> None:
    print(f"aide: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
