"""What many have says nothing: idioms of a folder's notebooks, and what an agent writes whatever the competition is."""

from __future__ import annotations

import numpy as np
import pytest

from mlebench.evidence.review.similarity.boilerplate import FEWEST, boilerplate
from mlebench.evidence.review.similarity.code_set import CodeSet, Side, code_set
from mlebench.evidence.review.texts import TextFile
from tests.evidence.review.similarity.solutions import solutions

SOLUTIONS = [text for name, text in {**solutions("tables"), **solutions("images")}.items() if name.endswith(".py")]
IDIOM = """
def seeded(seed):
    for module in (random, numpy.random):
        module.seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(seed)
        torch.backends.cudnn.benchmark = not torch.backends.cudnn.deterministic
    return {name: hash((name, seed)) % 2 ** 32 for name in sorted(os.environ) if name.startswith("SEED")}
"""
OF_IDIOM = set(code_set(Side("notebook", "idiom.py"), [TextFile("idiom.py", "code", IDIOM)]).prints.hashes.tolist())


def notebook(name: str, text: str) -> CodeSet:
    return code_set(Side("notebook", name), [TextFile(name, "code", text)])


def run(competition: str, text: str, group: str = "g") -> CodeSet:
    return code_set(Side("run", f"{competition}_seed0", group, competition, "agent"), [TextFile("a.py", "code", text)])


def notebooks(having: int, among: int = 10, folder: str = "") -> list[CodeSet]:
    return [notebook(f"{folder}{place}.py", SOLUTIONS[place] + IDIOM * (place < having)) for place in range(among)]


@pytest.mark.parametrize(("having", "expected"), [(FEWEST, True), (FEWEST - 1, False)])
def test_what_several_notebooks_have_is_common(having: int, expected: bool) -> None:
    assert OF_IDIOM
    found = set(boilerplate([], notebooks(having)).tolist())
    # and nothing of what each has of its own
    assert found == (OF_IDIOM if expected else set())


def test_each_folder_counts_by_itself() -> None:
    spread = [*notebooks(2, folder="one/"), *notebooks(2, folder="two/")]
    assert not OF_IDIOM & set(boilerplate([], spread).tolist())


def test_forks_count_as_one() -> None:
    forks = [notebook(f"fork{place}.py", SOLUTIONS[0].replace("17", str(place)) + "x = 1\n" * place) for place in range(8)]
    assert len(boilerplate([], [*forks, *notebooks(0)])) == 0


def test_what_an_agent_writes_in_most_competitions_is_common() -> None:
    runs = [run(f"c{place}", SOLUTIONS[place] + IDIOM * (place < 3)) for place in range(5)]
    assert set(boilerplate(runs, []).tolist()) == OF_IDIOM
    # two competitions tell nothing, and neither do several groups
    assert len(boilerplate(runs[:2], [])) == 0
    assert len(boilerplate([run(f"c{place}", IDIOM, group=f"g{place}") for place in range(5)], [])) == 0


def test_nothing_is_common_to_nobody() -> None:
    assert boilerplate([], []).dtype == np.uint64 and len(boilerplate([], [])) == 0
