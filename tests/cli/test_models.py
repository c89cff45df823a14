"""`mlebench models` lists what agents may ask and which keys are there; `check` asks one, and says what to do where it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlebench.cli.main import main
from mlebench.gateway import probe as probe_module
from mlebench.gateway.tokens import Tokens
from tests.gateway.provider import KEY, Answer, Gate, Provider

USED = Tokens(input=1000, cached=400, output=20)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Provider]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLEBENCH_MODELS", raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MY_KEY", KEY)
    with Provider(KEY) as provider:
        provider.answer = Answer(text="OK", tokens=USED)
        yield provider


@pytest.fixture
def models(provider: Provider, tmp_path: Path) -> str:
    path = tmp_path / "models.yaml"
    path.write_text(
        f"""\
providers:
  mine:
    dialects: [chat, responses, messages, gemini]
    base_url: {provider.base_url("chat")}
    base_urls: {{gemini: "{provider.base_url("gemini")}"}}
    key: MY_KEY
models:
  small: {{provider: mine, served: small-1, prices: {{input: 10, cached_input: 1, output: 100}}}}
  keyless: {{provider: mine, key: NOT_SET_ANYWHERE}}
  free: {{provider: mine}}
  gone: {{provider: mine, base_url: "http://127.0.0.1:1/v1"}}
aliases: {{tiny: small}}
"""
    )
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["models", *words])
    captured = capsys.readouterr()
    assert KEY not in captured.out + captured.err
    return code, captured.out, captured.err


def test_the_list_has_names_prices_and_keys(models: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--models", models, "--json")
    assert (code, err) == (0, "")
    listed: dict[str, dict[str, Any]] = {entry["name"]: entry for entry in json.loads(out)}
    assert list(listed) == sorted(listed)
    small = listed["small"]
    assert (small["served"], small["provider"], small["aliases"], small["key"], small["key_is_set"]) == (
        "small-1",
        "mine",
        ["tiny"],
        "MY_KEY",
        True,
    )
    assert small["prices"]["cached_input"] == 1
    assert listed["keyless"]["key_is_set"] is False
    assert listed["gpt-5"]["provider"] == "openai"


def test_the_table_names_what_is_missing(
    models: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    code, out, err = run(capsys, "--models", models)
    assert code == 0
    rows = {
        line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if "│" in line
    }
    assert rows["small"][1:] == ["small-1", "mine", "chat, responses, messages, gemini", "10", "1", "100", "MY_KEY set"]
    assert rows["tiny"][1] == "→ small"
    assert rows["keyless"][-1] == "NOT_SET_ANYWHERE missing"
    assert rows["free"][4:7] == ["–"] * 3
    assert [name for name in rows if name in ("free", "gone", "keyless", "small", "tiny")] == [
        "free",
        "gone",
        "keyless",
        "small",
        "tiny",
    ]
    assert "as of " in out and "`export " in err
    assert run(capsys, "--models", models, "-q")[2] == ""
    assert provider.received == []


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages", "gemini"])
def test_a_check_shows_latency_usage_and_cost(
    models: str, provider: Provider, capsys: pytest.CaptureFixture[str], dialect: str
) -> None:
    code, out, err = run(capsys, "check", "tiny", "--models", models, "--dialect", dialect, "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert 0 < shown.pop("first_byte_seconds") <= shown.pop("seconds") < 60
    assert shown == {
        "model": "small",
        "served": "small-1",
        "provider": "mine",
        "dialect": dialect,
        "input_tokens": 1000,
        "cached_tokens": 400,
        "output_tokens": 20,
        "cost_usd": (600 * 10 + 400 * 1 + 20 * 100) / 10**6,
    }
    (received,) = provider.received
    assert (received.dialect, received.model, received.key) == (dialect, "small-1", KEY)
    assert len(received.body) < 200


def test_a_check_in_words(models: str, provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", "small", "--models", models)
    assert code == 0
    assert out.startswith("small (small-1 of mine, chat): answers; first byte after 0.")
    assert out.endswith("; 1000 input and 20 output tokens; $0.0084\n")
    assert run(capsys, "check", "free", "--models", models)[1].endswith("; 1000 input and 20 output tokens; cost unknown\n")
    provider.answer = Answer(tokens=None)
    assert run(capsys, "check", "small", "--models", models)[1].endswith("; usage unknown; cost unknown\n")


@pytest.mark.parametrize("dialect", ["chat", "responses", "messages", "gemini"])
@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "mine rejects the request; try "),
        (401, "check the key in MY_KEY and whether it gives access to small-1"),
        (404, "set `served` to the name that mine uses for the model"),
        (429, "rate limit or credit at mine is exhausted"),
        (503, "mine has a server error; try again later"),
        (529, "mine has a server error; try again later"),
    ],
)
def test_a_refusal_of_the_provider_is_told_with_what_helps(
    models: str, provider: Provider, capsys: pytest.CaptureFixture[str], dialect: str, status: int, words: str
) -> None:
    provider.answer = Answer(status=status, echoes_key=True)
    code, out, err = run(capsys, "check", "small", "--models", models, "--dialect", dialect)
    assert (code, out) == (1, "")
    assert err.startswith(f"mlebench models: small answers with status {status}: your key is ***, is it not?; ") and words in err
    assert err.count("\n") == 1
    assert len(provider.received) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(dies_at=-1), "the connection to provider mine failed"),
        (Answer(dies_at=5), "broke off"),
        (Answer(raw=b"nonsense\r\n\r\n"), "the connection to provider mine failed"),
        (Answer(status=307, headers={"Location": "http://127.0.0.1:1/"}), "redirect"),
        (Answer(garbage=2**30), "has more than"),
    ],
    ids=["dies", "dies within", "no HTTP", "redirect", "garbage"],
)
def test_what_is_no_answer_is_told(
    models: str, provider: Provider, capsys: pytest.CaptureFixture[str], answer: Answer, words: str
) -> None:
    provider.answer = answer
    code, out, err = run(capsys, "check", "small", "--models", models)
    assert (code, out) == (1, "")
    assert words in err and "check the network and `base_url`" in err and err.count("\n") == 1


def test_words_of_a_provider_are_short_and_printable(models: str, provider: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    body = json.dumps([{"error": {"message": "\x1b[2Jno\n" + "x" * 5000}}]).encode()
    provider.answer = Answer(status=400, body=body)
    _, _, err = run(capsys, "check", "small", "--models", models)
    assert "\\x1b[2Jno\\n" in err and len(err) < 600
    for body in (b"", b"\xff", b"[" * 100_000, b"null", b'{"error": {"error": {"error": {}}}}', b'{"message": 5}'):
        provider.answer = Answer(status=400, body=body)
        assert "answers with status 400: no message; " in run(capsys, "check", "small", "--models", models)[2]


def test_a_port_where_nobody_listens_is_told(models: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "check", "gone", "--models", models)
    assert code == 1
    assert (
        "gone does not answer: provider mine refuses connections; check the network and `base_url` (http://127.0.0.1:1/v1)" in err
    )


def test_a_provider_that_says_nothing_is_not_waited_for_without_end(
    models: str, provider: Provider, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe_module, "SECONDS", 0.2)
    gate = Gate()
    provider.answer = replace(provider.answer, gate=gate)  # type: ignore[type-var]
    code, _, err = run(capsys, "check", "small", "--models", models)
    gate.open()
    assert code == 1 and "does not answer within" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check"], "no model given; run `mlebench models check NAME`"),
        (["check", "smal"], "unknown model `smal`; did you mean `small`?"),
        (["check", "keyless"], "keyless needs the key NOT_SET_ANYWHERE; run `export NOT_SET_ANYWHERE=…`"),
        (["check", "gpt-4.1", "--dialect", "gemini"], "gpt-4.1 does not speak gemini; use `--dialect chat|responses`"),
        (["check", "small", "--dialect", "chatt"], "unknown value `chatt` of `--dialect`; did you mean `chat`?"),
        (["list", "small"], "unexpected argument `small`"),
        (["chekc", "small"], "unknown action `chekc`; did you mean `check`?"),
        (["--dialect", "chat"], "`--dialect` is an option of `mlebench models check`"),
        (["--models", "nowhere.yaml"], "cannot read nowhere.yaml"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(
    models: str, provider: Provider, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    code, out, err = run(capsys, *words, "--models", models)
    assert (code, out) == (2, "")
    assert said in err and err.count("\n") == 1
    assert provider.received == []


def test_the_list_loads_no_http_library(models: str) -> None:
    script = "import sys; from mlebench.cli.main import main; main(sys.argv[1:]); sys.exit('aiohttp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script, "models", "--json", "--models", models], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
