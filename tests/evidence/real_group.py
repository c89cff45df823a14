"""A run group as it really comes about: twelve runs in containers, whose agent asks the checker and models, in every way that
leaves a trace of another kind in its records.

    with prepared data of `COMPETITIONS` in `data_dir`:
        group = make_group(folder, data_dir)

What becomes of each run is in `ENDS`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from mlebench.gateway import gateway as gateways
from mlebench.gateway.bounds import Bounds
from mlebench.preparation import PreparationOptions, prepare_all
from mlebench.registry import Registry
from mlebench.runs.group import Group
from mlebench.runs.start import run as start
from tests.gateway.asking import CLIENT
from tests.gateway.provider import KEY, Answer, Provider, Received
from tests.scripted import scripted_agent

COMPETITIONS = ("demo-breast-cancer", "demo-diabetes", "demo-digits", "demo-wine")
SEEDS = (0, 1, 2)
INVALID, WITHOUT, TWICE, REFUSED, MEDAL = (
    "demo-breast-cancer_seed1",
    "demo-digits_seed1",
    "demo-digits_seed2",
    "demo-wine_seed1",
    "demo-breast-cancer_seed2",
)
"""Runs: with an invalid submission, with none, with two attempts, whose checker refused calls (429 and 413), and with a medal."""

MODELS = """
providers:
  scripted: {{dialects: [chat], base_url: "{url}", key: SCRIPTED_KEY}}
models:
  m: {{provider: scripted, served: m-served, prices: {{input: 1, output: 2}}}}
  flaky: {{provider: scripted, served: flaky-served, prices: {{input: 1, output: 2}}}}
"""
SETTINGS = """
description: neighbours of each row, and many questions
arguments: {neighbours: 5}
models: [m, flaky]
"""
START = """#!/bin/bash
set -e
exec python "$(dirname "$0")/program.py" "$@"
"""
PROGRAM = r"""
import csv, http.client, shutil, socket, threading
import numpy as np

HERE = os.environ["COMPETITION_ID"], int(os.environ["MLEBENCH_SEED"])
COMPETITION, SEED = HERE
DATA, SUBMISSION, LOGS, CODE = (os.environ[name + "_DIR"] for name in ("DATA", "SUBMISSION", "LOGS", "CODE"))


def table(name):
    with open(f"{DATA}/{name}.csv") as file:
        head, *rows = csv.reader(file)
    return head, rows


class Checker(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect("/run/mlebench/checker.sock")


def check(content, length=None):
    start, end = b'--b\r\nContent-Disposition: form-data; name="file"; filename="s.csv"\r\n\r\n', b"\r\n--b--\r\n"
    connection = Checker("localhost")
    headers = {"Content-Type": "multipart/form-data; boundary=b"} | ({"Content-Length": str(length)} if length else {})
    try:
        connection.request("POST", "/validate", None if length else start + content + end, headers)
        answer = connection.getresponse()
        print("checked", answer.status, answer.read().decode()[:60], flush=True)
        return answer.status
    finally:
        connection.close()


def neighbours(count):
    sample, rows = table("sample_submission")
    (head, train), (_, test) = table("train"), table("test")
    target = [row[-1] for row in train]
    known, asked = (np.array([row[1:len(head) - 1] for row in part], float) for part in (train, test))
    middle, spread = known.mean(0), known.std(0) + 1e-9
    known, asked = (known - middle) / spread, (asked - middle) / spread
    nearest = np.argsort(((asked[:, None] - known[None]) ** 2).sum(-1), axis=1)[:, :count]
    if len(sample) > 2:
        found = np.array([[[target[i] == name for i in near] for name in sample[1:]] for near in nearest]).mean(-1)
        found = (found + 0.02) / (found + 0.02).sum(1, keepdims=True)
    else:
        found = np.array([[float(target[i]) for i in near] for near in nearest]).mean(1, keepdims=True)
    return sample, {row[0]: values for row, values in zip(test, found.tolist())}, [row[0] for row in rows]


def write(path, sample, values, ids):
    text = "\n".join([",".join(sample), *(",".join([name, *map(repr, values[name])]) for name in ids)]) + "\n"
    with open(path, "w") as file:
        file.write(text)
    return text.encode()


shutil.copy(__file__, f"{CODE}/program.py")
print("asked", ask(f"how is {COMPETITION}?")[0], ask(f"and seed {SEED}?")[0], flush=True)
if HERE == ("demo-digits", 2):
    status = ask("again?", model="flaky")[0]
    print("flaky", status, flush=True)
    if status != 200:
        sys.exit(3)
if HERE == ("demo-digits", 0):
    print("unknown", ask("who?", model="no-such-model")[0], flush=True)
if COMPETITION == "demo-digits":
    sample, rows = table("sample_submission")
    values, ids = {row[0]: [SEED] for row in rows}, [row[0] for row in rows]
else:
    sample, values, ids = neighbours(1 + 2 * int(sys.argv[1].split("=")[1]) * SEED)
check(b"nonsense\n1\n")
content = write(f"{LOGS}/candidate.csv", sample, values, ids)
check(content)
if HERE == ("demo-wine", 1):
    check(b"", length=10**12)
    statuses = []
    # on a machine that is slow enough, a few more are allowed meanwhile
    while 429 not in statuses:
        threads = [threading.Thread(target=lambda: statuses.append(check(content))) for _ in range(12)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
if HERE == ("demo-breast-cancer", 1):
    ids = ids[:-1]
if HERE != ("demo-digits", 1):
    write(f"{SUBMISSION}/submission.csv", sample, values, ids)
with open(f"{LOGS}/notes.txt", "w") as file:
    file.write(f"{COMPETITION} {SEED} done\n")
"""


def make_group(folder: Path, data_dir: Path, name: str = "group") -> Group:
    """Run the agent, four runs at a time, and return the group in `folder / "runs"`; its agent is in `folder / "agents"`.

    Args:
        folder: of the caller's own.
        data_dir: where the competitions are prepared, or will be.
        name: of the group.
    """
    prepare_data(data_dir)
    agent = scripted_agent(folder / "agents" / "asker", START, SETTINGS.strip())
    (agent.directory / "program.py").write_text(CLIENT + PROGRAM)
    (agent.directory / "notes").mkdir()
    (agent.directory / "notes" / "plan.md").write_text("Ask, then count neighbours.\n")
    flaky = iter(range(10))

    def answer(received: Received) -> Answer:
        # the first question and the gateway's own, which distinguishes a provider that is down from an agent that gave up
        fails = received.model == "flaky-served" and next(flaky) < 2
        return Answer(status=503) if fails else Answer(text=f"well, {len(received.body)} bytes")

    with Provider(KEY) as provider, _environment({"SCRIPTED_KEY": KEY}), pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateways, "Bounds", partial(Bounds, grace_seconds=0.2))
        provider.answer = answer
        (folder / "models.yaml").write_text(MODELS.format(url=provider.base_url("chat")))
        [result] = start(
            agents=str(agent.directory), competitions=COMPETITIONS, seeds=len(SEEDS), name=name, parallel=4, retry_delay=0.01,
            profile={"base": "demo", "cpus": 0.5, "memory": "256m", "grace": "2s", "network": "models", "budget": "calls=20"},
            models=[folder / "models.yaml"], data_dir=data_dir, runs_dir=folder / "runs",
        )  # fmt: skip
    return result.group


def prepare_data(data_dir: Path) -> None:
    """Prepare the competitions, as far as they are not."""
    registry = Registry(data_dir)
    prepare_all([registry.get_competition(name) for name in COMPETITIONS], PreparationOptions(), tell=lambda sentence: None)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        patch.delenv("MLEBENCH_MODELS", raising=False)
        assert os.environ.items() >= values.items()
        yield
