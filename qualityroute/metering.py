"""One model call, paid for, made, timed and priced; what was spent is kept even when the caller goes away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

import anyio

from qualityroute.budgets import Reservation
from qualityroute.client import Client, CompletionRequest, Progress
from qualityroute.errors import ConfigError, ProviderError, QualityRouteError
from qualityroute.prices import PriceBook
from qualityroute.records import Completion, ModelCall, Reason, Usage


@dataclass(frozen=True, slots=True)
class Called:
    """A finished call: with an answer, or with the reason there is none."""

    call: ModelCall
    completion: Completion | None = None
    error: ProviderError | None = None
    heard: bool = False
    """Has the caller heard of the answer already, whether it came to its end or not?"""

    @property
    def made(self) -> tuple[ModelCall, ...]:
        """For the books: none where the endpoint was not asked at all."""
        return () if self.error is not None and not self.error.asked else (self.call,)


class Wallet(Protocol):
    """Where the money for calls comes from."""

    async def reserve(self, call: ModelCall, request: CompletionRequest | None) -> Reservation:
        """Set aside what the call may cost. Raises `BudgetExceeded` when there is not enough."""

    async def settle(self, reservation: Reservation, call: ModelCall) -> None:
        """Count what the call did cost instead. Raises nothing."""


@dataclass(slots=True)
class Meter:
    """Makes the calls of one request and remembers each, in the order made."""

    client: Client
    prices: PriceBook
    now: Callable[[], datetime]
    clock: Callable[[], float]
    """Seconds, monotonic."""
    wallet: Wallet | None = None
    """`None`: no budget is set, and nothing is kept."""
    failures: list[ProviderError] = field(default_factory=list)
    _calls: list[ModelCall | None] = field(default_factory=list)
    """`None`: it came to no call, since the endpoint was not asked."""

    @property
    def calls(self) -> list[ModelCall]:
        """Those that were made, in the order begun."""
        return [call for call in self._calls if call is not None]

    async def ask(self, request: CompletionRequest) -> Called:
        """Make one call of a model; each needs a request of its own. An endpoint's failure is returned, not raised.

        Raises `BudgetExceeded` when the call does not fit into a budget; it is then not made.
        """
        call = ModelCall(request.role, request.tier, request.provider, request.model)
        return await self.make(call, lambda: self.client.complete(request), request)

    async def make(
        self, call: ModelCall, answer: Callable[[], Awaitable[Completion]], request: CompletionRequest | None = None
    ) -> Called:
        """Make a call by awaiting `answer`, which fails by raising `ProviderError`.

        `request`: what is asked, by which the cost is estimated, and which is told how far the call came; `None` where
        nobody can say before.
        """
        progress = request.progress if request is not None else Progress()
        if self.wallet is None:
            return await self._made(call, answer, progress)
        reservation = await self.wallet.reserve(call, request)
        position = len(self._calls)
        try:
            return await self._made(call, answer, progress)
        finally:
            with anyio.CancelScope(shield=True):
                # What was never sent has cost nothing.
                made = self._calls[position] or replace(call, cost=Decimal(0))
                await self.wallet.settle(reservation, made)

    async def _made(self, call: ModelCall, answer: Callable[[], Awaitable[Completion]], progress: Progress) -> Called:
        position, started = len(self._calls), self.clock()
        # In the books from the start: whoever is cancelled in the middle has spent something, and how
        # much is unknown.
        call = replace(call, error=Reason.CANCELLED, at=self.now())
        self._calls.append(call)
        called: Called | None = None
        try:
            completion = await answer()
            called = Called(self._answered(call, completion, self._since(started)), completion, heard=progress.heard)
        except ProviderError as error:
            called = Called(self._failed(call, error, self._since(started)), error=error, heard=progress.heard)
        except ConfigError:  # found before anything was sent
            call = replace(call, cost=Decimal(0))
            raise
        except QualityRouteError:
            raise
        except Exception as error:  # a client of the user's own may raise anything; the request goes on without it
            failure = ProviderError(f"{type(error).__name__}: {error}"[:300], retryable=False, may_be_billed=True)
            failure.__cause__ = error
            called = Called(self._failed(call, failure, self._since(started)), error=failure, heard=progress.heard)
        finally:
            if called is None:
                self._calls[position] = self._cut_short(replace(call, latency=self._since(started)), progress)
        self._calls[position] = called.call if called.made else None
        return called

    def _since(self, started: float) -> timedelta:
        return timedelta(seconds=self.clock() - started)

    def _failed(self, call: ModelCall, error: ProviderError, latency: timedelta) -> ModelCall:
        self.failures.append(error)
        return replace(
            call,
            error=error.reason,
            message=str(error),
            retries=error.retries,
            usage=error.usage,
            cost=self._cost_of_failure(call, error),
            latency=latency,
        )

    def _cost_of_failure(self, call: ModelCall, error: ProviderError) -> Decimal | None:
        if error.usage != Usage():
            return self._price(call, error.usage)
        return None if error.may_be_billed else Decimal(0)

    def _answered(self, call: ModelCall, completion: Completion, latency: timedelta) -> ModelCall:
        cost = completion.cost
        if cost is None:
            cost = self._price(call, completion.usage)
        return replace(
            call,
            usage=completion.usage,
            cost=cost,
            error=None,
            served_model=completion.model,
            retries=completion.retries,
            latency=latency,
        )

    def _cut_short(self, call: ModelCall, progress: Progress) -> ModelCall | None:
        """A call as far as it came; one that never left for the provider is none."""
        if progress.sent == 0:
            return None
        cost = self._price(call, progress.spent) if progress.counted else call.cost
        return replace(call, usage=progress.spent, cost=cost, retries=max(0, (progress.sent or 1) - 1))

    def _price(self, call: ModelCall, usage: Usage) -> Decimal | None:
        return self.prices.cost(call.name, usage, self.now().date())
