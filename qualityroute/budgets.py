"""What may be spent: which budgets a request draws on, and whether one more call still fits. Pure.

Before each model call an estimate of what it may cost is reserved in all of its request's budgets, or in none; after
it, what it did cost is counted as spent instead. So calls that are under way at once cannot spend one dollar twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from qualityroute.config import Budget, Task
from qualityroute.errors import BudgetExceeded
from qualityroute.records import Attempt

KEPT_FOR_REQUESTS = Decimal("0.1")
"""The share of each shared budget that audits and exploring leave to requests that somebody waits for."""


class Scope(StrEnum):
    """What a budget is for."""

    REQUEST = "request"
    SESSION = "session"
    TASK = "task"
    """One task's, for a day."""
    KEY = "key"
    """One caller's allowance, for a day."""
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one caller may spend, beside the budgets of the configuration; the gateway's keys have them."""

    name: str
    """Whose: all requests with the same name draw on the same money."""
    per_day: Decimal
    """USD, in a day (UTC)."""


@dataclass(frozen=True, slots=True)
class Pot:
    """One budget, with what tells it from others of its scope."""

    scope: Scope
    limit: Decimal
    """USD."""
    tenant: str = ""
    """A session's."""
    name: str = ""
    """The session, the task, or whose allowance it is."""
    day: date | None = None
    """In UTC; a session's budget is for as long as it lasts."""
    kept: Decimal = Decimal(0)
    """USD of the limit that must be left to others."""

    @property
    def opens_at(self) -> datetime | None:
        """When there is money again; `None`: never."""
        if self.day is None:
            return None
        return datetime(self.day.year, self.day.month, self.day.day, tzinfo=UTC) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Filling:
    """How much of a budget is gone. USD."""

    pot: Pot
    spent: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    """Set aside for calls that are under way."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """A call that no longer fits into a budget."""

    filling: Filling
    needed: Decimal
    """USD: what the call may cost."""

    @property
    def passes(self) -> bool:
        """Could the same call fit later? The next day, or when what is reserved comes back."""
        return self.filling.pot.opens_at is not None or self.filling.reserved > 0

    @property
    def message(self) -> str:
        pot = self.filling.pot
        reserved = f", ${self.filling.reserved:f} reserved for calls under way" if self.filling.reserved else ""
        kept = f", ${pot.kept:f} kept for requests that somebody waits for" if pot.kept else ""
        opens = f"; it opens again at {pot.opens_at:%Y-%m-%d %H:%M} UTC" if pot.opens_at else ""
        return (
            f"the budget of ${pot.limit:f} {_whose(pot)} is used up: ${self.filling.spent:f} spent"
            f"{reserved}{kept}, and the next call may cost ${self.needed:f}{opens}"
        )


def _whose(pot: Pot) -> str:
    match pot.scope:
        case Scope.REQUEST:
            return "for one request"
        case Scope.SESSION:
            return "for the session"
        case Scope.TASK:
            return "for the task's day"
        case Scope.KEY:
            return f"for the day of key '{pot.name}'"
        case Scope.DAY:
            return "for the day"


@dataclass(frozen=True, slots=True)
class Reservation:
    """Money set aside for one call, in each of its pots."""

    id: str
    pots: tuple[Pot, ...]
    amount: Decimal
    """USD."""
    at: datetime
    expires: datetime
    """When it comes back by itself, whatever became of the process that made it."""


@dataclass(frozen=True, slots=True)
class Owed:
    """What a call did cost, where the store could not be told of it in its time."""

    reservation: Reservation
    cost: Decimal
    """USD."""


def day_pots(budget: Budget, tasks: Iterable[tuple[str, Task]], day: date) -> tuple[Pot, ...]:
    """The budgets of a day (UTC) that requests of these tasks draw on."""
    of_tasks = tuple(
        Pot(Scope.TASK, task.budget_per_day, name=name, day=day)
        for name, task in tasks
        if task.budget_per_day is not None
    )
    return of_tasks if budget.per_day is None else (*of_tasks, Pot(Scope.DAY, budget.per_day, day=day))


def session_pots(budget: Budget, tenant: str, session: str | None) -> tuple[Pot, ...]:
    """The session's budget; a request without a session has none."""
    if budget.per_session is None or session is None:
        return ()
    return (Pot(Scope.SESSION, budget.per_session, tenant, session),)


def allowance_pots(allowance: Allowance | None, day: date) -> tuple[Pot, ...]:
    """The caller's own budget of a day (UTC), if there is one."""
    return () if allowance is None else (Pot(Scope.KEY, allowance.per_day, name=allowance.name, day=day),)


def shortage(fillings: Iterable[Filling], needed: Decimal) -> Shortage | None:
    """The first budget that a call of this cost would go beyond. A call that costs nothing always fits."""
    for filling in fillings:
        pot = filling.pot
        if needed and filling.spent + filling.reserved + needed > pot.limit - pot.kept:
            return Shortage(filling, needed)
    return None


def exceeded(short: Shortage, where: str = "", attempts: Sequence[Attempt] = ()) -> BudgetExceeded:
    """What the caller gets for a shortage."""
    pot = short.filling.pot
    error = BudgetExceeded(
        f"{where}{short.message}",
        scope=pot.scope,
        limit=pot.limit,
        spent=short.filling.spent,
        opens_at=pot.opens_at,
        attempts=attempts,
    )
    error.retryable = short.passes
    return error
