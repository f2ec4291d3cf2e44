"""Prompts and answers that were kept, found again for a judge's health check."""

from __future__ import annotations

from qualityroute.store.interface import JudgedAnswer
from qualityroute.store.statements import Connection

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


def judged_answers(connection: Connection, task: str, most: int, accepted: bool) -> list[JudgedAnswer]:
    return [JudgedAnswer(given, answer) for given, answer in connection.execute(_JUDGED, (task, accepted, most))]
