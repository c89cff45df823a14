"""Level 4: chains, their ends, their times, and what else depends on the calls."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from mlebench._support.ledger import canonical
from mlebench.evidence.levels.ledgers import ledgers_level
from mlebench.evidence.opened import OpenedBundle
from mlebench.evidence.verdict import Level
from mlebench.gateway.model_call import ModelCall
from mlebench.gateway.models import Model, Prices
from mlebench.gateway.tokens import Tokens
from mlebench.gateway.usage import measured_usage
from mlebench.runs.usage import NOTHING_USED
from tests.evidence.stated import StatedBundle, StatedGroup, stated_group
from tests.evidence.tampering import chained

MODEL = Model(
    name="m", served="m-1", provider="p", dialects=("chat",), base_url="https://models.example.org/v1",
    prices=Prices(input=1, output=2),
)  # fmt: skip
TEXTS = {"request": "how?", "response": "so"}
USED = Tokens(input=1000, output=500)
END = "2026-11-01T00:01:01+00:00"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def call(at: str = "2026-11-01T00:00:05+00:00", tokens: Tokens = USED, **parts: Any) -> dict[str, Any]:
    made = ModelCall(
        "answered", 200, dialect="chat", model="m", served="m-1", provider="p", tokens=tokens,
        cost_usd=(tokens.input + 2 * tokens.output) / 1e6,
        request_sha256=digest(TEXTS["request"]), response_sha256=digest(TEXTS["response"]),
    )  # fmt: skip
    return {"at": at, **json.loads(json.dumps(made.to_entry())), **parts}


@dataclass
class Texts:
    """Of a container, what is asked of it here."""

    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.files))

    def read(self, name: str, most: int) -> bytes:
        return self.files[name]


@dataclass
class Run:
    """The first run of a group of one; its calls are written and then looked at."""

    group: StatedGroup
    folder: Path
    container: Texts = field(default_factory=Texts)

    def name(self, *parts: str) -> str:
        return self.group.file_of(self.group.record().run_id, *parts)

    def calls(self, *entries: Mapping[str, Any], without: int = 0) -> None:
        """Calls to models with their texts, but for the last ones `without`."""
        record, lines = self.group.record(), chained(dict(entry) for entry in entries)
        folder = self.group.run_dir(record.run_id)
        folder.mkdir(parents=True)
        (folder / "model_calls.jsonl").write_bytes(b"".join(canonical(line) + b"\n" for line in lines))
        record.ledgers["model_calls"] = {"lines": len(lines), "head": lines[-1]["hash"] if lines else None}
        record.usage = measured_usage(folder) or NOTHING_USED.to_dict()
        for number in range(1, len(entries) + 1 - without):
            self.text(number)

    def text(self, number: int, **changes: str) -> None:
        content = json.dumps({**TEXTS, **changes}).encode()
        self.container.files[self.name("transcript", f"{number:06d}.json.gz")] = gzip.compress(content, mtime=0)

    def level(self) -> Level:
        bundle = StatedBundle(self.folder, (self.group,))
        bundle.container = self.container  # type: ignore[attr-defined]
        return ledgers_level(cast(OpenedBundle, bundle))

    def said(self) -> list[str]:
        level = self.level()
        assert (level.state == "fails") == bool(level.findings)
        return [finding.text for finding in level.findings]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    def made(**profile: Any) -> Run:
        settings = {"network": "models", "record": "full", **profile}
        group = stated_group(tmp_path, competitions=("toy-a",), seeds=(0,), profile=settings, models={"m": MODEL})
        record = group.record()
        record.ended_at, record.wall_seconds, record.plan_sha256 = END, 60.0, group.group.plan.sha256
        record.usage = NOTHING_USED.to_dict()
        return Run(group, tmp_path)

    yield made


def test_calls_with_their_texts_hold(make: Callable[..., Run]) -> None:
    run = make()
    run.calls(call(), call("2026-11-01T00:00:06+00:00"))
    level = run.level()
    assert (level.state, level.summary) == ("holds", "2 calls of 1 run in unbroken chains"), level.findings


OURS = {"group": "group", "run": "toy-a_seed0", "attempt": 1}


class TestWhose:
    """Each line says of which attempt of which run it is, since one harness; those of earlier ones say nothing."""

    def said(self, make: Callable[..., Run], *whose: Mapping[str, Any]) -> list[str]:
        run = make()
        run.group.record().attempt = 1
        run.calls(*(call(f"2026-11-01T00:00:{5 + place:02}+00:00", **said) for place, said in enumerate(whose)))
        return [said.removeprefix(run.name("model_calls.jsonl")) for said in run.said()]

    @pytest.mark.parametrize("whose", [(OURS, OURS), ({}, {}), ({}, OURS, OURS)], ids=["ours", "earlier", "taken up"])
    def test_lines_of_this_attempt_and_of_earlier_harnesses_hold(
        self, make: Callable[..., Run], whose: tuple[Mapping[str, Any], ...]
    ) -> None:
        assert self.said(make, *whose) == []

    @pytest.mark.parametrize(
        ("other", "named"),
        [
            ({"run": "toy-a_seed1"}, "attempt 1 of toy-a_seed1 in group"),
            ({"attempt": 2}, "attempt 2 of toy-a_seed0 in group"),
            ({"group": "better"}, "attempt 1 of toy-a_seed0 in better"),
            ({"attempt": True}, "attempt None of toy-a_seed0 in group"),
            ({"run": {"toy-a_seed0": 1}}, "attempt 1 of None in group"),
        ],
    )
    def test_a_line_of_another_is_named_once(self, make: Callable[..., Run], other: Mapping[str, Any], named: str) -> None:
        theirs = {**OURS, **other}
        where = "attempt 1 of toy-a_seed0 in group"
        assert self.said(make, OURS, theirs, theirs) == [f", line 2: it belongs to {named} but is in the ledger of {where}"]

    def test_no_line_without_a_run_follows_one_with_its_run(self, make: Callable[..., Run]) -> None:
        said = self.said(make, {}, OURS, {}, {})
        assert said == [", line 3: it does not say which run it belongs to, but the line before does"]

    def test_a_line_that_says_a_part_is_none_of_an_earlier_harness(self, make: Callable[..., Run]) -> None:
        said = self.said(make, {"run": "toy-a_seed0"})
        assert said == [
            ", line 1: it belongs to attempt None of toy-a_seed0 in None "
            "but is in the ledger of attempt 1 of toy-a_seed0 in group"
        ]


def test_two_runs_with_the_same_calls_are_seen_whatever_run_the_lines_name(tmp_path: Path) -> None:
    group = stated_group(tmp_path, competitions=("toy-a",), seeds=(0, 1))
    for record in group.records.values():
        record.ended_at, record.wall_seconds, record.plan_sha256, record.attempt = END, 60.0, group.group.plan.sha256, 1
        whose = {"group": "group", "run": record.run_id, "attempt": 1}
        checks = [{"outcome": "refused", "valid": None, "at": f"2026-11-01T00:00:0{second}+00:00"} for second in (5, 7)]
        lines = chained({**check, **whose} for check in checks)
        folder = group.run_dir(record.run_id)
        folder.mkdir(parents=True)
        (folder / "checker_calls.jsonl").write_bytes(b"".join(canonical(line) + b"\n" for line in lines))
        record.ledgers["checker_calls"] = {"lines": 2, "head": lines[-1]["hash"]}
        record.refused_checks = 2
    bundle = StatedBundle(tmp_path, (group,))
    bundle.container = Texts()  # type: ignore[attr-defined]
    said = [finding.text for finding in ledgers_level(cast(OpenedBundle, bundle)).findings]
    assert len(said) == 2 and all("its calls, and the times between them, are those of" in words for words in said)


class TestTexts:
    """A text that is there must be the one; one that is not there at all is not claimed."""

    @pytest.mark.parametrize(("without", "words"), [(1, "1 call has no text"), (2, "2 calls have no text")])
    def test_calls_beyond_the_largest_transcript(self, make: Callable[..., Run], without: int, words: str) -> None:
        run = make()
        run.calls(call(), call("2026-11-01T00:00:06+00:00"), without=without)
        level = run.level()
        assert (level.state, level.findings) == ("not claimed", ()) and f"{words} in the bundle" in level.summary

    def test_another_text_fails(self, make: Callable[..., Run]) -> None:
        run = make()
        run.calls(call())
        run.text(1, response="thus")
        assert run.said() == [
            f"{run.name('transcript', '000001.json.gz')}: its response is not the one whose hash is in the ledger"
        ]

    def test_a_text_of_no_call_fails(self, make: Callable[..., Run]) -> None:
        run = make()
        run.calls(call())
        run.text(7)
        assert run.said() == [f"{run.name('transcript', '000007.json.gz')}: no call is line 7 of the ledger"]

    def test_texts_that_stand_by_hash_are_not_claimed(self, make: Callable[..., Run]) -> None:
        run = make()
        run.calls(call(), without=1)
        run.group.left_out[run.name("transcript", "000001.json.gz")] = "transcripts"
        level = run.level()
        assert level.state == "not claimed" and level.summary.endswith("texts of calls are present only as hashes")

    @pytest.mark.parametrize("number", [0, 2, 10**9])
    def test_no_text_of_a_call_that_was_not_made_is_left_out(self, make: Callable[..., Run], number: int) -> None:
        run = make()
        run.calls(call())
        run.group.left_out[run.name("transcript", f"{number:06d}.json.gz")] = "transcripts"
        (said,) = run.said()
        assert said.endswith(f"it is stated as omitted, but no call is line {number} of the ledger")

    def test_nobody_misses_what_was_not_to_be_kept(self, make: Callable[..., Run]) -> None:
        run = make(record="usage")
        run.calls(call(), without=1)
        assert run.level().state == "holds"


class TestBudget:
    """One call may go beyond it, as nobody knows before what it uses; no other one follows."""

    @pytest.mark.parametrize("budget", [{"usd": 0.003}, {"input_tokens": 1500}, {"output_tokens": 999}, {"calls": 2}])
    def test_the_last_call_may_go_beyond(self, make: Callable[..., Run], budget: dict[str, Any]) -> None:
        run = make(budget=budget)
        run.calls(call(), call("2026-11-01T00:00:06+00:00"))
        assert run.said() == []

    @pytest.mark.parametrize(
        ("budget", "words"),
        [
            ({"usd": 0.003}, "its calls used 0.006 USD, more than one call beyond the budget of 0.003"),
            ({"input_tokens": 1500}, "its calls used 3,000 input tokens, more than one call beyond the budget of 1,500"),
            ({"output_tokens": 999}, "its calls used 1,500 output tokens, more than one call beyond the budget of 999"),
            ({"calls": 2}, "3 calls were answered, but the budget allowed 2"),
        ],
    )
    def test_no_call_follows_one_beyond(self, make: Callable[..., Run], budget: dict[str, Any], words: str) -> None:
        run = make(budget=budget)
        run.calls(*(call(f"2026-11-01T00:00:0{second}+00:00") for second in (5, 6, 7)))
        assert run.said() == [f"{run.name('model_calls.jsonl')}: {words}"]

    def test_a_call_that_failed_costs_nothing(self, make: Callable[..., Run]) -> None:
        run = make(budget={"calls": 1, "input_tokens": 100})
        run.calls(call(), call("2026-11-01T00:00:06+00:00", Tokens(), outcome="failed", status=500, cost_usd=None))
        assert run.said() == []

    def test_a_budget_in_money_knows_every_price(self, make: Callable[..., Run]) -> None:
        run = make(budget={"usd": 5})
        run.group.plan(models={"m": MODEL.model_copy(update={"prices": Prices()})})
        run.calls(call(cost_usd=None))
        assert [said.partition(": ")[2] for said in run.said()] == [
            "a call of unknown price was answered, which a budget in USD does not allow"
        ]


@pytest.mark.parametrize(
    ("at", "fails"),
    [("2026-11-01T00:00:00+00:00", False), ("2026-10-31T23:59:00+00:00", True), ("2026-11-01T00:02:00+00:00", True)],
)
def test_calls_lie_within_their_run(make: Callable[..., Run], at: str, fails: bool) -> None:
    run = make()
    run.calls(call(at))
    assert [said.partition(": ")[2] for said in run.said()] == ["the call is outside the time of its run"] * fails


def test_the_gateway_may_ask_a_provider_for_a_while_after_the_end(make: Callable[..., Run]) -> None:
    run = make()
    failed = call(tokens=Tokens(), outcome="failed", status=502, cost_usd=None, request_sha256=None, response_sha256=None)
    probe = {**failed, "outcome": "probe"}
    run.calls(failed, {**probe, "at": "2026-11-01T00:02:05+00:00"}, {**probe, "at": "2026-11-01T00:02:30+00:00"}, without=3)
    assert [said.partition(": ")[2] for said in run.said()] == ["the call is outside the time of its run"]


@pytest.mark.parametrize("end", [{"lines": 2, "head": "0" * 64}, {"lines": 1, "head": "0" * 64}, {"lines": None, "head": None}])
def test_a_ledger_ends_as_recorded(make: Callable[..., Run], end: dict[str, Any]) -> None:
    run = make()
    run.calls(call())
    run.group.record().ledgers["model_calls"] = end
    assert len(run.said()) == 1


@pytest.mark.parametrize(
    "raw", [b"\xff\xfe{}\n", b"{}", b"[" * 100_000 + b"\n", b'{"n": 1e999}\n', b"\n", b"null\n", b"x" * 2**21]
)
def test_a_line_of_anything_else_is_named(make: Callable[..., Run], raw: bytes) -> None:
    run = make()
    run.calls()
    path = run.group.run_dir(run.group.record().run_id) / "model_calls.jsonl"
    path.write_bytes(raw)
    said = run.said()
    assert said[0].startswith(f"{run.name('model_calls.jsonl')}, line 1: it ") and all(len(words) < 400 for words in said)
