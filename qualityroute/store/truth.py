"""References, labels and audits as rows: what decisions add to the ground truth, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from qualityroute.labels import Audit, Fact, Label, Origin, Reference
from qualityroute.store.certificates import watch
from qualityroute.store.columns import dollars, from_dollars, from_units, moment, name, text, to_json
from qualityroute.store.statements import Connection, upsert

BASELINES = """
CREATE TABLE baselines (
    task TEXT NOT NULL,
    input_id TEXT NOT NULL,
    origin TEXT NOT NULL,          -- performance (that tier's answer), or person, which wins
    at TEXT NOT NULL,              -- ISO 8601, UTC
    input_key TEXT NOT NULL,       -- a hash of the input; empty where only its id was given
    decision_id TEXT REFERENCES decisions(id),
    cost REAL,                     -- USD of the performance answer; NULL is unknown
    fingerprint TEXT NOT NULL,     -- of the models, parameters, instructions and schema that were asked
    output TEXT NOT NULL,          -- JSON
    input TEXT,                    -- the messages as JSON, where they may be kept
    PRIMARY KEY (task, input_id, origin)
) WITHOUT ROWID
"""

LABELS = """
CREATE TABLE labels (
    decision_id TEXT NOT NULL REFERENCES decisions(id),
    origin TEXT NOT NULL,          -- performance (differs from its answer), or person, which wins
    at TEXT NOT NULL,              -- ISO 8601, UTC
    task TEXT NOT NULL,
    pipeline TEXT NOT NULL,        -- key of what answered and scored
    score REAL,                    -- NULL: rejected before any score was given
    accepted INTEGER NOT NULL,
    bad INTEGER,                   -- 1: differs from the reference; NULL: could not be compared
    input_id TEXT,                 -- of the reference, where `baseline compare` made it
    attempt_cost REAL,             -- USD of the efficiency answer with its gate
    reference_cost REAL,           -- USD of the performance answer
    reference_right INTEGER NOT NULL,
    differences TEXT NOT NULL,     -- JSON
    PRIMARY KEY (decision_id, origin)
) WITHOUT ROWID
"""

AUDITS = """
CREATE TABLE audits (
    decision_id TEXT PRIMARY KEY NOT NULL REFERENCES decisions(id), -- whose accepted answer was audited
    audit_id TEXT NOT NULL REFERENCES decisions(id),                -- the decision that asked performance
    at TEXT NOT NULL,              -- ISO 8601, UTC
    task TEXT NOT NULL,
    certificate TEXT,              -- the one in force when the answer was accepted
    agrees INTEGER,                -- NULL: could not be compared
    cost REAL,                     -- USD; NULL is unknown
    details TEXT NOT NULL          -- the fields that differ, as JSON
)
"""

TABLES = (
    BASELINES,
    LABELS,
    AUDITS,
    "CREATE INDEX labels_of_task ON labels (task, pipeline, at)",
    "CREATE INDEX audits_of_task ON audits (task, at)",
    "CREATE INDEX audits_of_certificate ON audits (certificate, at)",
    "CREATE INDEX baselines_of_input ON baselines (task, input_key)",
)
OWNERS = ("ALTER TABLE labels ADD COLUMN tenant TEXT", "ALTER TABLE labels ADD COLUMN session TEXT")
"""Filled when the decision is pruned and the label stays; until then the decision says whose it is."""

_REFERENCE = (
    "task", "input_id", "origin", "at", "output", "input_key", "decision_id", "input", "cost", "fingerprint",
)  # fmt: skip
_LABEL = (
    "decision_id", "task", "at", "pipeline", "score", "accepted", "bad", "origin", "input_id", "attempt_cost",
    "reference_cost", "reference_right", "differences",
)  # fmt: skip
_AUDIT = ("decision_id", "audit_id", "task", "at", "agrees", "cost", "certificate", "details")


_PUT_REFERENCE = upsert("baselines", _REFERENCE, ("task", "input_id", "origin"))
_PUT_LABEL = upsert("labels", _LABEL, ("decision_id", "origin"))
_PUT_AUDIT = upsert("audits", _AUDIT, ("decision_id",))
_LABELS_OF = f"""
SELECT {", ".join(f"labels.{column}" for column in _LABEL)},
  COALESCE(labels.tenant, decisions.tenant), COALESCE(labels.session, decisions.session)
FROM labels LEFT JOIN decisions ON decisions.id = labels.decision_id
WHERE labels.{{column}} = ? ORDER BY labels.at, labels.decision_id
"""


def write_facts(connection: Connection, facts: Iterable[Fact]) -> None:
    """Within the transaction of the decision they belong to."""
    for fact in facts:
        match fact:
            case Reference():
                connection.execute(_PUT_REFERENCE, _reference_row(fact))
            case Label():
                connection.execute(_PUT_LABEL, _label_row(fact))
            case Audit():
                connection.execute(_PUT_AUDIT, _audit_row(fact))
                watch(connection, fact)


def references(connection: Connection, task: str) -> list[Reference]:
    """Of a task, the oldest first; where a person gave one, it stands beside the performance tier's."""
    query = f"SELECT {', '.join(_REFERENCE)} FROM baselines WHERE task = ? ORDER BY at, input_id, origin"
    return [_reference_of(row) for row in connection.execute(query, (task,))]


def labels(connection: Connection, task: str) -> list[Label]:
    """Of a task, the oldest first; where a person labelled an answer, that label alone."""
    return _labels(connection, "task", task)


def label_of(connection: Connection, decision_id: str) -> Label | None:
    return next(iter(_labels(connection, "decision_id", decision_id)), None)


def _labels(connection: Connection, column: str, value: str) -> list[Label]:
    by_decision: dict[str, Label] = {}
    for row in connection.execute(_LABELS_OF.format(column=column), (value,)):
        label = _label_of(row)
        other = by_decision.get(label.decision_id)
        if other is None:
            by_decision[label.decision_id] = label
        elif label.origin is Origin.PERSON:  # in the place of the other, with its date
            by_decision[label.decision_id] = replace(label, at=other.at)
    return list(by_decision.values())


def audits(connection: Connection, task: str, since: datetime | None) -> list[Audit]:
    """Of a task, in the order they were made."""
    query = f"SELECT {', '.join(_AUDIT)} FROM audits WHERE task = ? AND at >= ? ORDER BY at, rowid"
    rows = connection.execute(query, (task, "" if since is None else moment(since)))
    return [_audit_of(row) for row in rows]


def audit_spending(connection: Connection, task: str, since: datetime) -> tuple[Decimal, Decimal, int]:
    """USD that audits took since then, the dearest of them, and how many have no known cost."""
    total, most, unknown = connection.execute(
        "SELECT COALESCE(SUM(cost), 0), COALESCE(MAX(cost), 0), COUNT(*) - COUNT(cost) FROM audits"
        " WHERE task = ? AND at >= ?",
        (task, moment(since)),
    ).fetchone()
    return from_dollars(total) or from_units(0), from_dollars(most) or from_units(0), int(unknown)


def _reference_row(reference: Reference) -> tuple[Any, ...]:
    messages = None if reference.messages is None else to_json(list(reference.messages))
    return (
        name(reference.task), name(reference.input_id), reference.origin.value, moment(reference.at),
        to_json(reference.output), reference.input_key, reference.decision_id, messages, dollars(reference.cost),
        text(reference.fingerprint),
    )  # fmt: skip


def _reference_of(row: Sequence[Any]) -> Reference:
    return Reference(
        task=row[0], input_id=row[1], origin=Origin(row[2]), at=datetime.fromisoformat(row[3]),
        output=json.loads(row[4]), input_key=row[5], decision_id=row[6],
        messages=None if row[7] is None else tuple(json.loads(row[7])), cost=from_dollars(row[8]), fingerprint=row[9],
    )  # fmt: skip


def _label_row(label: Label) -> tuple[Any, ...]:
    return (
        label.decision_id, name(label.task), moment(label.at), label.pipeline, label.score, int(label.accepted),
        _flag(label.bad), label.origin.value, None if label.input_id is None else name(label.input_id),
        dollars(label.attempt_cost), dollars(label.reference_cost), int(label.reference_right),
        to_json(list(label.differences)),
    )  # fmt: skip


def _label_of(row: Sequence[Any]) -> Label:
    tenant, session = row[13], row[14]
    return Label(
        decision_id=row[0], task=row[1], at=datetime.fromisoformat(row[2]), pipeline=row[3], score=row[4],
        accepted=row[5] == 1, bad=_unflag(row[6]), origin=Origin(row[7]), input_id=row[8],
        attempt_cost=from_dollars(row[9]), reference_cost=from_dollars(row[10]), reference_right=row[11] == 1,
        differences=tuple(json.loads(row[12])), session=None if session is None else f"{tenant}\x00{session}",
    )  # fmt: skip


def _audit_row(audit: Audit) -> tuple[Any, ...]:
    return (
        audit.decision_id, audit.audit_id, name(audit.task), moment(audit.at), _flag(audit.agrees),
        dollars(audit.cost), audit.certificate, to_json(list(audit.differences)),
    )  # fmt: skip


def _audit_of(row: Sequence[Any]) -> Audit:
    return Audit(
        decision_id=row[0], audit_id=row[1], task=row[2], at=datetime.fromisoformat(row[3]), agrees=_unflag(row[4]),
        cost=from_dollars(row[5]), certificate=row[6], differences=tuple(json.loads(row[7])),
    )  # fmt: skip


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)


def _unflag(stored: int | None) -> bool | None:
    return None if stored is None else stored == 1
