"""Pins as rows: read, written, leased and removed, always inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime

from qualityroute.pins import Accepted, Pin, PinEvent, PinKey, Rejected, transition
from qualityroute.records import PinEffect, Reason
from qualityroute.store.columns import moment, name, text
from qualityroute.store.entry import Entry
from qualityroute.store.statements import Connection, Row, upsert

COLUMNS = (
    "tenant", "session", "task", "reason", "since", "last_used", "until", '"check"', "message", "decision_id",
    "model", "strikes", "held", "hold", "remaining", "served", "passed_probes", "failed_probes", "probe_token",
    "probe_expires",
)  # fmt: skip
KEY = "tenant = ? AND session = ? AND task = ?"
SELECT = f"SELECT {', '.join(COLUMNS)} FROM pins"
SELECT_ONE = f"{SELECT} WHERE {KEY}"
HOLDING = "held = 1 AND until > ?"

_IS_THERE = f"SELECT 1 FROM pins WHERE {KEY}"
_OF_UNPINNED = (Accepted, Rejected)
_PUT = upsert("pins", (*COLUMNS, "state"), ("tenant", "session", "task"))
_DELETE = f"DELETE FROM pins WHERE {KEY}"
_LEASE = f"""
UPDATE pins SET probe_token = ?, probe_expires = ?
WHERE {KEY} AND {HOLDING} AND (probe_expires IS NULL OR probe_expires <= ?)
  AND since = ? AND hold = ? AND remaining = ? AND passed_probes = ? AND failed_probes = ?
"""


def pin_of(row: Row) -> Pin:
    """A pin from a row of `SELECT`."""
    parse = datetime.fromisoformat
    return Pin(
        PinKey(row[0], row[1], row[2]), Reason(row[3]), parse(row[4]), parse(row[5]), parse(row[6]), row[7], row[8],
        row[9], row[10], row[11], row[12] == 1, row[13], row[14], row[15], row[16], row[17], row[18],
        None if row[19] is None else parse(row[19]),
    )  # fmt: skip


def row_of(pin: Pin) -> Row:
    return (
        *key_row(pin.key), str(pin.reason), moment(pin.since), moment(pin.last_used), moment(pin.until),
        text(pin.check), text(pin.message), text(pin.decision_id), text(pin.model), pin.strikes, int(pin.held),
        pin.hold, pin.remaining, pin.served, pin.passed_probes, pin.failed_probes, pin.probe_token,
        None if pin.probe_expires is None else moment(pin.probe_expires), str(pin.state),
    )  # fmt: skip


def key_row(key: PinKey) -> tuple[str, str, str]:
    return name(key.tenant), name(key.session), name(key.task)


def read_pin(connection: Connection, key: PinKey) -> Pin | None:
    row = connection.execute(SELECT_ONE, (key.tenant, key.session, key.task)).fetchone()
    return None if row is None else pin_of(row)


def write_pin(connection: Connection, row: Row) -> None:
    """Write what `row_of` made."""
    connection.executemany(_PUT, [row])


def remove_pin(connection: Connection, key: PinKey) -> Pin | None:
    pin = read_pin(connection, key)
    connection.execute(_DELETE, key_row(key))
    return pin


def lease(connection: Connection, pin: Pin, token: str, *, now: datetime, expires: datetime) -> bool:
    """Who changes the row has the probe. Requests served meanwhile do not matter, everything else does."""
    at = moment(now)
    told = (moment(pin.since), pin.hold, pin.remaining, pin.passed_probes, pin.failed_probes)
    return connection.execute(_LEASE, (token, moment(expires), *key_row(pin.key), at, at, *told)).rowcount == 1


def apply_event(connection: Connection, entry: Entry, now: datetime) -> PinEffect | None:
    """What a finished request does to its pin, as the pin stands in this transaction."""
    if entry.pin_key is None or entry.event is None:
        return None
    current = _current(connection, entry.pin_key, entry.event)
    after = transition(
        current, entry.event, key=entry.pin_key, decision_id=entry.decision.id, policy=entry.policy, now=now
    )
    if after.pin is not None and after.pin != current:
        write_pin(connection, row_of(after.pin))
    elif after.pin is None and current is not None:
        connection.execute(_DELETE, key_row(entry.pin_key))
    return after.effect


def _current(connection: Connection, key: PinKey, event: PinEvent) -> Pin | None:
    # Most sessions that are judged have none. To find that out by the whole row takes twice as long, since the names
    # of its columns are told even where there is no row.
    if isinstance(event, _OF_UNPINNED):
        there = connection.execute(_IS_THERE, (key.tenant, key.session, key.task)).fetchone()
        if there is None:
            return None
    return read_pin(connection, key)
