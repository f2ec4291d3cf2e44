"""Three calls of ten fail, in many ways: does every input end, and does the ledger say what the server says?

python tests/chaos.py 2000
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from fault_server import FaultServer, Play, completion, failing

from qualityroute import Config, Engine, QualityRouteError

FAULTY = 0.3
CONCURRENCY = 48
SCHEMA = {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]}
RUBRIC = {"name": "read", "criteria": [{"id": "right", "ask": "Is the total right?"}]}


@dataclass
class Provider:
    """Answers, fails, and counts the tokens of every reply that a client could read."""

    chance: random.Random
    input_tokens: int = 0
    output_tokens: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def __call__(self, body: Mapping[str, Any]) -> Play:
        reply = completion(self._content(body))
        reply["usage"] = {"prompt_tokens": self.chance.randint(1, 500), "completion_tokens": self.chance.randint(1, 99)}
        if self.chance.random() >= FAULTY:
            self._count(reply)
            return Play(reply, delay=self.chance.random() * 0.01)
        return self._fault(reply)

    def _fault(self, reply: dict[str, Any]) -> Play:
        text = json.dumps(reply)
        faults = {
            "500": failing(500),
            "503": failing(503),
            "429": failing(429),
            "429 with Retry-After": failing(429, headers={"retry-after": "0.05"}),
            "no answer": Play(cut=-1),
            "cut": Play(reply, cut=len(text) // 2),
            "not JSON": Play(text[:-20]),
            "no UTF-8": Play(text.encode()[:-5] + b"\xff\xfe}"),
            "HTML": Play("<html>"),
            "error in a 200": Play({"error": {"code": 502, "message": "upstream"}, "usage": reply["usage"]}),
            "no choices": Play({**reply, "choices": []}),
        }
        name = self.chance.choice(list(faults))
        self.faults[name] += 1
        if name in ("error in a 200", "no choices"):
            self._count(reply)
        return faults[name]

    def _count(self, reply: Mapping[str, Any]) -> None:
        self.input_tokens += reply["usage"]["prompt_tokens"]
        self.output_tokens += reply["usage"]["completion_tokens"]

    def _content(self, body: Mapping[str, Any]) -> str:
        if body["model"] == "judge":
            verdict = "yes" if self.chance.random() < 0.9 else "no"
            checks = [{"id": "right", "evidence": "", "verdict": verdict}]
            return json.dumps({"checks": checks, "instructions_in_data": "no"})
        return '{"total": 1}' if body["model"] == "large" or self.chance.random() < 0.9 else '{"total": "one"}'


@dataclass(frozen=True)
class Account:
    """What a run came to, as the ledger has it and as the server has it."""

    inputs: int
    answered: int
    errors: Counter[str]
    decisions: int
    ledger: tuple[int, int, int]
    """Requests, tokens read and tokens written."""
    server: tuple[int, int, int]
    most_at_once: int
    faults: Counter[str]
    pins_for_faults: int
    seconds: float


async def run(inputs: int, folder: Path, seed: int = 7) -> Account:
    provider = Provider(random.Random(seed))
    with FaultServer(provider) as server:
        started = time.monotonic()
        path = folder / "chaos.db"
        answered, errors = 0, Counter[str]()
        async with Engine(_config(server.url), store=f"sqlite:///{path}") as engine:
            wanted = ({"input": f"total {number}", "session": f"s{number}"} for number in range(inputs))
            async for item in engine.map("read", wanted, concurrency=inputs):
                if item.error is None:
                    answered += 1
                else:
                    assert isinstance(item.error, QualityRouteError), repr(item.error)
                    errors[type(item.error).__name__] += 1
        seconds = time.monotonic() - started
        with closing(sqlite3.connect(path)) as file:
            [ledger] = file.execute("SELECT SUM(1 + retries), SUM(input_tokens), SUM(output_tokens) FROM calls")
            [(decisions,)] = file.execute("SELECT COUNT(*) FROM decisions")
            [(pins,)] = file.execute("SELECT COUNT(*) FROM pins WHERE reason NOT IN ('schema', 'judged')")
        seen = (len(server.requests), provider.input_tokens, provider.output_tokens)
        return Account(
            inputs, answered, errors, decisions, ledger, seen, server.most_at_once, provider.faults, pins, seconds
        )


def _config(url: str) -> Config:
    return Config.model_validate(
        {
            "providers": {"chaos": {"base_url": url, "max_concurrency": CONCURRENCY}},
            "tiers": {"efficiency": {"models": ["chaos/small"]}, "performance": {"models": ["chaos/large"]}},
            "judge": {"model": "chaos/judge"},
            "tasks": {"read": {"schema": SCHEMA, "rubric": RUBRIC, "gate": ["schema", "judge"], "deadline": "10m"}},
        }
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        account = anyio.run(run, int(sys.argv[1]), Path(folder))
    print(f"{account.inputs} inputs, {account.answered} answered, {dict(account.errors)}, {account.seconds:.1f} s")
    print(f"ledger (requests, tokens read, written): {account.ledger}")
    print(f"server (requests, tokens read, written): {account.server}")
    print(f"at most {account.most_at_once} at once of {CONCURRENCY} allowed; {sum(account.faults.values())} faults:")
    for name, count in account.faults.most_common():
        print(f"  {count:5} {name}")


if __name__ == "__main__":
    main()
