"""How a review is told in every output: what is found of which runs, where it stands, and what was not looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from grading.printable import printable
from grading.wording import counted
from mlebench.evidence.review.finding import Evidence, ReviewFinding
from mlebench.evidence.review.outcome import GroupReview
from mlebench.reports.flagged_runs import FlaggedTotals, Totals
from mlebench.reports.notation import METRIC_TITLES, NOTHING, interval, number, plus_minus
from mlebench.reports.statistics import Interval

WAYS = {
    "with_flagged": "all runs",
    "without_flagged": "without flagged runs",
    "flagged_as_failures": "flagged runs as failures",
}
"""In which totals are seen, by the names of `FlaggedTotals`."""
FLAGGED_NOTE = (
    "A run with a violation is flagged; findings to look at do not flag a run. Without flagged runs, a seed is averaged over "
    "its remaining competitions."
)
_MOST_RUNS = 3
_LONGEST_NAME = 200


def runs_text(finding: ReviewFinding, review: GroupReview) -> str:
    """The runs of a finding: their ids, `all 6 runs` of the group, or the first and how many more."""
    if len(finding.runs) > _MOST_RUNS and set(finding.runs) == set(review.states):
        return f"all {len(finding.runs)} runs"
    named = ", ".join(printable(run_id, _LONGEST_NAME) for run_id in finding.runs[:_MOST_RUNS])
    more = len(finding.runs) - _MOST_RUNS
    return f"{named} and {more} more" if more > 0 else named or NOTHING


def place_text(evidence: Evidence) -> str:
    """Where it stands, such as `demo-wine_seed0/logs/agent.log:12`."""
    name = printable(evidence.file, _LONGEST_NAME)
    return name if evidence.line is None else f"{name}:{evidence.line}"


def summary(review: GroupReview) -> str:
    """What a review found, in one sentence without its full stop."""
    violations = sum(finding.level == "violation" for finding in review.findings)
    looks = len(review.findings) - violations
    found = f"{counted(len(review.flagged), 'flagged run')} of {len(review.states):,}"
    return f"{found}, {counted(violations, 'violation')} and {counted(looks, 'finding')} to look at by {_rules(review)}"


def _rules(review: GroupReview) -> str:
    return counted(len(review.rules), "rule")


def skipped_lines(review: GroupReview) -> Iterator[str]:
    """A line for each reason why rules were not looked at, with the rules that have it."""
    by_reason: dict[str, list[str]] = {}
    for entry in review.skipped:
        by_reason.setdefault(entry.reason, []).append(entry.rule)
    for reason, rules in by_reason.items():
        yield f"{', '.join(printable(rule) for rule in dict.fromkeys(rules))}: {reason}"


def similarity_lines(review: GroupReview) -> Iterator[str]:
    """With how much code was compared, and what is most alike, findings or not."""
    if review.similarity is None:
        return
    compared, pairs = counted(review.similarity["notebooks"], "notebook"), review.similarity["pairs"]
    if not pairs:
        yield f"compared with {compared} and between runs; no two share much code"
        return
    most = pairs[0]
    sides = " and ".join(_side_text(most[side], review) for side in ("left", "right"))
    shares = f"{most['left_share']:.0%} of the first is in the second, {most['right_share']:.0%} vice versa"
    alike = f"the most similar of {counted(len(pairs), 'pair')} are {sides}, {most['similarity']:.0%} ({shares})"
    yield f"compared with {compared} and between runs; {alike}"


def _side_text(side: Mapping[str, str], review: GroupReview) -> str:
    name = printable(side["name"], _LONGEST_NAME)
    if side["kind"] == "notebook":
        return f"the notebook {name}"
    where = "" if side["group"] == review.group else f" of {printable(side['group'], _LONGEST_NAME)}"
    return f"{'the agent' if side['kind'] == 'agent' else name}{where}"


def model_lines(review: GroupReview) -> Iterator[str]:
    """What judges left open, and how far they agree beyond chance."""
    if review.judgements is None:
        return
    for sentence in review.judgements["unanswered"]:
        yield f"incomplete: {sentence}"
    for kappa in review.judgements["kappa"]:
        of = "all questions" if kappa["question"] is None else f"the question {kappa['question']}"
        judges = " and ".join(printable(name) for name in kappa["judges"])
        value = f"undefined, as {kappa['reason']}" if kappa["kappa"] is None else f"{kappa['kappa']:.2f}"
        yield f"kappa of {judges} over {of}, {counted(kappa['runs'], 'verdict')}: {value}"


def familiarity_lines(review: GroupReview) -> Iterator[str]:
    """Whether scores rise with what a model knows of competitions, and what could not be measured."""
    if review.familiarity is None:
        return
    relation, model = review.familiarity["against_scores"], printable(review.familiarity["model"])
    for sentence in review.familiarity["unanswered"]:
        yield f"incomplete: {sentence}"
    for name in ("pearson", "spearman"):
        found = relation[name]
        value = f"undefined, as {found['reason']}"
        if found["value"] is not None:
            value = f"{found['value']:.2f} (95 % {interval(found['interval'] and Interval(*found['interval']), 2)})"
        of = counted(len(relation["points"]), "competition")
        yield f"{name.capitalize()} correlation of scores with the familiarity of {model} with {of}: {value}"


def totals_header() -> list[str]:
    """The columns of `totals_rows`."""
    return ["split", "over", "runs", *METRIC_TITLES.values(), "relative"]


def totals_rows(totals: Sequence[FlaggedTotals]) -> Iterator[list[str]]:
    """A row for each selection and way of seeing it."""
    for entry in totals:
        for way, title in WAYS.items():
            yield [entry.selection.name, title, *_cells(getattr(entry, way))]


def _cells(totals: Totals) -> list[str]:
    figures = [plus_minus(totals.metrics.get(name)) for name in METRIC_TITLES]
    return [f"{totals.runs:,}", *figures, number(totals.mean_normalized_score)]
