"""What must hold in every store, asked of its rows: the decisions are whole, and all sums are sums of what is there.

Nothing is changed. Each statement gives the ids of those where something does not hold.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing

from qualityroute.store import tallies
from qualityroute.store.columns import moment
from qualityroute.store.condition import Problem
from qualityroute.store.found import Place, Search
from qualityroute.store.pages import page
from qualityroute.store.retention import PARTS, horizons
from qualityroute.store.schema import MIGRATIONS
from qualityroute.store.statements import Connection, Row

EXAMPLES = 3
PAGE = 500
RESTORE = "restore a backup, or remove these rows; the decisions' other rows cannot be made again"
_NO_DECISION = "NOT EXISTS (SELECT 1 FROM decisions WHERE decisions.id = {table}.decision_id)"
_ATTEMPT_THERE = (
    "EXISTS (SELECT 1 FROM attempts WHERE attempts.decision_id = {table}.decision_id"
    " AND attempts.attempt = {table}.attempt)"
)


def _statements() -> Iterator[tuple[str, str, str]]:
    """What is wrong with those found, the statement that finds them, and what to do."""
    for table in PARTS:
        without = f"SELECT DISTINCT decision_id FROM {table} WHERE {_NO_DECISION.format(table=table)}"
        yield f"rows of {table} belong to no decision", without, RESTORE
    for table in ("calls", "verdicts"):
        there = _ATTEMPT_THERE.format(table=table)
        yield (
            f"rows of {table} belong to no attempt",
            f"SELECT DISTINCT decision_id FROM {table} WHERE NOT {there}"
            f" AND NOT {_NO_DECISION.format(table=table)}",
            RESTORE,
        )  # fmt: skip
    for table, group, number in (
        ("attempts", "decision_id", "attempt"),
        ("calls", "decision_id, attempt", "position"),
        ("verdicts", "decision_id, attempt", "position"),
    ):
        yield (
            f"decisions have lost some of their {table}",
            f"SELECT DISTINCT decision_id FROM (SELECT decision_id FROM {table} GROUP BY {group}"
            f" HAVING MAX({number}) + 1 <> COUNT(*)) AS gaps",
            RESTORE,
        )
    yield (
        "decisions were answered by a model and have no attempt",
        "SELECT id FROM decisions WHERE tier IS NOT NULL AND outcome <> 'cached'"
        " AND NOT EXISTS (SELECT 1 FROM attempts WHERE attempts.decision_id = decisions.id)",
        RESTORE,
    )
    yield (
        "decisions cost something else than their calls together",
        """SELECT id FROM decisions LEFT JOIN (
          SELECT decision_id, SUM(cost) AS cost, COUNT(*) - COUNT(cost) AS unknown FROM calls GROUP BY decision_id
        ) AS spent ON spent.decision_id = decisions.id
        WHERE CASE WHEN COALESCE(spent.unknown, 0) > 0 THEN decisions.cost IS NOT NULL
          ELSE decisions.cost IS NULL OR ABS(decisions.cost - COALESCE(spent.cost, 0)) > 0.000000001 END""",
        "look at one with `qualityroute explain`; what the provider billed is in its calls",
    )
    yield (
        "labels belong to no decision, and none was pruned of theirs",
        f"SELECT DISTINCT decision_id FROM labels WHERE tenant IS NULL AND {_NO_DECISION.format(table='labels')}",
        "`calibrate` counts each as a session of its own; remove these rows if that is wrong",
    )
    release = "release them: `qualityroute pins release SESSION`"
    yield (
        "pins have half of a probe's lease",
        "SELECT session FROM pins WHERE (probe_token IS NULL) <> (probe_expires IS NULL)",
        release,
    )
    yield (
        "pins have a probe's lease that another pin has as well",
        "SELECT session FROM pins WHERE probe_token IN ("
        "SELECT probe_token FROM pins WHERE probe_token IS NOT NULL GROUP BY probe_token HAVING COUNT(*) > 1)",
        release,
    )


def problems(connection: Connection) -> Iterator[Problem]:
    """All that is wrong with one state of a store, whose tables are of this version."""
    for what, statement, remedy in _statements():
        (count,) = connection.execute(f"SELECT COUNT(*) FROM ({statement}) AS found").fetchone()
        if count:
            rows = connection.execute(f"SELECT * FROM ({statement}) AS found ORDER BY 1 LIMIT {EXAMPLES}").fetchall()
            yield Problem(f"{count:,} {what}", tuple(row[0] for row in rows), remedy)
    yield from _wrong_counters(connection)


def counts(connection: Connection) -> tuple[int, int]:
    """Decisions and pins."""
    row = connection.execute("SELECT (SELECT COUNT(*) FROM decisions), (SELECT COUNT(*) FROM pins)").fetchone()
    return int(row[0]), int(row[1])


def _wrong_counters(connection: Connection) -> Iterator[Problem]:
    whole_from = {task: moment(hour)[:13] for task, hour in horizons(connection).items()}
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as counted:
        for migration in MIGRATIONS:
            migration(counted)
        _count_again(connection, counted, whole_from)
        for table, key in (("tallies", tallies.KEYS), ("latencies", tallies.LATENCY_KEYS)):
            wrong = _differing(_by_key(connection, table, key, whole_from), _by_key(counted, table, key, whole_from))
            hours = sorted({row[0] for row in wrong})
            if hours:
                what = f"the {table} of {len(hours):,} hours are not what the ledger adds up to"
                yield Problem(what, tuple(hours[:EXAMPLES]), "`qualityroute report --rebuild` adds them up anew")


def _count_again(connection: Connection, counted: Connection, whole_from: Mapping[str, str]) -> None:
    """Every decision from the hour on that none was pruned of, into empty tables."""
    after: Place | None = None
    counted.execute("BEGIN")
    while found := page(connection, Search(), after, PAGE, payloads=False):
        for recorded in found:
            decision = recorded.decision
            if moment(decision.at) >= _horizon(whole_from, decision.task):
                failed = None if decision.failed is None else int(decision.failed)
                count = tallies.count_of(decision, failed)
                tallies.add(counted, count, session_attempt=recorded.session_attempt, effect=decision.pin)
        after = Place(decision.at, decision.id)


def _by_key(connection: Connection, table: str, key: tuple[str, ...], whole_from: Mapping[str, str]) -> dict[Row, Row]:
    measures = tallies.MEASURES if table == "tallies" else ("decisions",)
    rows = connection.execute(f"SELECT {', '.join((*key, *measures))} FROM {table}").fetchall()
    return {row[: len(key)]: row[len(key) :] for row in rows if row[0] >= _horizon(whole_from, row[1])}


def _horizon(whole_from: Mapping[str, str], task: str) -> str:
    return max(whole_from.get("", ""), whole_from.get(task, ""))


def _differing(kept: Mapping[Row, Row], counted: Mapping[Row, Row]) -> Iterator[Row]:
    for key in kept.keys() | counted.keys():
        one, other = kept.get(key), counted.get(key)
        if one is None or other is None or not all(map(_same, one, other)):
            yield key


def _same(one: float, other: float) -> bool:
    """Sums of fractions depend on the order in which they were added up."""
    return one == other or (isinstance(one, float) and math.isclose(one, other))


def version_problem(applied: int, known: int) -> Problem:
    """Of a store that an older version of the program left behind."""
    return Problem(
        f"the tables are of an earlier version ({applied} of {known} changes), so no more was looked at",
        remedy="any other command brings them up to date, such as `qualityroute pins list`; then check again",
    )
