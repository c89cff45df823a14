"""`mlebench_agent.litellm_model`: the dialect in which litellm asks a model, and the end of the budget."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from mlebench_agent.litellm_model import check_budget, litellm_name
from mlebench_agent.models import SPENT, BudgetSpent


class Gateway(ThreadingHTTPServer):
    """One that lists models."""

    dialects: dict[str, list[str]]


class Listing(BaseHTTPRequestHandler):
    server: Gateway

    def do_GET(self) -> None:
        entries = [{"id": name, "dialects": dialects} for name, dialects in self.server.dialects.items()]
        is_known = (self.path, self.headers["Authorization"]) == ("/v1/models", "Bearer a-token")
        self.send_response(200 if is_known else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"data": entries}).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with Gateway(("127.0.0.1", 0), Listing) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_address[1]}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "a-token")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("model", "dialects", "name"),
    [
        ("gpt-6.2-sol", ["chat", "responses"], "openai/responses/gpt-6.2-sol"),
        ("o3", ["chat", "responses"], "openai/responses/o3"),
        ("gpt-6.2-sol", ["chat"], "openai/gpt-6.2-sol"),
        ("claude-opus-5", ["messages", "chat"], "anthropic/claude-opus-5"),
        ("claude-opus-5", ["chat"], "openai/claude-opus-5"),
        ("gemini-3.5-flash", ["gemini", "chat"], "openai/gemini-3.5-flash"),
        ("gpt-oss-120b", ["chat", "responses"], "openai/gpt-oss-120b"),
        ("qwen/qwen3-coder", ["chat", "responses", "messages"], "openai/qwen/qwen3-coder"),
        ("openai/gpt-5", ["chat", "responses"], "openai/openai/gpt-5"),
        ("mine", ["messages"], "anthropic/mine"),
    ],
)
def test_a_model_is_asked_in_its_makers_dialect_where_the_gateway_has_it(
    model: str, dialects: list[str], name: str, gateway: Gateway
) -> None:
    gateway.dialects = {"another": ["gemini"], model: dialects}
    assert litellm_name(model) == name


def test_a_model_in_no_dialect_of_litellm_is_refused(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.dialects = {"mine": ["gemini"]}
    with pytest.raises(SystemExit) as ended:
        litellm_name("mine")
    assert ended.value.code == 2
    assert "mine supports only the dialect gemini" in capsys.readouterr().err


def test_where_the_gateway_does_not_say_a_model_is_asked_in_chat(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    gateway.dialects = {}
    assert litellm_name("claude-opus-5") == "openai/claude-opus-5"
    assert "using chat" in capsys.readouterr().out


def test_the_gateways_refusal_for_the_budget_is_told_from_a_providers_quota() -> None:
    check_budget(RuntimeError("insufficient_quota: you exceeded your current quota"))
    with pytest.raises(BudgetSpent):
        check_budget(RuntimeError(f"litellm.BadRequestError: OpenAIException - {SPENT}: 6 of 6 calls"))
