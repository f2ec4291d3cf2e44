"""The practice provider's HTTP side: an OpenAI-compatible server on loopback.

It is a stand-in: its "models" are small programs that read the text they are given (`crude`, `careful`,
`checker`), not language models. Every response says so in `system_fingerprint`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from qualityroute.practice.replies import BadRequest, chunks_of, completion_of, model_list, reply_to

LARGEST_BODY = 32 * 1024 * 1024


class PracticeServer:
    """Serves the practice models until stopped.

    >>> with PracticeServer() as server:
    ...     server.base_url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, *, latency: Mapping[str, float] | None = None) -> None:
        self.latency = dict(latency or {})
        """Seconds each model waits before it answers."""
        self._calls: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = _Server((host, port), self)
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/v1"

    @property
    def calls(self) -> dict[str, int]:
        """How often each model was asked, so far."""
        with self._lock:
            return dict(self._calls)

    def count(self, model: str) -> None:
        with self._lock:
            self._calls[model] = self._calls.get(model, 0) + 1

    def start(self) -> PracticeServer:
        # The poll interval is how long stop() may take; the default of half a second is felt in tests.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def serve_forever(self) -> None:
        """Serves in this thread until interrupted."""
        try:
            self._server.serve_forever()
        finally:
            self._server.server_close()

    def stop(self) -> None:
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()

    def __enter__(self) -> PracticeServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # server_close() must not wait for clients that keep their connections open.
    block_on_close = False
    # A burst of new connections larger than the listen queue would be reset.
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], practice: PracticeServer) -> None:
        self.practice = practice
        super().__init__(address, _Exchange)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is not news."""


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    # Small writes must leave at once: Nagle's algorithm would hold each for 40 ms.
    disable_nagle_algorithm = True
    # One write for head and body, so that a response is one packet.
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: requests hold other people's documents."""

    def do_GET(self) -> None:
        match self._path():
            case "/health":
                self._send(200, {"status": "ok", "provider": "practice stand-in"})
            case "/v1/models":
                self._send(200, model_list())
            case _:
                self._fail(BadRequest(404, f"no path {self.path!r}; there are: /v1/models, /health", "not_found"))

    def do_POST(self) -> None:
        try:
            body = self._body()
            if self._path() != "/v1/chat/completions":
                raise BadRequest(404, f"no path {self.path!r}; there is: /v1/chat/completions", "not_found")
            self._answer(_json_object(body))
        except BadRequest as problem:
            self._fail(problem)

    def _answer(self, request: Mapping[str, Any]) -> None:
        reply = reply_to(request)
        self.server.practice.count(reply.model)
        time.sleep(self.server.practice.latency.get(reply.model, 0.0))
        if request.get("stream") is True:
            self._stream(chunks_of(reply, with_usage=_wants_usage(request)))
        else:
            self._send(200, completion_of(reply))

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.close_connection = True
            raise BadRequest(411, "the header 'Content-Length' is missing or no number", "length_required")
        if int(length) > LARGEST_BODY:
            self.close_connection = True
            raise BadRequest(413, f"the body has {length} bytes; at most {LARGEST_BODY} are read", "too_large")
        return self.rfile.read(int(length))

    def _path(self) -> str:
        return self.path.split("?", 1)[0].rstrip("/")

    def _fail(self, problem: BadRequest) -> None:
        self._send(problem.status, problem.as_json())

    def _send(self, status: int, value: Mapping[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, chunks: Iterable[Mapping[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            self._write_event(json.dumps(chunk))
        self._write_event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _write_event(self, data: str) -> None:
        event = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        self.wfile.flush()


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, f"the body is not JSON: {error}", "invalid_json") from error
    if not isinstance(value, dict):
        raise BadRequest(400, "the body must be a JSON object", "invalid_json")
    return value


def _wants_usage(request: Mapping[str, Any]) -> bool:
    options = request.get("stream_options")
    return isinstance(options, Mapping) and options.get("include_usage") is True
