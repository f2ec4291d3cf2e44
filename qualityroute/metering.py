"""One model call, paid for, made, timed and priced; what was spent is kept even when the caller goes away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

import anyio

from qualityroute.budgets import Reservation
from qualityroute.client import Client, CompletionRequest
from qualityroute.errors import ConfigError, ProviderError, QualityRouteError
from qualityroute.prices import PriceBook
from qualityroute.records import Completion, ModelCall, Reason


@dataclass(frozen=True, slots=True)
class Called:
    """A finished call: with an answer, or with the reason there is none."""

    call: ModelCall
    completion: Completion | None = None
    error: ProviderError | None = None


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
    calls: list[ModelCall] = field(default_factory=list)
    failures: list[ProviderError] = field(default_factory=list)

    async def ask(self, request: CompletionRequest) -> Called:
        """Make one call of a model. An endpoint's failure is returned, not raised.

        Raises `BudgetExceeded` when the call does not fit into a budget; it is then not made.
        """
        call = ModelCall(request.role, request.tier, request.provider, request.model)
        return await self.make(call, lambda: self.client.complete(request), request)

    async def make(
        self, call: ModelCall, answer: Callable[[], Awaitable[Completion]], request: CompletionRequest | None = None
    ) -> Called:
        """Make a call by awaiting `answer`, which fails by raising `ProviderError`.

        `request`: what is asked, by which the cost is estimated; `None` where nobody can say before.
        """
        if self.wallet is None:
            return await self._made(call, answer)
        reservation = await self.wallet.reserve(call, request)
        position = len(self.calls)
        try:
            return await self._made(call, answer)
        finally:
            with anyio.CancelScope(shield=True):
                await self.wallet.settle(reservation, self.calls[position])

    async def _made(self, call: ModelCall, answer: Callable[[], Awaitable[Completion]]) -> Called:
        position, started = len(self.calls), self.clock()
        # In the books from the start: whoever is cancelled in the middle has spent something, and how
        # much is unknown.
        call = replace(call, error=Reason.CANCELLED)
        self.calls.append(call)
        try:
            called = self._answered(call, await answer())
        except ProviderError as error:
            self.failures.append(error)
            cost = None if error.may_be_billed else Decimal(0)
            failed = replace(call, error=error.reason, message=str(error), retries=error.retries, cost=cost)
            called = Called(failed, error=error)
        except ConfigError:  # found before anything was sent
            self.calls[position] = replace(call, cost=Decimal(0))
            raise
        except QualityRouteError:
            raise
        except Exception as error:  # a client of the user's own may raise anything; the request goes on without it
            failure = ProviderError(f"{type(error).__name__}: {error}"[:300], retryable=False, may_be_billed=True)
            failure.__cause__ = error
            self.failures.append(failure)
            called = Called(replace(call, error=failure.reason, message=str(failure)), error=failure)
        finally:
            latency = timedelta(seconds=self.clock() - started)
            self.calls[position] = replace(self.calls[position], latency=latency)
        called = replace(called, call=replace(called.call, latency=latency))
        self.calls[position] = called.call
        return called

    def _answered(self, call: ModelCall, completion: Completion) -> Called:
        cost = completion.cost
        if cost is None:
            cost = self.prices.cost(call.name, completion.usage, self.now().date())
        done = replace(
            call,
            usage=completion.usage,
            cost=cost,
            error=None,
            served_model=completion.model,
            retries=completion.retries,
        )
        return Called(done, completion)
