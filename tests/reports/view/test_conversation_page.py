"""The conversation of an attempt: readable, bounded, and as it stands at this moment."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from mlebench.gateway.transcript import FOLDER, texts_name
from mlebench.reports.view.conversation_page import make_conversation
from mlebench.reports.view.view import Page
from tests.exports.recorded import Recording, make_group
from tests.exports.requests import Agent, Result, Said, User, request
from tests.gateway import answers
from tests.reports.view.groups import HOSTILE, body, view_of


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    return Recording(make_group(tmp_path / "runs"))


def page_of(recording: Recording, **query: str) -> Page:
    page = make_conversation(view_of(recording.folder.parents[1]), query, "group", "toy-a_seed0")
    assert page is not None
    return page


def words(text: str) -> str:
    """What a reader sees of HTML."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def conversation(recording: Recording, **query: str) -> str:
    return words(body(page_of(recording, **query), "conversation"))


def talk(recording: Recording, calls: int, result: str = "a b") -> None:
    said: list[Said] = [User("go")]
    for n in range(1, calls + 1):
        answer = answers.Said(tool=("bash", {"command": f"step {n}"}))
        recording.call("chat", request("chat", "rules", said), answer, seconds=2.0)
        said += [Agent("", f"step {n}", "call_1"), Result(f"{result} {n}", "call_1")]


def test_a_reader_sees_who_said_what_and_what_each_call_took(recording: Recording) -> None:
    recording.call("chat", request("chat", "rules", [User("go")]), answers.Said("I am done."), seconds=2.5)
    shown = conversation(recording)
    assert "go (1 call) System rules User go Call 1 m 100 tokens in (40 cached), 7 out USD < 0.0001 2.5 s" in shown
    assert shown.endswith("I am done.")
    about = words(body(page_of(recording), "about"))
    assert "Calls answered 1" in about and "Tokens in 100 40 of them cached" in about and "Cost, USD < 0.0001" in about


def test_tools_are_folded_with_one_line_of_arguments_and_their_results_below(recording: Recording) -> None:
    talk(recording, 2)
    shown = body(page_of(recording), "conversation")
    folded = re.findall(r'<details id="([^"]+)" class="(\w+)"><summary>(.*?)</summary>', shown)
    assert [(name, css, words(summary)) for name, css, summary in folded] == [
        ("call-1-tool-1", "tool", "bash step 1"),
        ("call-1-tool-1-result-1", "result", "Result, 5 characters: a b 1"),
        ("call-2-tool-1", "tool", "bash step 2"),
    ]


def test_reasoning_is_folded(recording: Recording) -> None:
    message = {"role": "assistant", "content": "yes", "reasoning_content": "so so"}
    recording.call("chat", request("chat", "rules", [User("go")]), {"choices": [{"index": 0, "message": message}]})
    shown = body(page_of(recording), "conversation")
    assert re.search(r'<details id="call-1-reasoning" class="reasoning"><summary>Reasoning, 5 characters: so so</summary>', shown)


def test_code_between_fences_is_set_as_code(recording: Recording) -> None:
    recording.call("chat", request("chat", "rules", [User("go")]), answers.Said("See:\n```python\nx = 1\n```\nDone."))
    shown = body(page_of(recording), "conversation")
    assert '<pre class="said">See:</pre><pre class="code">x = 1</pre><pre class="said">Done.</pre>' in shown


def test_what_was_not_answered_says_why(recording: Recording) -> None:
    asked = request("chat", "rules", [User("go")])
    recording.call("chat", asked, None, outcome="failed", status=503, reason="the provider is overloaded")
    recording.call("chat", {}, None, keep=False, outcome="refused", status=429, reason="the budget is spent")
    recording.call("chat", {}, None, keep=False, outcome="replayed", retry=True)
    shown = conversation(recording)
    assert "failed with HTTP status 503: the provider is overloaded" in shown
    assert "refused with HTTP status 429: the budget is spent" in shown
    assert "answered from an earlier answer" in shown
    assert "3 others: failed, refused or replayed" in words(body(page_of(recording), "about"))


def test_conversations_beside_the_first_have_parts_and_a_table_of_contents(recording: Recording) -> None:
    talk(recording, 3)
    recording.call("chat", request("chat", "helper rules", [User("count the files")]), answers.Said("three"))
    page = page_of(recording)
    assert "count the files (1 call) System helper rules User count the files Call 4" in words(body(page, "others"))
    contents = body(page, "about")
    links = re.findall(r'<li><a href="#([^"]+)">([^<]+)</a>', contents)
    assert links == [("talk-1", "go (3 calls)"), ("talk-2", "count the files (1 call)")]
    assert all(f'id="{anchor}"' in body(page, "conversation") + body(page, "others") for anchor, _ in links)


def test_a_long_conversation_has_pages_and_the_newest_comes_first(recording: Recording) -> None:
    talk(recording, 120)
    newest = page_of(recording)
    assert "This page shows calls 101 to 120 of 120." in words(body(newest, "about"))
    assert 'id="call-120"' in body(newest, "conversation") and 'id="call-100"' not in body(newest, "conversation")
    first = body(page_of(recording, page="1"), "conversation")
    assert 'id="call-1"' in first and 'id="call-50"' in first and 'id="call-51"' not in first
    assert 'id="call-60"' in body(page_of(recording, call="60"), "conversation")
    assert "It began on an earlier page" in conversation(recording, call="60")
    for wrong in ("0", "-1", "9999", "x", "٣", "9" * 400):
        assert "call-" in body(page_of(recording, page=wrong, call=wrong), "conversation")


def test_a_page_is_the_same_for_unchanged_files_and_grows_with_them(recording: Recording) -> None:
    talk(recording, 2)
    before = page_of(recording)
    assert page_of(recording) == before
    recording.call("chat", request("chat", "rules", [User("more")]), answers.Said("yes"))
    assert page_of(recording) != before
    assert before.every is not None
    recording.end()
    assert page_of(recording).every is None


def test_very_long_texts_are_cut_and_whole_on_a_page_of_their_own(recording: Recording) -> None:
    long = "x" * 300_000
    recording.call("chat", request("chat", long, [User(f"go {long}")]), answers.Said(f"{long} the end"))
    page = page_of(recording)
    assert len(body(page, "conversation")) < 100_000
    assert "280,008 more characters: call 1 alone" in conversation(recording)
    [address] = set(re.findall(r'more characters: <a href="([^"]+)"', body(page, "conversation")))
    assert html.unescape(address) == "/g/group/toy-a_seed0/conversation?call=1&whole=1"
    assert "the end" in conversation(recording, call="1", whole="1")


def test_a_page_of_many_long_texts_is_bounded(recording: Recording) -> None:
    for n in range(60):
        recording.call("chat", request("chat", "rules", [User(f"{n} " + "y" * 100_000)]), answers.Said("z" * 100_000))
    page = page_of(recording)
    assert sum(len(section.body) for section in page.sections) < 2_500_000


def test_very_many_turns_at_once_are_bounded(recording: Recording) -> None:
    """Histories that an agent made up, messages and results, a thousand in one request."""
    made_up = [one for n in range(1_000) for one in (Agent(f"made up {n}"), User(f"question {n}"))]
    recording.call("chat", request("chat", "rules", [User("go"), *made_up]), answers.Said("one"))
    recording.call("chat", request("chat", "rules", [User(f"message {n}") for n in range(1_000)]), answers.Said("two"))
    ran = [User("run"), Agent("", "ls", "call_1"), *(Result(f"result {n}", "call_1") for n in range(1_000))]
    recording.call("chat", request("chat", "rules", ran), answers.Said("three"))
    page = page_of(recording)
    assert sum(section.body.count("<article") + section.body.count("<details") for section in page.sections) < 300
    shown = words("".join(section.body for section in page.sections))
    assert "omitted here." in shown and "990 more results of it." in shown
    assert all(f"Call {n} " in shown for n in (1, 2, 3)) and "question 999" in shown and "message 0" in shown


def test_whatever_an_agent_says_is_text(recording: Recording) -> None:
    said = [User(HOSTILE), Agent(HOSTILE, HOSTILE, "call_1"), Result(HOSTILE, "call_1")]
    recording.call("chat", request("chat", HOSTILE, said), answers.Said(HOSTILE), model=HOSTILE, reason=HOSTILE)
    recording.call("chat", request("chat", "rules", [User("x")]), answers.Said(tool=(HOSTILE, {HOSTILE: HOSTILE})))
    page = page_of(recording)
    whole = "".join(section.html for section in page.sections)
    assert "owned" in whole and "<script>" not in whole
    assert re.search(r"\son\w+=|javascript:", re.sub(r">[^<]*<", "><", whole)) is None


def test_damaged_texts_are_told_with_their_call_alone(recording: Recording) -> None:
    talk(recording, 3)
    (recording.folder / FOLDER / texts_name(2)).write_bytes(b"\x1f\x8b damaged")
    shown = conversation(recording)
    assert shown.count("Its texts cannot be shown:") == 1
    assert all(f"Call {n} " in shown for n in (1, 2, 3))


def test_texts_that_were_not_kept_leave_a_table_of_calls(recording: Recording) -> None:
    for _ in range(2):
        recording.call("chat", {}, None, keep=False)
    page = page_of(recording)
    assert conversation(recording).count("Its text was not kept.") == 2
    rows = re.findall(r"<tr><td.*?</tr>", body(page, "calls"))
    assert [words(row) for row in rows] == [f"{n} 0 s answered m 100 40 7 < 0.0001 0.0" for n in (1, 2)]


def test_a_run_without_calls_says_so(recording: Recording) -> None:
    assert conversation(recording) == "The agent has not called a model yet."


def test_a_ledger_that_cannot_be_read_is_told(recording: Recording) -> None:
    (recording.folder / "model_calls.jsonl").unlink()
    (recording.folder / "model_calls.jsonl").symlink_to("/etc/hostname")
    assert conversation(recording) == "The ledger of calls cannot be read: a link."


def test_there_is_no_page_of_what_is_not_there(recording: Recording) -> None:
    talk(recording, 1)
    view = view_of(recording.folder.parents[1])
    assert make_conversation(view, {}, "group", "toy-b_seed0") is None
    assert make_conversation(view, {}, "other", "toy-a_seed0") is None
    assert make_conversation(view, {"attempt": "7"}, "group", "toy-a_seed0") is None
    assert make_conversation(view, {"attempt": "../x"}, "group", "toy-a_seed0") is None
