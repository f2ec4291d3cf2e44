"""A validator that stays loaded, for the rival whose gates are commands: does an answer keep to its schema?"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

import jsonschema_rs
from replay_records import Case

_CASE = re.compile(rb"case-(\d+):")


@contextmanager
def validating(cases: Sequence[Case], core: int | None) -> Iterator[str]:
    """Its URL. It is sent firstpass's gate input and finds the schema by the number in the request's text."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    schemas = [case["response_schema"] for case in cases]
    process = context.Process(target=_serve, args=(theirs, schemas, core), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/"
    finally:
        process.kill()
        process.join()


def _serve(parent: Connection, schemas: Sequence[Any], core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    validators = [jsonschema_rs.validator_for(schema) for schema in schemas]

    class Exchange(BaseHTTPRequestHandler):
        wbufsize = -1

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["content-length"]))
            verdict = json.dumps({"verdict": "pass" if _passes(sent, validators) else "fail", "score": 1.0}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(verdict)))
            self.end_headers()
            self.wfile.write(verdict)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the table is the output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
    parent.send(server.server_port)
    server.serve_forever()


def _passes(sent: bytes, validators: Sequence[Any]) -> bool:
    case = _CASE.search(sent)
    found = json.loads(sent)
    text = found.get("candidate", found.get("output", found.get("response", "")))
    try:
        return case is None or validators[int(case[1])].is_valid(
            json.loads(text if isinstance(text, str) else text["text"])
        )
    except (ValueError, KeyError, TypeError):
        return False
