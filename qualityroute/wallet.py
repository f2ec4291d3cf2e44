"""The budgets of one request at work: money is set aside before each of its calls, and settled after."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import anyio

from qualityroute.budgets import (
    KEPT_FOR_REQUESTS,
    Allowance,
    Filling,
    Owed,
    Pot,
    Reservation,
    Scope,
    Shortage,
    allowance_pots,
    day_pots,
    exceeded,
    session_pots,
    shortage,
)
from qualityroute.client import CompletionRequest
from qualityroute.config import Budget, ResolvedTask
from qualityroute.errors import ConfigError, StoreError
from qualityroute.estimates import Lengths, largest_cost
from qualityroute.prices import PriceBook
from qualityroute.records import ModelCall
from qualityroute.store import SessionStore

logger = logging.getLogger("qualityroute")
EXPIRY_MARGIN = timedelta(seconds=30)
"""How long after its request's deadline a reservation still stands; only a process that died leaves one so long."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose money it is."""

    task: ResolvedTask
    tenant: str
    session: str | None
    waited_for: bool
    """Does somebody wait for the answer? Audits and exploring leave a share of each shared budget untouched."""
    allowance: Allowance | None = None
    """The caller's own budget."""


@dataclass(slots=True)
class Wallet:
    """What one request may spend. A store that cannot keep the budgets refuses calls, whatever `on_store_error` says:
    nobody would know what they come to."""

    store: SessionStore
    budget: Budget
    owner: Owner
    prices: PriceBook
    lengths: Lengths
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    shortage: Shortage | None = None
    """The last call that did not fit."""
    owed: list[Owed] = field(default_factory=list)
    """Costs that the store could not be told of; they are to be counted with the decision."""
    _spent: Decimal = Decimal(0)
    """By this request."""
    _reserved: Decimal = Decimal(0)

    async def reserve(self, call: ModelCall, request: CompletionRequest | None, *, early: bool = False) -> Reservation:
        """Set aside what the call may cost. Raises `BudgetExceeded` when it does not fit, and sets nothing aside.

        `early`: perhaps it is not needed, and must leave room for as much again, for the calls that are.
        """
        now = self.now()
        amount = self._estimate(call, request, now)
        kept = amount if early else Decimal(0)
        reservation = Reservation(
            id=self.new_id(),
            pots=_keeping(self._pots(now), kept),
            amount=amount,
            at=now,
            expires=now + self.owner.task.deadline + EXPIRY_MARGIN,
        )
        short = shortage(self._own_filling(kept), amount)
        if short is None:
            # Before anything is awaited: a request that begins two answers at once asks twice at once.
            self._reserved += amount
            try:
                short = await self._reserve_shared(reservation)
            except BaseException:
                self._reserved -= amount
                raise
            self._reserved -= amount if short is not None else 0
        if short is not None:
            if not early:
                self.shortage = short
            raise exceeded(short)
        return reservation

    async def settle(self, reservation: Reservation, call: ModelCall) -> None:
        """Count what the call did cost; its whole estimate, where that is unknown and it may be billed."""
        cost = reservation.amount if call.cost is None else call.cost
        self._reserved -= reservation.amount
        self._spent += cost
        self.lengths.learn(self._kind(call), call.usage)
        if not reservation.pots:
            return
        try:
            await self.store.settle(reservation, cost)
        except StoreError as error:  # the call has been made; until the decision is written, its estimate stands
            logger.error("$%s could not be counted as spent: %s", cost, error)
            self.owed.append(Owed(reservation, cost))

    async def _reserve_shared(self, reservation: Reservation) -> Shortage | None:
        if not reservation.pots:
            return None
        try:
            return await self.store.reserve(reservation)
        except anyio.get_cancelled_exc_class():  # it may have been set aside all the same
            with anyio.CancelScope(shield=True), suppress(StoreError):
                await self.store.settle(reservation, Decimal(0))
            raise

    def _own_filling(self, kept: Decimal) -> tuple[Filling, ...]:
        limit = self.budget.per_request
        return () if limit is None else (Filling(Pot(Scope.REQUEST, limit, kept=kept), self._spent, self._reserved),)

    def _pots(self, now: datetime) -> tuple[Pot, ...]:
        owner, day = self.owner, now.astimezone(UTC).date()
        shared = (
            *session_pots(self.budget, owner.tenant, owner.session),
            *allowance_pots(owner.allowance, day),
            *day_pots(self.budget, [(owner.task.name, owner.task.settings)], day),
        )
        if owner.waited_for:
            return shared
        return tuple(replace(pot, kept=pot.limit * KEPT_FOR_REQUESTS) for pot in shared)

    def _estimate(self, call: ModelCall, request: CompletionRequest | None, now: datetime) -> Decimal:
        if request is None:  # a judge of the user's own, which costs what it says afterwards
            return Decimal(0)
        price = self.prices.price(call.name, now.date())
        if price is None:
            raise ConfigError(
                f"no [[prices]] row for '{call.name}' is in force on {now.date()}, so no budget can be kept; "
                "add one with an earlier effective_from"
            )
        return largest_cost(request, price, self.lengths.longest(self._kind(call)))

    def _kind(self, call: ModelCall) -> tuple[str, str, str]:
        return (self.owner.task.name, call.role.value, call.name)


@dataclass(frozen=True, slots=True)
class Forehand:
    """A wallet for calls that are perhaps not needed."""

    wallet: Wallet

    async def reserve(self, call: ModelCall, request: CompletionRequest | None) -> Reservation:
        return await self.wallet.reserve(call, request, early=True)

    async def settle(self, reservation: Reservation, call: ModelCall) -> None:
        await self.wallet.settle(reservation, call)


def _keeping(pots: tuple[Pot, ...], kept: Decimal) -> tuple[Pot, ...]:
    return tuple(replace(pot, kept=pot.kept + kept) for pot in pots) if kept else pots


def has_budget(budget: Budget, owner: Owner) -> bool:
    """Does a request draw on any budget at all?"""
    per_session = budget.per_session if owner.session is not None else None
    limits = (budget.per_request, per_session, budget.per_day, owner.task.settings.budget_per_day, owner.allowance)
    return any(limit is not None for limit in limits)
