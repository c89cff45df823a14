"""What the page of a run shows, in every state of a run, whatever an agent left."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest

from mlebench._support.quantities import show_duration
from mlebench.reports.view.run_files import make_text, send_file
from mlebench.reports.view.run_log import send_log
from mlebench.reports.view.run_page import make_run
from mlebench.runs.imported import agent_of
from mlebench.runs.lock import hold
from mlebench.runs.measures import GpuUse, Measure
from mlebench.runs.plan import UNKNOWN_LIMITS
from tests.reports.view.watched import (
    HOSTILE,
    RUN,
    START,
    Watched,
    text_of,
    write_graded_snapshots,
    write_snapshot,
)


@pytest.fixture
def run(tmp_path: Path) -> Watched:
    return Watched(tmp_path / "runs")


def steps(run: Watched, **query: str) -> list[tuple[str, str]]:
    """The steps, each with `past`, `now` or `ahead`."""
    html = run.section("state", **query)
    items = html[html.index('<ol class="steps"') : html.index("</ol>")].split("<li ")[1:]
    return [(text_of(f"<{item}").split()[0], item.split('class="')[1].split('"')[0].split()[0]) for item in items]


# where the run stands


def test_a_run_that_has_not_started_waits_in_the_queue(run: Watched) -> None:
    assert steps(run) == [("queued", "now"), ("starting", "ahead"), ("running", "ahead"), ("grading", "ahead"), ("end", "ahead")]
    assert f"has not started of at most {show_duration(4 * 3600)}" in run.text("state")
    assert "There is no log yet: the agent has not started." in run.text("log")
    assert "The agent has not started." in run.text("time")
    assert run.page().every is not None


def test_a_run_that_works_tells_since_when_and_how_long_it_may(run: Watched) -> None:
    run.start()
    assert steps(run)[:3] == [("queued", "past"), ("starting", "past"), ("running", "now")]
    with hold(run.group.folder):
        html = run.section("state")
    assert "Running for" in html
    assert f'<time class="since" datetime="{START.isoformat()}">' in html
    assert f'<time class="until" datetime="{(START + timedelta(hours=4)).isoformat()}">' in html
    for fact in ("Node node-7", "Cores 2, 3", "GPUs 0, 1", "Attempt 1 of at most 3", f"Time limit {show_duration(4 * 3600)}"):
        assert fact in run.text("state")


def test_a_run_that_no_harness_watches_is_not_said_to_be_running_for_so_long(run: Watched) -> None:
    run.start()
    assert "not watched by a harness" in run.text("state") and "Running for" not in run.text("state")


def test_a_run_that_was_graded_tells_score_medal_rank_and_thresholds(run: Watched) -> None:
    run.start()
    run.end(resources={"cpu_seconds": 7200.0, "peak_memory_bytes": 3 * 2**30})
    run.grade("silver")
    assert [step for step in steps(run) if step[1] == "now"] == [("finished", "now")]
    for words in ("S0.8 silver", "rank 120 of 1,596", f"Time {show_duration(2 * 3600)}", "3.0 GiB at its peak"):
        assert words in run.text("state")
    assert "higher S0.8 0.5 0.7 0.8 0.9 Rank 120 of 1,596, at least as good as 92.5 %" in run.text("submission")
    assert run.page().every is None


def test_mock_data_is_named(run: Watched) -> None:
    run.start()
    run.end()
    run.grade("none")
    record = run.record
    record.report = {**(record.report or {}), "data": "mock"}
    run.write(record)
    assert "on mock data" in run.text("state")
    assert "Graded on mock data, which earns no medal." in run.text("submission")


def test_a_failed_run_says_why_and_whose_doing_it_is(run: Watched) -> None:
    run.start()
    run.end("failed", "lost", "its container is gone", failure_class="infrastructure")
    assert "its container is gone; caused by the infrastructure, not the agent." in run.text("state")
    assert steps(run)[-2:] == [("grading", "ahead"), ("failed", "now")]
    assert "Reason lost" in run.text("state")


def test_a_run_that_failed_before_its_start_went_through_no_further_step(run: Watched) -> None:
    record = run.record
    record.begin("node-7", [])
    run.write(record)
    run.end("failed", "image-missing", "there is no image; `mlebench build` makes it", failure_class="infrastructure")
    record = run.record
    record.started_at = None
    run.write(record)
    assert [css for _, css in steps(run)] == ["past", "past", "ahead", "ahead", "now"]
    assert "<code>mlebench build</code>" in run.section("state")
    assert "has not started" in run.text("state")


def test_a_damaged_record_is_said_on_its_page(run: Watched) -> None:
    run.start()
    (run.folder / "run.log").write_text("still here\n")
    (run.folder / "run.json").write_text("{")
    assert "The record of this run is damaged: cannot read" in run.text("state")
    assert "still here" in run.text("log")


def test_a_folder_that_is_gone_is_said(run: Watched) -> None:
    (run.folder / "run.json").unlink()
    run.folder.rmdir()
    assert [part.anchor for part in run.page().sections] == ["state", "gone"]
    assert "was removed or moved" in run.text("gone")


def test_runs_and_attempts_that_are_not_there_have_no_page(run: Watched) -> None:
    assert make_run(run.view, {}, "one", "other_seed0") is None
    assert make_run(run.view, {}, "other", RUN) is None
    for number in ("1", "-1", "x", "9" * 5000, "²", "../.."):
        assert make_run(run.view, {"attempt": number}, "one", RUN) is None


def test_imported_runs_have_no_log_and_no_limits(tmp_path: Path) -> None:
    imported = {"imported": {"format": "harbor-job", "source": "job"}}
    run = Watched(tmp_path, imported, agent=agent_of("harbor-job", "theirs", {}), profile=UNKNOWN_LIMITS, sandbox=None)
    run.start()
    run.end()
    assert "Runs imported from Harbor have no log here." in run.text("log")
    assert "time left" not in run.text("state") and "Time limit" not in run.text("state")


# attempts


def second_attempt(run: Watched) -> None:
    """The first is lost after it printed and asked; the second is running."""
    run.start()
    (run.folder / "attempts" / "1" / "code").mkdir(parents=True)
    (run.folder / "attempts" / "1" / "run.log").write_text("of the first\n")
    (run.folder / "attempts" / "1" / "code" / "main.py").write_text("x")
    run.ask_models(range(10), run.folder / "attempts" / "1")
    record = run.end("failed", "lost", "its node is gone", failure_class="infrastructure")
    record.again()
    run.write(record)


def test_between_two_attempts_the_page_says_what_comes(run: Watched) -> None:
    second_attempt(run)
    assert steps(run)[0] == ("queued", "now")
    assert "Attempt 1 ended (lost: its node is gone); its files are below." in run.text("state")


def test_each_earlier_attempt_has_a_page_of_its_own(run: Watched) -> None:
    second_attempt(run)
    record = run.start()
    (run.folder / "run.log").write_text("of the second\n")
    assert record.attempt == 2 and run.page().lead.endswith(" · attempt 2")
    attempts = run.section("attempts")
    assert f'href="/g/one/{RUN}?attempt=1"' in attempts and f'href="/g/one/{RUN}"' in attempts
    assert f"1 failed lost 2026-03-01 12:00 {show_duration(2 * 3600)}" in text_of(attempts)
    assert "of the second" in run.text("log") and "of the first" not in run.text("log")
    assert "of the first" in run.text("log", attempt="1")
    first = run.page(attempt="1")
    assert (first.title, first.every) == (f"{RUN}, attempt 1", None)
    assert "0.10 USD 10 calls" in run.text("state", attempt="1")
    assert f'href="/g/one/{RUN}/code?attempt=1&amp;file=code%2Fmain.py"' in run.section("files", attempt="1")
    content = send_file(run.view, {"attempt": "1", "path": "code/main.py"}, "one", RUN)
    assert content is not None and content.path == run.folder / "attempts" / "1" / "code" / "main.py"


def test_a_link_in_the_place_of_an_earlier_attempt_is_not_followed(run: Watched, tmp_path: Path) -> None:
    second_attempt(run)
    run.start()
    (run.folder / "attempts" / "1").rename(tmp_path / "elsewhere")
    (run.folder / "attempts" / "1").symlink_to(tmp_path / "elsewhere")
    assert "of the first" not in run.text("log", attempt="1")
    assert send_file(run.view, {"attempt": "1", "path": "code/main.py"}, "one", RUN) is None


# over time


def test_graded_snapshots_are_a_curve_with_calls_as_ticks(run: Watched) -> None:
    run.start()
    run.check([(10, True, "fine"), (20, False, "wrong"), (30, None, "too soon")])
    run.ask_models(range(5, 100, 5))
    for name in ("001000.csv", "003000.csv"):
        write_snapshot(run.folder, name)
    write_graded_snapshots(run.group, {600: 0.25, 1800: 0.75})
    html = run.section("time")
    assert 'aria-label="score (higher is better) over time"' in html
    assert len(set(re.findall(r'class="series serie-\d+ level"', html))) == 4
    assert "bronze 0.7" in html and "silver 0.8" in html and "gold 0.9" in html
    for row in ("invalid checks", "valid checks", "refused checks", "model calls", "snapshots"):
        assert f">{row}<" in html
    assert "2 verdicts of the submission checker, 19 calls to models, 2 snapshots." in text_of(html)
    assert "grades the snapshots" not in html
    assert "Score of the last graded snapshot 0.75" in run.text("state")


def test_snapshots_that_nobody_graded_are_marks(run: Watched) -> None:
    run.start()
    write_snapshot(run.folder, "003000.csv")
    html = run.section("time")
    assert 'aria-label="events over time"' in html and ">snapshots<" in html
    assert "<code>mlebench grade one" in html


def test_money_and_tokens_grow_over_time(run: Watched) -> None:
    run.start()
    run.ask_models(range(1, 100))
    html = run.section("time")
    assert 'aria-label="US dollars over time"' in html and 'aria-label="thousand tokens over time"' in html
    assert "0.99 USD 99 calls 108.9k tokens" in run.text("state")


def test_a_page_is_the_same_as_long_as_nothing_changes(run: Watched) -> None:
    run.start()
    run.ask_models(range(1, 50))
    run.check([(10, True, "fine")])
    write_snapshot(run.folder, "003000.csv")
    (run.folder / "run.log").write_text("one\n")
    assert run.page() == run.page()


def test_pages_about_the_same_attempt_are_linked(run: Watched) -> None:
    run.start()
    assert "conversation" not in run.section("state")
    run.ask_models([1])
    (run.folder / "code").mkdir()
    html = run.section("state")
    assert f'href="/g/one/{RUN}/conversation"' in html and f'href="/g/one/{RUN}/code"' in html


def test_the_page_of_a_long_run_stays_small(run: Watched) -> None:
    run.start()
    run.ask_models(minute / 20 for minute in range(4000))
    run.check([(minute, minute % 2 == 0, "the file is valid " * 20) for minute in range(200)])
    for minute in range(200):
        write_snapshot(run.folder, f"{minute // 60:02}{minute % 60:02}00.csv", "id," + "a long column," * 100 + "\n")
    (run.folder / "run.log").write_text("a usual line of a log, with a number: 12345\n" * 100_000)
    (run.folder / "code").mkdir()
    for number in range(200):
        (run.folder / "code" / f"file_{number}.py").touch()
    assert sum(len(part.html.encode()) for part in run.page().sections) < 300_000


def test_measures_are_charts_with_their_limits(run: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    run.start()
    start = START.timestamp()
    hostile = Measure(start - 10**6, 5.0, 2**60, gpus=(GpuUse(HOSTILE, 0.5, 1),))
    measures = [
        Measure(start + 30 * number, 60.0 * number, 2**30 * (number % 5), None, 2**20 * number, (GpuUse("0", 0.5, 2**33),))
        for number in range(2000)
    ]
    monkeypatch.setattr("mlebench.reports.view.course.read_measures", lambda folder: [hostile, *measures])
    html = run.section("resources")
    for title in ("cores over time", "GiB over time", "% over time"):
        assert f'aria-label="{title}"' in html
    for words in ("Processor cores in use, of 4.", "Memory, of 16 GiB.", "GPU utilization.", "GPU memory.", "Disk, of 100 GiB."):
        assert words in html
    assert "<title>" not in html and len(html) < 100_000
    # memory comes nowhere near its limit, two of four cores do
    assert html.count("limit 16") == 0
    # two cores all the time
    assert sorted(set(re.findall(r">(\d(?:\.\d)?)<", html[: html.index("Processor cores")])) & {"1.6", "2"})


# submission and checks


def test_the_latest_snapshot_stands_in_until_the_agent_has_ended(run: Watched) -> None:
    run.start()
    assert "Nothing submitted so far." in run.text("submission")
    write_snapshot(run.folder, "003000.csv", "id,y\nrow-1,0.5\n")
    assert f"the latest snapshot, {show_duration(1800)} after the start: 15 B, 1 row, 2 columns" in run.text("submission")
    (run.folder / "submission").mkdir()
    (run.folder / "submission" / "submission.csv").write_text("id,y\nrow-2,0.7\n")
    assert "submission/submission.csv: 15 B" in run.text("submission") and "row-2" in run.text("submission")


def test_the_first_20_rows_and_columns_are_shown(run: Watched) -> None:
    run.start()
    row = ",".join(f"c{column}" for column in range(50))
    (run.folder / "submission").mkdir()
    (run.folder / "submission" / "submission.csv").write_text("\n".join([row] * 1000) + "\n")
    html = run.section("submission")
    assert html.count("<tr>") == 21 and "999 rows, 50 columns" in text_of(html)
    assert ">c19<" in html and ">c20<" not in html
    assert "The first 20 of 50 columns." in html


@pytest.mark.parametrize(
    "content", [b"id,y\n1\n2,3,4\n", b'id,y\n"1,2\n', b"id\x00,y\n1,2\n", b'id,"y\n' + b"x" * 300_000, b"\xff\xfei\x00d\x00"]
)
def test_a_damaged_csv_is_shown_as_text(run: Watched, content: bytes) -> None:
    run.start()
    (run.folder / "submission").mkdir()
    (run.folder / "submission" / "submission.csv").write_bytes(content)
    assert "It cannot be read as csv; its first lines are shown." in run.text("submission")
    assert len(run.section("submission")) < 20_000


def test_the_last_50_verdicts_are_listed_with_their_answers(run: Watched) -> None:
    run.start()
    run.check([(minute, minute % 2 == 0, f"answer {minute}") for minute in range(80)])
    html = run.section("submission")
    assert "40 valid files, 40 invalid, 0 calls rejected; the last 50 are listed" in text_of(html)
    assert "answer 79" in html and "answer 30" in html and "answer 29" not in html


def test_verdicts_without_their_ledger_are_told_by_the_record(run: Watched) -> None:
    record = run.start()
    record.checker_calls = [{"at": HOSTILE, "valid": True}, {"at": 5, "valid": HOSTILE}]
    run.write(record)
    assert "1 valid file, 1 invalid, by the run’s record; the calls are gone." in run.text("submission")


# files


def test_files_are_listed_with_their_sizes_and_can_be_saved(run: Watched) -> None:
    run.start()
    (run.folder / "code" / "lib").mkdir(parents=True)
    (run.folder / "code" / "lib" / "a b.py").write_text("x" * 2048)
    (run.folder / "logs").mkdir()
    (run.folder / "logs" / "big.bin").write_bytes(b"\0" * (2**20 + 1))
    html = run.section("files")
    assert f'href="/g/one/{RUN}/file?path=code%2Flib%2Fa+b.py" download' in html
    assert f'href="/g/one/{RUN}/code?file=code%2Flib%2Fa+b.py"' in html
    assert "a b.py 2.0 KiB" in text_of(html)
    # a file that is too large to be read in the page can be saved alone
    assert f'href="/g/one/{RUN}/text?path=logs%2Fbig.bin"' not in html
    content = send_file(run.view, {"path": "code/lib/a b.py"}, "one", RUN)
    assert content is not None
    assert (content.path, content.within, content.type) == (
        run.folder / "code" / "lib" / "a b.py",
        run.folder,
        "application/octet-stream",
    )


@pytest.mark.parametrize(
    "path",
    [
        "",
        "code",
        "code/gone.py",
        "/etc/passwd",
        "../run.json",
        "code/../../../../etc/passwd",
        "code/link",
        "code/etc/passwd",
        "code/pipe",
        "code/\0",
        "home/secret",
        "run.json/x",
        "attempts/1/run.log",
        ".",
        "x" * 5000,
    ],
)
def test_no_other_file_is_sent_or_shown(run: Watched, path: str) -> None:
    run.start()
    (run.folder / "code").mkdir()
    (run.folder / "home").mkdir()
    (run.folder / "home" / "secret").write_text("secret")
    (run.folder / "code" / "link").symlink_to("/etc/passwd")
    (run.folder / "code" / "etc").symlink_to("/etc")
    os.mkfifo(run.folder / "code" / "pipe")
    assert send_file(run.view, {"path": path}, "one", RUN) is None
    page = make_text(run.view, {"path": path}, "one", RUN)
    assert page is None or "It cannot be shown: " in page.sections[0].html


def test_a_text_is_shown_as_text(run: Watched) -> None:
    run.start()
    (run.folder / "logs").mkdir()
    (run.folder / "logs" / "a.txt").write_text(f"one\t<b>\n{HOSTILE}\n")
    page = make_text(run.view, {"path": "logs/a.txt"}, "one", RUN)
    assert page is not None
    html = page.sections[0].html
    assert "one\t&lt;b&gt;\n&lt;/section&gt;&lt;script&gt;" in html and "\\x1b[2J\\u202egpj" in html
    (run.folder / "logs" / "b.bin").write_bytes(b"a\0b")
    binary = make_text(run.view, {"path": "logs/b.bin"}, "one", RUN)
    assert binary is not None and "It is not a text file." in binary.sections[0].html


def test_of_many_files_the_first_1000_are_listed(run: Watched) -> None:
    run.start()
    (run.folder / "logs").mkdir()
    for number in range(3000):
        (run.folder / "logs" / f"{number}").touch()
    html = run.section("files")
    assert "The first 1,000 entries" in html
    assert 990 <= html.count("<li>") <= 1010


def test_deep_folders_are_listed_as_far_as_they_can_be_read(run: Watched) -> None:
    run.start()
    deep = run.folder / "code"
    for _ in range(200):
        deep /= "d" * 10
    deep.mkdir(parents=True)
    html = run.section("files")
    assert 5 < html.count("<details") < 30 and "and more" in html


# what an agent leaves


def hostile(run: Watched) -> None:
    run.start()
    run.check([(1, False, HOSTILE)])
    names = ["</script><script>window.owned=1", "new\nline", "\x1b[2J", "\u202egpj.exe", "'\"><img src=x>"]
    for folder in ("code", "logs", "submission", "snapshots"):
        (run.folder / folder).mkdir()
        for name in names:
            (run.folder / folder / name.replace("/", "∕")).write_text(HOSTILE)
        (run.folder / folder / os.fsdecode(b"\xff\xfe")).write_text("x")
        (run.folder / folder / "link").symlink_to("/etc/passwd")
        os.mkfifo(run.folder / folder / "pipe")
    (run.folder / "submission" / "submission.csv").write_text(f'id,"{HOSTILE}"\n1,"{HOSTILE}"\n')
    (run.folder / "run.log").write_bytes(HOSTILE.encode() * 50 + b"\xff\xfe\n" + b"x" * 2**22)


def test_whatever_an_agent_leaves_is_text(run: Watched) -> None:
    hostile(run)
    run.end("failed", "exit-code", HOSTILE, failure_class="agent")
    record = run.record
    record.attempts = [{"attempt": 0, "state": HOSTILE, "reason": [HOSTILE], "started_at": HOSTILE, "usage": {"calls": HOSTILE}}]
    record.attempts += [{"attempt": "1", "detail": HOSTILE}, {"started_at": "9999-12-31T23:59:59-12:00"}]
    record.node = record.place = HOSTILE
    (run.folder / "run.json").write_text(json.dumps(asdict(record)))
    for part in run.page().sections:
        assert (
            "<script>" not in part.html
            and "<img" not in part.html
            and "onerror=" not in part.html.replace("&gt;", "").split("<")[0]
        )
        assert "\x1b" not in part.html and "\u202e" not in part.html, part.anchor
        assert "\udcff" not in part.html
    assert "pipe a pipe" in run.text("files") and "link a link" in run.text("files")


def test_what_lies_in_the_place_of_our_files_is_said(run: Watched) -> None:
    run.start()
    (run.folder / "run.log").mkdir()
    os.mkfifo(run.folder / "model_calls.jsonl")
    (run.folder / "checker_calls.jsonl").symlink_to("/dev/zero")
    (run.folder / "submission").symlink_to("/etc")
    (run.folder / "snapshots").write_text("no folder")
    (run.folder / "code").mkdir(mode=0)
    assert "run.log cannot be shown: it is a folder." in run.text("log")
    assert "submission/submission.csv cannot be shown: it is a link." in run.text("submission")
    assert "It was not used." in run.text("submission")
    assert "submission a link" in run.text("files") and "model_calls.jsonl a pipe" in run.text("files")


def test_ledgers_that_an_agent_wrote_break_nothing(run: Watched) -> None:
    run.start()
    lines = [
        {
            "outcome": "answered",
            "action": "generate",
            "at": "9999-12-31T23:59:59-12:00",
            "tokens": {"input": 1e300, "output": -5},
        },
        {"outcome": "answered", "action": "generate", "at": START.isoformat(), "tokens": "x", "cost_usd": "x"},
        {"outcome": "answered", "action": "generate", "at": 5},
        {"outcome": ["x"], "action": {}},
        {"valid": True, "at": "0001-01-01T00:00:00+23:00", "outcome": "checked", "message": HOSTILE},
    ]
    text = "\n".join(["", "[]", "null", "{", "9" * 10_000, *map(json.dumps, lines), '{"outcome": NaN}', ""])
    for name in ("model_calls", "checker_calls"):
        (run.folder / f"{name}.jsonl").write_text(text)
    assert "1 valid file" in run.text("submission")
    assert "calls" in run.text("state")
    (run.folder / "snapshots").mkdir()
    (run.folder / "snapshots" / f"{'9' * 200}.csv").touch()
    assert run.page().sections


# the log's ranges


def log_answer(run: Watched, **query: str) -> dict[str, object]:
    content = send_log(run.view, query, "one", RUN)
    assert content is not None and content.type == "text/plain; charset=utf-8"
    answer: dict[str, object] = json.loads(content.body)
    return answer


def test_the_log_is_sent_by_ranges(run: Watched) -> None:
    run.start()
    (run.folder / "run.log").write_text("[mlebench] starts\n\x1b[31mred\x1b[0m\nno end")
    answer = log_answer(run)
    assert answer["lines"] == [[0, 1, [["", "[mlebench] starts"]]], [18, 0, [["c1", "red"]]]]
    assert (answer["last"], answer["live"], answer["end"]) == ([31, 0, [["", "no end"]]], True, 31)
    assert log_answer(run, **{"from": "18"})["start"] == 18
    assert log_answer(run, before="18")["lines"] == [[0, 1, [["", "[mlebench] starts"]]]]
    for strange in ("x", "-1", "9" * 100, "1.5", "²"):
        assert log_answer(run, **{"from": strange})["size"] == 37
    assert send_log(run.view, {}, "one", "other") is None


def test_the_log_of_a_run_that_has_ended_grows_no_more(run: Watched) -> None:
    run.start()
    (run.folder / "run.log").write_text("one\n")
    run.end()
    assert log_answer(run)["live"] is False
    assert "data-live" not in run.section("log")
