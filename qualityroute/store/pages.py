"""Whole decisions, page by page, the oldest first: what is exported and what is counted again."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from qualityroute.store.columns import moment
from qualityroute.store.found import Place, Recorded, Search
from qualityroute.store.ledger import DECISION_COLUMNS, read_decisions
from qualityroute.store.statements import Connection

_COLUMNS = ", ".join((*DECISION_COLUMNS, "pin", "session_attempt"))


def page(connection: Connection, wanted: Search, after: Place | None, most: int, payloads: bool) -> list[Recorded]:
    conditions, bound = ["1 = 1"], list[Any]()
    if wanted.task is not None:
        conditions.append("task = ?")
        bound.append(wanted.task)
    if wanted.since is not None:
        conditions.append("at >= ?")
        bound.append(moment(wanted.since))
    if after is not None:
        conditions.append("(at, id) > (?, ?)")
        bound += [moment(after.at), after.id]
    query = f"SELECT {_COLUMNS} FROM decisions WHERE {' AND '.join(conditions)} ORDER BY at, id LIMIT ?"
    rows = connection.execute(query, (*bound, most)).fetchall()
    decisions = read_decisions(connection, rows)
    kept = _payloads(connection, tuple(row[0] for row in rows)) if payloads and rows else {}
    return [
        Recorded(decision, row[-1], kept.get(decision.id, {})) for row, decision in zip(rows, decisions, strict=True)
    ]


def _payloads(connection: Connection, ids: tuple[str, ...]) -> dict[str, dict[str, str]]:
    places = ", ".join("?" * len(ids))
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    query = (
        f"SELECT decision_id, kind, content FROM payloads WHERE decision_id IN ({places}) ORDER BY decision_id, kind"
    )
    for decision_id, kind, content in connection.execute(query, ids):
        found[decision_id][kind] = content
    return found
