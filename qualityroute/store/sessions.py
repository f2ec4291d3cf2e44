"""Sessions as the fallback signal counts them: by their judged attempts up to the first failure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from qualityroute.store.columns import moment
from qualityroute.store.statements import Connection
from qualityroute.store.summaries import FirstAttempt

MOST_ATTEMPTS = 4
IDLE = timedelta(minutes=30)
"""After so long without an attempt a session counts as over."""

_HAS_ATTEMPT = """
SELECT 1 FROM decisions WHERE tenant = ? AND session = ? AND task = ? AND session_attempt IS NOT NULL LIMIT 1
"""
_FIRST = """
SELECT session_started, failed FROM decisions
WHERE task = ? AND session_attempt = 1 ORDER BY session_started DESC LIMIT ?
"""
_REACHED = """
SELECT session_attempt, failed, COUNT(*) FROM decisions
WHERE task = ? AND session_started >= ? AND session_attempt BETWEEN 1 AND 4
GROUP BY session_attempt, failed
"""
_STILL_OPEN = """
SELECT session_attempt, COUNT(*) FROM decisions AS last
WHERE at >= ? AND task = ? AND session_started >= ? AND session IS NOT NULL AND failed = 0 AND session_attempt < 4
  AND NOT EXISTS (
    SELECT 1 FROM decisions AS later
    WHERE later.tenant = last.tenant AND later.session = last.session AND later.task = last.task
      AND later.session_attempt = last.session_attempt + 1
  )
GROUP BY session_attempt
"""


def has_attempt(connection: Connection, tenant: str, session: str, task: str) -> bool:
    return connection.execute(_HAS_ATTEMPT, (tenant, session, task)).fetchone() is not None


def first_attempts(connection: Connection, task: str, most: int) -> list[FirstAttempt]:
    rows = connection.execute(_FIRST, (task, most)).fetchall()
    return [FirstAttempt(datetime.fromisoformat(at), failed == 1) for at, failed in reversed(rows)]


def session_counts(
    connection: Connection, task: str, started: datetime | None, now: datetime
) -> list[tuple[int, int, int]]:
    """Attempt by attempt: who failed there is closed, who went on is counted later, who stayed is closed when idle."""
    since = "" if started is None else moment(started)
    reached: Counter[tuple[int, int]] = Counter()
    for attempt, failed, count in connection.execute(_REACHED, (task, since)):
        reached[attempt, failed] = count
    still_open = dict(connection.execute(_STILL_OPEN, (moment(now - IDLE), task, since)).fetchall())
    counts = []
    for attempt in range(1, MOST_ATTEMPTS + 1):
        went_on = reached[attempt + 1, 0] + reached[attempt + 1, 1] if attempt < MOST_ATTEMPTS else 0
        passed = reached[attempt, 0] - went_on - still_open.get(attempt, 0)
        counts += [(attempt, 1, reached[attempt, 1]), (attempt, 0, passed)]
    return [row for row in counts if row[2] > 0]
