"""Copies of notebooks are found however they are disguised, and independent solutions of one task are not.

Measured with these solutions: independent ones of one task are at most 2 % alike, disguised copies at least 90 %, and copies with
statements put before a tenth of their own at least 75 %.
"""

from __future__ import annotations

import itertools
import random
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mlebench.errors import UsageError
from mlebench.evidence.review.finding import LONGEST_QUOTE, ReviewFinding
from mlebench.evidence.review.reviewed import reviewed_groups
from mlebench.evidence.review.similarity.findings import similarity_findings
from mlebench.evidence.review.similarity.similarities import Similarities, similar_pairs
from mlebench.evidence.review.texts import LeftFile
from mlebench.runs.group import Group
from tests.evidence.review.similarity.disguise import (
    as_notebook,
    disguised,
    notebook_of,
    split_into_files,
    with_statements_between,
    without_magics,
)
from tests.evidence.review.similarity.solutions import solutions

RUN, SAME, ELSEWHERE = "toy-a_seed0", "toy-a_seed1", "toy-b_seed0"
TABLES, IMAGES = solutions("tables"), solutions("images")
PYTHON = {name: text for name, text in {**TABLES, **IMAGES}.items() if name.endswith(".py")}
INDEPENDENT_AT_MOST, DISGUISED_AT_LEAST, PADDED_AT_LEAST = 0.05, 0.9, 0.7


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    """A folder with every solution: scripts as they are, those made of cells as notebooks."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name, text in {**TABLES, **IMAGES}.items():
        if text.startswith("# %%"):
            (folder / name).with_suffix(".ipynb").write_text(notebook_of(text))
        else:
            (folder / name).write_text(text)
    return folder


def leave(group: Group, run_id: str, files: Mapping[str, str]) -> None:
    """Let a run's code be these files alone."""
    folder = group.run_dir(run_id) / "code"
    shutil.rmtree(folder)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def compare(source: Path, against: Path | None = None, *starter: Path) -> Similarities:
    with reviewed_groups(source) as groups:
        return similar_pairs(groups, against, starter=starter)


def likeness(found: Similarities, run_id: str, notebook: str) -> float:
    """By a notebook's name without its ending."""
    named = {(pair.left.name, Path(pair.right.name).stem): pair.extent for pair in found.pairs}
    return named.get((run_id, Path(notebook).stem), 0.0)


def findings(found: Similarities) -> list[ReviewFinding]:
    return list(similarity_findings(found))


@pytest.mark.parametrize("name", PYTHON)
@pytest.mark.parametrize("form", ["one file", "three files", "a notebook", "with statements between"])
def test_a_disguised_copy_is_found_and_nothing_else(group: Group, notebooks: Path, name: str, form: str) -> None:
    copy = disguised(PYTHON[name], random.Random(name))
    forms = {
        "one file": lambda: {"solve.py": copy},
        "three files": lambda: split_into_files(copy),
        "a notebook": lambda: {"work.ipynb": as_notebook(copy)},
        "with statements between": lambda: {"solve.py": with_statements_between(copy, random.Random(1))},
    }
    leave(group, RUN, forms[form]())
    found = compare(group.folder, notebooks)
    assert likeness(found, RUN, name) > (PADDED_AT_LEAST if form.startswith("with") else DISGUISED_AT_LEAST)
    assert all(likeness(found, RUN, other) < INDEPENDENT_AT_MOST for other in (*TABLES, *IMAGES) if other != name)
    [finding] = findings(found)
    assert (finding.rule, finding.level, finding.group, finding.runs) == ("similarity", "violation", "group", (RUN,))
    assert Path(name).stem in finding.text and "%" in finding.text


def test_independent_solutions_of_one_task_are_not_alike(group: Group, notebooks: Path) -> None:
    for task in (TABLES, IMAGES):
        for mine, other in itertools.combinations(task, 2):
            leave(group, RUN, {mine: without_magics(task[mine])})
            (notebooks.parent / "other").mkdir(exist_ok=True)
            against = notebooks.parent / "other" / f"{Path(other).stem}{Path(other).suffix}"
            against.write_text(task[other])
            found = compare(group.folder, against)
            assert likeness(found, RUN, other) < INDEPENDENT_AT_MOST
            assert findings(found) == []


def test_a_copy_in_another_language_of_words_is_found(group: Group, notebooks: Path) -> None:
    text = re.sub(r"\b(target|grid|errors|forest|train|test|bills)\b", r"my_\1", TABLES["forest.R"])
    text = re.sub(r"\b[0-9]+\b", "7", text).replace("\n", "\n# remark\n")
    leave(group, RUN, {"model.R": text})
    assert likeness(compare(group.folder, notebooks), RUN, "forest") > DISGUISED_AT_LEAST


def test_a_copy_among_much_code_of_ones_own_is_found(group: Group, notebooks: Path) -> None:
    """In one file or another, and the whole is less alike than the part."""
    own = {f"own/{name}": without_magics(text) for name, text in PYTHON.items() if name not in ("tuned.py", "stacked.py")}
    for name in own:
        (notebooks / Path(name).name).unlink(missing_ok=True)
    (notebooks / "explored.ipynb").unlink()
    (notebooks / "keras_net.ipynb").unlink()
    leave(group, RUN, {**own, "solve.py": disguised(PYTHON["tuned.py"], random.Random(2))})
    [finding] = findings(compare(group.folder, notebooks))
    assert finding.level == "violation" and "tuned" in finding.text


def test_a_broken_cell_hides_no_other(group: Group, notebooks: Path) -> None:
    copy = disguised(PYTHON["boosting.py"], random.Random(3))
    leave(group, RUN, {"solve.py": f"x = = 3\n{copy}\nprint 'Python 2'\nif broken(\n"})
    assert likeness(compare(group.folder, notebooks), RUN, "boosting") > DISGUISED_AT_LEAST


def test_evidence_names_lines_of_both_sides(group: Group, notebooks: Path) -> None:
    leave(group, RUN, {"solve.py": "\n" * 40 + PYTHON["tuned.py"]})
    found = compare(group.folder, notebooks)
    [finding] = findings(found)
    assert finding.evidence and len(finding.evidence) <= 5
    for place in finding.evidence:
        lines = re.fullmatch(r"lines (\d+)–(\d+) as lines (\d+)–(\d+) of tuned.py", place.quote)
        assert lines and place.file == f"{RUN}/code/solve.py" and len(place.quote) <= LONGEST_QUOTE
        first, last, there_first, there_last = map(int, lines.groups())
        assert (first, last) == (there_first + 40, there_last + 40) and place.line == first
    covered = {line for stretch in found.pairs[0].stretches for line in range(stretch.right.first, stretch.right.last + 1)}
    statements = [place for place, line in enumerate(PYTHON["tuned.py"].split("\n"), 1) if line.strip() and "import" not in line]
    assert len(covered.intersection(statements)) > 0.8 * len(statements)


def test_what_everybody_was_given_does_not_count(group: Group, notebooks: Path, tmp_path: Path) -> None:
    starter = tmp_path / "starter"
    (starter / "deep").mkdir(parents=True)
    (starter / "deep" / "given.py").write_text(PYTHON["boosting.py"])
    leave(group, RUN, {"solve.py": disguised(PYTHON["boosting.py"], random.Random(4))})
    assert findings(compare(group.folder, notebooks))
    assert findings(compare(group.folder, notebooks, starter)) == []


def test_what_many_notebooks_have_does_not_count_but_forks_of_one_are_one(group: Group, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    names = [name for name in PYTHON if name not in ("tuned.py", "explored.py", "keras_net.py")]
    idiom = "\n".join(PYTHON["tuned.py"].split("\n")[:34])
    leave(group, RUN, {"solve.py": idiom})
    (folder / names[0]).write_text(f"{PYTHON[names[0]]}\n{idiom}")
    assert findings(compare(group.folder, folder))
    for name in names:
        (folder / name).write_text(f"{PYTHON[name]}\n{idiom}")
    assert findings(compare(group.folder, folder)) == []
    leave(group, RUN, {"solve.py": PYTHON["tuned.py"]})
    for place, name in enumerate(names):
        (folder / name).write_text(PYTHON["tuned.py"].replace("0.2", str(place)))
    found = findings(compare(group.folder, folder))
    assert {finding.level for finding in found} == {"violation"} and len(found) == len(names)


def test_an_agents_folder_is_compared_with_notebooks_and_not_with_its_runs(group: Group, notebooks: Path) -> None:
    """Otherwise a notebook that an agent brings along would count as given."""
    text = PYTHON["tuned.py"]
    leave(group, RUN, {"solve.py": text})
    with reviewed_groups(group.folder) as groups:
        brought = LeftFile("agent/solve.py", "agent", len(text), lambda: iter([text.encode()]))
        found = findings(similar_pairs([replace(reviewed, agent_files=[brought]) for reviewed in groups], notebooks))
    assert [set(finding.runs) for finding in found] == [{RUN, SAME, ELSEWHERE, "toy-b_seed1"}]
    assert found[0].evidence[0].file == "agent/solve.py"


def test_runs_of_one_group_are_in_the_table_alone(group: Group) -> None:
    for run_id in (RUN, SAME, ELSEWHERE):
        leave(group, run_id, {"solve.py": PYTHON["tuned.py"]})
    found = compare(group.folder)
    # of one competition
    assert [{pair.left.name, pair.right.name} for pair in found.pairs] == [{RUN, SAME}]
    assert found.pairs[0].similarity == 1
    assert findings(found) == []


def test_runs_of_two_groups_are_told_for_both(group: Group, root: Path) -> None:
    for run_id in (SAME, ELSEWHERE, "toy-b_seed1"):
        leave(group, run_id, {})
    leave(group, RUN, {"solve.py": PYTHON["tuned.py"]})
    shutil.copytree(group.folder, root / "runs" / "second")
    second = Group.open(root / "runs" / "second")
    leave(second, RUN, {"solve.py": disguised(PYTHON["tuned.py"], random.Random(5))})
    found = findings(compare(root / "runs"))
    assert [(finding.group, finding.runs, finding.level) for finding in found] == [
        # by one agent
        ("group", (RUN,), "look"),
        ("second", (RUN,), "look"),
    ]
    plan = root / "runs" / "second" / "group.yaml"
    plan.write_text(re.sub(r"(\n +name: )scripted\b", r"\1another", plan.read_text()))
    assert {finding.level for finding in findings(compare(root / "runs"))} == {"violation"}


def test_what_is_too_long_is_told(group: Group, notebooks: Path) -> None:
    leave(group, RUN, {"long.py": "x = 1\n" * 300_000, "solve.py": PYTHON["tuned.py"]})
    found = compare(group.folder, notebooks)
    [sentence] = found.left_out
    assert sentence.startswith("1 file of group toy-a_seed0 omitted")
    assert likeness(found, RUN, "tuned") == 1


def test_a_folder_that_is_not_there_is_named(group: Group, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere does not exist"):
        compare(group.folder, tmp_path / "nowhere")


def test_links_in_the_folder_are_not_followed(group: Group, tmp_path: Path) -> None:
    folder = tmp_path / "linked"
    folder.mkdir()
    (tmp_path / "kept.py").write_text(PYTHON["tuned.py"])
    (folder / "link.py").symlink_to(tmp_path / "kept.py")
    leave(group, RUN, {"solve.py": PYTHON["tuned.py"]})
    found = compare(group.folder, folder)
    assert found.notebooks == 0 and found.pairs == []
