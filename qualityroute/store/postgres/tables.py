"""The tables on a server, brought up to date by one process while the others that start with it wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from qualityroute.errors import StoreError
from qualityroute.store.columns import moment
from qualityroute.store.postgres.dialect import declare
from qualityroute.store.postgres.driver import Session
from qualityroute.store.postgres.transactions import READ_WRITE, WRITERS, lock_number
from qualityroute.store.schema import pending

OLDEST = 13
"""The first PostgreSQL that this is meant for; those before it are no longer looked after."""
NO_LIMIT = timedelta(0)

# Not to_regclass, which may not have heard yet what the process did that held the lock.
_THERE = "SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'qualityroute_migrations' AND pg_table_is_visible(oid))"
_APPLIED = "SELECT name FROM qualityroute_migrations ORDER BY rowid"
_APPLY = "INSERT INTO qualityroute_migrations (name, applied_at) VALUES (?, ?)"
_MIGRATIONS = """
CREATE TABLE qualityroute_migrations (
    rowid BIGINT GENERATED ALWAYS AS IDENTITY,
    name TEXT PRIMARY KEY NOT NULL,
    applied_at TEXT NOT NULL
)
"""


class _Declared:
    """What a migration changes, in PostgreSQL's words."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def execute(self, statement: str) -> object:
        return self._session.execute(declare(statement))


def prepare(session: Session, shown: str, now: Callable[[], datetime]) -> None:
    """Make the tables, or bring older ones up to date. Raises `StoreError` for a store or a server of another age."""
    if session.version < OLDEST * 10_000:
        raise StoreError(
            f"the store '{shown}' is on PostgreSQL {session.version // 10_000}; right would be {OLDEST} or later"
        )
    if not pending(applied(session), shown):
        return
    session.begin(READ_WRITE, NO_LIMIT)
    try:
        session.execute("SELECT pg_advisory_xact_lock(?)", (lock_number("migrations"),))
        done = applied(session)
        if not done:
            session.execute(_MIGRATIONS)
            session.execute(declare(WRITERS))
        for migration in pending(done, shown):
            migration(_Declared(session))
            session.execute(_APPLY, (migration.__name__, moment(now())))
        session.commit()
    except BaseException:
        session.roll_back()
        raise


def applied(session: Session) -> list[str]:
    """What was done to this database already."""
    (there,) = session.execute(_THERE).fetchone()
    return [str(row[0]) for row in session.execute(_APPLIED)] if there else []
