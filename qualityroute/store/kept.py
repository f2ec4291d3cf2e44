"""What the store keeps for others: prompts and answers, and the secret that its processes share."""

from __future__ import annotations

import secrets

from qualityroute.store.statements import Connection
from qualityroute.store.summaries import JudgedAnswer

# Of one input's decisions the newest has the largest id.
_JUDGED = """
SELECT asked, said FROM (
  SELECT given.content AS asked, answer.content AS said, decisions.id AS id,
    ROW_NUMBER() OVER (PARTITION BY given.content ORDER BY decisions.id DESC) AS place
  FROM decisions
  JOIN verdicts ON verdicts.decision_id = decisions.id AND verdicts."check" = 'judge'
      AND verdicts.ruling IN ('accepted', 'rejected')
  JOIN payloads AS given ON given.decision_id = decisions.id AND given.kind = 'input'
  JOIN payloads AS answer ON answer.decision_id = decisions.id
      AND answer.kind = 'answer.' || (verdicts.attempt + 1) || '.efficiency'
  WHERE decisions.task = ? AND (decisions.outcome = 'accepted' OR NOT ?) AND answer.content <> ''
) AS judged WHERE place = 1 ORDER BY id DESC LIMIT ?
"""

SECRETS = """
CREATE TABLE secrets (
    name TEXT PRIMARY KEY NOT NULL, -- what it signs, such as the dashboard's sessions
    value TEXT NOT NULL            -- 64 random hexadecimal digits
)
"""


def judged_answers(connection: Connection, task: str, most: int, accepted: bool) -> list[JudgedAnswer]:
    return [JudgedAnswer(given, answer) for given, answer in connection.execute(_JUDGED, (task, accepted, most))]


def payloads_of(connection: Connection, decision_id: str) -> dict[str, str]:
    query = "SELECT kind, content FROM payloads WHERE decision_id = ? ORDER BY kind"
    return {str(kind): str(content) for kind, content in connection.execute(query, (decision_id,))}


def secret(connection: Connection, name: str) -> str:
    made = (name, secrets.token_hex(32))
    connection.execute("INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", made)
    (value,) = connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
    return str(value)
