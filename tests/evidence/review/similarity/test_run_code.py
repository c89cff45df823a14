"""Code that a run only ran, and left nowhere, is compared as what it left is."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from mlebench.evidence.review.finding import ReviewFinding
from mlebench.evidence.review.similarity.findings import similarity_findings
from mlebench.evidence.review.similarity.similarities import similar_pairs
from tests.evidence.review.scripted_runs import STYLES, Script, Scripts
from tests.evidence.review.similarity.disguise import disguised
from tests.evidence.review.similarity.solutions import solutions

PYTHON = {name: text for name, text in solutions("tables").items() if name.endswith(".py") and not text.startswith("# %%")}
ONE_LINE = ("prompt log", "trace log", "steps log")
"""Logs that tell of a command what stands on its first line."""
COPIED, DECOY = "tuned.py", "scratch.py"


def written(text: str) -> str:
    return f"cat > /tmp/solve.py <<'EOF'\n{text}\nEOF\npython /tmp/solve.py"


def found(scripts: Scripts, folder: Path) -> list[ReviewFinding]:
    (folder / "notebooks").mkdir()
    for name, text in PYTHON.items():
        if name != DECOY:
            (folder / "notebooks" / name).write_text(text)
    with scripts.reviewed() as groups:
        return list(similarity_findings(similar_pairs(groups, folder / "notebooks")))


@pytest.mark.parametrize("style", [style for style in STYLES if style not in ONE_LINE])
def test_a_copy_that_was_only_run_is_found(scripts: Scripts, tmp_path: Path, style: str) -> None:
    copy = disguised(PYTHON[COPIED], random.Random(style))
    scripts.group("g", [Script(style=style, commands=["ls", written(copy)], code={"solution.py": PYTHON[DECOY]})])
    [finding] = found(scripts, tmp_path)
    assert finding.level == "violation" and COPIED in finding.text
    place = finding.evidence[0]
    assert place.file.startswith(finding.runs[0]) and "step" not in place.file and place.line is None


def test_work_of_ones_own_that_was_only_run_is_not(scripts: Scripts, tmp_path: Path) -> None:
    drafts = [written(PYTHON[DECOY].replace("25", str(place))) for place in range(5)]
    scripts.group("g", [Script(commands=drafts, code={"solution.py": PYTHON[DECOY]})])
    assert found(scripts, tmp_path) == []


def test_a_draft_counts_by_itself_among_many(scripts: Scripts, tmp_path: Path) -> None:
    own = [written(text) for name, text in PYTHON.items() if name == DECOY]
    copy = written(disguised(PYTHON[COPIED], random.Random(6)))
    scripts.group("g", [Script(commands=[*own, copy], code={"solution.py": PYTHON[DECOY]})])
    [finding] = found(scripts, tmp_path)
    assert finding.level == "violation"
