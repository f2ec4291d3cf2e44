"""The tables on a server looked through, and vacuumed; neither keeps anybody from writing."""

from __future__ import annotations

from qualityroute.errors import StoreError
from qualityroute.store import checking
from qualityroute.store.condition import Checked, Space
from qualityroute.store.postgres.driver import Session
from qualityroute.store.postgres.tables import NO_LIMIT, applied
from qualityroute.store.schema import MIGRATIONS, pending, tables

_SIZE = "SELECT COALESCE(SUM(pg_total_relation_size(to_regclass(name))), 0) FROM unnest(?::text[]) AS name"


def check(session: Session, shown: str) -> Checked:
    """Within a transaction that sees one state. Raises `StoreError` for a database without our tables."""
    done = applied(session)
    if not done:
        raise StoreError(f"the store '{shown}' has no tables yet; `qualityroute run` makes them")
    if pending(done, shown):
        return Checked(None, None, len(done), (checking.version_problem(len(done), len(MIGRATIONS)),))
    decisions, pins = checking.counts(session)
    return Checked(decisions, pins, len(done), tuple(checking.problems(session)))


def vacuum(session: Session) -> Space:
    """Outside of a transaction, as the server demands. Places of rows that are gone are free for new ones then."""
    session.limit = NO_LIMIT
    names = sorted(tables())
    (before,) = session.execute(_SIZE, (names,)).fetchone()
    for name in names:
        session.execute(f"VACUUM (ANALYZE) {name}")
    (after,) = session.execute(_SIZE, (names,)).fetchone()
    return Space(before, after)
