"""Pins and the ledger in one SQLite file, shared by tasks, threads and processes.

Three connections: pins are looked up on the event loop's own thread, where a thread hop would cost ten
times the lookup; everything written goes through the group commit; reports read in a worker thread.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from qualityroute.budgets import Filling, Pot, Reservation, Shortage
from qualityroute.calibration import Certificate, Look
from qualityroute.client import Capability
from qualityroute.errors import StoreError
from qualityroute.labels import Audit, Fact, Label, Reference
from qualityroute.pins import Pin, PinKey
from qualityroute.records import Decision, PinEffect
from qualityroute.store import capabilities, certificates, spending, tallies, truth
from qualityroute.store.columns import moment
from qualityroute.store.commits import GroupCommit, to_the_end
from qualityroute.store.files import connect, prepare
from qualityroute.store.interface import Entry, FirstAttempt, JudgedAnswer, TaskSummary
from qualityroute.store.kept import judged_answers
from qualityroute.store.ledger import read_decision, rows_of, write_rows
from qualityroute.store.pin_rows import (
    HOLDING,
    SELECT,
    SELECT_ONE,
    apply_event,
    key_row,
    lease,
    pin_of,
    remove_pin,
    row_of,
    write_pin,
)
from qualityroute.store.sessions import HAS_ATTEMPT, first_attempts, session_counts
from qualityroute.store.summary import judge_errors, pins_by_task, summarise
from qualityroute.store.trouble import store_error, store_errors

T = TypeVar("T")


def utc_now() -> datetime:
    return datetime.now(UTC)


class SQLiteStore:
    """A `SessionStore` in one file; without a path, in a temporary file that is removed at the end."""

    def __init__(self, path: Path | None, *, now: Callable[[], datetime] = utc_now) -> None:
        self._path = path
        self._now = now
        self._connections: Connections | None = None

    @property
    def path(self) -> Path | None:
        """The database file; `None` for a temporary one that is not open."""
        return self._path if self._connections is None else self._connections.path

    async def open(self) -> None:
        if self._connections is None:
            self._connections = await anyio.to_thread.run_sync(partial(open_connections, self._path))

    async def aclose(self) -> None:
        """Wait for what is being written, then close."""
        connections, self._connections = self._connections, None
        if connections is None:
            return
        try:
            await connections.commits.flush()
        finally:
            await to_the_end(lambda: anyio.to_thread.run_sync(connections.close))

    async def pin(self, key: PinKey) -> Pin | None:
        connections = self._open()
        try:
            row = connections.lookup.execute(SELECT_ONE, (key.tenant, key.session, key.task)).fetchone()
            return None if row is None else pin_of(row)
        except (sqlite3.Error, ValueError) as error:
            raise store_error(connections.path, f"read the pin of session {key.session[:40]!r}", error) from error

    async def lease_probe(self, pin: Pin, token: str, *, now: datetime, expires: datetime) -> bool:
        take = partial(lease, pin=pin, token=token, now=now, expires=expires)
        return await self._write(f"lease the probe of session {pin.key.session[:40]!r}", take)

    async def reserve(self, reservation: Reservation) -> Shortage | None:
        return await self._write("reserve money", partial(spending.reserve, reservation=reservation))

    async def settle(self, reservation: Reservation, cost: Decimal) -> None:
        await self._write("count what was spent", partial(spending.settle, reservation=reservation, cost=cost))

    async def fillings(self, pots: Iterable[Pot], now: datetime) -> list[Filling]:
        return await self._read("read the budgets", partial(spending.fillings, pots=pots, now=now))

    async def record(self, entry: Entry) -> PinEffect | None:
        path = self._open().path
        doing = f"record decision {entry.decision.id[:40]!r}"
        try:
            rows = rows_of(entry.decision, entry.payloads)
            if entry.pin_key is not None:
                key_row(entry.pin_key)
        except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise store_error(path, doing, error) from error

        def write(connection: sqlite3.Connection) -> PinEffect | None:
            effect = apply_event(connection, entry, self._now())
            session_attempt = write_rows(connection, rows, effect)
            tallies.add(connection, entry.decision, failed=rows.failed, session_attempt=session_attempt, effect=effect)
            truth.write_facts(connection, entry.facts)
            return effect

        return await self._write(doing, write)

    async def put_pin(self, pin: Pin) -> None:
        doing = f"write the pin of session {pin.key.session[:40]!r}"
        with store_errors(self._open().path, doing):
            row = row_of(pin)
        await self._write(doing, lambda connection: write_pin(connection, row))

    async def release_pin(self, key: PinKey) -> Pin | None:
        return await self._write(f"release the pin of session {key.session[:40]!r}", partial(remove_pin, key=key))

    async def pins(self, *, tenant: str | None = None, session: str | None = None, now: datetime) -> list[Pin]:
        def read(connection: sqlite3.Connection) -> list[Pin]:
            wanted = {
                column: value for column, value in (("tenant", tenant), ("session", session)) if value is not None
            }
            conditions = " AND ".join([HOLDING, *(f"{column} = ?" for column in wanted)])
            query = f"{SELECT} WHERE {conditions} ORDER BY since DESC, tenant, session, task"
            return [pin_of(row) for row in connection.execute(query, (moment(now), *wanted.values()))]

        return await self._read("list the pins", read)

    async def pins_active(self, now: datetime) -> dict[str, int]:
        return await self._read("count the pins", partial(pins_by_task, now=now))

    async def has_attempt(self, tenant: str, session: str, task: str) -> bool:
        connections = self._open()
        with store_errors(connections.path, f"look up session {session[:40]!r}"):
            return connections.lookup.execute(HAS_ATTEMPT, (tenant, session, task)).fetchone() is not None

    async def judge_errors(self, task: str, *, since: datetime | None = None) -> dict[str, int]:
        return await self._read("count the judge's errors", partial(judge_errors, task=task, since=since))

    async def judged_answers(self, task: str, *, most: int, accepted: bool) -> list[JudgedAnswer]:
        read = partial(judged_answers, task=task, most=most, accepted=accepted)
        return await self._read("read the kept answers", read)

    async def decision(self, decision_id: str) -> Decision | None:
        return await self._read("read a decision", partial(read_decision, decision_id=decision_id))

    async def pin_effect(self, decision_id: str) -> PinEffect | None:
        def read(connection: sqlite3.Connection) -> PinEffect | None:
            row = connection.execute("SELECT pin FROM decisions WHERE id = ?", (decision_id,)).fetchone()
            return None if row is None or row[0] is None else PinEffect(row[0])

        return await self._read("read a decision", read)

    async def summaries(self, *, task: str | None = None, since: datetime | None = None) -> list[TaskSummary]:
        return await self._read("add up the ledger", partial(summarise, task=task, since=since))

    async def first_attempts(self, task: str, *, most: int) -> list[FirstAttempt]:
        return await self._read("read the sessions' first attempts", partial(first_attempts, task=task, most=most))

    async def session_counts(self, task: str, *, started: datetime | None, now: datetime) -> list[tuple[int, int, int]]:
        return await self._read("count the sessions", partial(session_counts, task=task, started=started, now=now))

    async def certificate(self, task: str) -> Certificate | None:
        connections = self._open()
        with store_errors(connections.path, f"read the certificate of task '{task[:64]}'"):
            return certificates.newest(connections.lookup, task)

    async def looks(self, task: str, pipeline: str) -> list[Look]:
        return await self._read("read the looks at labels", partial(certificates.looks, task=task, pipeline=pipeline))

    async def issue(self, look: Look, certificate: Certificate | None) -> None:
        write = partial(certificates.issue, look=look, certificate=certificate)
        await self._write(f"write the certificate of task '{look.task[:64]}'", write)

    async def add_facts(self, facts: Sequence[Fact]) -> None:
        await self._write("write references and labels", partial(truth.write_facts, facts=facts))

    async def references(self, task: str) -> list[Reference]:
        return await self._read("read the references", partial(truth.references, task=task))

    async def labels(self, task: str) -> list[Label]:
        return await self._read("read the labels", partial(truth.labels, task=task))

    async def label(self, decision_id: str) -> Label | None:
        return await self._read("read a label", partial(truth.label_of, decision_id=decision_id))

    async def audits(self, task: str, *, since: datetime | None = None) -> list[Audit]:
        return await self._read("read the audits", partial(truth.audits, task=task, since=since))

    async def audit_spending(self, task: str, *, since: datetime) -> tuple[Decimal, Decimal, int]:
        return await self._read("add up the audits", partial(truth.audit_spending, task=task, since=since))

    async def capabilities(self, base_url: str, model: str) -> list[Capability]:
        connections = self._open()
        with store_errors(connections.path, f"read what is known of model '{model[:64]}'"):
            return capabilities.of_model(connections.lookup, base_url, model)

    async def learn(self, capability: Capability) -> None:
        write = partial(capabilities.write, found=capability)
        await self._write(f"keep what is known of model '{capability.model[:64]}'", write)

    async def rebuild(self) -> int:
        return await self._write("rebuild the tallies", tallies.rebuild)

    def _open(self) -> Connections:
        if self._connections is None:
            raise StoreError(f"the store '{self._path or 'in a temporary file'}' is not open; call open() first")
        return self._connections

    async def _write(self, doing: str, work: Callable[[sqlite3.Connection], T]) -> T:
        connections = self._open()
        try:
            return await connections.commits.run(work)
        except Exception as error:  # any failure of a row is the store's failure to its caller
            raise store_error(connections.path, doing, error) from error

    async def _read(self, doing: str, query: Callable[[sqlite3.Connection], T]) -> T:
        connections = self._open()
        with store_errors(connections.path, doing):
            return await anyio.to_thread.run_sync(connections.read, query)


class Connections:
    """What an open store holds."""

    def __init__(self, path: Path, resources: ExitStack) -> None:
        self.path = path
        self.lookup, self._writer, self._reports = (resources.enter_context(closing(connect(path))) for _ in range(3))
        self.commits = GroupCommit(self._writer)
        self._resources = resources.pop_all()
        self._reading = threading.Lock()

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query that sees one state of the file."""
        with self._reading:
            self._reports.execute("BEGIN")
            try:
                return query(self._reports)
            finally:
                self._reports.execute("ROLLBACK")

    def close(self) -> None:
        with self._reading:
            self._resources.close()


def open_connections(path: Path | None) -> Connections:
    with store_errors(path or Path(tempfile.gettempdir()), "open the tables"), ExitStack() as resources:
        if path is None:
            path = Path(tempfile.mkdtemp(prefix="qualityroute-"), "qualityroute.db")
            resources.callback(shutil.rmtree, path.parent, ignore_errors=True)
        prepare(path)
        return Connections(path, resources)
