"""Level 4: the calls of each run form unbroken chains that end as recorded, within the run's time.

A chain alone proves order, not truth: whoever holds a ledger can write it again. What ties it down is what else depends on it,
which is compared: the ends in the record, the verdicts and the usage there, the plan's prices and budget, the texts that were
kept, and that no two runs made the same calls.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from grading.printable import printable
from grading.wording import counted
from mlebench._support.files import parse_own_json
from mlebench._support.ledger import LONGEST_LINE, Whose, canonical, hash_of, stated_whose
from mlebench._support.plain_files import open_plain
from mlebench.errors import ContainerFault
from mlebench.evidence.levels.spending import Spending
from mlebench.evidence.opened import RECORD_FILE, OpenedBundle, OpenedGroup
from mlebench.evidence.verdict import Finding, Level
from mlebench.gateway.account import cost_of
from mlebench.gateway.bounds import Bounds
from mlebench.gateway.dialects.table import DIALECTS
from mlebench.gateway.model_call import LEDGER as MODEL_CALLS
from mlebench.gateway.model_call import ModelCall
from mlebench.gateway.tokens import Tokens
from mlebench.gateway.transcript import FOLDER as TRANSCRIPTS
from mlebench.gateway.transcript import LARGEST as LARGEST_TEXTS
from mlebench.gateway.transcript import texts_name, unpack_texts
from mlebench.gateway.usage import measured_usage
from mlebench.runs.ledgers import ledger_names, ledger_path
from mlebench.runs.record import RunRecord, known_time
from mlebench.runs.usage import NOTHING_USED, read_usage

_BEFORE, _AFTER = 5.0, 15.0
"""Seconds by which a call may lie outside its run: the checker is there before the agent starts, and ends answers after it."""
_PROBING = Bounds().probe_seconds
"""After an agent's end the gateway may still ask a provider, whether it was down, for so many seconds."""
_Texts = Mapping[str, Mapping[int, str]]
"""Names of texts of calls, by their folder and the line of the ledger that they are of."""
_CHECKED, _REFUSED = "checked", "refused"
_COST_DRIFT = 1e-9
_OF_PLACE = frozenset(("at", "n", "previous", "hash", *Whose._fields))
"""Keys of a line that say where it stands rather than what was called."""


def ledgers_level(bundle: OpenedBundle) -> Level:
    """The level; see the module."""
    texts = _texts_by_folder(bundle.container.names)
    by_hash = {group.name: _texts_by_folder(group.left_out) for group in bundle.groups}
    looks = [
        _OfRun(bundle, group, run_id, record, texts, by_hash[group.name])
        for group in bundle.groups
        if group.group.imported is None
        for run_id, record in group.records.items()
    ]
    findings = [finding for look in looks for finding in look.findings()]
    findings += _copies(looks)
    if findings:
        return Level.failing("ledgers", f"{counted(len(findings), 'problem')} found", findings)
    lines = sum(look.lines for look in looks)
    summary = f"{counted(lines, 'call')} of {counted(len(looks), 'run')} in unbroken chains"
    gaps = dict.fromkeys(gap for look in looks for gap in look.gaps)
    gaps |= {f"{printable(group.name, 60)} was imported without ledgers": None for group in bundle.groups if group.group.imported}
    if missing := sum(look.without_texts for look in looks):
        gaps[f"{counted(missing, 'call')} {'has' if missing == 1 else 'have'} no text in the bundle"] = None
    if gaps or not looks:
        return Level("ledgers", "not claimed", "; ".join([summary, *gaps]))
    return Level("ledgers", "holds", summary)


@dataclass
class _Attempt:
    """One attempt of a run, the last or an earlier one."""

    folder: tuple[str, ...]
    number: int
    started_at: Any
    ended_at: Any
    ends: Any
    usage: Any
    is_last: bool


@dataclass
class _Scanned:
    """What a ledger came to."""

    lines: int = 0
    head: str | None = None
    verdicts: list[tuple[Any, Any, Any]] = field(default_factory=list)
    refused: int = 0


class _Belonging:
    """Whether the lines of a ledger are of the attempt in whose folder it lies, in their order."""

    def __init__(self, whose: Whose) -> None:
        self._whose = whose
        self._said: tuple[str | int | None, ...] | None = None

    def look(self, entry: Mapping[str, Any]) -> Iterator[str]:
        """A sentence where this line is another's; none of one that says the same as the line before it."""
        said = stated_whose(entry)
        if said is not None and said not in (self._whose, self._said):
            yield f"it belongs to {_named(*said)} but is in the ledger of {_named(*self._whose)}"
        elif said is None and self._said is not None:
            # a ledger that an earlier harness began and this one went on with has such lines first
            yield "it does not say which run it belongs to, but the line before does"
        self._said = said


class _OfRun:
    def __init__(
        self, bundle: OpenedBundle, group: OpenedGroup, run_id: str, record: RunRecord, texts: _Texts, by_hash: _Texts
    ) -> None:
        """Args:
        bundle: what is verified.
        group: of it.
        run_id: of the run.
        record: of the run.
        texts: of calls to models that are in the bundle.
        by_hash: those that are there by hash alone.
        """
        self.group, self.run_id = group, run_id
        self._there, self._by_hash = texts, by_hash
        self.lines = 0
        self.gaps: list[str] = []
        self.without_texts = 0
        """Answered calls whose texts should have been kept, and are not in the bundle."""
        self.heads: dict[str, str] = {}
        """Hashes of the last lines, by the ledgers' names in the bundle."""
        self._bundle, self._record = bundle, record
        self._calls = hashlib.sha256()
        self._first: datetime | None = None

    @property
    def calls(self) -> str | None:
        """A hash of all calls and the times between them; None if there are too few for chance to be no explanation."""
        return self._calls.hexdigest() if self.lines > 1 else None

    def file(self, *parts: str) -> str:
        return self.group.file_of(self.run_id, *parts)

    def findings(self) -> Iterator[Finding]:
        for attempt in self._attempts():
            yield from self._of_attempt(attempt)

    def _attempts(self) -> Iterator[_Attempt]:
        record = self._record
        for entry in record.attempts:
            number = str(entry.get("attempt"))
            if number.isdecimal() and len(number) < 7:
                times = (entry.get("started_at"), entry.get("ended_at"))
                yield _Attempt(("attempts", number), int(number), *times, entry.get("ledgers"), entry.get("usage"), False)
        yield _Attempt((), record.attempt, record.started_at, record.ended_at, record.ledgers, record.usage, True)

    def _of_attempt(self, attempt: _Attempt) -> Iterator[Finding]:
        ends = attempt.ends if isinstance(attempt.ends, Mapping) else {}
        for name in ledger_names(self.group.group.plan.has_gateway):
            called = self.file(*attempt.folder, f"{name}.jsonl")
            if self.group.is_left_out(called):
                yield Finding(called, f"a ledger must not be present only as a hash ({self.group.left_out_reason(called)})")
                continue
            path = ledger_path(self.group.run_dir(self.run_id).joinpath(*attempt.folder), name)
            if name not in ends:
                if self._record.plan_sha256 is None:
                    self.gaps.append("records of an earlier harness do not say how ledgers end")
                    continue
                if not path.exists() and attempt.started_at is None:
                    continue
                yield Finding(self.file(RECORD_FILE), f"it does not say how {'/'.join((*attempt.folder, name))} ends")
            found = _Scanned()
            yield from self._of_ledger(path, called, name, attempt, found)
            yield from self._of_end(called, ends.get(name), found)
            yield from self._of_record(name, attempt, found, path.parent)

    def _of_end(self, called: str, end: Any, found: _Scanned) -> Iterator[Finding]:
        if isinstance(end, Mapping) and (end.get("lines"), end.get("head")) != (found.lines, found.head):
            stated = end.get("lines")
            if stated == found.lines:
                yield Finding(called, "it does not end with the line whose hash is in the record", found.lines or None)
            else:
                yield Finding(called, f"it has {found.lines} lines, and the record says {printable(str(stated), 30)}")
        if found.head is not None:
            self.heads[called] = found.head

    def _of_ledger(self, path: Path, called: str, name: str, attempt: _Attempt, found: _Scanned) -> Iterator[Finding]:
        texts = dict(self._there.get(self._transcript(attempt), {})) if name == MODEL_CALLS else {}
        before: datetime | None = None
        start, end = known_time(attempt.started_at), known_time(attempt.ended_at)
        spending, has_failed, answers = Spending(), False, set[str | None]()
        whose = _Belonging(Whose(self._record.group, self.run_id, attempt.number))
        for number, raw in enumerate(_raw_lines(path), 1):
            self.lines += 1
            entry, said = _parsed(raw, number, found.head)
            if entry is None:
                yield Finding(called, said, number)
                found.lines, found.head = number, None
                return
            found.lines, found.head = number, entry["hash"]
            yield from (Finding(called, words, number) for words in whose.look(entry))
            at = known_time(entry.get("at"))
            if at is None:
                yield Finding(called, "its time is invalid", number)
                continue
            if before is not None and at < before:
                yield Finding(called, "it is older than the line before", number)
            before = at
            if start is None or end is None:
                yield Finding(called, "there is a call, but the run has no time in which it could be made", number)
            elif not -_BEFORE <= (at - start).total_seconds() <= (end - start).total_seconds() + _after(entry):
                yield Finding(called, "the call is outside the time of its run", number)
            self._first = self._first or at
            rest = {key: value for key, value in entry.items() if key not in _OF_PLACE}
            self._calls.update(canonical({**rest, "after": round((at - self._first).total_seconds(), 6), "ledger": name}))
            if name == MODEL_CALLS:
                call = ModelCall.from_entry(entry)
                if call is None:
                    yield Finding(called, "it is not a model call", number)
                    continue
                spending.add(call)
                yield from (Finding(called, words, number) for words in self._of_call(call))
                if call.outcome == "probe" and (number in texts or not has_failed):
                    yield Finding(called, "it is labelled a probe of the gateway, which only probes after a failed call", number)
                if call.outcome == "replayed" and call.response_sha256 not in answers:
                    yield Finding(called, "it is labelled a repeated answer, but no earlier answer matches", number)
                has_failed = has_failed or call.outcome == "failed"
                answers |= {call.response_sha256} if call.outcome == "answered" else set()
                yield from self._of_texts(call, number, texts, attempt)
            else:
                yield from (Finding(called, words, number) for words in _of_check(entry, found))
        yield from (Finding(called, words) for words in spending.beyond(self.group.group.plan.profile.budget))
        for number, text in sorted(texts.items()):
            yield Finding(text, f"no call is line {number} of the ledger")
        if name == MODEL_CALLS:
            yield from self._of_left_out_texts(attempt, found.lines)

    def _of_call(self, call: ModelCall) -> Iterator[str]:
        """What a call says against the plan's models."""
        model = self.group.group.plan.models.get(call.model or "")
        if call.outcome not in ("answered", "failed") or call.served is None:
            return
        if model is None:
            yield f"the plan does not list model {printable(str(call.model), 60)}"
            return
        if (model.served, model.provider) != (call.served, call.provider):
            asked = printable(call.model or "", 60)
            yield f"{asked} was served by {printable(call.served, 60)}, not by {printable(model.served, 60)} as planned"
        if call.counts:
            cost = cost_of(model, call.tokens)
            if (cost is None) != (call.cost_usd is None) or (
                cost is not None and call.cost_usd is not None and abs(cost - call.cost_usd) > _COST_DRIFT
            ):
                yield f"its cost is {call.cost_usd}, but its tokens at the plan's prices cost {cost}"

    def _transcript(self, attempt: _Attempt) -> str:
        """What the folder of the texts is called in the bundle."""
        return self.file(*attempt.folder, TRANSCRIPTS)

    def _of_left_out_texts(self, attempt: _Attempt, lines: int) -> Iterator[Finding]:
        """Texts that stand by hash alone must be of calls that were made."""
        for number, name in sorted(self._by_hash.get(self._transcript(attempt), {}).items()):
            if not 0 < number <= lines:
                yield Finding(name, f"it is stated as omitted, but no call is line {number} of the ledger")

    def _of_texts(self, call: ModelCall, number: int, texts: dict[int, str], attempt: _Attempt) -> Iterator[Finding]:
        if self.group.group.plan.profile.record != "full":
            return
        expected = self.file(*attempt.folder, TRANSCRIPTS, texts_name(number))
        name = texts.pop(number, None)
        if name is None:
            if self.group.is_left_out(expected) or self.group.is_left_out(self.file(*attempt.folder, TRANSCRIPTS)):
                self.gaps.append("texts of calls are present only as hashes")
            elif call.outcome == "answered":
                # a transcript ends at its largest size, and where the disk is full
                self.without_texts += 1
            return
        try:
            kept = unpack_texts(self._bundle.container.read(name, LARGEST_TEXTS))
        except ContainerFault as error:
            yield Finding(name, str(error))
            return
        except ValueError:
            yield Finding(name, "it does not contain the texts of a call")
            return
        for key, text, stated in zip(kept._fields, kept, (call.request_sha256, call.response_sha256), strict=True):
            if stated is None or _sha256(text) == stated:
                continue
            if "***" in text or "\\x" in text:
                # masked or non-UTF-8 text differs from what was hashed; anybody can write stars
                self.gaps.append("masked texts cannot be compared with their hashes")
            else:
                yield Finding(name, f"its {key} is not the one whose hash is in the ledger")
        if call.counts and not call.estimated and (said := _tokens_said(call, kept.response)) not in (None, call.tokens):
            yield Finding(name, f"its answer says that it used {_words_of(said)}, and the ledger {_words_of(call.tokens)}")

    def _of_record(self, name: str, attempt: _Attempt, found: _Scanned, folder: Path) -> Iterator[Finding]:
        """What the record says about the calls against what the ledger comes to."""
        record_file = self.file(RECORD_FILE)
        if name == MODEL_CALLS:
            if attempt.started_at is None and not found.lines:
                return
            made = read_usage(measured_usage(folder) or NOTHING_USED.to_dict())
            if read_usage(attempt.usage) != made:
                where = "" if attempt.is_last else f" of attempt {attempt.folder[-1]}"
                yield Finding(record_file, f"its usage of models{where} does not match the ledger's total")
        elif attempt.is_last and name in (attempt.ends or {}):
            stated = [(call.get("at"), call.get("valid"), call.get("sha256")) for call in self._record.checker_calls]
            if stated != found.verdicts[: len(stated)] or len(stated) < min(len(found.verdicts), 200_000):
                yield Finding(record_file, "its checker verdicts differ from those in the ledger")
            if self._record.refused_checks != min(found.refused, 10**6 - 1):
                yield Finding(record_file, "its number of rejected checker calls differs from the ledger's")


def _texts_by_folder(names: Iterable[str]) -> _Texts:
    found: dict[str, dict[int, str]] = defaultdict(dict)
    for name in names:
        folder, _, file = name.rpartition("/")
        number = file.removesuffix(".json.gz")
        if folder.endswith(f"/{TRANSCRIPTS}") and number.isdecimal() and len(number) < 12:
            found[folder][int(number)] = name
    return found


def _tokens_said(call: ModelCall, response: str) -> Tokens | None:
    """What a plain answer says that it used; None if it says nothing, or is a stream."""
    dialect = DIALECTS.get(call.dialect)  # type: ignore[call-overload]
    try:
        said: Tokens | None = dialect.tokens(json.loads(response)) if dialect is not None else None
        return said
    except (ValueError, TypeError, RecursionError):
        return None


def _named(group: object, run: object, attempt: object) -> str:
    return printable(f"attempt {attempt} of {run} in {group}", 200)


def _words_of(tokens: Tokens | None) -> str:
    return "nothing" if tokens is None else f"{tokens.input:,} tokens and wrote {tokens.output:,}"


def _of_check(entry: Mapping[str, Any], found: _Scanned) -> Iterator[str]:
    outcome, valid = entry.get("outcome"), entry.get("valid")
    if outcome == _CHECKED and isinstance(valid, bool):
        found.verdicts.append((entry.get("at"), valid, entry.get("sha256")))
    elif outcome == _REFUSED and valid is None:
        found.refused += 1
    else:
        yield "it is not a checker call"


def _copies(looks: list[_OfRun]) -> Iterator[Finding]:
    """Runs whose calls are those of another run."""
    by_head: dict[str, list[str]] = defaultdict(list)
    by_calls: dict[str, list[_OfRun]] = defaultdict(list)
    for look in looks:
        for called, head in look.heads.items():
            by_head[head].append(called)
        if look.calls is not None:
            by_calls[look.calls].append(look)
    for same in by_head.values():
        yield from (Finding(name, f"it ends as {_others(same, name)} does") for name in same if len(same) > 1)
    for looked in by_calls.values():
        names = [name for look in looked for name in look.heads]
        if len(looked) > 1:
            yield from (
                Finding(name, f"its calls, and the times between them, are those of {_others(names, name)}") for name in names
            )


def _others(names: list[str], name: str) -> str:
    return printable(", ".join(other for other in names if other != name), 200)


def _raw_lines(path: Path) -> Iterator[bytes]:
    try:
        with open_plain(path) as file:
            while line := file.readline(LONGEST_LINE + 2):
                yield line
    except OSError:
        return


def _parsed(raw: bytes, number: int, previous: str | None) -> tuple[dict[str, Any] | None, str]:
    """A line of an unbroken chain, or None and why it is none."""
    if not raw.endswith(b"\n"):
        return None, "it is truncated, or longer than any valid line"
    try:
        entry = parse_own_json(raw)
        if not isinstance(entry, dict) or canonical(entry) + b"\n" != raw:
            return None, "it is not in the form that this harness writes"
        stated = entry.get("hash")
        if type(entry.get("n")) is not int or entry["n"] != number:
            return None, f"its number is {printable(str(entry.get('n')), 30)}: lines are missing, added or reordered"
        if entry.get("previous") != previous:
            return None, "it does not follow the line before: a line was changed, removed, added or moved"
        if not isinstance(stated, str) or stated != hash_of(entry):
            return None, "it was changed: its hash differs"
        return entry, ""
    except (ValueError, TypeError, RecursionError):
        return None, "it is not a ledger line"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _after(entry: Mapping[str, Any]) -> float:
    """Seconds behind the end of its run by which a call may be written down."""
    return _AFTER + _PROBING if entry.get("outcome") == "probe" else _AFTER
