"""How familiar a model is with competitions: how probable it finds public texts about them.

This is the measure of the MLE-bench paper: the mean probability that a model assigns to the true tokens of a competition's
discussions. If memorised discussions helped, scores would rise with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mlebench._support.coroutines import completed
from mlebench._support.hints import alternatives
from mlebench._support.ledger import Ledger, ledger_lines, stated_number
from mlebench._support.plain_files import entries_plain, read_plain
from mlebench._support.steps import Listener, Step, Tally, ignore
from mlebench.errors import Refusal, UsageError, WorkFailed
from mlebench.evidence.review.correlation import RESAMPLES, SEED, Relation, relation_of
from mlebench.evidence.review.log_probabilities import LOWEST, WAYS, Way
from mlebench.gateway.catalogue import read_catalogue
from mlebench.gateway.failures import is_failure
from mlebench.gateway.models import Model
from mlebench.gateway.own_calls import OwnCalls, own_access
from mlebench.profiles import Budget

NAME = "familiarity"
FILE = "familiarity_answers.jsonl"
"""Results of chunks, so that no call is paid for twice."""
CHARACTERS = 8_000
"""Maximum characters of a chunk, and thus of the context before any token."""
_SUFFIXES = (".txt", ".md")
_LARGEST_TEXT, _MOST_BYTES, _MOST_FILES = 16 * 2**20, 256 * 2**20, 10_000
_LARGEST_KEPT = 2**28
_MOST_TOKENS = 10**7
_REACH = 200
"""Characters before a chunk's end in which a blank is sought."""


class ChunkSums(NamedTuple):
    """The result of a chunk."""

    tokens: int
    probability: float
    """Sum over the tokens."""
    log_probability: float
    """The same of natural logarithms."""


@dataclass(frozen=True)
class CompetitionFamiliarity:
    """How familiar a model is with one competition."""

    competition_id: str
    texts: int
    chunks: int
    """That were measured."""
    unanswered: int
    """Chunks that were not."""
    tokens: int
    """Tokens that have context in their chunk."""
    probability: float | None
    """Mean over the tokens, from 0 to 1; None if no chunk was measured."""
    probability_interval: tuple[float, float] | None
    """95 % percentile bootstrap interval over chunks; None for fewer than two."""
    log_probability: float | None
    """Mean of natural logarithms, from -100 to 0."""
    log_probability_interval: tuple[float, float] | None


@dataclass(frozen=True)
class Familiarity:
    """How familiar a model is with competitions."""

    model: str
    competitions: Mapping[str, CompetitionFamiliarity]
    """By id."""
    unanswered: Sequence[str]
    """A sentence for each reason why chunks were not measured."""
    usage: dict[str, Any]
    """See `Judgements.usage`."""

    @property
    def is_complete(self) -> bool:
        """Whether all texts were measured."""
        return not self.unanswered

    def against(self, scores: Mapping[str, float]) -> Relation:
        """Mean probabilities of competitions against scores; competitions without both are omitted.

        Args:
            scores: by competition, seeds averaged, such as `correlation.normalised_scores` gives them.
        """
        known = {name: entry.probability for name, entry in self.competitions.items()}
        return relation_of({name: value for name, value in known.items() if value is not None}, scores)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of it."""
        return {
            "model": self.model,
            "complete": self.is_complete,
            "unanswered": [*self.unanswered],
            "competitions": {name: asdict(entry) for name, entry in self.competitions.items()},
            "usage": self.usage,
        }


def familiarity(
    model: str,
    texts: Path,
    *,
    folder: Path,
    model_files: Iterable[Path] = (),
    budget: Budget | None = None,
    jobs: int = 4,
    characters: int = CHARACTERS,
    patience: float = 600.0,
    note: Callable[[str], None] = lambda sentence: None,
    listener: Listener = ignore,
) -> Familiarity:
    """Measure how familiar a model is with the competitions that have texts.

    Args:
        model: a model or an alias that is asked in the chat dialect, behind a server that returns log-probabilities of prompts.
        texts: holds `<competition id>/*.txt` and `*.md`, each of at most 16 MiB; links are not followed.
        folder: for `familiarity_calls.jsonl`, `familiarity_answers.jsonl` and `familiarity_transcript/`.
        model_files: of the user's own, see `read_catalogue`.
        budget: of this measurement; none by default.
        jobs: calls at once, at least 1.
        characters: of a chunk at most, at least 1; chunks of one text are as nearly equal as blanks allow.
        patience: seconds for which the provider may fail.
        note: receives a sentence if something could not be recorded.
        listener: receives the number of measured chunks.

    Raises:
        UsageError: the model is unknown or unavailable, returns no log-probabilities, or there are no texts.
        WorkFailed: the provider fails from the first call on.
    """
    budget = budget or Budget()
    access = own_access([model], read_catalogue(model_files), budget, patience)
    asked = access.models[model]
    if "chat" not in asked.dialects:
        raise UsageError(
            f"model `{model}` is only available in {alternatives(asked.dialects)}, which does not return log-probabilities of "
            "prompts; choose a model in the chat dialect behind a server such as vLLM"
        )
    chunks = {name: list(_chunks_in(found, characters)) for name, found in _texts_in(texts).items()}
    counts = {name: len({chunk.text for chunk in found}) for name, found in chunks.items()}
    kept = _KeptSums(folder, asked)
    tally = Tally(listener, NAME, "asking models", sum(map(len, chunks.values())), "chunk")

    async def measure() -> Familiarity:
        async with OwnCalls(access, folder, NAME, note) as calls:
            meter = _Meter(calls, asked, kept, budget, jobs)
            await meter.begin(chunk.words for found in chunks.values() for chunk in found)

            async def measured(chunk: _Chunk) -> ChunkSums | None:
                sums = await meter.measure(chunk.words)
                tally.add()
                return sums

            tasks = {name: asyncio.gather(*map(measured, found)) for name, found in chunks.items()}
            entries = {name: _summed(name, counts[name], await sums) for name, sums in tasks.items()}
            return Familiarity(model, entries, meter.sentences, {**calls.usage, "kept_answers": meter.reused})

    try:
        return completed(measure())
    finally:
        kept.close()
        listener(Step(NAME, ""))


class _Chunk(NamedTuple):
    text: str
    """Name of the text."""
    words: str


class _Meter:
    """Asks a model for the probabilities of chunks."""

    def __init__(self, calls: OwnCalls, model: Model, kept: _KeptSums, budget: Budget, jobs: int) -> None:
        self.reused = 0
        self._calls, self._model, self._kept = calls, model, kept
        self._spent = f"the budget ({budget.words}) is spent; `--judge-budget` sets another"
        self._places = asyncio.Semaphore(jobs)
        self._first: tuple[str, ChunkSums] | None = None
        self._way: Way | None = None
        self._ended: str | None = None
        self._asked = 0
        self._unanswered: Counter[str] = Counter()

    @property
    def sentences(self) -> list[str]:
        return [
            f"{count} of {self._asked} chunks were not measured: {reason}" for reason, count in sorted(self._unanswered.items())
        ]

    async def begin(self, chunks: Iterable[str]) -> None:
        """Find out which method the model's server supports, with the first chunk that is not measured yet.

        Raises:
            UsageError: it supports none.
            WorkFailed: it fails.
        """
        words = next((words for words in chunks if self._kept.get(words) is None), None)
        if words is not None:
            try:
                self._first = words, await self._find_way(words)
            except Refusal:
                self._ended = self._spent

    async def measure(self, words: str) -> ChunkSums | None:
        """The result of a chunk; None if the model returns none, with the reason in `sentences`."""
        self._asked += 1
        if self._first is not None and self._first[0] == words:
            return self._first[1]
        if (known := self._kept.get(words)) is not None:
            self.reused += 1
            return known
        async with self._places:
            found = self._ended or await self._measured(words)
        if isinstance(found, str):
            self._unanswered[found] += 1
            return None
        self._kept.add(words, found)
        return found

    async def _measured(self, words: str) -> ChunkSums | str:
        """The result of a chunk, or the reason why it is unknown."""
        assert self._way is not None
        try:
            found, _ = await self._ask(self._way, words)
        except Refusal:
            self._ended = self._spent
            return self._ended
        if isinstance(found, str) and self._calls.is_down(self._model):
            self._ended = found
        return found

    async def _find_way(self, words: str) -> ChunkSums:
        reasons = []
        for way in WAYS:
            found, status = await self._ask(way, words)
            if isinstance(found, ChunkSums):
                self._way = way
                self._kept.add(words, found)
                return found
            if is_failure(status):
                raise WorkFailed(f"model `{self._model.name}` cannot be asked: {found}")
            reasons.append(f"in {way.name}, {found}")
        raise UsageError(
            f"model `{self._model.name}` returns no log-probabilities of prompts ({'; '.join(reasons)}); behind a server "
            "such as vLLM it does"
        )

    async def _ask(self, way: Way, words: str) -> tuple[ChunkSums | str, int]:
        told = await self._calls.ask(self._model, way.dialect, way.body(self._model.name, words), way.fields)
        if told.content is None:
            return told.reason, told.status
        values = await asyncio.to_thread(way.read, told.content, words)
        if values is None:
            return "its answer contains none", told.status
        return ChunkSums(len(values), math.fsum(map(math.exp, values)), math.fsum(values)), told.status


class _KeptSums:
    """Results of chunks from earlier measurements."""

    def __init__(self, folder: Path, model: Model) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._model = f"{model.url_of('chat')} {model.provider}/{model.served}"
        self._known = dict(self._read(folder / FILE))
        self._ledger = Ledger(folder / FILE)

    def get(self, words: str) -> ChunkSums | None:
        return self._known.get(_sha256(words))

    def add(self, words: str, sums: ChunkSums) -> None:
        self._known[_sha256(words)] = sums
        self._ledger.append({"model": self._model, "chunk": _sha256(words), **sums._asdict()})

    def close(self) -> None:
        self._ledger.close()

    def _read(self, path: Path) -> Iterator[tuple[str, ChunkSums]]:
        try:
            for line in ledger_lines(path, _LARGEST_KEPT):
                if line.get("model") == self._model and (sums := _stated_sums(line)) is not None:
                    yield str(line.get("chunk")), sums
        except OSError:
            # without it chunks are asked for again
            return


def _stated_sums(line: Mapping[str, Any]) -> ChunkSums | None:
    tokens, total, logs = line.get("tokens"), stated_number(line.get("probability"), _MOST_TOKENS), line.get("log_probability")
    if isinstance(tokens, bool) or not isinstance(tokens, int) or not 0 < tokens <= _MOST_TOKENS or total is None:
        return None
    if isinstance(logs, bool) or not isinstance(logs, int | float) or not LOWEST * tokens <= logs <= 0 or total > tokens:
        return None
    return ChunkSums(tokens, total, float(logs))


def _sha256(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()


def _texts_in(folder: Path) -> dict[str, dict[str, str]]:
    """The texts by competition and name.

    Raises:
        UsageError: there are none, or more than can be read.
    """
    found: dict[str, dict[str, str]] = {}
    left = _MOST_BYTES
    try:
        names = [name for name, _ in entries_plain(folder, folder, _MOST_FILES) if (folder / name).is_dir()]
        for name in names:
            inner = folder / name
            for file, _ in entries_plain(inner, folder, _MOST_FILES):
                if file.lower().endswith(_SUFFIXES):
                    content = read_plain(inner / file, min(left, _LARGEST_TEXT), folder)
                    left -= len(content)
                    found.setdefault(name, {})[file] = content.decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"texts cannot be read: {error.filename or folder}: {error.strerror}") from None
    if not found:
        raise UsageError(f"there are no texts in {folder}; add them as `<competition id>/*.txt` or `*.md`")
    return found


def _chunks_in(texts: Mapping[str, str], characters: int) -> Iterator[_Chunk]:
    for name, text in texts.items():
        yield from (_Chunk(name, words) for words in _equal_parts(text.strip(), characters) if words.strip())


def _equal_parts(text: str, characters: int) -> Iterator[str]:
    """A text in as few and as nearly equal parts as possible, cut at nearby blanks."""
    count = max(1, math.ceil(len(text) / characters))
    start = 0
    for number in range(1, count + 1):
        border = len(text) * number // count
        blank = -1 if number == count else text.rfind(" ", max(start + 1, border - min(_REACH, characters // 4)), border)
        end = blank if blank >= 0 else border
        yield text[start:end]
        start = end


def _summed(name: str, texts: int, sums: Sequence[ChunkSums | None]) -> CompetitionFamiliarity:
    known = [entry for entry in sums if entry is not None]
    tokens = sum(entry.tokens for entry in known)
    means = [_mean_with_interval(known, field) for field in ("probability", "log_probability")]
    return CompetitionFamiliarity(name, texts, len(known), len(sums) - len(known), tokens, *means[0], *means[1])


def _mean_with_interval(sums: Sequence[ChunkSums], field: str) -> tuple[float | None, tuple[float, float] | None]:
    """Interval of the mean over tokens; chunks are resampled, because tokens of one chunk are dependent."""
    import numpy as np

    if not sums:
        return None, None
    totals = np.array([getattr(entry, field) for entry in sums])
    tokens = np.array([entry.tokens for entry in sums])
    mean = math.fsum(totals) / int(tokens.sum())
    if len(sums) < 2:
        return mean, None
    drawn = np.random.default_rng(SEED).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=RESAMPLES)
    lower, upper = np.quantile((drawn @ totals) / (drawn @ tokens), (0.025, 0.975))
    return mean, (float(lower), float(upper))
