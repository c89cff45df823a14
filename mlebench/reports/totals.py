"""How all runs of a result ended and what they took together, as cards of a page."""

from __future__ import annotations

from collections.abc import Iterator

from mlebench.reports.components import Card
from mlebench.reports.document import ResultsDocument
from mlebench.reports.figures import mean_or_none
from mlebench.reports.notation import REPORTED, duration, gpu_time, usd, whole


def totals(entry: ResultsDocument) -> Iterator[Card]:
    """A card for how runs ended, and one each for time, money and tokens if known."""
    runs = [run for row in entry.competitions for run in row.runs]
    ended = {state: sum(run.state == state for run in runs) for state in ("failed", "timed-out")}
    valid = sum(run.outcome == "valid" for run in runs)
    told = f"{whole(ended['failed'])} failed, {whole(ended['timed-out'])} timed out"
    yield Card("Runs with a valid submission", f"{valid:,} of {len(runs):,}", [told])
    if (mean := mean_or_none([run.hours for run in runs])) is not None:
        gpu_hours = [run.gpu_hours for run in runs if run.gpu_hours is not None]
        yield Card("Time per run", duration(mean), ["mean", *([f"{gpu_time(sum(gpu_hours))} GPU in total"] if gpu_hours else [])])
    used, source = (entry.usage, "") if entry.usage is not None else (entry.reported_usage, REPORTED)
    if used is None:
        return
    per_medal = [f"{usd(used.cost_per_medal_usd)} per medal"] if used.cost_per_medal_usd is not None else []
    yield Card("US dollars", usd(used.total.cost_usd), [*per_medal, *([source] if source else [])])
    parts = f"{whole(used.total.input_tokens)} input, {whole(used.total.output_tokens)} output"
    yield Card("Tokens", whole(used.total.tokens), [parts, *([source] if source else [])])
