"""A session store in SQL, whichever database runs it: each method of the Protocol, once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import TypeVar

from qualityroute.budgets import Filling, Pot, Reservation, Shortage
from qualityroute.cache import (
    CacheKey,
    CacheSummary,
    Candidate,
    Evidence,
    Hit,
    Likening,
    LikeningSummary,
    Neighbour,
    Stored,
)
from qualityroute.calibration import Certificate, Look
from qualityroute.client import Capability
from qualityroute.complexity import Cell, CellKey, Foretold, Regression
from qualityroute.errors import StoreError
from qualityroute.keys import Key
from qualityroute.labels import Audit, Fact, Label, Reference
from qualityroute.pins import Pin, PinKey
from qualityroute.records import Decision, PinEffect
from qualityroute.store import (
    browsing,
    cache_rows,
    capabilities,
    certificates,
    forecasts,
    kept,
    key_rows,
    likening_rows,
    locks,
    spending,
    tallies,
    truth,
)
from qualityroute.store.columns import moment
from qualityroute.store.days import spending_by_day
from qualityroute.store.entry import Entry
from qualityroute.store.found import Found, Place, Search
from qualityroute.store.ledger import read_decision, rows_of, write_rows
from qualityroute.store.pin_rows import (
    HOLDING,
    SELECT,
    apply_event,
    key_row,
    lease,
    pin_of,
    remove_pin,
    row_of,
    write_pin,
)
from qualityroute.store.sessions import first_attempts, has_attempt, session_counts
from qualityroute.store.statements import Connection
from qualityroute.store.summaries import DaySpending, FirstAttempt, JudgedAnswer, TaskSummary
from qualityroute.store.summary import judge_errors, pins_by_task, summarise
from qualityroute.store.upkeep import Upkeep

T = TypeVar("T")


class SQLStore(Upkeep):
    """What the stores share. A database's own store says how it is opened, and how queries and works get to it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self._kept_answers = 0

    @abstractmethod
    async def pin(self, key: PinKey) -> Pin | None: ...

    @abstractmethod
    async def _look(self, doing: str, query: Callable[[Connection], T]) -> T:
        """What a request waits for: a row or two, as they stand now."""

    @abstractmethod
    def _failure(self, doing: str, error: BaseException) -> StoreError:
        """For `raise ... from error`."""

    async def lease_probe(self, pin: Pin, token: str, *, now: datetime, expires: datetime) -> bool:
        take = partial(lease, pin=pin, token=token, now=now, expires=expires)
        return await self._write(
            f"lease the probe of session {pin.key.session[:40]!r}", take, locks.of_pin(pin.key), brief=True
        )

    async def reserve(self, reservation: Reservation) -> Shortage | None:
        take = partial(spending.reserve, reservation=reservation)
        return await self._write("reserve money", take, locks.of_pots(reservation.pots), brief=True)

    async def settle(self, reservation: Reservation, cost: Decimal) -> None:
        count = partial(spending.settle, reservation=reservation, cost=cost)
        await self._write("count what was spent", count, locks.of_pots(reservation.pots), brief=True)

    async def fillings(self, pots: Iterable[Pot], now: datetime) -> list[Filling]:
        return await self._read("read the budgets", partial(spending.fillings, pots=pots, now=now))

    async def record(self, entry: Entry) -> PinEffect | None:
        doing = f"record decision {entry.decision.id[:40]!r}"
        try:
            rows = rows_of(entry.decision, entry.payloads)
            count = tallies.count_of(entry.decision, rows.failed)
            if entry.pin_key is not None:
                key_row(entry.pin_key)
        except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise self._failure(doing, error) from error

        def write(connection: Connection) -> PinEffect | None:
            effect = apply_event(connection, entry, self._now())
            session_attempt = write_rows(connection, rows, effect)
            tallies.add(connection, count, session_attempt=session_attempt, effect=effect)
            truth.write_facts(connection, entry.facts)
            spending.catch_up(connection, entry.owed)
            if entry.forecast is not None:
                told = entry.decision
                escalated = None if rows.failed is None else rows.failed == 1
                forecasts.write(connection, told.id, told.at, entry.forecast, escalated)
            cache_rows.write(connection, entry)
            likening_rows.write(connection, entry)
            if prunes:
                cache_rows.prune(connection, self._now())
                likening_rows.prune(connection, self._now(), cache_rows.PRUNED_AT_ONCE)
            return effect

        prunes = entry.keeps is not None and self._is_time_to_prune()
        taken = [*locks.of_entry(entry), *(locks.PRUNING if prunes else ())]
        return await self._write(doing, write, taken, brief=not prunes)

    def _is_time_to_prune(self) -> bool:
        """Once for so many answers that twice as many may go."""
        self._kept_answers += 1
        return self._kept_answers % (cache_rows.PRUNED_AT_ONCE // 2) == 1

    async def put_pin(self, pin: Pin) -> None:
        doing = f"write the pin of session {pin.key.session[:40]!r}"
        try:
            row = row_of(pin)
        except ValueError as error:
            raise self._failure(doing, error) from error
        await self._write(doing, lambda connection: write_pin(connection, row), locks.of_pin(pin.key))

    async def release_pin(self, key: PinKey) -> Pin | None:
        doing = f"release the pin of session {key.session[:40]!r}"
        return await self._write(doing, partial(remove_pin, key=key), locks.of_pin(key))

    async def pins(
        self, *, tenant: str | None = None, session: str | None = None, now: datetime, most: int | None = None
    ) -> list[Pin]:
        def read(connection: Connection) -> list[Pin]:
            wanted = {
                column: value for column, value in (("tenant", tenant), ("session", session)) if value is not None
            }
            conditions = " AND ".join([HOLDING, *(f"{column} = ?" for column in wanted)])
            query = f"{SELECT} WHERE {conditions} ORDER BY since DESC, tenant, session, task"
            bound: tuple[str | int, ...] = (moment(now), *wanted.values())
            if most is not None:
                query, bound = f"{query} LIMIT ?", (*bound, most)
            return [pin_of(row) for row in connection.execute(query, bound)]

        return await self._read("list the pins", read)

    async def pins_active(self, now: datetime) -> dict[str, int]:
        return await self._read("count the pins", partial(pins_by_task, now=now))

    async def has_attempt(self, tenant: str, session: str, task: str) -> bool:
        look = partial(has_attempt, tenant=tenant, session=session, task=task)
        return await self._look(f"look up session {session[:40]!r}", look)

    async def judge_errors(self, task: str, *, since: datetime | None = None) -> dict[str, int]:
        return await self._read("count the judge's errors", partial(judge_errors, task=task, since=since))

    async def judged_answers(self, task: str, *, most: int, accepted: bool) -> list[JudgedAnswer]:
        read = partial(kept.judged_answers, task=task, most=most, accepted=accepted)
        return await self._read("read the kept answers", read)

    async def decision(self, decision_id: str) -> Decision | None:
        return await self._read("read a decision", partial(read_decision, decision_id=decision_id))

    async def decisions(self, wanted: Search, *, before: Place | None = None, limit: int) -> Found:
        look = partial(browsing.search, wanted=wanted, before=before, limit=limit)
        return await self._read("look for decisions", look)

    async def payloads(self, decision_id: str) -> dict[str, str]:
        return await self._read("read what was kept of a decision", partial(kept.payloads_of, decision_id=decision_id))

    async def spending_by_day(self, *, since: datetime | None = None) -> list[DaySpending]:
        return await self._read("add up the days", partial(spending_by_day, since=since))

    async def secret(self, name: str) -> str:
        return await self._write("make a secret", partial(kept.secret, name=name))

    async def summaries(self, *, task: str | None = None, since: datetime | None = None) -> list[TaskSummary]:
        return await self._read("add up the ledger", partial(summarise, task=task, since=since))

    async def first_attempts(self, task: str, *, most: int) -> list[FirstAttempt]:
        return await self._read("read the sessions' first attempts", partial(first_attempts, task=task, most=most))

    async def session_counts(self, task: str, *, started: datetime | None, now: datetime) -> list[tuple[int, int, int]]:
        return await self._read("count the sessions", partial(session_counts, task=task, started=started, now=now))

    async def certificate(self, task: str) -> Certificate | None:
        look = partial(certificates.newest, task=task)
        return await self._look(f"read the certificate of task '{task[:64]}'", look)

    async def looks(self, task: str, pipeline: str) -> list[Look]:
        return await self._read("read the looks at labels", partial(certificates.looks, task=task, pipeline=pipeline))

    async def issue(self, look: Look, certificate: Certificate | None) -> None:
        write = partial(certificates.issue, look=look, certificate=certificate)
        await self._write(f"write the certificate of task '{look.task[:64]}'", write)

    async def add_facts(self, facts: Sequence[Fact]) -> None:
        write = partial(truth.write_facts, facts=facts)
        await self._write("write references and labels", write, locks.of_facts(facts))

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

    async def cells(self, key: CellKey) -> list[Cell]:
        return await self._look(f"read the log of task '{key.task[:64]}'", partial(forecasts.cells, key=key))

    async def forecasts(
        self, task: str, *, since: datetime | None = None, key: CellKey | None = None, most: int
    ) -> list[Foretold]:
        read = partial(forecasts.newest, task=task, since=since, key=key, most=most)
        return await self._read("read the forecasts", read)

    async def forecast(self, decision_id: str) -> Foretold | None:
        return await self._read("read a forecast", partial(forecasts.of_decision, decision_id=decision_id))

    async def regression(self, key: CellKey) -> Regression | None:
        look = partial(forecasts.regression, key=key)
        return await self._look(f"read the regression of task '{key.task[:64]}'", look)

    async def keep_regression(self, key: CellKey, fitted: Regression) -> None:
        write = partial(forecasts.keep_regression, key=key, fitted=fitted)
        await self._write(f"keep the regression of task '{key.task[:64]}'", write)

    async def cached(self, key: CacheKey, *, efficiency: bool, now: datetime) -> Stored | None:
        look = partial(cache_rows.find, key=key, efficiency=efficiency, now=now)
        return await self._look("look for an earlier answer", look)

    async def cache_hit(self, decision_id: str) -> Hit | None:
        return await self._read("read where an answer came from", partial(cache_rows.hit_of, decision_id=decision_id))

    async def cache_summaries(
        self, *, task: str | None = None, since: datetime | None = None
    ) -> dict[str, CacheSummary]:
        read = partial(cache_rows.summaries, task=task, since=since)
        return await self._read("add up what the cache did", read)

    async def neighbours(self, space: CacheKey, *, since: datetime | None, now: datetime) -> list[Neighbour]:
        read = partial(likening_rows.neighbours, space=space, since=since, now=now)
        return await self._read("read the questions that were answered", read)

    async def candidates(
        self, space: CacheKey, ids: Sequence[str], *, efficiency: bool, now: datetime
    ) -> dict[str, Candidate]:
        look = partial(likening_rows.candidates, space=space, ids=ids, efficiency=efficiency, now=now)
        return await self._look("look for answers in other words", look) if ids else {}

    async def evidence(self, task: str, fingerprint: str) -> Evidence:
        look = partial(likening_rows.evidence, task=task, fingerprint=fingerprint)
        return await self._look("add up what the judge said of earlier answers", look)

    async def likening(self, decision_id: str) -> Likening | None:
        read = partial(likening_rows.likening_of, decision_id=decision_id)
        return await self._read("read what looking for an answer came to", read)

    async def likening_summaries(
        self, *, task: str | None = None, since: datetime | None = None
    ) -> dict[str, LikeningSummary]:
        read = partial(likening_rows.summaries, task=task, since=since)
        return await self._read("add up what looking for answers came to", read)

    async def capabilities(self, base_url: str, model: str) -> list[Capability]:
        look = partial(capabilities.of_model, base_url=base_url, model=model)
        return await self._look(f"read what is known of model '{model[:64]}'", look)

    async def learn(self, capability: Capability) -> None:
        write = partial(capabilities.write, found=capability)
        await self._write(f"keep what is known of model '{capability.model[:64]}'", write)

    async def add_key(self, key: Key) -> bool:
        return await self._write(f"add key {key.name[:40]!r}", partial(key_rows.add, key=key))

    async def revoke_key(self, name: str, at: datetime) -> Key | None:
        return await self._write(f"revoke key {name[:40]!r}", partial(key_rows.revoke, key_name=name, at=at))

    async def keys(self) -> list[Key]:
        return await self._read("list the keys", key_rows.every)

    async def key(self, key_id: str) -> Key | None:
        return await self._look("look up a key", partial(key_rows.by_id, key_id=key_id))

    async def key_by_digest(self, digest: str) -> Key | None:
        return await self._look("look up a key", partial(key_rows.by_digest, digest=digest))

    async def has_keys(self) -> bool:
        return await self._look("look for keys", key_rows.is_any)

    async def rebuild(self) -> int:
        return await self._write("rebuild the tallies", tallies.rebuild)
