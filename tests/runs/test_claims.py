"""What an agent says of itself enters a record only as what any reader can take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlebench._support.ledger import Ledger
from mlebench.runs.claims import checker_calls, harmless, reported_usage
from mlebench.runs.record import RunRecord
from mlebench.sandbox.checker_call import CheckerCall


@pytest.mark.parametrize("value", [1e400, -1e400, float("nan"), 10**400, -(10**400), 2**53, 1e300, None, [1], {"a": 1}])
def test_values_that_some_reader_cannot_take_are_left_out(value: object) -> None:
    notes: list[str] = []
    assert harmless({"odd": value, "kept": 1}, notes.append) == {"kept": 1}
    assert len(notes) == 1 and "left out odd" in notes[0]


@pytest.mark.parametrize("value", [0, -3, 1.5, 2**53 - 1, True, "gpt"])
def test_usual_values_stay(value: object) -> None:
    assert harmless({"a": value}) == {"a": value}


def test_texts_and_keys_are_printable_and_short_and_few() -> None:
    kept = harmless({"\udc00\x1b[31m" + "k" * 500: "\udcb2\n" + "v" * 9999, **{str(n): n for n in range(500)}})
    assert len(kept) == 100
    json.dumps(kept, ensure_ascii=False).encode()
    key = next(iter(kept))
    assert len(key) < 150 and len(kept[key]) < 600
    assert (key + kept[key]).isprintable()


def test_a_secret_in_a_usage_file_does_not_reach_the_record(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "usage.json").write_text('{"key": "sk-secret-value"}')
    assert reported_usage(tmp_path, print, ("sk-secret-value",)) == {"key": "***"}


def test_a_secret_that_only_a_reader_of_json_or_utf_16_sees_does_not_reach_the_record_either(tmp_path: Path) -> None:
    secret = "sk-secret-value"
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in secret)
    (tmp_path / "logs").mkdir()
    file = tmp_path / "logs" / "usage.json"
    file.write_text(f'{{"{escaped}": 1, "key": "{escaped}"}}')
    assert reported_usage(tmp_path, print, (secret,)) == {"***": 1, "key": "***"}
    file.write_text(f'{{"key": "{secret}"}}', encoding="utf-16")
    assert secret not in json.dumps(reported_usage(tmp_path, print, (secret,)))
    (tmp_path / "checker_calls.jsonl").write_text(f'{{"at": "{escaped}", "valid": true}}\n')
    assert checker_calls(tmp_path, print, (secret,)) == ([{"at": "***", "valid": True, "sha256": None}], 0)


def test_a_secret_is_masked_before_what_holds_it_is_shortened() -> None:
    secret = "sk-" + "s" * 60
    kept = harmless({"key": "x" * 480 + secret + "y" * 9999}, secrets=(secret,))
    assert "ssss" not in kept["key"]


def test_lines_that_are_no_calls_are_skipped_and_counted(tmp_path: Path) -> None:
    journal = tmp_path / "checker_calls.jsonl"
    good = {"at": "2026-01-31T09:30:00+00:00", "valid": True}
    no_calls = [{"outcome": "checked", **good, "valid": None}, {"outcome": "refused", **good}, {"outcome": [], **good}]
    lines = [
        *(json.dumps(call).encode() for call in no_calls),
        json.dumps(good).encode(),
        b"{x}",
        b"[1]",
        b"\xff}",
        b'{"at": 5, "valid": true}',
        b"[" * 100_000,
        b'{"at": "cut',
    ]
    journal.write_bytes(b"\n".join(lines))
    notes: list[str] = []
    assert checker_calls(tmp_path, notes.append) == ([{**good, "sha256": None}], 0)
    assert notes == ["checker_calls.jsonl: 9 of 10 lines are left out: they are not checker calls, or exceed the limit"]
    assert checker_calls(tmp_path / "none", notes.append) == ([], 0)


def test_verdicts_say_which_file_and_what_was_refused_is_counted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "checker_calls.jsonl")
    digest = "0a" * 32
    calls = [
        CheckerCall("checked", 200, False, "why", digest, 10, 2, "id"), CheckerCall("refused", 429, sha256=digest),
        CheckerCall("refused", 413), CheckerCall("checked", 200, True, "the submission is valid", digest),
    ]  # fmt: skip
    lines = [ledger.append(call.to_entry()) for call in calls]
    ledger.close()
    verdicts = [{"at": lines[place]["at"], "valid": place == 3, "sha256": digest} for place in (0, 3)]
    assert checker_calls(tmp_path, print) == (verdicts, 2)


def test_no_number_of_forged_lines_makes_a_record_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlebench.runs.claims._MOST_VERDICTS", 3)
    monkeypatch.setattr("mlebench.runs.claims._MOST_REFUSED", 2)
    calls = [{"at": "x", **CheckerCall("refused", 429).to_entry()}, {"at": "x", "valid": True}]
    (tmp_path / "checker_calls.jsonl").write_text("".join(json.dumps(call) + "\n" for call in calls * 5))
    notes: list[str] = []
    verdicts, refused = checker_calls(tmp_path, notes.append)
    assert (len(verdicts), refused, len(notes)) == (3, 2, 1)


def test_a_record_that_cannot_be_written_is_written_without_the_agents_part(tmp_path: Path) -> None:
    record = RunRecord("toy_seed0", "group", "toy", 0, "agent", "v1", state="finished", detail="a\x1bb")
    record.usage = {"calls": 3}
    record.reported_usage = {"cost": float("inf"), "many": {1, 2}}
    record.checker_calls = [{"at": object()}]
    record.write(tmp_path)
    written = RunRecord.read(tmp_path)
    assert (written.state, written.usage["calls"], written.reported_usage, written.checker_calls) == ("finished", 3, {}, [])


def test_a_record_of_an_earlier_harness_is_made_harmless_when_it_is_read(tmp_path: Path) -> None:
    RunRecord("toy_seed0", "group", "toy", 0, "agent", "v1").write(tmp_path)
    content = json.loads((tmp_path / "run.json").read_text())
    claimed = {"input_tokens": 1e300, "output_tokens": 5}
    (tmp_path / "run.json").write_text(json.dumps(content | {"usage": claimed, "reported_usage": claimed}))
    record = RunRecord.read(tmp_path)
    assert (record.usage["input_tokens"], record.usage["output_tokens"], record.reported_usage) == (None, 5, {"output_tokens": 5})
    # from before there was a gateway: what stands under `usage` is the agent's claim
    del content["reported_usage"]
    (tmp_path / "run.json").write_text(json.dumps(content | {"usage": claimed}))
    record = RunRecord.read(tmp_path)
    assert (record.usage, record.reported_usage) == ({}, {"output_tokens": 5})
