"""What the learner knows, as rows: cells, forecasts with what came of them, regressions.

An outcome is added to its cells in the transaction of its decision, by arithmetic in SQL, so that of many processes
none loses another's. See `complexity.cells` for what the numbers mean.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from qualityroute.complexity import Cell, CellKey, Choice, Forecast, Foretold, Regression
from qualityroute.complexity.cells import FORGETTING, POOLING, WHOLE, growth, lineage, needed
from qualityroute.store.columns import moment, name
from qualityroute.store.statements import Connection, insert

CELLS = """
CREATE TABLE cells (
    task TEXT NOT NULL,            -- empty: of all tasks
    model TEXT NOT NULL,           -- provider/model of the efficiency tier; empty: of the whole task
    fingerprint TEXT NOT NULL,     -- of the pipeline; empty: of the whole task
    band INTEGER NOT NULL,         -- of the regression's predictions, 0 to 4; -1: all of them
    passes REAL NOT NULL,          -- outcomes, each weighing .99 of what it did with each further one
    escalations REAL NOT NULL,
    observed INTEGER NOT NULL,     -- outcomes, forgotten ones too
    purse REAL NOT NULL,           -- of the bet that P(escalate) is above the break-even
    at TEXT NOT NULL,              -- of the newest outcome; ISO 8601, UTC
    PRIMARY KEY (task, model, fingerprint, band)
) WITHOUT ROWID
"""
FORECASTS = """
CREATE TABLE forecasts (
    decision_id TEXT PRIMARY KEY NOT NULL REFERENCES decisions(id),
    at TEXT NOT NULL,              -- ISO 8601, UTC
    task TEXT NOT NULL,
    model TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    band INTEGER NOT NULL,
    by_cells REAL NOT NULL,        -- P(escalate) before the request, as the log had it
    by_regression REAL,            -- as the regression had it; NULL while there was none
    in_use INTEGER NOT NULL,       -- 1: the regression's counted
    break_even REAL,               -- NULL while costs were unknown
    wanted TEXT NOT NULL,          -- by the rule: cascade, performance, unjudged
    taken TEXT NOT NULL,           -- what was done; cascade also where the request was one of the explored
    propensity REAL NOT NULL,      -- the probability with which it was
    features TEXT NOT NULL,        -- numbers as JSON, by which the regression is fitted
    escalated INTEGER              -- 1, 0; NULL: nobody can say
)
"""
REGRESSIONS = """
CREATE TABLE regressions (
    task TEXT NOT NULL,
    model TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    outcomes INTEGER NOT NULL,     -- of the cell when it was fitted
    weights TEXT NOT NULL,         -- JSON
    PRIMARY KEY (task, model, fingerprint)
) WITHOUT ROWID
"""
TABLES = (
    CELLS, FORECASTS, REGRESSIONS, "CREATE INDEX forecasts_by_task ON forecasts (task, at)",
)  # fmt: skip

_KEY = "task = ? AND model = ? AND fingerprint = ?"
_CELLS = (
    "SELECT task, model, fingerprint, band, passes, escalations, observed, purse FROM cells"
    " WHERE task IN (?, '') AND model IN (?, '') AND fingerprint IN (?, '')"
)
_BEFORE = (
    "SELECT passes, escalations FROM cells"
    f" WHERE task = ? AND model = ? AND fingerprint <> '' AND band = {WHOLE} ORDER BY at DESC LIMIT 1"
)
_COLUMNS = (
    "decision_id", "at", "task", "model", "fingerprint", "band", "by_cells", "by_regression", "in_use", "break_even",
    "wanted", "taken", "propensity", "features", "escalated",
)  # fmt: skip
_INSERT = insert("forecasts", _COLUMNS)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM forecasts"


def _adding() -> str:
    """One outcome more; the purse as in `Cell.after`."""
    number = "(cells.observed + 1)"
    purse = f"(cells.purse + 1.0 / ({number} * ({number} + 1))) * ?"
    return f"""
    INSERT INTO cells (task, model, fingerprint, band, passes, escalations, observed, purse, at)
    VALUES (?, ?, ?, ?, ?, ?, 1, ?, ?)
    ON CONFLICT (task, model, fingerprint, band) DO UPDATE SET
        passes = cells.passes * {FORGETTING} + excluded.passes,
        escalations = cells.escalations * {FORGETTING} + excluded.escalations,
        observed = cells.observed + 1,
        purse = CASE WHEN {purse} > ? THEN ? ELSE {purse} END,
        at = excluded.at
    """


_ADD = _adding()


def write(connection: Connection, decision_id: str, at: datetime, forecast: Forecast, escalated: bool | None) -> None:
    """Keep a forecast, and add its outcome to its cells, in the transaction of its decision."""
    key, told = forecast.key, None if escalated is None else int(escalated)
    connection.execute(
        _INSERT,
        (
            decision_id, moment(at), name(key.task), name(key.model), key.fingerprint, key.band, forecast.by_cells,
            forecast.by_regression, int(forecast.in_use), forecast.break_even, forecast.wanted.value,
            forecast.taken.value, forecast.propensity, json.dumps([round(value, 6) for value in forecast.features]),
            told,
        ),
    )  # fmt: skip
    if escalated is None:
        return
    _seed(connection, key, at)
    for cell in lineage(key):
        # What is bet on is the break-even of one pipeline; parents only lend their rate.
        bet = growth(escalated, forecast.break_even) if cell.fingerprint else 1.0
        connection.execute(_ADD, _adding_values(cell, escalated, bet, moment(at)))


def _adding_values(cell: CellKey, escalated: bool, bet: float, at: str) -> tuple[Any, ...]:
    most = needed(cell.band)
    first = (int(not escalated), int(escalated), min(most, 0.5 * bet), at)
    return (cell.task, cell.model, cell.fingerprint, cell.band, *first, bet, most, most, bet)


def _seed(connection: Connection, key: CellKey, at: datetime) -> None:
    """Of the pipeline before this one with the same model, ten outcomes are kept, and no evidence."""
    there = connection.execute(f"SELECT 1 FROM cells WHERE {_KEY} AND band = {WHOLE}", _pipeline(key)).fetchone()
    if there is not None:
        return
    before = connection.execute(_BEFORE, (key.task, key.model)).fetchone()
    if before is None or not sum(before):
        return
    share = min(1.0, POOLING / sum(before))
    connection.execute(
        "INSERT INTO cells (task, model, fingerprint, band, passes, escalations, observed, purse, at)"
        f" VALUES (?, ?, ?, {WHOLE}, ?, ?, 0, 0, ?) ON CONFLICT (task, model, fingerprint, band) DO NOTHING",
        (*_pipeline(key), before[0] * share, before[1] * share, moment(at)),
    )


def cells(connection: Connection, key: CellKey) -> list[Cell]:
    """Of a pipeline: its own, its bands', its task's, and that of all tasks."""
    rows = connection.execute(_CELLS, _pipeline(key)).fetchall()
    return [Cell(CellKey(*row[:4]), *row[4:]) for row in rows]


def newest(connection: Connection, task: str, since: datetime | None, key: CellKey | None, most: int) -> list[Foretold]:
    """The newest forecasts of a task, or of one pipeline of it, the oldest first."""
    conditions, values = ["task = ?"], [task]
    if since is not None:
        conditions.append("at >= ?")
        values.append(moment(since))
    if key is not None:
        conditions.append("model = ? AND fingerprint = ? AND escalated IS NOT NULL")
        values += [key.model, key.fingerprint]
    query = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY at DESC, decision_id DESC LIMIT ?"
    return [_foretold(row) for row in reversed(connection.execute(query, (*values, most)).fetchall())]


def of_decision(connection: Connection, decision_id: str) -> Foretold | None:
    row = connection.execute(f"{_SELECT} WHERE decision_id = ?", (decision_id,)).fetchone()
    return None if row is None else _foretold(row)


def regression(connection: Connection, key: CellKey) -> Regression | None:
    row = connection.execute(f"SELECT weights FROM regressions WHERE {_KEY}", _pipeline(key)).fetchone()
    if row is None:
        return None
    told = json.loads(row[0])
    parts = {part: tuple(told[part]) for part in ("weights", "means", "scales")}
    return Regression(**{**told, **parts})


def keep_regression(connection: Connection, key: CellKey, fitted: Regression) -> None:
    """In place of the one before, unless that one was made of more outcomes."""
    connection.execute(
        """INSERT INTO regressions (task, model, fingerprint, outcomes, weights) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (task, model, fingerprint) DO UPDATE SET outcomes = excluded.outcomes, weights = excluded.weights
        WHERE excluded.outcomes >= regressions.outcomes""",
        (*_pipeline(key), fitted.outcomes, json.dumps(asdict(fitted))),
    )


def _pipeline(key: CellKey) -> tuple[str, str, str]:
    return key.task, key.model, key.fingerprint


def _foretold(row: tuple[Any, ...]) -> Foretold:
    found = Forecast(
        key=CellKey(*row[2:6]), by_cells=row[6], by_regression=row[7], break_even=row[9], wanted=Choice(row[10]),
        taken=Choice(row[11]), propensity=row[12], in_use=row[8] == 1, features=tuple(json.loads(row[13])),
    )  # fmt: skip
    return Foretold(found, datetime.fromisoformat(row[1]), None if row[14] is None else row[14] == 1)
