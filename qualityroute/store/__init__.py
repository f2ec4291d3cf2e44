"""Pins and the ledger: what a session store is, in SQLite or in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from qualityroute.store.condition import Checked, Problem, Pruned, Space
from qualityroute.store.entry import Entry
from qualityroute.store.found import Found, Place, Recorded, Search
from qualityroute.store.interface import SessionStore
from qualityroute.store.location import is_server, sqlite_path
from qualityroute.store.postgres import postgres_store
from qualityroute.store.sqlite import SQLiteStore, utc_now
from qualityroute.store.summaries import (
    CostSummary,
    DaySpending,
    FirstAttempt,
    HeadStarts,
    HourSummary,
    JudgedAnswer,
    LatencySummary,
    Pairs,
    TaskSummary,
)

__all__ = [
    "Checked",
    "CostSummary",
    "DaySpending",
    "Entry",
    "FirstAttempt",
    "Found",
    "HeadStarts",
    "HourSummary",
    "JudgedAnswer",
    "LatencySummary",
    "Pairs",
    "Place",
    "Problem",
    "Pruned",
    "Recorded",
    "SQLiteStore",
    "Search",
    "SessionStore",
    "Space",
    "TaskSummary",
    "open_store",
]


def open_store(url: str, *, folder: Path, now: Callable[[], datetime] = utc_now) -> SessionStore:
    """The store a URL names, not opened yet: `async` callers `await store.open()`.

    Args:
        url: `sqlite:///relative.db`, `sqlite:////absolute.db`, a plain path, or `sqlite://` for a private
            temporary file that is removed at the end; or `postgresql://user@host/database`.
        folder: what relative paths are relative to.
        now: the clock; pins are dated by the moment a decision is recorded.
    """
    if is_server(url):
        return postgres_store(url, now)
    return SQLiteStore(sqlite_path(url, folder), now=now)
