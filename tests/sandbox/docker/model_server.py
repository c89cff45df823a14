"""A scripted model: it writes a buggy draft, a good draft and an improvement, and reviews them."""

from __future__ import annotations

import http.server
import json
import threading
from typing import Any

from mlebench.gateway.tokens import Tokens
from tests.gateway.provider import Answer, Received

PLAN = "Plan: predict the label from one column and check it on held-out passengers."
BUGGY = "import pandas as pd\ntrain = pd.read_csv('./input/train.csv')\nprint(train['NoSuchColumn'].mean())"
SOLUTION = """import pandas as pd
train = pd.read_csv('./input/train.csv')
test = pd.read_csv('./input/test.csv')
held_out = train.sample(frac=0.25, random_state=0)
rest = train.drop(held_out.index)
prediction = {prediction}
print('accuracy', (held_out['Transported'].astype(bool) == prediction(held_out)).mean())
submission = pd.DataFrame({{'PassengerId': test['PassengerId'], 'Transported': prediction(test)}})
submission.to_csv('./working/submission.csv', index=False)
"""
FIRST = SOLUTION.format(prediction="lambda rows: pd.Series(True, index=rows.index)")
IMPROVED = SOLUTION.format(prediction="lambda rows: rows['CryoSleep'].fillna(False).astype(bool)")
METRICS = {"pd.Series(True": 0.5, "CryoSleep": 0.75}


class ScriptedModel:
    """What the model says, whatever the dialect in which it is asked."""

    def __init__(self) -> None:
        self.prompts: list[str] = []
        """What it was asked, as JSON."""
        self._solutions = iter([BUGGY, FIRST, IMPROVED])
        self._lock = threading.Lock()

    def say(self, prompt: str, *, has_tools: bool) -> str | dict[str, Any]:
        """A text, or the arguments of the tool `submit_review`."""
        with self._lock:
            self.prompts.append(prompt)
            if has_tools:
                metric = next((value for part, value in METRICS.items() if part in prompt), 0.0)
                return {"is_bug": "KeyError" in prompt, "summary": "seen", "metric": metric, "lower_is_better": False}
            if "research journal" in prompt:
                return "# Report\nThree solutions were tried."
            return f"{PLAN}\n\n```python\n{next(self._solutions)}\n```"

    def answer(self, received: Received) -> Answer:
        """As an answer of the scripted provider, in four dialects."""
        content = received.content
        prompt = json.dumps([content.get(key) for key in ("system", "messages", "input")])
        said = self.say(prompt, has_tools=bool(content.get("tools")))
        tokens = Tokens(input=100, output=10)
        if isinstance(said, dict):
            return Answer(text="", tool=("submit_review", said), tokens=tokens)
        return Answer(text=said, tokens=tokens)


class ModelServer:
    """Answers at `/v1/chat/completions` of every address of the host, for agents that ask past the gateway."""

    def __init__(self) -> None:
        self.model = ScriptedModel()
        self.keys: set[str] = set()
        handler = type("Handler", (_Handler,), {"server_of": self})
        self._server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: dict[str, Any], key: str) -> dict[str, Any]:
        self.keys.add(key)
        said = self.model.say(json.dumps(request["messages"]), has_tools=bool(request.get("tools")))
        message: dict[str, Any] = {"role": "assistant", "content": said}
        if isinstance(said, dict):
            review = {"name": "submit_review", "arguments": json.dumps(said)}
            message |= {"content": None, "tool_calls": [{"id": "call", "type": "function", "function": review}]}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        return {"id": "1", "object": "chat.completion", "created": 0, "model": "scripted", "choices": [choice], "usage": usage}


class _Handler(http.server.BaseHTTPRequestHandler):
    server_of: ModelServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = json.dumps(self.server_of.answer(body, self.headers.get("Authorization", ""))).encode()
        self.send_response(200 if self.path == "/v1/chat/completions" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        return
