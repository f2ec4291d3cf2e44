"""The ledger added up as it grows: counters by the hour, so that a report does not read every decision.

The ledger remains the truth: a tally says of a decision only what `read_decision` gives back, and `rebuild`
makes all of them anew. Latencies are counted in steps of nine per cent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from qualityroute.records import Attempt, Decision, ModelCall, PinEffect, Role, Ruling, Tier
from qualityroute.store import statements
from qualityroute.store.columns import PER_DOLLAR, moment
from qualityroute.store.ledger import read_decision
from qualityroute.store.statements import Connection

STEPS_PER_DOUBLING = 8
"""A latency is known to 2^(1/8), or nine per cent."""
MOST_SESSION_ATTEMPT = 5
"""Later attempts of a session are counted together."""

TABLE = """
CREATE TABLE tallies (
    hour TEXT NOT NULL,            -- such as 2026-11-23T20, UTC
    task TEXT NOT NULL,
    route TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,          -- why the first attempt on efficiency was not accepted, or empty
    failed INTEGER NOT NULL,       -- as in decisions, -1 where it is NULL there
    session_attempt INTEGER NOT NULL, -- as in decisions, 0 where it is NULL there; 5 stands for 5 and more
    caught INTEGER NOT NULL,       -- 1: every free check passed and the judge rejected
    judged INTEGER NOT NULL,       -- 1: the first attempt reached the judge
    pin TEXT NOT NULL,             -- as in decisions, or empty
    decisions INTEGER NOT NULL,
    cut_off INTEGER NOT NULL,      -- calls that got no answer and may be billed all the same
    efficiency_attempts INTEGER NOT NULL,
    efficiency_cost INTEGER NOT NULL,   -- all costs in 1e-12 USD
    efficiency_unknown INTEGER NOT NULL, -- answers whose cost is unknown
    judge_calls INTEGER NOT NULL,
    judge_cost INTEGER NOT NULL,
    judge_unknown INTEGER NOT NULL,
    performance_attempts INTEGER NOT NULL,
    performance_cost INTEGER NOT NULL,
    performance_unknown INTEGER NOT NULL,
    alone INTEGER NOT NULL,        -- decisions that only efficiency answered, their input tokens known
    alone_tokens INTEGER NOT NULL, -- the input tokens of those
    pairs INTEGER NOT NULL,        -- decisions that both tiers answered, tokens and cost known
    pair_tokens INTEGER NOT NULL,  -- efficiency's input tokens of those
    pair_cost INTEGER NOT NULL,    -- performance's cost of those
    pair_tokens_squared REAL NOT NULL,
    pair_tokens_cost REAL NOT NULL, -- tokens times cost
    PRIMARY KEY (hour, task, route, outcome, reason, failed, session_attempt, caught, judged, pin)
) WITHOUT ROWID
"""
LATENCIES = """
CREATE TABLE latencies (
    hour TEXT NOT NULL,
    task TEXT NOT NULL,
    outcome TEXT NOT NULL,
    step INTEGER NOT NULL,         -- at most 2^(step/8) milliseconds
    decisions INTEGER NOT NULL,
    PRIMARY KEY (hour, task, outcome, step)
) WITHOUT ROWID
"""
HORIZON = "(SELECT COALESCE(MAX(horizons.hour), '') FROM horizons WHERE horizons.task IN ('', {table}.task))"
"""From which hour on no decision was pruned, of the task of a row of `table`; see `retention.py`."""
KEYS = ("hour", "task", "route", "outcome", "reason", "failed", "session_attempt", "caught", "judged", "pin")
MEASURES = (
    "decisions", "cut_off", "efficiency_attempts", "efficiency_cost", "efficiency_unknown", "judge_calls",
    "judge_cost", "judge_unknown", "performance_attempts", "performance_cost", "performance_unknown", "alone",
    "alone_tokens", "pairs", "pair_tokens", "pair_cost", "pair_tokens_squared", "pair_tokens_cost",
    "peer_calls", "peer_cost", "peer_unknown",
)  # fmt: skip
PEER_COLUMNS = tuple(
    f"ALTER TABLE tallies ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0"
    for name in ("peer_calls", "peer_cost", "peer_unknown")
)
"""Added after the first tables were out; peers were never asked before."""
_ADD = statements.add("tallies", KEYS, MEASURES)
LATENCY_KEYS = ("hour", "task", "outcome", "step")
_ADD_LATENCY = statements.add("latencies", LATENCY_KEYS, ("decisions",))


def add(
    connection: Connection,
    decision: Decision,
    *,
    failed: int | None,
    session_attempt: int | None,
    effect: PinEffect | None,
) -> None:
    """Count one decision, in the transaction that writes it."""
    hour = moment(decision.at)[:13]
    keys = (hour, decision.task, decision.route.value, decision.outcome.value)
    counted = (
        *keys,
        _reason(decision),
        -1 if failed is None else failed,
        min(session_attempt or 0, MOST_SESSION_ATTEMPT),
        *_judged(decision),
        "" if effect is None else effect.value,
        *_measures(decision),
    )
    connection.executemany(_ADD, [counted])
    if decision.route.served:  # of the others, nobody waited for it
        connection.executemany(_ADD_LATENCY, [(hour, decision.task, decision.outcome.value, step_of(decision), 1)])


def step_of(decision: Decision) -> int:
    milliseconds = decision.latency.total_seconds() * 1000
    return math.ceil(math.log2(max(milliseconds, 0.001)) * STEPS_PER_DOUBLING)


def seconds_of(step: int) -> float:
    """The middle of a step, in seconds."""
    return float(2 ** ((step - 0.5) / STEPS_PER_DOUBLING)) / 1000


def _reason(decision: Decision) -> str:
    first = _first(decision)
    return first.reason.value if first is not None and first.reason is not None else ""


def _judged(decision: Decision) -> tuple[int, int]:
    """Whether the judge's word decided against the first attempt, and whether it was asked at all."""
    first = _first(decision)
    verdict = next((v for v in first.verdicts if v.check == "judge"), None) if first is not None else None
    if verdict is None:
        return 0, 0
    return int(verdict.ruling is Ruling.REJECTED), 1


def _first(decision: Decision) -> Attempt | None:
    first = decision.attempts[0] if decision.attempts else None
    return first if first is not None and first.tier is Tier.EFFICIENCY else None


def _measures(decision: Decision) -> tuple[Any, ...]:
    calls = [call for attempt in decision.attempts for call in attempt.all_calls]
    cheap = [call for call in calls if call.role is Role.ANSWER and call.tier is Tier.EFFICIENCY]
    dear = [call for call in calls if call.role in (Role.ANSWER, Role.AUDIT) and call.tier is Tier.PERFORMANCE]
    judge = [call for call in calls if call.role is Role.JUDGE]
    peers = [call for call in calls if call.role is Role.PEER]
    return (
        1,
        sum(call.error is not None and call.cost is None for call in calls),
        _attempts_on(decision, Tier.EFFICIENCY), *_spent(cheap),
        len(judge), *_spent(judge),
        _attempts_on(decision, Tier.PERFORMANCE), *_spent(dear),
        *_paired(_tokens(cheap), dear),
        len(peers), *_spent(peers),
    )  # fmt: skip


def _attempts_on(decision: Decision, tier: Tier) -> int:
    """Attempts that got an answer: a mean over those that did not would be too cheap."""
    return sum(
        attempt.tier is tier and any(call.error is None for call in attempt.calls) for attempt in decision.attempts
    )


def _spent(calls: Sequence[ModelCall]) -> tuple[int, int]:
    """What is known to be spent, and how many answers have no known cost."""
    if not calls:
        return 0, 0
    costs = [call.cost for call in calls if call.error is None or call.cost is not None]
    return sum(_units(cost) for cost in costs if cost is not None), sum(cost is None for cost in costs)


def _units(cost: Decimal) -> int:
    return round(cost * PER_DOLLAR)


def _tokens(cheap: list[ModelCall]) -> int | None:
    """Input tokens of the efficiency tier's answer; what a regression knows a request's size by."""
    answered = [call.usage.input_tokens for call in cheap if call.error is None]
    return answered[0] if answered else None


def _paired(tokens: int | None, dear: list[ModelCall]) -> tuple[Any, ...]:
    answered = any(call.error is None for call in dear)
    cost, unknown = _spent(dear)
    if tokens is None or unknown or (dear and not answered):
        return (0, 0, 0, 0, 0, 0.0, 0.0)
    if not dear:
        return (1, tokens, 0, 0, 0, 0.0, 0.0)
    return (0, 0, 1, tokens, cost, float(tokens) ** 2, float(tokens) * cost)


def rebuild(connection: Connection) -> int:
    """Count the ledger's decisions anew, from the hour on that none was pruned of; says how many there were."""
    for table in ("tallies", "latencies"):
        connection.execute(f"DELETE FROM {table} WHERE hour >= {HORIZON.format(table=table)}")
    rows = connection.execute(
        f"SELECT id, failed, session_attempt, pin FROM decisions WHERE at >= {HORIZON.format(table='decisions')}"
    ).fetchall()
    for decision_id, failed, session_attempt, pin in rows:
        decision = read_decision(connection, decision_id)
        if decision is not None:
            effect = None if pin is None else PinEffect(pin)
            add(connection, decision, failed=failed, session_attempt=session_attempt, effect=effect)
    return len(rows)
