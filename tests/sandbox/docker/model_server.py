"""A scripted, OpenAI-compatible chat server: it writes a buggy draft, a good draft and an improvement, and reviews them."""

from __future__ import annotations

import http.server
import json
import threading
from typing import Any

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


class ModelServer:
    """Answers at `/v1/chat/completions`; remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self._solutions = iter([BUGGY, FIRST, IMPROVED])
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"model": self})
        self._server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: dict[str, Any], key: str) -> dict[str, Any]:
        with self._lock:
            self.requests.append(request)
            self.keys.add(key)
            message: dict[str, Any] = {"role": "assistant"}
            if request.get("tools"):
                review = {"name": "submit_review", "arguments": json.dumps(self._review(request["messages"][0]["content"]))}
                message |= {"content": None, "tool_calls": [{"id": "call", "type": "function", "function": review}]}
            elif "research journal" in json.dumps(request["messages"]):
                message["content"] = "# Report\nThree solutions were tried."
            else:
                message["content"] = f"{PLAN}\n\n```python\n{next(self._solutions)}\n```"
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        return {"id": "1", "object": "chat.completion", "created": 0, "model": "scripted", "choices": [choice], "usage": usage}

    def _review(self, prompt: str) -> dict[str, Any]:
        is_bug = "KeyError" in prompt
        metric = next((value for part, value in METRICS.items() if part in prompt), 0.0)
        return {"is_bug": is_bug, "summary": "seen", "metric": metric, "lower_is_better": False}


class _Handler(http.server.BaseHTTPRequestHandler):
    model: ModelServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = json.dumps(self.model.answer(body, self.headers.get("Authorization", ""))).encode()
        self.send_response(200 if self.path == "/v1/chat/completions" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        return
