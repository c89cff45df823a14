"""Reviews run groups: applies rules, compares code and, on request, asks models; one that fails stops no other."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from grading.printable import printable
from grading.wording import counted
from mlebench._support.hints import unknown
from mlebench._support.steps import Listener, Step, ignore
from mlebench._support.yaml_model import describe
from mlebench.errors import BundleFault, UsageError, WorkFailed
from mlebench.evidence.review.correlation import normalised_scores
from mlebench.evidence.review.familiarity import Familiarity, familiarity
from mlebench.evidence.review.finding import ReviewFinding
from mlebench.evidence.review.judge import RULE as JUDGE
from mlebench.evidence.review.judge import Judgements, ask_judges
from mlebench.evidence.review.looked import look_at
from mlebench.evidence.review.outcome import GroupReview, Review, Skipped
from mlebench.evidence.review.review_file import MOST_FINDINGS, MOST_PLACES, state_of
from mlebench.evidence.review.reviewed import ReviewedGroup, reviewed_groups
from mlebench.evidence.review.rules import RULES
from mlebench.evidence.review.similarity.findings import similarity_findings
from mlebench.evidence.review.similarity.similar_pair import SimilarPair
from mlebench.evidence.review.similarity.similarities import Similarities, similar_pairs
from mlebench.profiles import Budget
from mlebench.runs.record import now

SIMILARITY = "similarity"
FAMILIARITY = "familiarity"
LOOKED_AT = (*RULES, SIMILARITY)
"""What `ReviewOptions.rules` chooses from."""
EVERY_RULE = "every rule"
"""Replaces a rule's name if something is not available at all."""
CALLS_FOLDER = "review"
"""Folder in a group's folder with the ledger and texts of the model calls of its review."""
_MOST_PAIRS, _MOST_STRETCHES = 1000, 5
"""Maximum number of pairs kept with a group's review, and of stretches kept with a pair."""
_LONGEST_REASON = 300
_ORDER = {"violation": 0, "look": 1}


@dataclass(frozen=True)
class ReviewOptions:
    """What a review examines, and with what."""

    rules: tuple[str, ...] = ()
    """Names from `LOOKED_AT`; empty for all."""
    against: Path | None = None
    """A folder of notebooks and scripts that code is compared with, and of their outputs."""
    starter: tuple[Path, ...] = ()
    """Folders of code that every agent was given, which does not indicate copying."""
    judges: tuple[str, ...] = ()
    """Models that answer the judge's questions."""
    familiarity: str | None = None
    """The model whose familiarity with public texts is measured."""
    texts: Path | None = None
    """The folder of these texts, one folder by competition."""
    models: tuple[Path, ...] = ()
    """Files of models of the user's own."""
    budget: Budget | None = None
    """Budget of the judges' calls, and separately of the familiarity calls; None for no limit."""
    calls: Path | None = None
    """Where these calls are recorded; by default `review/` in the folder of the reviewed group, if it is only one."""
    data_dir: Path | None = None
    """Where competitions are prepared; by default the directory in a group's plan."""
    split_key: str | None = None
    """The secret key that their data was split with."""
    jobs: int = 4
    """Concurrent model calls; the models file has each provider's limits."""


def review(sources: Sequence[Path], options: ReviewOptions = ReviewOptions(), listener: Listener = ignore) -> Review:
    """Review the groups in folders and bundles together.

    Args:
        sources: each a group's folder or a bundle.
        options: what to look at.
        listener: receives progress: examined runs, answered questions, measured chunks.

    Raises:
        UsageError: a rule or folder is not there, a bundle cannot be looked at, two sources hold groups of one name, or a model
            cannot be asked.
        OSError: something of the harness's own cannot be read.
    """
    names = chosen_rules(options.rules)
    with contextlib.ExitStack() as stack:
        groups = [group for source in sources for group in _opened(source, options, stack)]
        _refuse_namesakes(groups)
        return _Reviewing(groups, options, listener).review(names)


def _opened(source: Path, options: ReviewOptions, stack: contextlib.ExitStack) -> Sequence[ReviewedGroup]:
    try:
        return stack.enter_context(reviewed_groups(source, data_dir=options.data_dir, split_key=options.split_key))
    except BundleFault as error:
        raise UsageError(f"{source} cannot be reviewed: {error}") from None


def chosen_rules(names: Sequence[str]) -> tuple[str, ...]:
    """The rules of these names in the order of `LOOKED_AT`; all where none is named.

    Raises:
        UsageError: there is no such rule; near names are listed.
    """
    for name in names:
        if name not in LOOKED_AT:
            raise UsageError(unknown("rule", name, LOOKED_AT))
    return tuple(name for name in LOOKED_AT if name in names or not names)


def budget_of(option: str, words: str) -> Budget:
    """The budget that words such as `usd=2,calls=100` set.

    Raises:
        UsageError: they set none; the sentence begins with the option's name.
    """
    try:
        return Budget.model_validate(words)
    except ValidationError as error:
        raise UsageError(f"`{option}`: {describe(error, Budget)}") from None


def _refuse_namesakes(groups: Sequence[ReviewedGroup]) -> None:
    repeated = [name for name, count in Counter(group.group.name for group in groups).items() if count > 1]
    if repeated:
        raise UsageError(f"two of these are groups called {printable(repeated[0])}; review them separately")


class _Reviewing:
    """One review, step by step."""

    def __init__(self, groups: Sequence[ReviewedGroup], options: ReviewOptions, listener: Listener) -> None:
        self._groups, self._options, self._listener = groups, options, listener
        self._findings: list[ReviewFinding] = []
        self._skipped: dict[str, list[Skipped]] = {group.group.name: [] for group in groups}
        """By group."""
        self._incomplete: list[str] = []

    def review(self, names: Sequence[str]) -> Review:
        # first, as a model that cannot be asked is wrong usage
        judgements = self._judge(self._options.judges) if self._options.judges else None
        known = self._measure(self._options.familiarity, self._options.texts)
        self._look([name for name in names if name in RULES])
        similarities = self._compare() if SIMILARITY in names else None
        not_chosen = [Skipped(name, "not requested") for name in LOOKED_AT if name not in names]
        looked_at = (*names, *((JUDGE,) if judgements is not None else ()))
        groups = tuple(self._of_group(group, looked_at, not_chosen, similarities, judgements, known) for group in self._groups)
        return Review(groups, tuple(self._incomplete), similarities)

    def _look(self, names: Sequence[str]) -> None:
        if not names:
            return
        looked = look_at(self._groups, names, self._options.against, self._listener)
        self._findings += looked.findings
        for group, reasons in looked.skipped_in.items():
            self._skipped[group] += [Skipped(rule, reason) for rule, reason in reasons.items()]

    def _compare(self) -> Similarities | None:
        """The similarity of code; None if the comparison failed."""
        self._listener(Step(SIMILARITY, "comparing code"))
        try:
            found = similar_pairs(self._groups, self._options.against, starter=self._options.starter)
            self._findings += similarity_findings(found)
        except Exception as error:
            reason = f"it failed: {printable(f'{type(error).__name__}: {error}', _LONGEST_REASON)}"
            self._skip(SIMILARITY, reason)
            if self._options.against is not None:
                # what the user asked for is missing
                self._incomplete.append(f"{SIMILARITY}: {reason}")
            return None
        finally:
            self._listener(Step(SIMILARITY, ""))
        for sentence in found.left_out:
            self._skip(SIMILARITY, printable(sentence, _LONGEST_REASON))
        return found

    def _skip(self, name: str, reason: str) -> None:
        for skipped in self._skipped.values():
            skipped.append(Skipped(name, reason))

    def _judge(self, judges: Sequence[str]) -> Judgements:
        options = self._options
        judgements = ask_judges(
            self._groups,
            judges,
            folder=self._calls_folder(),
            model_files=options.models,
            budget=options.budget,
            jobs=options.jobs,
            note=self._incomplete.append,
            listener=self._listener,
        )
        self._findings += judgements.findings
        self._incomplete += judgements.unanswered
        return judgements

    def _measure(self, model: str | None, texts: Path | None) -> Familiarity | None:
        if model is None or texts is None:
            return None
        options = self._options
        try:
            known = familiarity(
                model,
                texts,
                folder=self._calls_folder(),
                model_files=options.models,
                budget=options.budget,
                jobs=options.jobs,
                note=self._incomplete.append,
                listener=self._listener,
            )
        except WorkFailed as error:
            self._incomplete.append(str(error))
            return None
        self._incomplete += known.unanswered
        return known

    def _calls_folder(self) -> Path:
        return self._options.calls or self._groups[0].group.folder / CALLS_FOLDER

    def _of_group(
        self,
        group: ReviewedGroup,
        looked_at: tuple[str, ...],
        not_chosen: Sequence[Skipped],
        similarities: Similarities | None,
        judgements: Judgements | None,
        known: Familiarity | None,
    ) -> GroupReview:
        name = group.group.name
        states = {run.run_id: state_of(run.record) for run in group.runs}
        return GroupReview(
            group=name,
            reviewed_at=now(),
            states=states,
            rules=looked_at,
            skipped=tuple(dict.fromkeys((*_not_at_hand(group), *self._skipped[name], *not_chosen))),
            findings=_sorted_findings(self._findings, name, [*states]),
            similarity=None if similarities is None else _pairs_of(similarities, name),
            judgements=None if judgements is None else _of_one_group(judgements, name),
            familiarity=None if known is None else _against_scores(known, group),
        )


def _not_at_hand(group: ReviewedGroup) -> Iterator[Skipped]:
    """What no rule could examine because it is not here."""
    if group.by_hash:
        reasons = ", ".join(f"{printable(reason)}: {count:,}" for reason, count in group.by_hash.items())
        yield Skipped(
            EVERY_RULE, f"{counted(sum(group.by_hash.values()), 'file')} of the bundle present only as hashes ({reasons})"
        )
    if not group.agent_files:
        yield Skipped(EVERY_RULE, "the agent's folder has changed since the group was created")


def _sorted_findings(findings: Iterable[ReviewFinding], group: str, order: Sequence[str]) -> tuple[ReviewFinding, ...]:
    """Those of one group, violations first, then in the order of runs; what is found alike of several runs is found once."""
    runs: dict[ReviewFinding, dict[str, None]] = {}
    for finding in findings:
        if finding.group == group:
            alike = replace(finding, runs=(), evidence=tuple(finding.evidence[:MOST_PLACES]))
            runs.setdefault(alike, {}).update(dict.fromkeys(finding.runs))
    places = {run_id: place for place, run_id in enumerate(order)}
    merged = [
        replace(alike, runs=tuple(sorted(named, key=lambda run_id: places.get(run_id, -1)))) for alike, named in runs.items()
    ]
    merged.sort(key=lambda finding: (_ORDER[finding.level], min((places.get(run_id, -1) for run_id in finding.runs), default=-1)))
    return tuple(merged[:MOST_FINDINGS])


def _pairs_of(similarities: Similarities, group: str) -> dict[str, Any]:
    """The pairs with a side in a group, most similar first."""
    pairs = [pair for pair in similarities.pairs if group in (pair.left.group, pair.right.group)]
    return {
        "threshold": similarities.threshold,
        "notebooks": similarities.notebooks,
        "pairs": [_shortened(pair) for pair in pairs[:_MOST_PAIRS]],
    }


def _shortened(pair: SimilarPair) -> dict[str, Any]:
    told = pair.to_dict()
    return told | {"stretches": told["stretches"][:_MOST_STRETCHES]}


def _of_one_group(judgements: Judgements, group: str) -> dict[str, Any]:
    """The judges' verdicts on one group's runs; their agreement covers all groups that were judged together."""
    told = judgements.to_dict()
    # its findings are listed with those of rules
    del told["findings"]
    return told | {"verdicts": [verdict for verdict in told["verdicts"] if verdict["group"] == group]}


def _against_scores(known: Familiarity, group: ReviewedGroup) -> dict[str, Any]:
    """A model's familiarity with competitions, and whether a group's scores rise with it."""
    reports = [report for run in group.runs if (report := run.record.graded) is not None]
    return {**known.to_dict(), "against_scores": known.against(normalised_scores(reports)).to_dict()}
