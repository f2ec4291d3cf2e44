"""The ledger added up as it grows: counters by the hour, so that a report does not read every decision.

The ledger remains the truth: a tally says of a decision only what `read_decision` gives back, and `rebuild`
makes all of them anew. Latencies are counted in steps of nine per cent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from qualityroute.records import Attempt, Decision, ModelCall, PinEffect, Role, Route, Ruling, Tier
from qualityroute.store import cache_rows, likening_rows, statements
from qualityroute.store.columns import PER_DOLLAR, milliseconds, moment
from qualityroute.store.ledger import read_decision
from qualityroute.store.statements import Connection, Row

# Looked up in its class each time, a member takes longer than all that is asked of it.
_EFFICIENCY, _PERFORMANCE = Tier.EFFICIENCY, Tier.PERFORMANCE
_JUDGE, _PEER, _EMBEDDING = Role.JUDGE, Role.PEER, Role.EMBEDDING
_REJECTED = Ruling.REJECTED
_SERVED = frozenset(str(route) for route in Route if route.served)

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
    "peer_calls", "peer_cost", "peer_unknown", "early", "early_ms", "saved_ms", "spare", "spare_cost", "spare_unknown",
    "likening_calls", "likening_cost", "likening_unknown",
)  # fmt: skip
PEER_COLUMNS = tuple(
    f"ALTER TABLE tallies ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0"
    for name in ("peer_calls", "peer_cost", "peer_unknown")
)
"""Added after the first tables were out; peers were never asked before."""
HEAD_START_COLUMNS = tuple(
    f"ALTER TABLE tallies ADD COLUMN {name} {kind} NOT NULL DEFAULT 0"
    for name, kind in (
        ("early", "INTEGER"), ("early_ms", "REAL"), ("saved_ms", "REAL"),
        ("spare", "INTEGER"), ("spare_cost", "INTEGER"), ("spare_unknown", "INTEGER"),
    )
)  # fmt: skip
"""Of performance answers begun early: those that were needed, what they took and what that saved; those that were not
needed, what they cost, and how many of their calls have no known cost. Nothing was begun early before."""
LIKENING_COLUMNS = tuple(
    f"ALTER TABLE tallies ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0"
    for name in ("likening_calls", "likening_cost", "likening_unknown")
)
"""Of looks for earlier answers to questions like those asked, which nobody took before."""
_ADD = statements.add("tallies", KEYS, MEASURES)
LATENCY_KEYS = ("hour", "task", "outcome", "step")
_ADD_LATENCY = statements.add("latencies", LATENCY_KEYS, ("decisions",))


class Count(NamedTuple):
    """What a decision adds to the tallies, as far as it is known before its transaction."""

    kind: Row
    """From `hour` to `failed`."""
    judged: Row
    """`caught` and `judged`."""
    measures: Row
    latency: Row | None
    """A row of `latencies`; `None` where nobody waited."""


def count_of(decision: Decision, failed: int | None) -> Count:
    first, hour, task = _first(decision), moment(decision.at)[:13], decision.task
    route, outcome = str(decision.route), str(decision.outcome)
    reason = "" if first is None or first.reason is None else str(first.reason)
    return Count(
        (hour, task, route, outcome, reason, -1 if failed is None else failed),
        _judged(first),
        _measures(decision),
        (hour, task, outcome, step_of(decision), 1) if route in _SERVED else None,
    )


def add(connection: Connection, count: Count, *, session_attempt: int | None, effect: PinEffect | None) -> None:
    """Count one decision, in the transaction that writes it."""
    attempt = min(session_attempt or 0, MOST_SESSION_ATTEMPT)
    pin = "" if effect is None else str(effect)
    connection.executemany(_ADD, [(*count.kind, attempt, *count.judged, pin, *count.measures)])
    if count.latency is not None:
        connection.executemany(_ADD_LATENCY, [count.latency])


def step_of(decision: Decision) -> int:
    milliseconds = decision.latency.total_seconds() * 1000
    return math.ceil(math.log2(max(milliseconds, 0.001)) * STEPS_PER_DOUBLING)


def seconds_of(step: int) -> float:
    """The middle of a step, in seconds."""
    return float(2 ** ((step - 0.5) / STEPS_PER_DOUBLING)) / 1000


def _first(decision: Decision) -> Attempt | None:
    first = decision.attempts[0] if decision.attempts else None
    return first if first is not None and first.tier is _EFFICIENCY else None


def _judged(first: Attempt | None) -> tuple[int, int]:
    """Whether the judge's word decided against the first attempt, and whether it was asked at all."""
    for verdict in () if first is None else first.verdicts:
        if verdict.check == "judge":
            return int(verdict.ruling is _REJECTED), 1
    return 0, 0


def _measures(decision: Decision) -> Row:
    cheap: list[ModelCall] = []
    dear: list[ModelCall] = []
    judge: list[ModelCall] = []
    peers: list[ModelCall] = []
    cheap_attempts = dear_attempts = cut_off = 0
    for attempt in decision.attempts:
        if _answered(attempt.calls):
            cheap_attempts += attempt.tier is _EFFICIENCY
            dear_attempts += attempt.tier is _PERFORMANCE
        for call in _calls_of(attempt):
            role = call.role
            if role is _JUDGE:
                judge.append(call)
            elif role is _PEER:
                peers.append(call)
            elif role is not _EMBEDDING:  # looks for earlier answers are counted by themselves
                (dear if call.tier is _PERFORMANCE else cheap).append(call)
            if call.cost is None and call.error is not None:
                cut_off += 1
    on_dear = _spent(dear)
    return (
        1, cut_off + _cut_off(decision.spare) + _cut_off(decision.likening),
        cheap_attempts, *_spent(cheap),
        len(judge), *_spent(judge),
        dear_attempts, *on_dear,
        *_paired(_tokens(cheap), dear, *on_dear),
        len(peers), *_spent(peers),
        *_saved(decision.attempts),
        *_spare(decision.spare),
        *_likening(decision.likening),
    )  # fmt: skip


def _calls_of(attempt: Attempt) -> list[ModelCall]:
    calls = [*attempt.calls]
    for verdict in attempt.verdicts:
        calls += verdict.calls
    return calls


def _saved(attempts: Sequence[Attempt]) -> tuple[int, float, float]:
    """How many answers were begun early and needed, what they took, and how much sooner they came, in milliseconds."""
    for before, attempt in pairwise(attempts) if len(attempts) > 1 else ():
        if attempt.early:
            took = milliseconds(attempt.latency)
            return 1, took, min(took, milliseconds(before.latency))
    return 0, 0.0, 0.0


def _answered(calls: Sequence[ModelCall]) -> bool:
    """A mean over attempts that got no answer would be too cheap."""
    return None in [call.error for call in calls]


def _spent(calls: Sequence[ModelCall]) -> tuple[int, int]:
    """What is known to be spent, and how many answers have no known cost."""
    known = unknown = 0
    for call in calls:
        if call.cost is not None:
            known += _units(call.cost)
        elif call.error is None:
            unknown += 1
    return known, unknown


def _cut_off(attempt: Attempt | None) -> int:
    """How many calls got no answer and may be billed all the same."""
    if attempt is None:
        return 0
    return sum(call.cost is None and call.error is not None for call in attempt.all_calls)


def _spare(spare: Attempt | None) -> tuple[int, int, int]:
    """Whether there was one, what it cost, and how many of its calls have no known cost."""
    if spare is None:
        return 0, 0, 0
    known, unknown = _spent(spare.all_calls)
    return 1, known, unknown + _cut_off(spare)


def _likening(look: Attempt | None) -> tuple[int, int, int]:
    """Calls made to look for an earlier answer, what they cost, and how many of them have no known cost."""
    return (0, 0, 0) if look is None else (len(look.all_calls), *_spent(look.all_calls))


def _units(cost: Decimal) -> int:
    return round(cost * PER_DOLLAR)


def _tokens(cheap: list[ModelCall]) -> int | None:
    """Input tokens of the efficiency tier's answer; what a regression knows a request's size by."""
    for call in cheap:
        if call.error is None:
            return call.usage.input_tokens
    return None


def _paired(tokens: int | None, dear: list[ModelCall], cost: int, unknown: int) -> Row:
    if tokens is None or unknown or (dear and not _answered(dear)):
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
            add(connection, count_of(decision, failed), session_attempt=session_attempt, effect=effect)
    for rows_of in (cache_rows, likening_rows):
        rows_of.count_again(connection, lambda table: HORIZON.format(table=table))
    return len(rows)
