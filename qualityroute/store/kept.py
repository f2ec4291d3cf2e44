"""Prompts and answers that were kept, found again for a judge's health check."""

from __future__ import annotations

import sqlite3

from qualityroute.store.interface import JudgedAnswer

# Of the rows of one input, SQLite takes the other columns from the one with the largest id, which is the newest.
_JUDGED = """
SELECT given.content, answer.content, MAX(decisions.id) FROM decisions
JOIN verdicts ON verdicts.decision_id = decisions.id AND verdicts."check" = 'judge'
    AND verdicts.ruling IN ('accepted', 'rejected')
JOIN payloads AS given ON given.decision_id = decisions.id AND given.kind = 'input'
JOIN payloads AS answer ON answer.decision_id = decisions.id
    AND answer.kind = 'answer.' || (verdicts.attempt + 1) || '.efficiency'
WHERE decisions.task = ? AND (decisions.outcome = 'accepted' OR NOT ?) AND answer.content <> ''
GROUP BY given.content ORDER BY MAX(decisions.id) DESC LIMIT ?
"""


def judged_answers(connection: sqlite3.Connection, task: str, most: int, accepted: bool) -> list[JudgedAnswer]:
    return [JudgedAnswer(given, answer) for given, answer, _ in connection.execute(_JUDGED, (task, accepted, most))]
