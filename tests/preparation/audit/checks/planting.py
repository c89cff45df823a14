"""Copies of prepared mocks in which something is planted, as checks get them."""

from __future__ import annotations

import shutil
from pathlib import Path

from mlebench.preparation.audit.case import Case
from mlebench.preparation.audit.labels import read_labels
from mlebench.preparation.audit.seen.listing import Seen
from mlebench.preparation.audit.truth import read_truth
from mlebench.registry import Competition, Registry
from mlebench.registry.edition import EditionName
from tests.cases import Cases


def copied(cases: Cases, name: str, folder: Path, edition: EditionName = "v2") -> Competition:
    """A competition prepared from its mock, in a folder of the test's own."""
    prepared = cases.prepared(name, edition).prepared_dir
    competition = Registry(folder / "data", edition).get_competition(name)
    shutil.copytree(prepared, competition.prepared_dir)
    for path in competition.prepared_dir.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return competition


def case_of(competition: Competition) -> Case:
    """What the checks get."""
    truth, seen = read_truth(competition), Seen(competition.public_dir)
    sample = competition.sample_submission.name
    return Case(competition, seen, truth, read_labels(seen, truth, sample))
