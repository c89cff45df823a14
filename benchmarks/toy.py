"""A prepared competition of two rows and agents with a single script, for benchmarks with real runs."""

from __future__ import annotations

from pathlib import Path

from mlebench.agents import AgentSpec, get_agent

FACTS = """\
id: {name}
version: 1
title: Nothing
split: demo
modality: tabular
task: regression
metric: {{name: mean absolute error, direction: minimize}}
files: {{answers: private/a.csv, sample_submission: public/s.csv, public: [s.csv], private: [a.csv]}}
thresholds: {{gold: 0.1, silver: 0.2, bronze: 0.3, median: 0.5}}
"""
GRADE = """\
from sklearn.metrics import mean_absolute_error

from grading import Grader, Real

grader = Grader(id="id", columns={"y": Real()}, metric=mean_absolute_error)
"""


def make_competition(root: Path) -> None:
    """The competition `toy` in `root/competitions`, prepared in `root/data`."""
    folder, prepared = root / "competitions" / "toy", root / "data" / "toy" / "prepared"
    for path in (folder, prepared / "public", prepared / "private"):
        path.mkdir(parents=True)
    (folder / "competition.yaml").write_text(FACTS.format(name="toy"))
    (folder / "grade.py").write_text(GRADE)
    (folder / "description.md").write_text("Nothing to do.\n")
    (prepared / "public" / "s.csv").write_text("id,y\na,1\nb,1\n")
    (prepared / "private" / "a.csv").write_text("id,y\na,0\nb,2\n")


def make_agent(folder: Path, script: str, settings: str = "description: a script") -> AgentSpec:
    """An agent whose start script is `script`; `settings` is its `agent.yaml`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "agent.yaml").write_text(f"{settings}\n")
    (folder / "start.sh").write_text(f"#!/bin/bash\n{script}\n")
    (folder / "start.sh").chmod(0o755)
    return get_agent(str(folder))
