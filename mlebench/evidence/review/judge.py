"""Asks judging models about runs: were predictions written by hand, was another model called, was anything fetched from outside?

A judge is believed only if it quotes: a yes counts only if one of its quotes is in the text it was shown. Logs and code may have
been written to mislead the judge, so a no proves nothing, and a yes is a reason to look, never a violation.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from mlebench._support.coroutines import completed
from mlebench._support.steps import Listener, Step, Tally, ignore
from mlebench.errors import Refusal, UsageError
from mlebench.evidence.review.finding import Evidence, ReviewFinding
from mlebench.evidence.review.judging.agreement import Kappa, kappa_of
from mlebench.evidence.review.judging.answers import JudgeAnswer, KeptAnswers, ProvenAnswer, key_of, proven, read_answer
from mlebench.evidence.review.judging.chunks import CHARACTERS, Chunk, Chunks, chunks_of
from mlebench.evidence.review.judging.questions import (
    QUESTIONS,
    JudgeQuestion,
    answer_text,
    new_marker,
    prompt_of,
    request_body,
)
from mlebench.evidence.review.reviewed import ReviewedGroup, ReviewedRun
from mlebench.evidence.review.rules.quotes import first_few
from mlebench.gateway.catalogue import read_catalogue
from mlebench.gateway.dialects.table import DIALECTS
from mlebench.gateway.models import Model
from mlebench.gateway.own_calls import OwnCalls, own_access
from mlebench.profiles import Budget

RULE = "judge"
NAME = "judge"
"""Begins the names of the ledger and of the folder of texts."""
CHUNKS = 40
"""Maximum chunks of a run's texts that are shown for one question."""
_TRIES = 2
"""Tries of a question whose answer does not have the required form."""
_NO_SUCH = (401, 403, 404)
"""How a provider answers calls to a model that it does not serve to this account."""


@dataclass(frozen=True)
class RunVerdict:
    """What one judge says to one question about one run."""

    group: str
    run: str
    judge: str
    question: str
    is_yes: bool | None
    """None if nothing was shown, or if some chunks have no answer and none of the others is a yes."""
    chunks: int
    """That it was shown, or was to be."""
    left_out: int
    """Chunks beyond those that may be shown."""
    unanswered: int
    """Chunks without an answer."""
    unproven: int
    """Chunks with a yes but no quote that exists; they count as no."""
    evidence: tuple[Evidence, ...] = ()
    steering: tuple[Evidence, ...] = ()
    """Passages that instruct a reviewer what to answer."""


@dataclass(frozen=True)
class Judgements:
    """What the judges say."""

    judges: Sequence[str]
    verdicts: Sequence[RunVerdict]
    findings: Sequence[ReviewFinding]
    kappa: Sequence[Kappa]
    """Of each pair of judges: of each question, then over all; empty for one judge."""
    unanswered: Sequence[str]
    """A sentence for each judge and reason; the review is incomplete where there is one."""
    usage: dict[str, Any]
    """`calls`, `input_tokens`, `output_tokens`, `cost_usd` (None if a price is unknown) of this review, and `kept_answers`,
    which earlier ones paid for."""

    @property
    def is_complete(self) -> bool:
        """Whether every question has an answer."""
        return not self.unanswered

    def to_dict(self) -> dict[str, Any]:
        """The JSON of it."""
        return {
            "judges": [*self.judges],
            "complete": self.is_complete,
            "unanswered": [*self.unanswered],
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "findings": [finding.to_dict() for finding in self.findings],
            "kappa": [kappa.to_dict() for kappa in self.kappa],
            "usage": self.usage,
        }


def ask_judges(
    groups: Sequence[ReviewedGroup],
    judges: Sequence[str],
    *,
    folder: Path,
    model_files: Iterable[Path] = (),
    budget: Budget | None = None,
    jobs: int = 4,
    chunks: int = CHUNKS,
    characters: int = CHARACTERS,
    patience: float = 600.0,
    note: Callable[[str], None] = lambda sentence: None,
    listener: Listener = ignore,
) -> Judgements:
    """Ask one judge or several about all runs of some groups.

    Answers in the folder, given by the same models to the same question about the same chunks, are reused, so running the review
    again completes one that ended early. A spent budget or a failing provider leaves questions unanswered and raises nothing.

    Args:
        groups: whose runs are judged.
        judges: models or aliases, each once.
        folder: for `judge_calls.jsonl`, `judge_answers.jsonl` and `judge_transcript/`.
        model_files: of the user's own, see `read_catalogue`.
        budget: of this review; none by default.
        jobs: calls at once, at least 1.
        chunks: see `CHUNKS`.
        characters: of a chunk at most; fewer for a model that reads less at once.
        patience: seconds for which a provider may fail.
        note: receives a sentence if something could not be recorded.
        listener: receives the number of finished questions, each about one run and to one judge.

    Raises:
        UsageError: a judge is unknown or named twice, its key is not set, or a budget in usd is asked of one without a price.
    """
    if repeated := [name for name, count in Counter(judges).items() if count > 1]:
        raise UsageError(f"judge `{repeated[0]}` is given twice; pass another model to `--judge`")
    budget = budget or Budget()
    access = own_access(judges, read_catalogue(model_files), budget, patience)
    if twice := _same_model(access.models):
        raise UsageError(f"judges `{twice[0]}` and `{twice[1]}` are the same model; pass another to `--judge`")
    kept = KeptAnswers(folder)
    runs = sum(len(group.runs) for group in groups)
    tally = Tally(listener, NAME, "asking models", runs * len(QUESTIONS) * len(access.models), "question")

    async def ask() -> Judgements:
        async with OwnCalls(access, folder, NAME, note) as calls:
            panel = _Panel(calls, access.models, kept, budget, jobs, tally)
            return await panel.judge(groups, chunks, characters)

    try:
        return completed(ask())
    finally:
        kept.close()
        listener(Step(NAME, ""))


class _Panel:
    """The judges of one review."""

    def __init__(
        self,
        calls: OwnCalls,
        models: Mapping[str, Model],
        kept: KeptAnswers,
        budget: Budget,
        jobs: int,
        tally: Tally,
    ) -> None:
        self._tally = tally
        self._calls, self._models, self._kept, self._budget = calls, models, kept, budget
        self._places, self._runs = asyncio.Semaphore(jobs), asyncio.Semaphore(jobs)
        self._ended: dict[str, str] = {}
        """Why a judge gets no more questions."""
        self._asked: Counter[str] = Counter()
        self._unanswered: Counter[tuple[str, str]] = Counter()
        """By judge and reason."""
        self._reused = 0

    async def judge(self, groups: Sequence[ReviewedGroup], chunks: int, characters: int) -> Judgements:
        tasks = [self._judge_run(run, chunks, characters) for group in groups for run in group.runs]
        verdicts = [verdict for found in await asyncio.gather(*tasks) for verdict in found]
        return Judgements(
            tuple(self._models),
            verdicts,
            _findings(verdicts, len(self._models)),
            _kappas(tuple(self._models), verdicts),
            [
                f"{count} of {self._asked[judge]} questions to judge {judge} were not answered: {reason}"
                for (judge, reason), count in sorted(self._unanswered.items())
            ],
            {**self._calls.usage, "kept_answers": self._reused},
        )

    async def _judge_run(self, run: ReviewedRun, chunks: int, characters: int) -> list[RunVerdict]:
        # the texts of few runs are held at once
        async with self._runs:
            shown = await asyncio.to_thread(_shown, run, chunks, characters)
            tasks = [
                self._verdict(run, judge, question, shown[question.parts]) for question in QUESTIONS for judge in self._models
            ]
            return await asyncio.gather(*tasks)

    async def _verdict(self, run: ReviewedRun, judge: str, question: JudgeQuestion, shown: Chunks) -> RunVerdict:
        answers = await asyncio.gather(*(self._proven(judge, question, chunk) for chunk in shown.shown))
        self._tally.add()
        told = [answer for answer in answers if answer is not None]
        unanswered = len(answers) - len(told)
        is_yes = any(answer.counts for answer in told)
        return RunVerdict(
            run.group.name,
            run.run_id,
            judge,
            question.name,
            None if not answers or (unanswered and not is_yes) else is_yes,
            len(answers),
            shown.left_out,
            unanswered,
            sum(answer.is_unproven for answer in told),
            first_few(place for answer in told for place in answer.evidence),
            first_few(place for answer in told for place in answer.steering),
        )

    async def _proven(self, judge: str, question: JudgeQuestion, chunk: Chunk) -> ProvenAnswer | None:
        self._asked[judge] += 1
        answer = self._kept.get(key_of(self._models[judge], question, chunk))
        if answer is not None:
            self._reused += 1
        else:
            async with self._places:
                answer = await self._answer(judge, question, chunk)
        return None if answer is None else await asyncio.to_thread(proven, answer, chunk)

    async def _answer(self, judge: str, question: JudgeQuestion, chunk: Chunk) -> JudgeAnswer | None:
        model, reason = self._models[judge], "its answer is not in the required form"
        dialect = model.dialects[0]
        for _ in range(_TRIES):
            if judge in self._ended:
                reason = self._ended[judge]
                break
            words = prompt_of(question, chunk, new_marker(chunk.text))
            try:
                told = await self._calls.ask(model, DIALECTS[dialect], request_body(dialect, model.name, *words))
            except Refusal:
                reason = f"the judges' budget ({self._budget.words}) is spent; `--judge-budget` sets another"
                self._ended |= dict.fromkeys(self._models, reason)
                break
            if told.content is None:
                reason = told.reason
                if told.status in _NO_SUCH or self._calls.is_down(model):
                    self._ended[judge] = reason
                break
            if (answer := read_answer(answer_text(dialect, told.content))) is not None:
                self._kept.add(key_of(model, question, chunk), answer, {"judge": judge, "question": question.name})
                return answer
        self._unanswered[judge, reason] += 1
        return None


def _same_model(models: Mapping[str, Model]) -> tuple[str, str] | None:
    pairs = combinations(models.items(), 2)
    return next(((one, other) for (one, first), (other, second) in pairs if first == second), None)


def _shown(run: ReviewedRun, chunks: int, characters: int) -> dict[tuple[str, ...], Chunks]:
    """What is shown of a run, by the parts that a question is about."""
    kinds = dict.fromkeys(question.parts for question in QUESTIONS)
    run = run.alone()
    return {parts: chunks_of(run.texts(*parts), chunks, characters) for parts in kinds}


def _findings(verdicts: Sequence[RunVerdict], judges: int) -> list[ReviewFinding]:
    found = []
    for group, run in dict.fromkeys((verdict.group, verdict.run) for verdict in verdicts):
        of_run = [verdict for verdict in verdicts if (verdict.group, verdict.run) == (group, run)]
        for question in QUESTIONS:
            said = [verdict for verdict in of_run if verdict.question == question.name and verdict.is_yes]
            if said:
                evidence = first_few(place for verdict in said for place in verdict.evidence)
                found.append(_finding(group, run, f"{_who(said, judges)} that {question.finding}", evidence))
        if steered := [verdict for verdict in of_run if verdict.steering]:
            evidence = first_few(place for verdict in steered for place in verdict.steering)
            found.append(
                _finding(group, run, f"{_who(steered, judges)} that its texts instruct a reviewer what to answer", evidence)
            )
    return found


def _finding(group: str, run: str, text: str, evidence: tuple[Evidence, ...]) -> ReviewFinding:
    return ReviewFinding(RULE, "look", group, (run,), text, evidence)


def _who(verdicts: Sequence[RunVerdict], judges: int) -> str:
    names = list(dict.fromkeys(verdict.judge for verdict in verdicts))
    if judges == 1:
        return f"judge {names[0]} says"
    return f"{len(names)} of {judges} judges ({', '.join(names)}) {'says' if len(names) == 1 else 'say'}"


def _kappas(judges: tuple[str, ...], verdicts: Sequence[RunVerdict]) -> list[Kappa]:
    said = {(verdict.judge, verdict.group, verdict.run, verdict.question): verdict.is_yes for verdict in verdicts}
    found = []
    for first, second in combinations(judges, 2):
        pairs = [
            (question, bool(answer), bool(other))
            for (judge, group, run, question), answer in said.items()
            if judge == first and answer is not None and (other := said[second, group, run, question]) is not None
        ]
        for name in [question.name for question in QUESTIONS]:
            found.append(kappa_of((first, second), name, [pair[1:] for pair in pairs if pair[0] == name]))
        found.append(kappa_of((first, second), None, [pair[1:] for pair in pairs]))
    return found
