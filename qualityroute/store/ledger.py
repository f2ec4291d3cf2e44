"""Decisions as rows, there and back: `rows_of` before the transaction, `write_rows` in it, `read_decision` later."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeVar

from qualityroute.records import (
    Attempt,
    Decision,
    ModelCall,
    Outcome,
    PinEffect,
    Reason,
    Role,
    Route,
    Ruling,
    Tier,
    Usage,
    Verdict,
)
from qualityroute.store.columns import (
    dollars,
    from_dollars,
    from_milliseconds,
    milliseconds,
    moment,
    name,
    text,
    to_json,
)
from qualityroute.store.statements import Connection, Row, insert

E = TypeVar("E", bound=StrEnum)

DECISION_COLUMNS = (
    "id", "at", "tenant", "session", "task", "route", "outcome", "reason", "message", "tier", "model", "cost",
    "latency_ms", "fingerprint", "metadata", "failed",
)  # fmt: skip
_ATTEMPT = ("decision_id", "attempt", "tier", "ruling", "reason", "message", "repaired", "latency_ms", "begun")
BEGUN = "ALTER TABLE attempts ADD COLUMN begun TEXT NOT NULL DEFAULT 'in turn'"
"""`in turn`, `early`, or beside the others, `spare`: early, and not needed; `likening`: no attempt at an answer, but a
look for an earlier one. Added after the first tables were out."""
_BESIDE = frozenset({"spare", "likening"})
_CALL = (
    "decision_id", "attempt", "position", "verdict", '"check"', "role", "tier", "provider", "model", "input_tokens",
    "cached_tokens", "output_tokens", "reasoning_tokens", "estimated", "cost", "latency_ms", "error", "message",
    "served_model", "retries",
)  # fmt: skip
_VERDICT = ("decision_id", "attempt", "position", '"check"', "ruling", "reason", "message", "score", "details")
_PAYLOAD = ("decision_id", "kind", "content")

# One column, since the names of all are told for each row that is looked for, found or not.
_EARLIER_ATTEMPT = """
SELECT session_attempt || ' ' || failed || ' ' || session_started FROM decisions
WHERE tenant = ? AND session = ? AND task = ? AND session_attempt IS NOT NULL
ORDER BY session_attempt DESC LIMIT 1
"""


def _select(table: str, columns: Sequence[str]) -> str:
    return f"SELECT {', '.join(columns)} FROM {table} WHERE decision_id = ? ORDER BY {', '.join(columns[1:3])}"


_INSERT_DECISION = insert("decisions", (*DECISION_COLUMNS, "pin", "session_attempt", "session_started"))
_INSERT_ATTEMPT = insert("attempts", _ATTEMPT)
_INSERT_CALL = insert("calls", _CALL)
_INSERT_VERDICT = insert("verdicts", _VERDICT)
_INSERT_PAYLOAD = insert("payloads", _PAYLOAD)
_SELECT_DECISION = f"SELECT {', '.join((*DECISION_COLUMNS, 'pin'))} FROM decisions WHERE id = ?"
_SELECT_ATTEMPTS = _select("attempts", _ATTEMPT)
_SELECT_CALLS = _select("calls", _CALL)
_SELECT_VERDICTS = _select("verdicts", _VERDICT)


class DecisionRows(NamedTuple):
    """One decision, ready to be written."""

    decision: Row
    session: tuple[str, str, str] | None
    """Tenant, session and task; `None` without a session."""
    failed: int | None
    attempts: Sequence[Row]
    calls: Sequence[Row]
    verdicts: Sequence[Row]
    payloads: Sequence[Row]


def rows_of(decision: Decision, payloads: Mapping[str, str]) -> DecisionRows:
    """Raises `ValueError` or `TypeError` for what cannot be kept, before anything is written."""
    was_failed = decision.failed
    failed = None if was_failed is None else int(was_failed)
    attempts: list[Row] = []
    calls: list[Row] = []
    verdicts: list[Row] = []
    for number, attempt in enumerate(decision.all_attempts):
        attempts.append(_attempt_row(decision.id, number, attempt, _begun(decision, attempt)))
        calls += _call_rows(decision.id, number, attempt)
        for position, verdict in enumerate(attempt.verdicts):
            verdicts.append(_verdict_row(decision.id, number, position, verdict))
    return DecisionRows(
        decision=_decision_row(decision, failed),
        session=None if decision.session is None else (decision.tenant, decision.session, decision.task),
        failed=failed,
        attempts=attempts,
        calls=calls,
        verdicts=verdicts,
        payloads=[(decision.id, name(kind), text(content)) for kind, content in payloads.items()] if payloads else (),
    )


class SessionPlace(NamedTuple):
    """Which judged attempt of its session a decision is, and when that session's first was."""

    attempt: int | None = None
    started: str | None = None


def write_rows(connection: Connection, rows: DecisionRows, effect: PinEffect | None) -> int | None:
    """Write a decision; gives which judged attempt of its session it was."""
    place = _place(connection, rows)
    added = (_word(effect), place.attempt, place.started)
    connection.executemany(_INSERT_DECISION, [(*rows.decision, *added)])
    connection.executemany(_INSERT_ATTEMPT, rows.attempts)
    connection.executemany(_INSERT_CALL, rows.calls)
    connection.executemany(_INSERT_VERDICT, rows.verdicts)
    if rows.payloads:
        connection.executemany(_INSERT_PAYLOAD, rows.payloads)
    return place.attempt


def _place(connection: Connection, rows: DecisionRows) -> SessionPlace:
    if rows.failed is None:
        return SessionPlace()
    at = rows.decision[1]
    earlier = None if rows.session is None else connection.execute(_EARLIER_ATTEMPT, rows.session).fetchone()
    if earlier is None:
        return SessionPlace(1, at)
    number, failed, started = earlier[0].split()
    return SessionPlace() if failed == "1" else SessionPlace(int(number) + 1, started)


def read_decision(connection: Connection, decision_id: str) -> Decision | None:
    row = connection.execute(_SELECT_DECISION, (decision_id,)).fetchone()
    if row is None:
        return None
    attempts = connection.execute(_SELECT_ATTEMPTS, (decision_id,)).fetchall()
    calls = connection.execute(_SELECT_CALLS, (decision_id,)).fetchall()
    verdicts = connection.execute(_SELECT_VERDICTS, (decision_id,)).fetchall()
    made = [(attempt[8], _attempt_of(attempt, calls, verdicts)) for attempt in attempts]
    beside = {begun: attempt for begun, attempt in made if begun in _BESIDE}
    decision = decision_of(row, tuple(attempt for begun, attempt in made if begun not in _BESIDE))
    return replace(decision, spare=beside.get("spare"), likening=beside.get("likening"))


def read_decisions(connection: Connection, rows: Sequence[Row]) -> list[Decision]:
    """Whole decisions from rows of `DECISION_COLUMNS` and the pin's effect, each table asked once for all of them."""
    ids = tuple(row[0] for row in rows)
    attempts, calls, verdicts = (
        _of_many(connection, table, columns, ids)
        for table, columns in (("attempts", _ATTEMPT), ("calls", _CALL), ("verdicts", _VERDICT))
    )
    return [
        decision_of(row, tuple(_attempt_of(one, calls[row[0]], verdicts[row[0]]) for one in attempts[row[0]]))
        for row in rows
    ]


def _of_many(connection: Connection, table: str, columns: Sequence[str], ids: Row) -> defaultdict[str, list[Row]]:
    """Rows by decision, each decision's in their order."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    places = ", ".join("?" * len(ids))
    order = ", ".join(columns[:3])
    query = f"SELECT {', '.join(columns)} FROM {table} WHERE decision_id IN ({places}) ORDER BY {order}"
    for row in connection.execute(query, ids) if ids else ():
        found[row[0]].append(row)
    return found


def _decision_row(decision: Decision, failed: int | None) -> Row:
    return (
        name(decision.id), moment(decision.at), name(decision.tenant),
        None if decision.session is None else name(decision.session), name(decision.task), str(decision.route),
        str(decision.outcome), _word(decision.reason), text(decision.message), _word(decision.tier),
        None if decision.model is None else text(decision.model), dollars(decision.cost),
        milliseconds(decision.latency), text(decision.fingerprint), to_json(decision.metadata), failed,
    )  # fmt: skip


def decision_of(row: Row, attempts: tuple[Attempt, ...]) -> Decision:
    """A decision from a row of `DECISION_COLUMNS`."""
    return Decision(
        id=row[0], at=datetime.fromisoformat(row[1]), tenant=row[2], session=row[3], task=row[4], route=Route(row[5]),
        outcome=Outcome(row[6]), reason=_member(Reason, row[7]), message=row[8], tier=_member(Tier, row[9]),
        model=row[10], attempts=attempts, cost=from_dollars(row[11]), latency=from_milliseconds(row[12]),
        fingerprint=row[13], metadata=json.loads(row[14]), pin=_member(PinEffect, row[16]),
    )  # fmt: skip


def _begun(decision: Decision, attempt: Attempt) -> str:
    if attempt is decision.likening:
        return "likening"
    return "spare" if attempt is decision.spare else "early" if attempt.early else "in turn"


def _attempt_row(decision_id: str, number: int, attempt: Attempt, begun: str) -> Row:
    return (
        decision_id, number, str(attempt.tier), str(attempt.ruling), _word(attempt.reason), text(attempt.message),
        int(attempt.repaired), milliseconds(attempt.latency), begun,
    )  # fmt: skip


def _attempt_of(row: Row, calls: Sequence[Row], verdicts: Sequence[Row]) -> Attempt:
    number = row[1]
    mine = [call for call in calls if call[1] == number]
    return Attempt(
        tier=Tier(row[2]), ruling=Ruling(row[3]), reason=_member(Reason, row[4]), calls=_calls_of(mine, None),
        verdicts=tuple(_verdict_of(verdict, mine) for verdict in verdicts if verdict[1] == number),
        message=row[5], repaired=row[6] == 1, latency=from_milliseconds(row[7]),
        early=row[8] in ("early", "spare"),
    )  # fmt: skip


def _call_rows(decision_id: str, number: int, attempt: Attempt) -> list[Row]:
    rows = [_call_row(call, decision_id, number, at, None, None) for at, call in enumerate(attempt.calls)]
    for position, verdict in enumerate(attempt.verdicts):
        for call in verdict.calls:
            rows.append(_call_row(call, decision_id, number, len(rows), position, text(verdict.check)))
    return rows


def _call_row(
    call: ModelCall, decision_id: str, number: int, position: int, verdict: int | None, check: str | None
) -> Row:
    usage = call.usage
    return (
        decision_id, number, position, verdict, check, str(call.role), _word(call.tier), text(call.provider),
        text(call.model), usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens,
        int(usage.estimated), dollars(call.cost), milliseconds(call.latency), _word(call.error), text(call.message),
        text(call.served_model), call.retries,
    )  # fmt: skip


def _calls_of(rows: Sequence[Row], verdict: int | None) -> tuple[ModelCall, ...]:
    return tuple(_call_of(row[5:]) for row in rows if row[3] == verdict)


def _call_of(row: Row) -> ModelCall:
    return ModelCall(
        role=Role(row[0]), tier=_member(Tier, row[1]), provider=row[2], model=row[3],
        usage=Usage(row[4], row[5], row[6], row[7], row[8] == 1), cost=from_dollars(row[9]),
        latency=from_milliseconds(row[10]), error=_member(Reason, row[11]), message=row[12], served_model=row[13],
        retries=row[14],
    )  # fmt: skip


def _verdict_row(decision_id: str, number: int, position: int, verdict: Verdict) -> Row:
    return (
        decision_id, number, position, text(verdict.check), str(verdict.ruling), _word(verdict.reason),
        text(verdict.message), verdict.score, to_json(verdict.details),
    )  # fmt: skip


def _verdict_of(row: Row, calls: Sequence[Row]) -> Verdict:
    return Verdict(
        check=row[3], ruling=Ruling(row[4]), reason=_member(Reason, row[5]), message=row[6], score=row[7],
        calls=_calls_of(calls, row[2]), details=json.loads(row[8]),
    )  # fmt: skip


def _word(member: StrEnum | None) -> str | None:
    return None if member is None else str(member)  # `.value` takes three times as long


def _member(kind: type[E], stored: str | None) -> E | None:
    return None if stored is None else kind(stored)
