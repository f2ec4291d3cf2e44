"""A ledger as it looks after two weeks of four tasks, with strangers' text in it, and a server to look at it."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import uvicorn
from conftest import PRICES
from page_reports import HOSTILE
from starlette.applications import Starlette

from qualityroute import Config, Engine
from qualityroute.budgets import Pot, Reservation, Scope
from qualityroute.config import Pins
from qualityroute.gateway.dashboard import dashboard_routes
from qualityroute.pins import PinKey, pin_after
from qualityroute.records import (
    Attempt,
    Decision,
    ModelCall,
    Outcome,
    Reason,
    Role,
    Route,
    Ruling,
    Tier,
    Usage,
    Verdict,
)
from qualityroute.store import Entry, SessionStore
from qualityroute.testing import ScriptedClient

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SPEAKABLE = HOSTILE.replace("\x00", "").replace("\ud800", "")
"""What of it a store keeps and a session may be called."""
STRANGER = SPEAKABLE.replace("\x1b", "")[:200]
RATES = {"invoice": 0.11, "contract-clauses": 0.83, "support-reply": 0.3, "receipts": 0.2}
MESSAGES = {
    Reason.SCHEMA: "total: 'about 12' is not a number",
    Reason.JUDGED: "supported: the total 1,240.00 is not stated in the source",
    Reason.UNGROUNDED: "number: 'A-1007' does not occur in the source",
}


@dataclass
class Key:
    id: str
    name: str
    dashboard: bool = True


@dataclass
class Keyring:
    """Keys by their tokens; a test adds and removes them."""

    keys: dict[str, Key] = field(default_factory=dict)

    async def any_exist(self) -> bool:
        return bool(self.keys)

    async def verify(self, token: str) -> Key | None:
        return self.keys.get(token)

    async def key(self, key_id: str) -> Key | None:
        return next((key for key in self.keys.values() if key.id == key_id), None)


def config() -> Config:
    tasks: dict[str, Any] = {name: {} for name in (*RATES, "summary")}
    tasks["invoice"] = {"budget_per_day": 0.02}
    return Config.model_validate(
        {
            "tiers": {"efficiency": {"models": ["practice/small"]}, "performance": {"models": ["practice/careful"]}},
            "tasks": tasks,
            "prices": PRICES,
            "budget": {"per_day": 5, "per_request": 0.05},
        }
    )


def engine_on(store: str | None = "sqlite://", now: datetime = NOW) -> Engine:
    return Engine(config(), client=ScriptedClient({}), store=store, now=lambda: now)


async def fill(store: SessionStore, count: int) -> None:
    """The same ledger each time."""
    chance = random.Random(7)
    names = list(RATES)
    for number in range(count):
        at = NOW - timedelta(days=14) * (1 - number / count) + timedelta(seconds=chance.randrange(50))
        await store.record(an_entry(number, at, names[number % 4 if number % 16 else 2], chance))
    await store.record(hostile_entry())
    day = NOW.date()
    pots = (Pot(Scope.DAY, Decimal(5), day=day), Pot(Scope.TASK, Decimal("0.02"), name="invoice", day=day))
    kept = Reservation("one", pots, Decimal("0.0021"), NOW, NOW + timedelta(minutes=5))
    for cost, reservation in ((Decimal("0.0143"), kept), (None, kept)):
        await store.reserve(reservation)
        if cost is not None:
            await store.settle(reservation, cost)


def an_entry(number: int, at: datetime, task: str, chance: random.Random) -> Entry:
    tokens = chance.randrange(300, 2000)
    failed = chance.random() < RATES[task] and task
    reason = chance.choice(list(MESSAGES)) if failed else None
    session = f"{chance.choice(('gorse', 'heath', 'larch', 'rowan'))}-{number // 3:04d}"
    attempts = [_cheap(tokens, reason, chance), *([_dear(tokens, chance)] if reason else [])]
    decision = Decision(
        f"0192f3{number:018x}", at, "default" if number % 5 else "acme", session, task, Route.CASCADE,
        Outcome.FALLBACK if reason else Outcome.ACCEPTED, reason, MESSAGES[reason] if reason else "",
        Tier.PERFORMANCE if reason else Tier.EFFICIENCY, "practice/careful" if reason else "practice/small",
        tuple(attempts), sum((attempt.cost or Decimal(0) for attempt in attempts), Decimal(0)),
        sum((attempt.latency for attempt in attempts), timedelta()), "5f1c9a0b77",
    )  # fmt: skip
    key = PinKey(decision.tenant, session)
    return Entry(decision, key, pin_after(decision.route, attempts), Pins(), _payloads(task) if reason else {})


def _cheap(tokens: int, reason: Reason | None, chance: random.Random) -> Attempt:
    answer = _call(Role.ANSWER, Tier.EFFICIENCY, "small", tokens, Decimal("1.5e-7"), chance.lognormvariate(-0.6, 0.4))
    judge = _call(Role.JUDGE, None, "checker", tokens, Decimal("1e-7"), chance.lognormvariate(-1, 0.4))
    ruling = Ruling.REJECTED if reason else Ruling.ACCEPTED
    message = MESSAGES[reason] if reason else ""
    gate = [
        Verdict("schema", Ruling.REJECTED if reason is Reason.SCHEMA else Ruling.ACCEPTED, message=message)
        if reason is Reason.SCHEMA
        else Verdict("schema", Ruling.ACCEPTED)
    ]
    if reason is not Reason.SCHEMA:
        details = {"threshold": 0.8, "certified": False}
        gate.append(Verdict("judge", ruling, reason, message, 0.31 if reason else 0.97, (judge,), details))
    return Attempt(
        Tier.EFFICIENCY, ruling, reason, (answer,), tuple(gate), message=message,
        latency=answer.latency + judge.latency,
    )  # fmt: skip


def _dear(tokens: int, chance: random.Random) -> Attempt:
    late = _call(Role.ANSWER, Tier.PERFORMANCE, "careful", tokens, Decimal("6e-6"), chance.lognormvariate(0.7, 0.4))
    gate = (Verdict("schema", Ruling.ACCEPTED),)
    return Attempt(Tier.PERFORMANCE, Ruling.ACCEPTED, None, (late,), gate, latency=late.latency)


def _call(role: Role, tier: Tier | None, model: str, tokens: int, price: Decimal, took: float) -> ModelCall:
    usage = Usage(tokens, tokens // 3, 180)
    return ModelCall(role, tier, "practice", model, usage, tokens * price, timedelta(seconds=took), served_model=model)


def _payloads(task: str) -> dict[str, str]:
    messages = [
        {"role": "system", "content": f"Answer as the task {task} says, in JSON."},
        {"role": "user", "content": "Invoice A-1007\nGorse Hill Ltd\n\n  2 x paper     10.00\n  total        12.50"},
    ]
    return {
        "input": json.dumps(messages),
        "answer.1.efficiency": '{"number": "A-1007"}',
        "answer.2.performance": '{"number": "A-1007", "total": 12.5}',
    }


def hostile_entry() -> Entry:
    """Session, tenant, models, messages, metadata and payloads by somebody who wants to be more than text."""
    call = ModelCall(
        Role.ANSWER, Tier.EFFICIENCY, STRANGER, STRANGER, error=Reason.PROVIDER_ERROR, message=SPEAKABLE, cost=None
    )
    verdict = Verdict(STRANGER, Ruling.REJECTED, Reason.CHECK, SPEAKABLE)
    tried = Attempt(Tier.EFFICIENCY, Ruling.REJECTED, Reason.CHECK, (call,), (verdict,), message=SPEAKABLE)
    decision = Decision(
        "0192f3ffffffffffffffffff", NOW - timedelta(seconds=20), STRANGER, STRANGER, "summary", Route.CASCADE,
        Outcome.REJECTED, Reason.CHECK, f"and {SPEAKABLE}", None, STRANGER, (tried,), None, timedelta(seconds=3),
        metadata={STRANGER: [SPEAKABLE]},
    )  # fmt: skip
    key = PinKey(STRANGER, STRANGER)
    kept = {"input": json.dumps([{"role": STRANGER, "content": HOSTILE}]), STRANGER: SPEAKABLE}
    return Entry(decision, key, pin_after(decision.route, decision.attempts), Pins(), kept)


def application(
    engine: Engine, keyring: Keyring, now: datetime = NOW, *, count: int = 900, **options: Any
) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with engine:
            await fill(engine.store, count)
            yield

    return Starlette(routes=dashboard_routes(engine, keyring, now=lambda: now, **options), lifespan=lifespan)


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The address of a real server in a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
