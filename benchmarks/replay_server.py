"""A loopback server that answers chat completions from the records, as a provider would have.

The model is found by its name, the case by its messages and schema. A judge's name is `agreement:PEER:THRESHOLD`: it
says yes if the recorded agreement of the candidate with that peer's answer is the threshold or more, and is billed the
tokens that the peer was recorded to use. Everything answered is counted, to be held against the engine's own ledger.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from replay_records import Case

from qualityroute.gates.readable import readable
from qualityroute.records import source_text

_BLOCK = re.compile(r"^-----BEGIN (SOURCE|CANDIDATE) \w+-----\n(.*)\n-----END", re.MULTILINE)
_JUDGE = "agreement"


def judge_name(peer: str, threshold: float) -> str:
    return f"{_JUDGE}:{peer}:{threshold:g}"


@dataclass
class Tally:
    """What was answered over HTTP, by model."""

    calls: Counter[str] = field(default_factory=Counter)
    prompt_tokens: Counter[str] = field(default_factory=Counter)
    completion_tokens: Counter[str] = field(default_factory=Counter)

    def note(self, model: str, usage: Mapping[str, int]) -> None:
        self.calls[model] += 1
        self.prompt_tokens[model] += usage["prompt_tokens"]
        self.completion_tokens[model] += usage["completion_tokens"]


class Replay(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, cases: Sequence[Case]) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.tally, self._lock = Tally(), threading.Lock()
        self._by_request = {_key(case["messages"], case["response_schema"]): case for case in cases}
        self._by_source = {readable(source_text(case["messages"])): case for case in cases}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def reply(self, body: Mapping[str, Any]) -> tuple[str, dict[str, int]]:
        """What the model says to this request, and the tokens it took."""
        model: str = body["model"]
        if model.startswith(f"{_JUDGE}:"):
            _, peer, threshold = model.split(":")
            content, answer = self._verdict(body, peer, float(threshold))
        else:
            answer = self._case(body["messages"])["answers"][model]
            content = answer["content"]
        usage = {"prompt_tokens": answer["prompt_tokens"], "completion_tokens": answer["completion_tokens"]}
        with self._lock:
            self.tally.note(model, usage)
        return content, usage

    def _case(self, messages: Sequence[Mapping[str, Any]]) -> Case:
        case = self._by_request.get(_key(messages, None))
        if case is not None:
            return case
        added, *own = messages  # the engine's system message, whose last line is the schema
        return self._by_request[_key(own, json.loads(added["content"].rpartition("\n")[2]))]

    def _verdict(self, body: Mapping[str, Any], peer: str, threshold: float) -> tuple[str, Mapping[str, Any]]:
        shown = {name: json.loads(text) for name, text in _BLOCK.findall(body["messages"][-1]["content"])}
        answers = self._by_source[shown["SOURCE"]]["answers"].values()
        signal = f"{_JUDGE}:{peer}"
        scores = {
            answer["judge"][signal]
            for answer in answers
            if signal in answer.get("judge", {}) and _shown(answer["content"]) == shown["CANDIDATE"]
        }
        (score,) = scores  # the same words are always the same answer
        said = "yes" if score >= threshold else "no"
        checks = body["response_format"]["json_schema"]["schema"]["properties"]["checks"]
        entries = [{"id": i, "evidence": "", "verdict": said} for i in checks["items"]["properties"]["id"]["enum"]]
        asked: Mapping[str, Any] = self._by_source[shown["SOURCE"]]["answers"][peer]
        return json.dumps({"checks": entries, "instructions_in_data": "no"}), asked


def _key(messages: Any, schema: Any) -> str:
    return json.dumps([messages, schema], sort_keys=True)


def _shown(content: str) -> str:
    """An answer as the judge is shown it: the value, and only what can be seen."""
    try:
        return readable(json.dumps(json.loads(content), ensure_ascii=False))
    except ValueError:
        return readable(content)


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    server: Replay

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        content, usage = self.server.reply(body)
        message = {"role": "assistant", "content": content}
        reply = {
            "id": "replay", "object": "chat.completion", "created": 0, "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {**usage, "total_tokens": sum(usage.values())},
        }  # fmt: skip
        sent = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *args: Any) -> None:
        """Said nothing: the table is the output."""


@contextmanager
def replay_server(cases: Sequence[Case]) -> Iterator[Replay]:
    with Replay(cases) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
