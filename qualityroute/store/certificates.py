"""Certificates, the looks that were taken at labels, and the watch that audits keep over a certificate."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import Any

from qualityroute.calibration import Certificate, Cusum, Look
from qualityroute.labels import Audit
from qualityroute.store.columns import moment, name, text, to_json
from qualityroute.store.statements import Connection, Row, insert

CERTIFICATES = """
CREATE TABLE certificates (
    id TEXT PRIMARY KEY NOT NULL,
    task TEXT NOT NULL,
    at TEXT NOT NULL,              -- ISO 8601, UTC
    until TEXT NOT NULL,
    pipeline TEXT NOT NULL,        -- key of what was certified
    threshold REAL NOT NULL,
    alpha REAL NOT NULL,           -- at most this share of accepted answers differs
    delta REAL NOT NULL,           -- with confidence 1 - delta
    accepted INTEGER NOT NULL,     -- labelled cases at or above the threshold
    bad INTEGER NOT NULL,
    cases INTEGER NOT NULL,
    upper_bound REAL NOT NULL,
    test TEXT NOT NULL,            -- exact, anytime
    revoked_at TEXT,
    revoked_why TEXT NOT NULL,
    labels_from TEXT,              -- of a revoked one: labels from here on can make the next
    parts TEXT NOT NULL            -- the pipeline as JSON
)
"""

LOOKS = """
CREATE TABLE looks (
    task TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    at TEXT NOT NULL,              -- ISO 8601, UTC
    test TEXT NOT NULL,            -- exact, anytime
    level REAL NOT NULL,           -- the chance of a false certificate that it took
    cases INTEGER NOT NULL,
    thresholds TEXT NOT NULL       -- of the anytime test, as JSON
)
"""

TABLES = (
    CERTIFICATES,
    LOOKS,
    "CREATE INDEX certificates_of_task ON certificates (task, at)",
    "CREATE INDEX looks_of_pipeline ON looks (task, pipeline, at)",
)

_CERTIFICATE = (
    "id", "task", "at", "until", "pipeline", "threshold", "alpha", "delta", "accepted", "bad", "cases", "upper_bound",
    "test", "revoked_at", "revoked_why", "labels_from", "parts",
)  # fmt: skip
NEWEST = f"SELECT {', '.join(_CERTIFICATE)} FROM certificates WHERE task = ? ORDER BY at DESC, rowid DESC LIMIT 1"
_INSERT = insert("certificates", _CERTIFICATE)
_WATCHED = "SELECT at, agrees FROM audits WHERE certificate = ? AND agrees IS NOT NULL ORDER BY at, rowid"


def newest(connection: Connection, task: str) -> Certificate | None:
    """The last one issued for a task, in force or not."""
    row = connection.execute(NEWEST, (task,)).fetchone()
    return None if row is None else certificate_of(row)


def issue(connection: Connection, look: Look, certificate: Certificate | None) -> None:
    """Write a look, and the certificate that it gave, if it gave one."""
    connection.execute(
        "INSERT INTO looks (task, pipeline, at, test, level, cases, thresholds) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            name(look.task), look.pipeline, moment(look.at), look.test, look.level, look.cases,
            to_json(list(look.thresholds)),
        ),
    )  # fmt: skip
    if certificate is not None:
        connection.execute(_INSERT, _certificate_row(certificate))


def looks(connection: Connection, task: str, pipeline: str) -> list[Look]:
    """Those taken at a pipeline's labels, the oldest first."""
    rows = connection.execute(
        "SELECT task, pipeline, at, test, level, cases, thresholds FROM looks WHERE task = ? AND pipeline = ?"
        " ORDER BY at, rowid",
        (task, pipeline),
    )
    return [
        Look(row[0], row[1], datetime.fromisoformat(row[2]), row[3], row[4], row[5], tuple(json.loads(row[6])))
        for row in rows
    ]


def watch(connection: Connection, audit: Audit) -> None:
    """Revoke the certificate under which an audited answer was accepted, if audits now say that it does not hold."""
    if audit.certificate is None or audit.agrees is None:
        return
    row = connection.execute("SELECT alpha, revoked_at FROM certificates WHERE id = ?", (audit.certificate,)).fetchone()
    if row is None or row[1] is not None:
        return
    audited = connection.execute(_WATCHED, (audit.certificate,)).fetchall()
    state = Cusum(row[0]).add_all(agrees == 0 for _, agrees in audited)
    if state.alarm:
        bad = sum(agrees == 0 for _, agrees in audited)
        why = f"{bad} of {len(audited)} audited answers differ from the performance tier's"
        first = audited[state.audits - state.since_zero][0]
        connection.execute(
            "UPDATE certificates SET revoked_at = ?, revoked_why = ?, labels_from = ? WHERE id = ?",
            (moment(audit.at), why, first, audit.certificate),
        )


@lru_cache(100)  # every gated request reads its task's, which rarely changes
def certificate_of(row: Row) -> Certificate:
    return Certificate(
        id=row[0], task=row[1], at=datetime.fromisoformat(row[2]), until=datetime.fromisoformat(row[3]),
        pipeline=row[4], threshold=row[5], alpha=row[6], delta=row[7], accepted=row[8], bad=row[9], cases=row[10],
        upper_bound=row[11], test=row[12], revoked_at=_moment(row[13]), revoked_why=row[14],
        labels_from=_moment(row[15]), parts=row[16],
    )  # fmt: skip


def _certificate_row(certificate: Certificate) -> tuple[Any, ...]:
    c = certificate
    return (
        c.id, name(c.task), moment(c.at), moment(c.until), c.pipeline, c.threshold, c.alpha, c.delta, c.accepted, c.bad,
        c.cases, c.upper_bound, c.test, None if c.revoked_at is None else moment(c.revoked_at), text(c.revoked_why),
        None if c.labels_from is None else moment(c.labels_from), c.parts,
    )  # fmt: skip


def _moment(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored)
