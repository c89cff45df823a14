"""Calls of the checker and of models that were not made, or not so."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from mlebench._support.ledger import Whose, canonical, hash_of
from tests.evidence.real_group import REFUSED, TWICE
from tests.evidence.tampering import Contents, Kinds, Line

LEDGERS = Kinds()
RUN, OTHER = "demo-wine_seed0", "demo-wine_seed2"
UNKNOWN = "demo-digits_seed0"
"""A run with a refused call to models."""
CHECKS, MODELS = "checker_calls.jsonl", "model_calls.jsonl"
KEPT = ("attempts", "1", MODELS)
OF_CHECKS, OF_MODELS = (f"{RUN}/{CHECKS}", f"{RUN}/run.json"), (f"{RUN}/{MODELS}", f"{RUN}/run.json")


def redated(line: Line, seconds: float) -> Line:
    return {**line, "at": (datetime.fromisoformat(line["at"]) + timedelta(seconds=seconds)).isoformat(timespec="microseconds")}


def rewritten(contents: Contents, change: Callable[[list[Line]], list[Line]], *parts: str, keeps_chain: bool = False) -> None:
    """Write other lines: as they are, or as a whole chain whose end the record says."""
    write = contents.put_chain if keeps_chain else contents.put_lines
    write(change(contents.lines(*parts)), *parts)


def edited(contents: Contents, place: int, changes: dict[str, Any], *parts: str, keeps_chain: bool = False) -> None:
    """Change a line, from 0."""

    def change(lines: list[Line]) -> list[Line]:
        lines[place] = {**lines[place], **changes}
        return lines

    rewritten(contents, change, *parts, keeps_chain=keeps_chain)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=1)
def first_check_removed(contents: Contents) -> None:
    rewritten(contents, lambda lines: lines[1:], RUN, CHECKS)


@LEDGERS.fails("ledgers", f"{REFUSED}/{CHECKS}", line=4)
def check_in_the_middle_removed(contents: Contents) -> None:
    rewritten(contents, lambda lines: lines[:3] + lines[4:], REFUSED, CHECKS)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}")
def last_check_removed(contents: Contents) -> None:
    rewritten(contents, lambda lines: lines[:-1], RUN, CHECKS)


@LEDGERS.fails("ledgers", *OF_CHECKS)
def check_removed_and_the_chain_made_anew(contents: Contents) -> None:
    rewritten(contents, lambda lines: lines[1:], RUN, CHECKS, keeps_chain=True)


@LEDGERS.fails("ledgers", *OF_CHECKS)
def every_check_removed_and_said_so(contents: Contents) -> None:
    rewritten(contents, lambda lines: [], RUN, CHECKS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{REFUSED}/{CHECKS}", f"{REFUSED}/run.json")
def refused_check_removed_and_the_chain_made_anew(contents: Contents) -> None:
    rewritten(contents, lambda lines: [line for line in lines if line["status"] != 429], REFUSED, CHECKS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{REFUSED}/{CHECKS}", f"{REFUSED}/run.json")
def refused_check_called_checked(contents: Contents) -> None:
    place = next(place for place, line in enumerate(contents.lines(REFUSED, CHECKS)) if line["outcome"] == "refused")
    edited(contents, place, {"outcome": "checked", "status": 200, "valid": True}, REFUSED, CHECKS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{REFUSED}/run.json", f"{REFUSED}/{CHECKS}")
def fewer_refused_checks_in_the_record(contents: Contents) -> None:
    with contents.record(REFUSED) as record:
        record["refused_checks"] = 0


@LEDGERS.fails("ledgers", f"{RUN}/run.json", f"{RUN}/{CHECKS}")
def fewer_checks_in_the_record(contents: Contents) -> None:
    with contents.record(RUN) as record:
        del record["checker_calls"][0]


@LEDGERS.fails("ledgers", f"{RUN}/run.json", f"{RUN}/{CHECKS}")
def other_verdict_in_the_record(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["checker_calls"][0]["valid"] = True


@LEDGERS.fails("ledgers", f"{RUN}/run.json", f"{RUN}/{CHECKS}")
def other_file_asked_about_in_the_record(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["checker_calls"][1]["sha256"] = "0" * 64


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=1)
def verdict_flipped(contents: Contents) -> None:
    edited(contents, 0, {"valid": True}, RUN, CHECKS)


@LEDGERS.fails("ledgers", *OF_CHECKS)
def verdict_flipped_and_the_chain_made_anew(contents: Contents) -> None:
    edited(contents, 0, {"valid": True}, RUN, CHECKS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=2)
def file_asked_about_changed(contents: Contents) -> None:
    edited(contents, 1, {"sha256": "0" * 64}, RUN, CHECKS)


@LEDGERS.fails("ledgers", *OF_CHECKS)
def file_asked_about_changed_and_the_chain_made_anew(contents: Contents) -> None:
    edited(contents, 1, {"sha256": "0" * 64}, RUN, CHECKS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=2)
def words_of_an_answer_changed(contents: Contents) -> None:
    edited(contents, 1, {"message": "well done"}, RUN, CHECKS)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=3)
def check_twice(contents: Contents) -> None:
    rewritten(contents, lambda lines: [*lines, lines[-1]], RUN, CHECKS)


@LEDGERS.fails("ledgers", *OF_CHECKS)
def check_added_and_the_chain_made_anew(contents: Contents) -> None:
    rewritten(contents, lambda lines: [*lines, redated(lines[-1], 0.001)], RUN, CHECKS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=1)
def checks_in_another_order(contents: Contents) -> None:
    rewritten(contents, lambda lines: lines[::-1], RUN, CHECKS)


@LEDGERS.fails("ledgers", *OF_CHECKS)
def checks_in_another_order_and_the_chain_made_anew(contents: Contents) -> None:
    rewritten(contents, lambda lines: lines[::-1], RUN, CHECKS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=1)
def check_at_another_time(contents: Contents) -> None:
    rewritten(contents, lambda lines: [redated(lines[0], -0.1), *lines[1:]], RUN, CHECKS)


@LEDGERS.fails("ledgers", *OF_CHECKS)
def check_before_the_run(contents: Contents) -> None:
    def change(lines: list[Line]) -> list[Line]:
        return [redated(lines[0], -3600), *lines[1:]]

    rewritten(contents, change, RUN, CHECKS, keeps_chain=True)
    with contents.record(RUN) as record:
        record["checker_calls"][0]["at"] = contents.lines(RUN, CHECKS)[0]["at"]


@LEDGERS.fails("ledgers", *OF_MODELS)
def question_after_the_run(contents: Contents) -> None:
    rewritten(contents, lambda lines: [*lines[:-1], redated(lines[-1], 3600)], RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}")
def questions_whose_time_runs_backwards(contents: Contents) -> None:
    def change(lines: list[Line]) -> list[Line]:
        lines[0]["at"], lines[1]["at"] = lines[1]["at"], lines[0]["at"]
        return lines

    rewritten(contents, change, RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}")
def question_without_its_time(contents: Contents) -> None:
    edited(contents, 0, {"at": None}, RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}")
def question_at_a_time_without_its_zone(contents: Contents) -> None:
    edited(contents, 0, {"at": contents.lines(RUN, MODELS)[0]["at"][:-6]}, RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/run.json", f"{RUN}/{CHECKS}")
def other_head_in_the_record(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["ledgers"]["checker_calls"]["head"] = "0" * 64


@LEDGERS.fails("ledgers", f"{RUN}/run.json", f"{RUN}/{CHECKS}")
def no_head_in_the_record(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["ledgers"]["checker_calls"]["head"] = None


@LEDGERS.fails("ledgers", f"{RUN}/run.json", f"{RUN}/{MODELS}")
def other_number_of_lines_in_the_record(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["ledgers"]["model_calls"]["lines"] += 1


@LEDGERS.fails("ledgers", f"{RUN}/run.json", f"{RUN}/{CHECKS}")
def ledger_that_the_record_does_not_know(contents: Contents) -> None:
    with contents.record(RUN) as record:
        del record["ledgers"]["checker_calls"]


@LEDGERS.fails("ledgers", f"{RUN}/run.json", f"{RUN}/{CHECKS}", f"{RUN}/{MODELS}")
def ledgers_that_the_record_does_not_know(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["ledgers"] = {}


@LEDGERS.fails("ledgers", f"{RUN}/run.json", f"{RUN}/{CHECKS}")
def ledger_taken_out(contents: Contents) -> None:
    del contents.files[contents.name(RUN, CHECKS)]


@LEDGERS.fails("ledgers", f"{RUN}/run.json", f"{RUN}/{MODELS}")
def ledger_of_models_taken_out_and_said_so(contents: Contents) -> None:
    del contents.files[contents.name(RUN, MODELS)]
    contents.put_end({"lines": 0, "head": None}, RUN, MODELS)


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}")
def ledger_left_out_under_another_hash(contents: Contents) -> None:
    name = contents.name(RUN, MODELS)
    contents.statement["predicate"]["left_out"] += [{"name": name, "reason": "large", "size": 10**9, "sha256": "0" * 64}]
    del contents.files[name]


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=2)
def ledger_cut_off_within_a_line(contents: Contents) -> None:
    contents.files[contents.name(RUN, CHECKS)] = contents.files[contents.name(RUN, CHECKS)][:-20]


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}")
def ledger_without_its_last_line_feed(contents: Contents) -> None:
    contents.files[contents.name(RUN, CHECKS)] = contents.files[contents.name(RUN, CHECKS)][:-1]


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=3)
def words_behind_the_last_line(contents: Contents) -> None:
    contents.files[contents.name(RUN, CHECKS)] += b"and so on"


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=2)
def blank_line(contents: Contents) -> None:
    name = contents.name(RUN, CHECKS)
    contents.files[name] = contents.files[name].replace(b"\n", b"\n\n", 1)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=1)
def line_with_blanks(contents: Contents) -> None:
    name = contents.name(RUN, CHECKS)
    contents.files[name] = contents.files[name].replace(b",", b", ", 1)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=1)
def line_with_a_key_twice(contents: Contents) -> None:
    """One reader takes the first, another the last."""
    name = contents.name(RUN, CHECKS)
    contents.files[name] = contents.files[name].replace(b"{", b'{"valid":true,', 1)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=1)
def line_that_is_no_call(contents: Contents) -> None:
    edited(contents, 0, {"outcome": "praised"}, RUN, CHECKS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}")
def line_of_the_other_ledger(contents: Contents) -> None:
    line = contents.lines(RUN, CHECKS)[0]
    rewritten(contents, lambda lines: [*lines, {**line, "at": lines[-1]["at"]}], RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=2)
def number_of_a_line_changed(contents: Contents) -> None:
    edited(contents, 1, {"n": 3}, RUN, CHECKS)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=2)
def hash_of_a_line_changed(contents: Contents) -> None:
    edited(contents, 1, {"hash": "0" * 64}, RUN, CHECKS)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=1)
def chain_that_does_not_begin(contents: Contents) -> None:
    edited(contents, 0, {"previous": "0" * 64}, RUN, CHECKS)


@LEDGERS.fails("ledgers", *OF_CHECKS, f"{OTHER}/{CHECKS}")
def ledgers_of_two_runs_in_each_others_place(contents: Contents) -> None:
    files, names = contents.files, [contents.name(run, CHECKS) for run in (RUN, OTHER)]
    files[names[0]], files[names[1]] = files[names[1]], files[names[0]]


def at_one_time(*records: dict[str, Any]) -> None:
    """Let runs, or attempts, begin and end together, so that no time shows which one made a call."""
    times = {"started_at": min(one["started_at"] for one in records), "ended_at": max(one["ended_at"] for one in records)}
    for record in records:
        record |= times


def exchanged(first: dict[str, Any], second: dict[str, Any], *keys: str) -> None:
    for key in keys:
        first[key], second[key] = second[key], first[key]


def folders_exchanged(contents: Contents, first: tuple[str, ...], second: tuple[str, ...], *parts: str) -> None:
    """Put what lies in a file or folder of two places into each other's."""
    names = {
        name: contents.name(*there) + name.removeprefix(contents.name(*here))
        for here, there in ((first, second), (second, first))
        for name in contents.files
        if name in [contents.name(*here, part) for part in parts]
        or any(name.startswith(contents.name(*here, part) + "/") for part in parts)
    }
    moved = {to: contents.files.pop(name) for name, to in names.items()}
    contents.files |= moved


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", f"{OTHER}/{CHECKS}", line=1)
def ledgers_of_two_runs_in_each_others_place_with_their_ends(contents: Contents) -> None:
    folders_exchanged(contents, (RUN,), (OTHER,), CHECKS)
    with contents.record(RUN) as first, contents.record(OTHER) as second:
        at_one_time(first, second)
        exchanged(first, second, "checker_calls", "refused_checks")
        exchanged(first["ledgers"], second["ledgers"], "checker_calls")


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", f"{OTHER}/{MODELS}", line=1)
def all_calls_of_two_runs_in_each_others_place(contents: Contents) -> None:
    folders_exchanged(contents, (RUN,), (OTHER,), CHECKS, MODELS, "transcript")
    with contents.record(RUN) as first, contents.record(OTHER) as second:
        at_one_time(first, second)
        exchanged(first, second, "ledgers", "checker_calls", "refused_checks", "usage")


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", f"{OTHER}/{MODELS}", line=1)
def runs_of_two_seeds_in_each_others_place(contents: Contents) -> None:
    """With all that is in their folders, and with records and reports that name the other seed."""
    names = ("run.json", "run.log", CHECKS, MODELS, "transcript", "submission", "logs", "code", "snapshots")
    folders_exchanged(contents, (RUN,), (OTHER,), *names)
    with contents.record(RUN) as first, contents.record(OTHER) as second:
        exchanged(first, second, "run_id", "seed")
        made = {}
        for record in (first, second):
            record["report"] |= {"run_id": record["run_id"], "seed": record["seed"]}
            made[record["run_id"]] = record["report"]
    with contents.report() as report:
        report["competition_reports"] = [made.get(one["run_id"], one) for one in report["competition_reports"]]


@LEDGERS.fails("ledgers", f"{TWICE}/{MODELS}", f"{TWICE}/attempts/1/{MODELS}", line=1)
def all_calls_of_two_attempts_in_each_others_place(contents: Contents) -> None:
    folders_exchanged(contents, (TWICE,), (TWICE, "attempts", "1"), CHECKS, MODELS, "transcript")
    with contents.record(TWICE) as record:
        at_one_time(record, record["attempts"][0])
        exchanged(record, record["attempts"][0], "ledgers", "usage")


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}", line=2)
def line_of_a_run_of_another_group(contents: Contents) -> None:
    edited(contents, 1, {"group": "another"}, RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}", line=2)
def line_of_an_attempt_that_is_true(contents: Contents) -> None:
    """In Python `True == 1`."""
    edited(contents, 1, {"attempt": True}, RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}", line=2)
def line_of_no_run(contents: Contents) -> None:
    nameless = [{key: value for key, value in line.items() if key not in Whose._fields} for line in contents.lines(RUN, MODELS)]
    rewritten(contents, lambda lines: [lines[0], nameless[1], *lines[2:]], RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{OTHER}/{MODELS}", f"{RUN}/{MODELS}", f"{RUN}/run.json")
def ledger_of_a_thrifty_run_in_two_runs(contents: Contents) -> None:
    contents.files[contents.name(RUN, MODELS)] = contents.files[contents.name(OTHER, MODELS)]
    with contents.record(OTHER) as record:
        end = record["ledgers"]["model_calls"]
    contents.put_end(end, RUN, MODELS)


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}", line=1)
def cost_of_a_question_lowered(contents: Contents) -> None:
    edited(contents, 0, {"cost_usd": 0.0}, RUN, MODELS)


@LEDGERS.fails("ledgers", *OF_MODELS)
def cost_of_a_question_lowered_and_the_chain_made_anew(contents: Contents) -> None:
    edited(contents, 0, {"cost_usd": 0.0}, RUN, MODELS, keeps_chain=True)


def _lowered(contents: Contents, changes: dict[str, Any]) -> None:
    """Make the first question of a run cheaper wherever that is written."""
    before = contents.lines(RUN, MODELS)[0]
    edited(contents, 0, changes, RUN, MODELS, keeps_chain=True)
    after = contents.lines(RUN, MODELS)[0]
    saved = {
        "cost_usd": before["cost_usd"] - after["cost_usd"],
        **{f"{kind}_tokens": before["tokens"][kind] - after["tokens"][kind] for kind in ("input", "output")},
    }
    with contents.record(RUN) as record, contents.report() as report:
        for usage in (record["usage"], report["run_group"]["usage"]):
            for amounts in (usage, usage["models"]["m"]):
                for key, value in saved.items():
                    amounts[key] = round(amounts[key] - value, 9)


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}", f"{RUN}/transcript/000001.json.gz")
def cost_of_a_question_lowered_everywhere(contents: Contents) -> None:
    """Its tokens have the plan's prices."""
    _lowered(contents, {"cost_usd": 0.000014})


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}", f"{RUN}/transcript/000001.json.gz")
def tokens_of_a_question_lowered_everywhere(contents: Contents) -> None:
    """The answer that is kept says how many there were."""
    tokens = {**contents.lines(RUN, MODELS)[0]["tokens"], "input": 10}
    _lowered(contents, {"tokens": tokens, "cost_usd": 0.000024})


@LEDGERS.fails("ledgers", *OF_MODELS)
def tokens_of_a_question_lowered(contents: Contents) -> None:
    tokens = {**contents.lines(RUN, MODELS)[0]["tokens"], "input": 1}
    edited(contents, 0, {"tokens": tokens}, RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", *OF_MODELS)
def question_called_one_that_failed(contents: Contents) -> None:
    edited(contents, 0, {"outcome": "failed"}, RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", *OF_MODELS)
def question_called_the_gateways_own(contents: Contents) -> None:
    edited(contents, 0, {"outcome": "probe"}, RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}", f"{RUN}/transcript/000001.json.gz")
def question_called_the_gateways_own_everywhere(contents: Contents) -> None:
    """A question of the gateway's comes behind a failure, and is in no budget."""
    edited(contents, 0, {"outcome": "probe"}, RUN, MODELS, keeps_chain=True)
    with contents.record(RUN) as record, contents.report() as report:
        for usage in (record["usage"], report["run_group"]["usage"]):
            for amounts in (usage, usage["models"]["m"]):
                for key, value in {"calls": 1, "input_tokens": 100, "output_tokens": 7, "cost_usd": 0.000114}.items():
                    amounts[key] = round(amounts[key] - value, 9)


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}", f"{RUN}/transcript/000002.json.gz")
def question_called_an_earlier_answer_everywhere(contents: Contents) -> None:
    edited(contents, 1, {"outcome": "replayed", "cost_usd": None}, RUN, MODELS, keeps_chain=True)
    with contents.record(RUN) as record, contents.report() as report:
        for usage in (record["usage"], report["run_group"]["usage"]):
            for amounts in (usage, usage["models"]["m"]):
                for key, value in {"calls": 1, "input_tokens": 100, "output_tokens": 7, "cost_usd": 0.000114}.items():
                    amounts[key] = round(amounts[key] - value, 9)


@LEDGERS.fails("ledgers", *OF_MODELS)
def question_to_a_cheaper_model(contents: Contents) -> None:
    edited(contents, 0, {"model": "flaky"}, RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{MODELS}")
def question_to_a_model_that_is_not_planned(contents: Contents) -> None:
    edited(contents, 0, {"served": "a-dearer-one"}, RUN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{UNKNOWN}/{MODELS}", f"{UNKNOWN}/run.json")
def refused_question_removed(contents: Contents) -> None:
    rewritten(contents, lambda lines: [line for line in lines if line["outcome"] != "refused"], UNKNOWN, MODELS, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/run.json", f"{RUN}/{MODELS}")
def less_usage_in_the_record(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["usage"]["cost_usd"] = record["usage"]["models"]["m"]["cost_usd"] = 0.000001


@LEDGERS.fails("ledgers", f"{RUN}/run.json", f"{RUN}/{MODELS}")
def no_usage_in_the_record(contents: Contents) -> None:
    with contents.record(RUN) as record:
        record["usage"] = {}


@LEDGERS.fails("ledgers", f"{RUN}/transcript/000009.json.gz")
def text_of_no_call_left_out(contents: Contents) -> None:
    name = contents.name(RUN, "transcript", "000009.json.gz")
    contents.statement["predicate"]["left_out"] += [{"name": name, "reason": "transcripts", "size": 9, "sha256": "0" * 64}]


@LEDGERS.fails("ledgers", f"{RUN}/transcript/000001.json.gz")
def answer_in_a_transcript_changed(contents: Contents) -> None:
    with contents.transcript(RUN, "transcript", "000001.json.gz") as texts:
        texts["response"] = texts["response"].replace("well", "good")


@LEDGERS.fails("ledgers", f"{RUN}/transcript/000001.json.gz")
def question_in_a_transcript_changed(contents: Contents) -> None:
    with contents.transcript(RUN, "transcript", "000001.json.gz") as texts:
        texts["request"] = texts["request"].replace("how", "why")


@LEDGERS.fails("ledgers", f"{RUN}/transcript/000001.json.gz")
def transcript_emptied(contents: Contents) -> None:
    contents.files[contents.name(RUN, "transcript", "000001.json.gz")] = b""


@LEDGERS.fails("ledgers", f"{RUN}/transcript/000001.json.gz")
def transcript_that_is_a_bomb(contents: Contents) -> None:
    contents.files[contents.name(RUN, "transcript", "000001.json.gz")] = gzip.compress(bytes(2**26), mtime=0)


@LEDGERS.fails("ledgers", f"{RUN}/transcript/000001.json.gz", f"{RUN}/transcript/000002.json.gz")
def transcripts_in_each_others_place(contents: Contents) -> None:
    files, names = contents.files, [contents.name(RUN, "transcript", f"00000{number}.json.gz") for number in (1, 2)]
    files[names[0]], files[names[1]] = files[names[1]], files[names[0]]


@LEDGERS.fails("ledgers", f"{RUN}/transcript/000003.json.gz")
def transcript_of_no_call(contents: Contents) -> None:
    files = contents.files
    files[contents.name(RUN, "transcript", "000003.json.gz")] = files[contents.name(RUN, "transcript", "000001.json.gz")]


@LEDGERS.fails("ledgers", f"{TWICE}/attempts/1/{MODELS}", f"{TWICE}/run.json")
def ledger_of_an_earlier_attempt_shortened(contents: Contents) -> None:
    rewritten(contents, lambda lines: lines[:-1], TWICE, *KEPT)


@LEDGERS.fails("ledgers", f"{TWICE}/attempts/1/{MODELS}", f"{TWICE}/run.json")
def ledger_of_an_earlier_attempt_made_anew(contents: Contents) -> None:
    rewritten(contents, lambda lines: lines[1:], TWICE, *KEPT, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{TWICE}/attempts/1/{MODELS}", f"{TWICE}/run.json")
def ledger_of_an_earlier_attempt_taken_out(contents: Contents) -> None:
    del contents.files[contents.name(TWICE, *KEPT)]


@LEDGERS.fails("ledgers", f"{TWICE}/run.json", f"{TWICE}/attempts/1/{MODELS}")
def less_usage_in_an_earlier_attempt(contents: Contents) -> None:
    with contents.record(TWICE) as record:
        record["attempts"][0]["usage"]["cost_usd"] = 0.0


@LEDGERS.fails("ledgers", f"{TWICE}/attempts/1/{MODELS}", f"{TWICE}/run.json")
def question_of_an_earlier_attempt_at_the_time_of_the_last(contents: Contents) -> None:
    rewritten(contents, lambda lines: [*lines[:-1], redated(lines[-1], 600)], TWICE, *KEPT, keeps_chain=True)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=1)
def line_that_no_reader_of_numbers_reads(contents: Contents) -> None:
    name = contents.name(RUN, CHECKS)
    first, *others = contents.files[name].splitlines(keepends=True)
    contents.files[name] = first.replace(b'"n":1', b'"n":' + b"1" * 5000) + b"".join(others)


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=1)
def line_of_a_mebibyte(contents: Contents) -> None:
    name = contents.name(RUN, CHECKS)
    contents.files[name] = canonical({"message": "x" * 2**21}) + b"\n" + contents.files[name]


@LEDGERS.fails("ledgers", f"{RUN}/{CHECKS}", line=1)
def number_that_is_true(contents: Contents) -> None:
    """In Python `True == 1`."""
    first, *others = contents.lines(RUN, CHECKS)
    first["n"] = True
    made = [{**first, "hash": hash_of(first)}]
    for line in others:
        line["previous"] = made[-1]["hash"]
        made.append({**line, "hash": hash_of(line)})
    contents.put_lines(made, RUN, CHECKS)
    contents.put_end({"lines": len(made), "head": made[-1]["hash"]}, RUN, CHECKS)
