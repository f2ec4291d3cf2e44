"""What the engine asks of a store. SQLite is the first to implement it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

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
from qualityroute.keys import Key
from qualityroute.labels import Audit, Fact, Label, Reference
from qualityroute.pins import Pin, PinKey
from qualityroute.records import Decision, PinEffect
from qualityroute.store.condition import Checked, Pruned, Space
from qualityroute.store.entry import Entry
from qualityroute.store.found import Found, Place, Recorded, Search
from qualityroute.store.summaries import (
    DaySpending,
    FirstAttempt,
    JudgedAnswer,
    TaskSummary,
)


class SessionStore(Protocol):
    """Keeps pins and the ledger. Every method raises `StoreError` when it cannot do its work."""

    async def open(self, *, to_read: bool = False) -> None:
        """`to_read`: nothing will be written, so that a file may be opened that nobody lets us write to."""

    async def aclose(self) -> None: ...

    async def pin(self, key: PinKey) -> Pin | None:
        """The row as it stands, dated or not; the caller looks at `until`."""

    async def lease_probe(self, pin: Pin, token: str, *, now: datetime, expires: datetime) -> bool:
        """Take the one probe of a half-open pin, if the pin is still as `pin` says and nobody has it."""

    async def reserve(self, reservation: Reservation) -> Shortage | None:
        """Set money aside in all its pots, or in none and say which is short; also between processes.

        What expired by `reservation.at` has come back before.
        """

    async def settle(self, reservation: Reservation, cost: Decimal) -> None:
        """Count USD as spent in the reservation's pots, and give back what was set aside, if it still is."""

    async def fillings(self, pots: Iterable[Pot], now: datetime) -> list[Filling]:
        """What is spent and reserved of each."""

    async def record(self, entry: Entry) -> PinEffect | None:
        """Write a decision, its calls, its verdicts and its pin in one transaction; back when committed."""

    async def pins(
        self, *, tenant: str | None = None, session: str | None = None, now: datetime, most: int | None = None
    ) -> list[Pin]:
        """Pins that hold at `now`, the newest first; those only watched are not among them."""

    async def put_pin(self, pin: Pin) -> None: ...

    async def release_pin(self, key: PinKey) -> Pin | None:
        """Remove a pin, and say what it was."""

    async def decision(self, decision_id: str) -> Decision | None:
        """As it was recorded, without completions and outputs."""

    async def decisions(self, wanted: Search, *, before: Place | None = None, limit: int) -> Found:
        """Of the decisions that are wanted, the newest that are older than a place; bounded work in any ledger."""

    async def payloads(self, decision_id: str) -> dict[str, str]:
        """Prompts and answers that were kept, by kind."""

    async def spending_by_day(self, *, since: datetime | None = None) -> list[DaySpending]:
        """Of each day and task, the newest day first; `since` counts from the beginning of its hour."""

    async def secret(self, name: str) -> str:
        """A text of 64 random hexadecimal digits: made when first asked for, the same for all who share the store."""

    async def summaries(self, *, task: str | None = None, since: datetime | None = None) -> list[TaskSummary]: ...

    async def first_attempts(self, task: str, *, most: int) -> list[FirstAttempt]:
        """The newest first judged attempts of a task's sessions, oldest first."""

    async def session_counts(self, task: str, *, started: datetime | None, now: datetime) -> list[tuple[int, int, int]]:
        """Closed sessions as (attempts up to the first failure or 4, failed 0 or 1, how many).

        Closed: failed, or passed 4 times, or not heard of for 30 minutes. `started`: only sessions that
        began then or later.
        """

    async def rebuild(self) -> int:
        """Add up the ledger anew, from its rows alone, where none was pruned; says how many decisions there were."""

    async def check(self) -> Checked:
        """Look whether everything holds that must, and change nothing; the store need not be open, and is not made."""

    async def vacuum(self) -> Space:
        """Give back the space of rows that are gone, while other processes go on."""

    async def recorded(
        self, wanted: Search, *, after: Place | None = None, most: int, payloads: bool = False
    ) -> list[Recorded]:
        """Whole decisions of a task and time, the oldest first, from a place on; the other conditions do not count.

        payloads: with what was kept of prompts and answers.
        """

    async def prunable(self, before: datetime, *, task: str | None = None) -> int:
        """How many decisions `prune` would remove in all, of one task or of all."""

    async def prune(
        self, before: datetime, *, task: str | None = None, after: Place | None = None, most: int
    ) -> Pruned:
        """Remove some of the decisions from before the hour of `before`, the oldest first, each with all its rows.

        Those of pins in force stay, and so do counters, references, labels, audits and certificates.
        """

    async def horizons(self) -> Mapping[str, datetime]:
        """Before what moments decisions were pruned, by task; under an empty name, of all tasks."""

    async def take_turn(self, work: str, *, until: datetime) -> bool:
        """Whether nobody else has the turn at this work now; then nobody else gets it before `until`."""

    async def has_attempt(self, tenant: str, session: str, task: str) -> bool:
        """Was efficiency ever tried and judged for this session and task?"""

    async def judge_errors(self, task: str, *, since: datetime | None = None) -> dict[str, int]:
        """How often the judge of a task could not judge, by cause."""

    async def judged_answers(self, task: str, *, most: int, accepted: bool) -> list[JudgedAnswer]:
        """Kept efficiency answers that the judge ruled on, the newest first, of each input the newest.

        accepted: only those that passed the whole gate.
        """

    async def pins_active(self, now: datetime) -> dict[str, int]:
        """Pins that hold now, by the task whose answer earned them; those made by hand under an empty name."""

    async def certificate(self, task: str) -> Certificate | None:
        """The newest one of a task, in force or not."""

    async def looks(self, task: str, pipeline: str) -> list[Look]:
        """Those taken at a pipeline's labels, the oldest first."""

    async def issue(self, look: Look, certificate: Certificate | None) -> None:
        """Write down a look, and the certificate it gave, in one transaction."""

    async def add_facts(self, facts: Sequence[Fact]) -> None:
        """References and labels that come with no decision of their own, such as people's; all or none."""

    async def references(self, task: str) -> list[Reference]:
        """Of a task, the oldest first; a person's stands beside the performance tier's for the same input."""

    async def labels(self, task: str) -> list[Label]:
        """Of a task, the oldest first; where a person labelled an answer, that label alone."""

    async def label(self, decision_id: str) -> Label | None:
        """Whether a decision's efficiency answer is good, if that is known."""

    async def audits(self, task: str, *, since: datetime | None = None) -> list[Audit]:
        """Of a task, in the order they were made."""

    async def audit_spending(self, task: str, *, since: datetime) -> tuple[Decimal, Decimal, int]:
        """USD that a task's audits took since then, the dearest of them, and how many have no known cost."""

    async def cells(self, key: CellKey) -> list[Cell]:
        """Of a pipeline (whatever the key's band): its own and its bands', its task's, and that of all tasks.

        What every request of a task on `auto` reads, so it must not take longer than a pin does.
        """

    async def forecasts(
        self, task: str, *, since: datetime | None = None, key: CellKey | None = None, most: int
    ) -> list[Foretold]:
        """The newest of a task, oldest first; with a `key`, those of its pipeline whose outcome is known."""

    async def forecast(self, decision_id: str) -> Foretold | None:
        """What was predicted of a decision's request."""

    async def regression(self, key: CellKey) -> Regression | None:
        """The one of a pipeline."""

    async def keep_regression(self, key: CellKey, fitted: Regression) -> None:
        """In place of the pipeline's, unless that one was made of more outcomes."""

    async def cached(self, key: CacheKey, *, efficiency: bool, now: datetime) -> Stored | None:
        """An answer that may be served now, performance's before efficiency's; that one only with `efficiency`.

        What every request of a task with a cache reads, so it must not take much longer than a pin does.
        """

    async def cache_hit(self, decision_id: str) -> Hit | None:
        """What a decision was served from the cache."""

    async def cache_summaries(
        self, *, task: str | None = None, since: datetime | None = None
    ) -> dict[str, CacheSummary]:
        """What the cache did, by task; none of a task that was never served from it."""

    async def neighbours(self, space: CacheKey, *, since: datetime | None, now: datetime) -> list[Neighbour]:
        """Questions of a space that others may be likened to now, kept since a moment; the newest of very many."""

    async def candidates(
        self, space: CacheKey, ids: Sequence[str], *, efficiency: bool, now: datetime
    ) -> dict[str, Candidate]:
        """Of those questions, by decision, the ones whose answer may be served now; efficiency's as in `cached`."""

    async def evidence(self, task: str, fingerprint: str) -> Evidence:
        """How many of the newest answers to questions in other words the judge was asked of, and found wrong."""

    async def likening(self, decision_id: str) -> Likening | None:
        """What looking for an answer to a question like a decision's came to."""

    async def likening_summaries(
        self, *, task: str | None = None, since: datetime | None = None
    ) -> dict[str, LikeningSummary]:
        """The same, added up by task."""

    async def capabilities(self, base_url: str, model: str) -> list[Capability]:
        """What was found of a model's endpoint, new or old."""

    async def learn(self, capability: Capability) -> None:
        """Keep it in place of what was known under its name."""

    async def add_key(self, key: Key) -> bool:
        """Whether it was added: false where a key in force has its name. Visible to every process from then on."""

    async def revoke_key(self, name: str, at: datetime) -> Key | None:
        """End the key in force of this name, and say which it was."""

    async def keys(self) -> list[Key]:
        """All that were ever added, in force or revoked, the oldest first."""

    async def key(self, key_id: str) -> Key | None:
        """As it stands, in force or revoked; so is what the next gives."""

    async def key_by_digest(self, digest: str) -> Key | None: ...

    async def has_keys(self) -> bool:
        """Was a key ever added, be it revoked by now?"""
