"""Thousands of calls and streams at once, before a faulty provider, from clients some of which hang up: does each
answer reach the client that asked for it, has each request its row, and is the server's memory as it was?

python tests/gateway_storm.py --requests 2000
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fault_server import FaultServer, Play, completion, failing, streaming

FAULTY, LEAVING = 0.2, 0.1
WARM_UP, AT_ONCE = 400, 8
"""Requests before the first storm, without a fault."""
REST = 25.0
"""Seconds after a round until the gateway, which then is quiet, has given back what it will."""
JEMALLOC = "narenas:1,background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,slab_sizes:1-512:1"
"""As docs/gateway.md says."""
MARKER = re.compile(r"m-\d{6}")
WAYS = ("smart-select/read", "performance-model/read", "efficiency-model/read")
COMPLAINTS = ("never awaited", "never retrieved", "ResourceWarning", "Traceback", "Task was destroyed", " broke")
_HANG = 600.0
_CONFIG = """
deadline = "5m"
providers = {{storm = {{base_url = "{url}", max_concurrency = 10_000, timeout = "{timeout}s"}}}}
tiers = {{efficiency = {{models = ["storm/small"]}}, performance = {{models = ["storm/large"]}}}}
judge = {{model = "storm/judge", timeout = "{timeout}s"}}
[gateway]
max_concurrent = 10_000
first_keep_alive = "200ms"
shutdown_grace = "500ms"
[tasks.read]
gate = ["schema", "judge"]
schema = {{type = "object", properties = {{marker = {{type = "string"}}}}, required = ["marker"]}}
rubric = {{name = "read", criteria = [{{id = "right", ask = "Is it the marker?"}}]}}
"""


class Provider:
    """Answers with the marker it finds in the question; one call of five fails in one of many ways."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.is_faulty = False
        self.faults: Counter[str] = Counter()
        self.asked: set[str] = set()
        """Markers of questions that came through."""

    def __call__(self, body: Mapping[str, Any]) -> Play:
        found = MARKER.findall(json.dumps(body["messages"]))
        self.asked.update(found)
        if self.is_faulty and self._chance.random() < FAULTY:
            return self._fault(body, found[-1])
        return self._good(body, found[-1])

    def _good(self, body: Mapping[str, Any], marker: str) -> Play:
        if body["model"] == "judge":
            verdict = "yes" if self._chance.random() < 0.9 else "no"
            checks = [{"id": "right", "evidence": "", "verdict": verdict}]
            return Play(completion(json.dumps({"checks": checks, "instructions_in_data": "no"})))
        if body.get("stream"):
            return streaming('{"marker"', f': "{marker}"', "}")
        return Play(completion(json.dumps({"marker": marker})), delay=self._chance.random() * 0.05)

    def _fault(self, body: Mapping[str, Any], marker: str) -> Play:
        whole = completion(json.dumps({"marker": marker}))
        faults = {
            "500": failing(500),
            "429": failing(429, headers={"retry-after": "0.05"}),
            "no answer": Play(cut=-1),
            "cut": Play(whole, cut=len(json.dumps(whole)) // 2),
            "hang": Play(delay=_HANG),
        }
        if body.get("stream"):
            faults["cut"] = streaming('{"marker"', f': "{marker}"', then="cut")
            faults["hanging stream"] = streaming('{"marker"', then="hang")
        name = self._chance.choice(list(faults))
        self.faults[name] += 1
        return faults[name]


@dataclass(frozen=True, slots=True)
class Wish:
    """One request, and how its client behaves."""

    marker: str
    way: str
    stream: bool
    leaves: str | None = None
    """`None`: reads to the end. `early`: hangs up while nothing has come. `midway`: with the first byte."""
    patience: float = 0.0
    """Seconds until a client leaves early."""

    def encoded(self) -> bytes:
        messages = [{"role": "user", "content": f"what is the marker of {self.marker}?"}]
        body = json.dumps({"model": self.way, "messages": messages, "stream": self.stream}).encode()
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
            f"x-session-id: {self.marker}\r\nx-request-id: {self.marker}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


@dataclass(frozen=True, slots=True)
class Told:
    wish: Wish
    head: str
    body: str

    @property
    def status(self) -> str:
        return self.head.split(" ")[1] if self.head else ""

    @property
    def ended(self) -> str:
        """How, in a word."""
        if self.wish.leaves is not None:
            return f"left {self.wish.leaves}"
        if self.status != "200" or not self.wish.stream:
            return self.status or "no answer"
        if "data: [DONE]" in self.body:
            return "200 [DONE]"
        return "200 error event" if '"error"' in self.body else "200 without end"

    @property
    def is_right(self) -> bool:
        """Is it of this request alone, and where it claims to be whole, whole?"""
        markers = {self.wish.marker}
        if not set(MARKER.findall(self.head + self.body)) <= markers:
            return False
        if self.head and f"x-request-id: {self.wish.marker}" not in self.head:
            return False
        return self.ended not in ("200", "200 [DONE]") or self.wish.marker in self._said

    @property
    def _said(self) -> str:
        if not self.wish.stream:
            return str(json.loads(self.body)["choices"][0]["message"]["content"])
        events = re.findall(r"^data: (\{.*)$", self.body, re.MULTILINE)
        choices = [choice for one in events for choice in json.loads(one)["choices"]]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    @property
    def decision(self) -> str | None:
        found = re.search(r"^x-qualityroute-decision: (\S+)", self.head, re.MULTILINE)
        return found and found[1]


def wishes(count: int, chance: random.Random, first: int, longest: float) -> list[Wish]:
    """`longest`: seconds that a client waits before it leaves early."""
    made = []
    for number in range(first, first + count):
        leaves = chance.choice(["early", "midway"]) if chance.random() < LEAVING else None
        patience = 0.02 + chance.random() * longest
        made.append(Wish(f"m-{number:06}", chance.choice(WAYS), chance.random() < 0.5, leaves, patience))
    return made


async def ask(port: int, wish: Wish, connected: asyncio.Barrier | None = None) -> Told:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        if connected is not None:
            await connected.wait()
        writer.write(wish.encoded())
        if wish.leaves == "early":
            await asyncio.sleep(wish.patience)
            return Told(wish, "", "")
        raw = await (reader.read(1) if wish.leaves else reader.read())
    except ConnectionError:
        return Told(wish, "", "")
    finally:
        writer.transport.abort()
    head, _, body = raw.partition(b"\r\n\r\n")
    return Told(wish, "" if wish.leaves else head.decode(), _unchunked(head, body).decode())


def _unchunked(head: bytes, body: bytes) -> bytes:
    if b"transfer-encoding: chunked" not in head:
        return body
    parts = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size or b"0", 16)
        parts.append(rest[:length])
        body = rest[length + 2 :]
    return b"".join(parts)


async def all_at_once(port: int, wanted: Sequence[Wish]) -> list[Told]:
    """Every client is connected before the first one asks."""
    connected = asyncio.Barrier(len(wanted))
    return await asyncio.gather(*(ask(port, wish, connected) for wish in wanted))


@dataclass
class Gateway:
    """`qualityroute serve` in a process of its own."""

    process: subprocess.Popen[str]
    port: int
    ledger: Path
    complaints: Path

    def resident(self) -> int:
        """KiB."""
        return self._kib("VmRSS")

    def most_resident(self) -> int:
        """KiB, since it began."""
        return self._kib("VmHWM")

    def _kib(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(rf"{name}:\s+(\d+)", status)[0])

    def rows(self) -> list[tuple[str, str, str]]:
        """Decision, session and outcome."""
        with closing(sqlite3.connect(self.ledger)) as file:
            return file.execute("SELECT id, session, outcome FROM decisions").fetchall()


def preloaded(allocator: str | None) -> dict[str, str]:
    """What makes Python use jemalloc in place of its own allocator."""
    return {} if allocator is None else {"PYTHONMALLOC": "malloc", "LD_PRELOAD": allocator, "MALLOC_CONF": JEMALLOC}


@contextmanager
def gateway(url: str, folder: Path, timeout: float, allocator: str | None = None) -> Iterator[Gateway]:
    """One that is told to end, if it has not been, and then must."""
    config, ledger, complaints = folder / "qualityroute.toml", folder / "storm.db", folder / "stderr"
    config.write_text(_CONFIG.format(url=url, timeout=timeout))
    where = ["--config", str(config), "--db", str(ledger), "--port", "0"]
    command = [sys.executable, "-W", "default", "-m", "qualityroute", "serve", *where]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **preloaded(allocator)}
    with complaints.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r":(\d+)/v1", said)
        assert found, complaints.read_text()
        process.stdout.readline()
        yield Gateway(process, int(found[1]), ledger, complaints)
    finally:
        process.terminate()
        process.communicate(timeout=60)


@dataclass
class Account:
    """What a storm came to."""

    told: list[Told]
    rows: list[tuple[str, str, str]]
    asked: set[str]
    faults: Counter[str]
    complaints: str
    exit_code: int
    resident: list[int] = field(default_factory=list)
    """KiB: after the warm-up, then after each round."""
    most_resident: int = 0
    """KiB."""
    most_at_once: int = 0
    seconds: float = 0.0

    @property
    def wrong(self) -> list[Told]:
        return [one for one in self.told if not one.is_right]

    @property
    def rowless(self) -> set[str]:
        """Requests that the engine took on and whose row is missing: answered by it, or asked of the provider."""
        answered = {one.wish.marker for one in self.told if one.status not in ("", "503")}
        return (answered | self.asked) - {session for _, session, _ in self.rows}

    @property
    def strangers(self) -> list[str]:
        """Rows that are there twice, or that a client was told of under another's name."""
        session_of = {decision: session for decision, session, _ in self.rows}
        twice = [session for session, count in Counter(session_of.values()).items() if count > 1]
        named = [one for one in self.told if one.decision is not None]
        return twice + [one.wish.marker for one in named if session_of.get(one.decision or "") != one.wish.marker]

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.complaints.splitlines() if any(word in line for word in COMPLAINTS)]


def storm(
    rounds: Sequence[int],
    folder: Path,
    *,
    timeout: float,
    warm_up: int = 0,
    rest: float = 0.0,
    allocator: str | None = None,
    streams_at_the_end: int = 20,
    seed: int = 7,
) -> Account:
    """Rounds of so many requests each, and then SIGTERM while some streams are under way.

    Args:
        warm_up: ordinary requests before the memory is first looked at.
        rest: seconds until it is looked at, after the warm-up and after each round.
        allocator: the file of one that takes the place of Python's own.
    """
    chance = random.Random(seed)
    provider, told, first = Provider(chance), list[Told](), warm_up
    with FaultServer(provider) as server:
        with gateway(server.url, folder, timeout, allocator) as served:
            told += asyncio.run(_warmed_up(served.port, warm_up))
            provider.is_faulty = True
            time.sleep(rest)
            resident, seconds = [served.resident()], 0.0
            for count in rounds:
                began = time.monotonic()
                told += asyncio.run(all_at_once(served.port, wishes(count, chance, first, min(timeout, 2))))
                seconds += time.monotonic() - began
                first += count
                time.sleep(rest)
                resident.append(served.resident())
            most = served.most_resident()
            told += asyncio.run(_end_amid_streams(served, provider, streams_at_the_end, first))
        return Account(
            told, served.rows(), provider.asked, provider.faults, served.complaints.read_text(),
            served.process.returncode, resident, most, server.most_at_once, seconds,
        )  # fmt: skip


async def _warmed_up(port: int, count: int) -> list[Told]:
    wanted = [Wish(f"m-{number:06}", WAYS[number % 3], stream=number % 2 == 0) for number in range(count)]
    told: list[Told] = []
    for start in range(0, count, AT_ONCE):
        told += await asyncio.gather(*(ask(port, wish) for wish in wanted[start : start + AT_ONCE]))
    return told


async def _end_amid_streams(served: Gateway, provider: Provider, count: int, first: int) -> list[Told]:
    """Told to end when each stream has had its provider asked."""
    wanted = [Wish(f"m-{number:06}", WAYS[number % 2], stream=True) for number in range(first, first + count)]
    streams = [asyncio.create_task(ask(served.port, wish)) for wish in wanted]
    async with asyncio.timeout(60):
        while not {wish.marker for wish in wanted} <= provider.asked:
            await asyncio.sleep(0.005)
    served.process.terminate()
    return await asyncio.gather(*streams)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--timeout", type=float, default=3.0, help="Seconds for a call of the provider.")
    parser.add_argument("--allocator", metavar="FILE", help="jemalloc's, to be preloaded in place of Python's own.")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        account = storm(
            [wanted.requests] * wanted.rounds, Path(folder), timeout=wanted.timeout,
            warm_up=WARM_UP, rest=REST, allocator=wanted.allocator,
        )  # fmt: skip
    print(f"{len(account.told)} requests in {account.seconds:.1f} s, {account.most_at_once} at once at the provider")
    for title, counts in (
        ("clients", Counter(one.ended for one in account.told)),
        ("ledger", Counter(outcome for _, _, outcome in account.rows)),
        ("faults", account.faults),
    ):
        print(f"{title}: " + ", ".join(f"{count} {name}" for name, count in counts.most_common()))
    print(f"at the end: {Counter(one.ended for one in account.told[-20:])}, exit code {account.exit_code}")
    print(f"resident KiB, before and after each round: {account.resident}, at most {account.most_resident}")
    print(f"after the last round {account.resident[-1] / account.resident[0] - 1:+.0%} of what it was before the first")
    print(f"wrong {len(account.wrong)}, rowless {len(account.rowless)}, strangers {len(account.strangers)}")
    print(f"warnings: {account.warnings[:20] or 'none'}")
    if account.wrong or account.rowless or account.strangers or account.warnings:
        raise SystemExit(1)
    if account.resident[-1] > account.resident[min(2, wanted.rounds)] * 1.1:
        raise SystemExit("memory grows")


if __name__ == "__main__":
    main()
