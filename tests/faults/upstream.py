"""The models: a real server on loopback that answers well and badly, and keeps its own books of who asked what."""

from __future__ import annotations

import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fault_server import Play, completion

PRICES = {
    "small": (Decimal("0.1"), Decimal("0.4")),
    "large": (Decimal(3), Decimal(15)),
    "judge": (Decimal("0.05"), Decimal("0.2")),
}
"""USD per million tokens, read and written."""
MILLION = 10**6
_WHO = re.compile(r"request (?P<request>\d+-\d+) of session (?P<session>[\w-]+)")


@dataclass(frozen=True, slots=True)
class Call:
    """One request that arrived."""

    request: str
    session: str
    model: str
    input_tokens: int
    output_tokens: int
    at: float
    """Seconds, of the machine's monotonic clock."""

    @property
    def cost(self) -> Decimal:
        reading, writing = PRICES[self.model]
        return (self.input_tokens * reading + self.output_tokens * writing) / MILLION


@dataclass
class Upstream:
    """A script for `FaultServer`. Of the cheap answers a third is wrong, by form or by what the judge finds."""

    chance: random.Random
    slowest: float = 0.02
    """Seconds."""
    calls: list[Call] = field(default_factory=list)

    def __call__(self, body: Mapping[str, Any]) -> Play:
        who = _WHO.search(json.dumps(body["messages"]))
        if who is None:
            raise AssertionError(f"a request that names no document: {body}")
        reply = completion(self._content(body["model"]))
        tokens = self.chance.randint(40, 120), self.chance.randint(5, 50)
        reply["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
        self.calls.append(Call(who["request"], who["session"], body["model"], *tokens, time.monotonic()))
        return Play(reply, delay=self.chance.uniform(0, self.slowest))

    def by_request(self) -> dict[str, list[Call]]:
        found: defaultdict[str, list[Call]] = defaultdict(list)
        for call in list(self.calls):  # it is added to from the server's thread
            found[call.request].append(call)
        return found

    def _content(self, model: str) -> str:
        if model == "judge":
            verdict = self.chance.choices(["yes", "no"], [4, 1])[0]
            checks = [{"id": "right", "evidence": "", "verdict": verdict}]
            return json.dumps({"checks": checks, "instructions_in_data": "no"})
        wrong = model == "small" and self.chance.random() < 0.2
        return '{"number": "A-1"}' if wrong else '{"number": "A-1", "total": 12.5}'


def configuration(
    base_url: str, *, on_store_error: str = "raise", deadline: str = "5s", retries: int = 2
) -> dict[str, Any]:
    """Pins that are probed soon, a judge, and budgets of which some sessions use up theirs.

    No budgets where the store's trouble is only warned of: without a store that keeps them no call is made.
    """
    schema = {
        "type": "object",
        "properties": {"number": {"type": "string"}, "total": {"type": "number"}},
        "required": ["number", "total"],
    }
    rubric = {"name": "invoice", "criteria": [{"id": "right", "ask": "Is it right?"}]}
    task = {"schema": schema, "rubric": rubric, "gate": ["schema", "judge"], "max_output_tokens": 100}
    return {
        "providers": {"up": {"base_url": base_url, "max_concurrency": 64, "retries": retries}},
        "tiers": {"efficiency": {"models": ["up/small"]}, "performance": {"models": ["up/large"]}},
        "judge": {"model": "up/judge"},
        "tasks": {"invoice": {**task, "deadline": deadline}},
        "pins": {"after": 1, "first": 1, "cap": 2},
        "budget": {"per_session": str(PER_SESSION), "per_day": str(PER_DAY)} if on_store_error == "raise" else {},
        "store": {"on_store_error": on_store_error, "payloads": "all"},
        "prices": [
            {"model": f"up/{model}", "effective_from": "2020-01-01", "input": str(reading), "output": str(writing)}
            for model, (reading, writing) in PRICES.items()
        ],
    }


PER_SESSION = Decimal("0.01")
PER_DAY = Decimal(1000)
