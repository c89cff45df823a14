"""A killed harness loses no line of a call that it answered; `ledger_kill_trials` does the same as often as one likes."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from mlebench._support.ledger import Ledger
from mlebench.runs.ledgers import ledger_path
from tests.runs.ledger_kill_trials import Answers, faults, trials


def test_ledgers_outlive_kills_under_load(tmp_path: Path) -> None:
    found = list(trials(tmp_path, 3, random.Random(0)))
    assert [problems for _, problems, _, _ in found] == [[]] * 4
    assert found[-1][2] >= 3


@pytest.mark.parametrize("fault", ["lost", "doubled", "changed", "lost refusal"])
def test_the_trial_itself_sees_what_it_looks_for(tmp_path: Path, fault: str) -> None:
    digests = [f"{number:064x}" for number in range(3)]
    check: dict[str, Any] = {"outcome": "checked"}
    write(
        tmp_path, "checker_calls", [{**check, "sha256": digest} for digest in digests] + [{"outcome": "refused", "sha256": None}]
    )
    write(tmp_path, "model_calls", [{"outcome": "answered", "response_sha256": digest} for digest in digests])
    answers = Answers([*digests], [400], [*digests])
    assert list(faults(tmp_path, answers)) == []
    path = ledger_path(tmp_path, "model_calls")
    if fault == "lost":
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    elif fault == "doubled":
        write(tmp_path, "model_calls", [{"outcome": "answered", "response_sha256": digests[0]}])
    elif fault == "changed":
        path.write_text(path.read_text().replace('"n":2', '"n":3'))
    else:
        answers.refused.append(429)
    assert len(list(faults(tmp_path, answers))) == 1


def write(folder: Path, name: str, entries: list[dict[str, Any]]) -> None:
    ledger = Ledger(ledger_path(folder, name))
    for entry in entries:
        ledger.append(entry)
    ledger.close()
    assert json.loads(ledger_path(folder, name).read_text().splitlines()[-1])["hash"] == ledger.head
