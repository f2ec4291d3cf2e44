"""Two gateways on two hosts share one PostgreSQL; one of them is cut off from it, and comes back.

    python -m tests.faults hosts

Needs root and network namespaces. Callers and models are reached by another cable than the database.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fault_server import FaultServer, Play
from postgres_server import Server, new_server

from faults.books import Books, read_books
from faults.crew import Told
from faults.invariants import Evidence, no_half_decision, no_pin_is_lost, the_counters_are_the_ledgers_sums
from faults.network import Host, hosts
from faults.proxy import Proxy
from faults.upstream import Upstream, configuration

PATIENCE = 60.0
"""Seconds that a gateway may take until it answers, refuses, or works again."""
PORT = 8080


class Models(Upstream):
    """Answers well, but for sessions that are named after what their cheap answers are."""

    def __call__(self, body: Any) -> Play:
        play = super().__call__(body)
        call = self.calls[-1]
        wrong = call.model == "small" and call.session.startswith("bad")
        text = '{"number": "A-1"}' if wrong else '{"number": "A-1", "total": 12.5}'
        if call.model == "judge":
            text = json.dumps(
                {"checks": [{"id": "right", "evidence": "", "verdict": "yes"}], "instructions_in_data": "no"}
            )
        reply = json.loads(play.content)
        reply["choices"][0]["message"]["content"] = text
        return Play(reply, delay=play.delay)


@dataclass
class Said:
    """What a gateway said to one request."""

    status: int
    outcome: str
    decision: str
    seconds: float


@dataclass
class Gateway:
    host: Host
    key: str
    told: list[Said]
    _numbers: Iterator[int]

    def ask(self, session: str, patience: float = PATIENCE) -> Said:
        request = f"{ord(self.host.namespace[-1]) - 96}-{next(self._numbers)}"
        text = f"Invoice A-1, total 12.50. This is request {request} of session {session} here."
        body = {"model": "smart-select/invoice", "messages": [{"role": "user", "content": text}],
                "metadata": {"request": request, "session": session}}  # fmt: skip
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json", "x-session-id": session}
        url, began = f"http://{self.host.address}:{PORT}/v1/chat/completions", time.monotonic()
        asked = urllib.request.Request(url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(asked, timeout=patience) as reply:
                status, got = reply.status, reply.headers
        except urllib.error.HTTPError as error:
            status, got = error.code, error.headers
            error.close()
        said = Said(
            status,
            got.get("x-qualityroute-outcome", ""),
            got.get("x-qualityroute-decision", ""),
            time.monotonic() - began,
        )
        self.told.append(said)
        return said


def toml(value: Any) -> str:
    """Tables within tables as inline ones; JSON's strings and numbers are TOML's."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


class Town:
    """Two hosts with a gateway each, a database, and models."""

    def __init__(self, folder: Path, server: Server, resources: ExitStack) -> None:
        self.url = server.url("postgres")
        self.models = Models(random.Random(1))
        upstream = resources.enter_context(FaultServer(self.models))
        self.gateways = []
        for host in resources.enter_context(hosts(2)):
            models = resources.enter_context(Proxy(("127.0.0.1", upstream.port), host.front))
            database = resources.enter_context(Proxy(("127.0.0.1", server.port), host.back))
            config = configuration(f"http://{host.front}:{models.port}/v1", deadline="10s")
            config["store"]["url"] = f"postgresql://postgres@{host.back}:{database.port}/postgres"
            file = folder / f"{host.namespace}.toml"
            file.write_text("version = 1\n" + "".join(f"{name} = {toml(part)}\n" for name, part in config.items()))
            self.gateways.append(self._open(host, file, resources))

    def books(self) -> Books:
        return read_books(self.url)

    def _open(self, host: Host, file: Path, resources: ExitStack) -> Gateway:
        program = host.command(sys.executable, "-m", "qualityroute")
        key = ["keys", "add", host.namespace, "--tenant", "default", "--config", str(file)]
        added = subprocess.run([*program, *key], capture_output=True, text=True, check=True)
        serve = ["serve", "--host", host.address, "--port", str(PORT), "--config", str(file)]
        process = subprocess.Popen([*program, *serve], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        resources.callback(process.wait)
        resources.callback(process.kill)
        gateway = Gateway(host, added.stdout.split()[0], [], iter(range(1, 1_000_000)))
        until(lambda: answers(host), "the gateway answers")
        return gateway


def answers(host: Host) -> bool:
    try:
        urllib.request.urlopen(f"http://{host.address}:{PORT}/healthz", timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
    return True


def until(true: Callable[[], bool], what: str) -> float:
    """How many seconds it took. Raises `AssertionError` if it does not come true."""
    began = time.monotonic()
    while not true():
        if time.monotonic() > began + PATIENCE:
            raise AssertionError(f"waited in vain until {what}")
        time.sleep(0.05)
    return time.monotonic() - began


@contextmanager
def town() -> Iterator[Town]:
    """Raises `NotHere` or `LookupError` where there can be none."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as resources:
        server = new_server()
        resources.callback(server.remove)
        server.make()
        server.start()
        yield Town(Path(folder), server, resources)


def pinned_elsewhere(place: Town) -> str:
    """A session that fails on one host is pinned on the other at its next request."""
    one, other = place.gateways
    first, second = one.ask("bad-1"), other.ask("bad-1")
    found = (first.status, first.outcome, second.status, second.outcome)
    if found != (200, "fallback", 200, "pinned"):
        raise AssertionError(f"on one host, then on the other: {found}")
    return f"fallback on one, pinned on the other {second.seconds * 1000:.0f} ms later"


def cut_off(place: Town) -> str:
    """A host without the database refuses, in bounded time, while the other serves; and it works again."""
    one, other = place.gateways
    for number in range(5):
        one.ask(f"good-{number}")
    one.host.cut_off(True)
    refused = one.ask("good-1")
    if refused.status != 503:
        raise AssertionError(f"without its database a gateway answers {refused}")
    if other.ask("good-1").status != 200:
        raise AssertionError("the other host does not serve")
    again = one.ask("good-1")
    one.host.cut_off(False)
    back = until(lambda: one.ask("good-1").status == 200, "the host that was cut off serves again")
    return (
        f"503 after {refused.seconds:.1f} s, then after {again.seconds:.1f} s; the other served;"
        f" back {back:.1f} s after the cable"
    )


def nothing_is_lost(place: Town) -> str:
    """Every answer has its row, whole, and counters and pins agree with the ledger."""
    books = place.books()
    answered = [said for gateway in place.gateways for said in gateway.told if said.status == 200]
    missing = [said.decision for said in answered if said.decision not in books.decisions]
    evidence = Evidence(books, Told(), {}, 1)
    wrong = [
        found
        for rule in (no_half_decision, no_pin_is_lost, the_counters_are_the_ledgers_sums)
        for found in rule(evidence)
    ]
    if missing or wrong:
        raise AssertionError(f"without a row: {missing}; {wrong[:3]}")
    return f"{len(answered)} answers, each with its row; {len(books.decisions)} decisions"


STEPS = (pinned_elsewhere, cut_off, nothing_is_lost)


def main() -> None:
    with town() as place:
        for step in STEPS:
            print(f"{step.__name__.replace('_', ' '):20} {step(place)}", flush=True)
