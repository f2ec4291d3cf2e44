"""What the store keeps for others: prompts and answers, and the secret that its processes share."""

from __future__ import annotations

import secrets
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

SECRETS = """
CREATE TABLE secrets (
    name TEXT PRIMARY KEY NOT NULL, -- what it signs, such as the dashboard's sessions
    value TEXT NOT NULL            -- 64 random hexadecimal digits
)
"""


def judged_answers(connection: sqlite3.Connection, task: str, most: int, accepted: bool) -> list[JudgedAnswer]:
    return [JudgedAnswer(given, answer) for given, answer, _ in connection.execute(_JUDGED, (task, accepted, most))]


def payloads_of(connection: sqlite3.Connection, decision_id: str) -> dict[str, str]:
    query = "SELECT kind, content FROM payloads WHERE decision_id = ? ORDER BY kind"
    return {str(kind): str(content) for kind, content in connection.execute(query, (decision_id,))}


def secret(connection: sqlite3.Connection, name: str) -> str:
    made = (name, secrets.token_hex(32))
    connection.execute("INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", made)
    (value,) = connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
    return str(value)
