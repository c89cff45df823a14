"""Audits one competition: runs the checks, measures what their clues are worth and which findings are declared."""

from __future__ import annotations

import fnmatch
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from grading.printable import printable
from grading.wording import counted
from mlebench._support.hints import unknown
from mlebench._support.steps import Listener, Step, Tally, ignore
from mlebench.errors import UsageError
from mlebench.preparation.audit.bought import Market
from mlebench.preparation.audit.case import Case, Check
from mlebench.preparation.audit.checks import CHECKS
from mlebench.preparation.audit.checks.sample_submission import CHECK as SAMPLE
from mlebench.preparation.audit.clue import Clue
from mlebench.preparation.audit.finding import Finding
from mlebench.preparation.audit.labels import read_labels
from mlebench.preparation.audit.seen.listing import Seen
from mlebench.preparation.audit.truth import read_truth
from mlebench.preparation.record import misfit
from mlebench.registry import Competition

logger = logging.getLogger("mlebench")
_SAYS_ALL, _ECHOES = "answer-cells", ("cell-form", "predictive-columns")


@dataclass(frozen=True)
class AuditOptions:
    """How competitions are audited.

    Attributes:
        checks: names of the checks; empty for all.
        quick: leave out what reads pixels and samples.
        jobs: processes.
    """

    checks: Sequence[str] = ()
    quick: bool = False
    jobs: int = 1

    def chosen(self) -> Mapping[str, Check]:
        """The checks to run, by name.

        Raises:
            UsageError: there is no check of a name.
        """
        for name in self.checks:
            if name not in CHECKS:
                raise UsageError(unknown("check", name, CHECKS))
        return {name: check for name, check in CHECKS.items() if not self.checks or name in self.checks}


@dataclass(frozen=True)
class Audit:
    """What an audit of one competition in one edition came to."""

    competition: str
    edition: str
    findings: Sequence[Finding]
    """Undeclared ones first, then by the number of test rows they affect."""
    checks: Sequence[str]
    """Names of the checks that were run to their end."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why a check could not be run, by its name."""
    troubles: Sequence[str] = ()
    """Files that could not be looked into."""
    files: int = 0
    """How many an agent sees, members of archives included."""
    test_rows: int = 0
    seconds: float = 0.0

    @property
    def undeclared(self) -> Sequence[Finding]:
        """Findings that no issue declares."""
        return [finding for finding in self.findings if finding.declared is None]

    def to_dict(self) -> dict[str, Any]:
        """The audit as JSON holds it."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


def audit(competition: Competition, options: AuditOptions | None = None, listener: Listener = ignore) -> Audit:
    """Look for answers of a prepared competition in what an agent sees of it.

    Args:
        competition: the competition, in the edition to be audited.
        options: how; by default all checks in this process.
        listener: gets the checks that are done, and which one is under way.

    Raises:
        NotPrepared: it is not prepared.
        UsageError: there is no such check, or the data is from another key or version of the competition.
    """
    options = options or AuditOptions()
    started = time.monotonic()
    chosen = options.chosen()
    if problem := misfit(competition):
        raise UsageError(problem)
    subject = f"{competition.id} {competition.edition.name}"
    listener(Step(subject, "reading the data"))
    truth = read_truth(competition)
    seen = Seen(competition.public_dir, jobs=options.jobs)
    # a competition may show no sample to agents and keep one for programs
    sample = Path(os.path.relpath(competition.sample_submission, competition.public_dir)).as_posix()
    case = Case(competition, seen, truth, read_labels(seen, truth, sample), options.quick, options.jobs)
    market = Market(competition, truth)
    findings: list[Finding] = []
    failed: dict[str, str] = {}
    tally = Tally(listener, subject, "auditing", len(chosen), "check", every=0)
    for name, check in chosen.items():
        listener(Step(name, f"looking at {counted(len(seen.files), 'file')}"))
        try:
            findings += [_finding(clue, case, market) for clue in check(case) if market.hides_answers or not clue.guesses]
        except Exception as error:
            # odd data must not hide what the other checks find
            logger.exception("the check %s of %s failed", name, competition.id)
            failed[name] = printable(f"{type(error).__name__}: {error}", 300)
        listener(Step(name, ""))
        tally.add()
    listener(Step(subject, ""))
    return Audit(
        competition.id,
        competition.edition.name,
        sorted(
            _without_echoes(findings), key=lambda found: (found.declared is not None, -(found.rows or 0), found.check, found.file)
        ),
        [name for name in chosen if name not in failed],
        failed,
        tuple(seen.troubles),
        len(seen.files),
        truth.rows,
        time.monotonic() - started,
    )


def _without_echoes(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Cells that are the answers also predict them and have a form; that is said once for each file."""
    said = {found.file: found.rows or 0 for found in findings if found.check == _SAYS_ALL}
    for found in findings:
        if found.check not in _ECHOES or (found.rows or 0) > said.get(found.file, -1):
            yield found


def _finding(clue: Clue, case: Case, market: Market) -> Finding:
    told = np.zeros(case.truth.rows, dtype=bool)
    for guess in clue.guesses:
        told |= guess.told
    rows = clue.rows if clue.rows is not None else int(told.sum()) or None
    bought = market.bought(clue.guesses, of_sample=clue.check == SAMPLE)
    competition = case.competition
    return Finding(
        competition.id,
        competition.edition.name,
        clue.check,
        printable(clue.file, 300),
        printable(clue.what, 500),
        rows,
        None if rows is None else min(1.0, rows / case.truth.rows),
        bought.score,
        bought.baseline,
        bought.medal,
        declaring_issue(competition, clue.check, clue.file),
    )


def declaring_issue(competition: Competition, check: str, file: str) -> str | None:
    """The name of the first issue in `issues.yaml` that says about this edition that such a finding is known."""
    for issue in competition.issues:
        for known in issue.found_as:
            in_edition = known.edition in (None, competition.edition.name)
            if in_edition and known.check == check and fnmatch.fnmatchcase(file, known.file):
                return issue.name
    return None
