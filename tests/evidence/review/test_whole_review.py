"""The command with all its parts, on a group whose agent worked: true rules, code against notebooks, a judge and familiarity."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlebench.cli.main import main
from mlebench.evidence.review.review import LOOKED_AT
from mlebench.runs.group import Group
from tests.browser import open_browser
from tests.evidence.review import test_familiarity
from tests.evidence.review.judges import NO, Asked, judges, key
from tests.evidence.toy_group import group, made, root
from tests.gateway.provider import Provider

__all__ = ["group", "key", "made", "root"]
SOLUTIONS = Path(__file__).parent / "similarity" / "solutions" / "tables"


def code(name: str) -> str:
    return (SOLUTIONS / f"{name}.py.txt").read_text(encoding="utf-8")


@pytest.fixture
def copying(group: Group) -> Group:
    """The group, in which each run has written a solution of its own and `toy-a_seed1` has somebody else's."""
    for run, name in zip(group.plan.runs, ("pipeline", "scratch", "tuned", "embeddings"), strict=True):
        own = "boosting" if run.run_id == "toy-a_seed1" else name
        (group.run_dir(run.run_id) / "code" / "solve.py").write_text(code(own))
    return group


@pytest.fixture
def notebooks(root: Path) -> Path:
    """A folder with the solution that was copied, and another one."""
    folder = root / "notebooks"
    folder.mkdir()
    for name in ("boosting", "experiment"):
        (folder / f"{name}.py").write_text(code(name))
    return folder


def reviewed(capsys: pytest.CaptureFixture[str], exit_code: int, *words: str | Path) -> dict[str, Any]:
    """The document of the one group."""
    assert main(["review", "group", *map(str, words), "--json"]) == exit_code
    document = json.loads(capsys.readouterr().out)
    (told,) = document["groups"]
    return {**told, "incomplete": document["incomplete"]}


def test_honest_runs_of_an_honest_agent_are_flagged_by_nothing(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    told = reviewed(capsys, 0)
    assert told["rules"] == list(LOOKED_AT) and told["flagged"] == []
    assert not [entry for entry in told["skipped"] if "failed" in entry["reason"]]
    assert told["similarity"]["notebooks"] == 0


def test_copied_code_flags_the_run_that_has_it(
    copying: Group, notebooks: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = reviewed(capsys, 1, "--against", notebooks, "--html", root / "pages" / "review.html")
    assert told["flagged"] == ["toy-a_seed1"]
    (finding,) = [entry for entry in told["findings"] if entry["level"] == "violation"]
    assert (finding["rule"], finding["evidence"][0]["file"]) == ("similarity", "toy-a_seed1/code/solve.py")
    (most, *_) = told["similarity"]["pairs"]
    assert (most["left"]["name"], most["right"]["name"]) == ("toy-a_seed1", "boosting.py") and most["similarity"] > 0.9

    with open_browser(root / "profile") as page:
        page.open(root / "pages" / "review.html")
        links = page.run("[...document.querySelectorAll('main a')].map((link) => link.getAttribute('href'))")
        assert page.errors == []
        page.open(root / "pages" / "review-similarity.html")
        assert "toy-a_seed1" in page.run("document.querySelector('#pairs tbody tr').textContent")
        assert page.errors == []
    assert "review-similarity.html" in links and "../runs/group/toy-a_seed1/code/solve.py" in links
    assert all((root / "pages" / link).is_file() for link in links)


def test_code_that_all_were_given_is_no_copy(
    copying: Group, notebooks: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "starter").mkdir()
    (root / "starter" / "begin.py").write_text(code("boosting"))
    assert reviewed(capsys, 0, "--against", notebooks, "--starter", root / "starter")["flagged"] == []


@pytest.fixture
def judge(root: Path, key: str) -> Iterator[Provider]:
    """A model that finds something wrong with one run's log."""

    def says(asked: Asked) -> Any:
        if asked.question == "by_hand" and "epoch 1" in asked.shown and "wrote row 7 myself" in asked.shown:
            return {"answer": "yes", "quotes": ["I wrote row 7 myself"], "steering": []}
        return NO

    with judges(root, says) as provider:
        yield provider


def test_a_judge_is_asked_on_request_and_flags_nothing(
    group: Group, root: Path, judge: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    (group.run_dir("toy-a_seed0") / "logs" / "training.log").write_text("epoch 1\nI wrote row 7 myself\n")
    options = ("--rule", "edited-by-hand", "--models", root / "models.yaml", "--judge", "a")
    told = reviewed(capsys, 0, *options)

    assert told["flagged"] == [] and told["rules"] == ["edited-by-hand", "judge"] and told["incomplete"] == []
    (finding,) = told["findings"]
    assert (finding["rule"], finding["level"], finding["runs"]) == ("judge", "look", ["toy-a_seed0"])
    assert finding["evidence"][0]["file"] == "toy-a_seed0/logs/training.log"
    calls = told["judgements"]["usage"]["calls"]
    assert calls > 0 and (group.folder / "review" / "judge_calls.jsonl").is_file()

    again = reviewed(capsys, 0, *options)
    assert again["judgements"]["usage"] == {**again["judgements"]["usage"], "calls": 0, "kept_answers": calls}
    assert again["findings"] == told["findings"]


def test_a_judge_whose_budget_is_spent_leaves_the_review_incomplete(
    group: Group, root: Path, judge: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--rule", "edited-by-hand", "--models", root / "models.yaml", "--judge", "a")
    told = reviewed(capsys, 1, *options, "--judge-budget", "calls=2")
    (sentence,) = told["incomplete"]
    assert "were not answered: the judges' budget (calls=2) is spent" in sentence
    assert reviewed(capsys, 0, *options)["incomplete"] == []


def test_a_model_that_nobody_knows_is_wrong_usage(group: Group, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["review", "group", "--judge", "no-such-model"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "no-such-model" in err and err.count("\n") == 1


def test_familiarity_stands_against_the_groups_scores(
    group: Group, root: Path, judge: Provider, capsys: pytest.CaptureFixture[str]
) -> None:
    test_familiarity.serve(judge, test_familiarity.completion, test_familiarity.refuse)
    texts = test_familiarity.put(root, **{"toy-a": "one e two three", "toy-b": "no such words", "elsewhere": "red apples"})
    options = ("--rule", "edited-by-hand", "--models", root / "models.yaml", "--familiarity", "a", "--texts", texts)
    known = reviewed(capsys, 0, *options)["familiarity"]

    assert set(known["competitions"]) == {"toy-a", "toy-b", "elsewhere"}
    points = known["against_scores"]["points"]
    assert [point["competition"] for point in points] == ["toy-a", "toy-b"]
    assert points[0]["measure"] == pytest.approx((0.9 + 0.2 + 0.9) / 3)
    assert known["against_scores"]["pearson"]["value"] is None
    assert main(["report", "group"]) == 0
    assert "Pearson correlation of scores with the familiarity of a with 2 competitions: undefined" in " ".join(
        capsys.readouterr().out.split()
    )
