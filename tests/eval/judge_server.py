"""A judge's server on this machine: what it says depends on the question it is asked about."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from eval.judge import REMINDER

if TYPE_CHECKING:
    from collections.abc import Iterator

GOOD = json.dumps({"grounded": True, "answers": True, "why": "It says so."})
NO = json.dumps({"grounded": True, "answers": False, "why": "It is about another thing."})
SAYS: dict[str, str | None] = {
    "good": GOOD,
    "no": NO,
    "fenced": f"```json\n{GOOD}\n```",
    "malformed": "{grounded: yes}",
    "prose": f"Sure! Here is my verdict: {GOOD} I hope that helps.",
    "truncated": GOOD[:40],
    "refusing": "I'm sorry, but I can't help with that.",
    "missing": '{"grounded": true, "why": "?"}',
    "mistyped": '{"grounded": "true", "answers": 1, "why": "?"}',
    "null": '{"grounded": null, "answers": null, "why": null}',
    "nan": '{"grounded": NaN, "answers": true, "why": "?"}',
    "list": f"[{GOOD}]",
    "deep": "[" * 100_000,
    "wordless": None,
}
SLOW_SECONDS = 1.2


@dataclass
class JudgeServer:
    """What the server was asked.

    Attributes:
        url: Its address.
        bodies: The requests, as sent.
        keys: The `authorization` of each.
        busiest: How many requests it had at once, at most.
    """

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    busiest: int = 0
    _now: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """One more request is being answered."""
        with self._lock:
            self._now += 1
            self.busiest = max(self.busiest, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1

    def asked(self, question: str) -> list[dict[str, Any]]:
        """The requests about one question."""
        return [body for body in self.bodies if f'"question": "{question}"' in _user(body)]


@contextmanager
def judge_server() -> Iterator[JudgeServer]:
    """A server that runs for as long as the test."""
    seen = JudgeServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            seen.bodies.append(body)
            seen.keys.append(self.headers["authorization"])
            with seen.busy():
                self._reply(*_reply(self.path, body))

        def _reply(self, status: int, content: str) -> None:
            sent = content.encode()
            try:
                self.send_response(status)
                self.send_header("content-length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)
            except BrokenPipeError:
                pass  # the client had no patience

        def log_message(self, *_: object) -> None:
            """Say nothing on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        seen.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield seen
        server.shutdown()
        thread.join()


def _reply(path: str, body: dict[str, Any]) -> tuple[int, str]:
    user = _user(body)
    case, _ = json.JSONDecoder().raw_decode(user)
    question = case["question"]
    if path != "/v1/chat/completions":
        return 404, "{}"
    if question == "html":
        return 200, "<html>It works!</html>"
    if question.isdigit():
        return int(question), json.dumps({"error": "the key sk-secret is wrong"})
    if question == "slow":
        time.sleep(SLOW_SECONDS)
    if question == "mended":
        said: str | None = GOOD if REMINDER in user else "Let me think."
    else:
        time.sleep(0.02)
        said = SAYS.get(question, GOOD)
    return 200, json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]})


def _user(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])
