"""Budgets as rows: what is spent, and what is set aside for calls under way; always in the caller's transaction.

A transaction that writes holds the lock of the pots, or of the whole file, from its beginning, so what is read here
is still so when it is written, in whatever process.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from qualityroute.budgets import Filling, Owed, Pot, Reservation, Shortage, shortage
from qualityroute.store.columns import PER_DOLLAR, from_units, moment, name
from qualityroute.store.statements import Connection, add, insert

LARGEST = 10**18
"""Units; a million dollars. Sums of a few of them still fit into a column."""

SPENDING = """
CREATE TABLE spending (
    scope TEXT NOT NULL,           -- session, task, key or day
    tenant TEXT NOT NULL,          -- a session's, else empty
    name TEXT NOT NULL,            -- the session, the task or the key, else empty
    day TEXT NOT NULL,             -- such as 2026-11-23, UTC; empty for a session, whose budget is for all its time
    spent INTEGER NOT NULL,        -- 1e-12 USD, by calls that are over
    PRIMARY KEY (scope, tenant, name, day)
) WITHOUT ROWID
"""
RESERVATIONS = """
CREATE TABLE reservations (
    scope TEXT NOT NULL,           -- this and the next three as in spending
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    day TEXT NOT NULL,
    id TEXT NOT NULL,              -- of one call under way; in each budget that it draws on
    amount INTEGER NOT NULL,       -- 1e-12 USD that it may cost
    expires TEXT NOT NULL,         -- ISO 8601, UTC; from then on it is not counted, since its process has died
    PRIMARY KEY (scope, tenant, name, day, id)
) WITHOUT ROWID
"""
TABLES = (SPENDING, RESERVATIONS, "CREATE INDEX reservations_by_expiry ON reservations (expires)")

_KEY = "scope = ? AND tenant = ? AND name = ? AND day = ?"
_SPENT = f"SELECT spent FROM spending WHERE {_KEY}"
_RESERVED = f"SELECT COALESCE(SUM(amount), 0) FROM reservations WHERE {_KEY} AND expires > ?"
_RESERVE = insert("reservations", ("scope", "tenant", "name", "day", "id", "amount", "expires"))
_FREE = f"DELETE FROM reservations WHERE {_KEY} AND id = ?"
_SPEND = add("spending", ("scope", "tenant", "name", "day"), ("spent",))
_EXPIRED = "DELETE FROM reservations WHERE expires <= ?"

Key = tuple[str, str, str, str]


def reserve(connection: Connection, reservation: Reservation) -> Shortage | None:
    """Set money aside in all pots, or in none and say which is short."""
    connection.execute(_EXPIRED, (moment(reservation.at),))
    units = in_units(reservation.amount)
    short = shortage(fillings(connection, reservation.pots, reservation.at), from_units(units))
    if short is None:
        expires = moment(reservation.expires)
        rows = [(*_key(pot), name(reservation.id), units, expires) for pot in reservation.pots]
        connection.executemany(_RESERVE, rows)
    return short


def settle(connection: Connection, reservation: Reservation, cost: Decimal) -> None:
    """Count a cost as spent instead of what was reserved; also where the reservation has expired meanwhile."""
    connection.executemany(_FREE, [(*_key(pot), reservation.id) for pot in reservation.pots])
    if cost:
        connection.executemany(_SPEND, [(*_key(pot), in_units(cost)) for pot in reservation.pots])


def catch_up(connection: Connection, owed: Iterable[Owed]) -> None:
    """Count what could not be counted in its time; where it was counted all the same, the reservation is gone."""
    for one in owed:
        for pot in one.reservation.pots:
            freed = connection.execute(_FREE, (*_key(pot), one.reservation.id)).rowcount
            if freed and one.cost:
                connection.executemany(_SPEND, [(*_key(pot), in_units(one.cost))])


def fillings(connection: Connection, pots: Iterable[Pot], now: datetime) -> list[Filling]:
    """What is spent and reserved of each pot."""
    return [_filling(connection, pot, moment(now)) for pot in pots]


def _filling(connection: Connection, pot: Pot, now: str) -> Filling:
    key = _key(pot)
    spent = connection.execute(_SPENT, key).fetchone()
    (reserved,) = connection.execute(_RESERVED, (*key, now)).fetchone()
    return Filling(pot, from_units(spent[0] if spent else 0), from_units(reserved))


def _key(pot: Pot) -> Key:
    return pot.scope.value, name(pot.tenant), name(pot.name), pot.day.isoformat() if pot.day is not None else ""


def in_units(amount: Decimal) -> int:
    """Rounded up, so that no sum of many is too small."""
    return min(int((amount * PER_DOLLAR).to_integral_value(ROUND_CEILING)), LARGEST)
