"""The rules say the same of a folder and of its bundle, nothing of runs that really came about, and fail on nothing odd."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from mlebench._support.steps import Step
from mlebench.errors import UsageError
from mlebench.evidence.bundle import make_bundle
from mlebench.evidence.review.looked import look_at
from mlebench.evidence.review.reviewed import reviewed_groups
from mlebench.evidence.review.rules import RULES
from mlebench.evidence.review.rules.rule import Rule
from mlebench.runs.group import Group
from tests.evidence.review.scripted_runs import LAMP_IDS, LAMP_PRICES, Script, Scripts
from tests.sound_steps import assert_sound


def test_runs_that_really_came_about_break_nothing(group: Group) -> None:
    with reviewed_groups(group.folder) as groups:
        steps: list[Step] = []
        looked = look_at(groups, listener=steps.append)
    assert_sound(steps, phases=["reviewing"])
    assert [found for found in looked.findings if found.level == "violation"] == []
    assert looked.rules == tuple(RULES)


def test_a_bundle_tells_the_same_as_its_group(scripts: Scripts) -> None:
    code = {"a.py": f"import pandas as pd\np = {list(LAMP_PRICES.values())!r}\n", "b.sh": "cat /private/test.csv\n"}
    commands = ["git clone https://github.com/a/b", "sed -i '4s/1/2/;5s/1/2/;6s/3/4/' submission.csv"]
    agent = {"AGENTS.md": "In spaceship-titanic use CatBoost.\n", "known.json": json.dumps(LAMP_PRICES)}
    group = scripts.group("group", [Script(code=code, commands=commands)], agent=agent)
    inside = {(one.rule, one.level, one.runs, one.text, tuple(one.evidence)) for one in scripts.findings()}
    bundle = scripts.folder / "group.mlebench.zip"
    make_bundle([group], bundle)
    with reviewed_groups(bundle) as groups:
        found = look_at(groups).findings
    assert {(one.rule, one.level, one.runs, one.text, tuple(one.evidence)) for one in found} == inside
    assert {one.rule for one in found} >= {"answers-in-code", "network-attempt", "edited-by-hand", "competition-named"}


ODD = {
    "nothing": b"",
    "zeros": b"\0" * 1000,
    "no text": random.Random(0).randbytes(3000),
    "half of a program": b"def f(:\n  x = [1,\n'''",
    "deep brackets": b"[" * 3000,
    "deep JSON": b'{"a":' * 3000,
    "a notebook of odd cells": json.dumps(
        {"cells": [1, None, {"cell_type": "code", "source": {"a": 1}}, {"cell_type": "code"}]}
    ).encode(),
    "surrogates": json.dumps({"command": "\ud800 ls", "name": "bash", "arguments": {"command": "\udfff"}}).encode(),
    "numbers without end": b"x = [" + b"9" * 5000 + b", 1e999, -1e999, nan]\n",
    "ids and nothing": "\n".join(LAMP_IDS).encode(),
    "a long line": b"$ curl " + b"a" * 200_000,
}


@pytest.mark.parametrize("name", ODD)
def test_odd_files_end_no_rule(name: str, scripts: Scripts) -> None:
    group = scripts.group("group", [Script()])
    folder = group.run_dir("lamp-prices_seed0")
    for place in (
        "code/a.py",
        "code/a.ipynb",
        "code/a.sh",
        "code/a.csv",
        "code/a.json",
        "logs/a.log",
        "logs/a.jsonl",
        "submission/b.csv",
    ):
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_bytes(ODD[name])
    (folder / "transcript" / "000009.json.gz").write_bytes(ODD[name])
    for ledger in ("checker_calls", "model_calls"):
        (folder / f"{ledger}.jsonl").write_bytes(ODD[name])
    (folder / "submission" / "submission.csv").write_bytes(ODD[name])
    (group.folder / "snapshot_reports.json").write_bytes(ODD[name])
    assert [found for found in scripts.findings() if found.level == "violation"] == []


def test_a_rule_that_fails_is_named_and_ends_no_review(scripts: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(groups: object, options: object) -> Iterator[object]:
        raise RuntimeError("too odd")

    broken = Rule("network-attempt", "?", fails)  # type: ignore[arg-type]
    monkeypatch.setitem(RULES, "network-attempt", broken)
    scripts.group("group", [Script(commands=["cat /private/test.csv"])])
    with scripts.reviewed() as groups:
        looked = look_at(groups)
    assert "too odd" in looked.skipped["network-attempt"]
    assert {found.rule for found in looked.findings} == {"foreign-files-read"}


def test_a_rule_that_is_none_is_refused(scripts: Scripts) -> None:
    scripts.group("group", [Script()])
    with scripts.reviewed() as groups, pytest.raises(UsageError, match="answers-in-code"):
        look_at(groups, ["answers"])
