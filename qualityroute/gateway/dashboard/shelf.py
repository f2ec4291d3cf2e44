"""What takes time to add up, kept for a moment and shared by all who look."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")

SHARE = 10
"""No more than one part in so many of the time goes into making a thing."""
SLOW = timedelta(seconds=0.2)
"""What takes longer is shown old and made anew afterwards, so that nobody waits for it."""
OLDEST = timedelta(minutes=1)
"""But no older than this."""

PERIODS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "all": "all time"}
USUAL_PERIOD = "7d"


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    value: T
    at: datetime
    took: timedelta

    def fresh(self, now: datetime) -> bool:
        return timedelta(0) <= now - self.at < max(SHARE * self.took, timedelta(seconds=1))

    def good_enough(self, now: datetime) -> bool:
        return self.fresh(now) or (self.took > SLOW and timedelta(0) <= now - self.at < OLDEST)


class Shelf(Generic[T]):
    """One thing of each period; `make` gets the period as `Engine.report` takes it."""

    def __init__(
        self,
        make: Callable[[str | None], Awaitable[T]],
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make, self._now, self._clock = make, now, clock
        self._kept: dict[str, Kept[T]] = {}
        self._locks = {period: anyio.Lock() for period in PERIODS}

    async def of(self, period: str) -> T:
        """Of one of `PERIODS`; made now, a moment ago, or, where that takes long, at most a minute ago."""
        kept = self._kept.get(period)
        return kept.value if kept is not None and kept.good_enough(self._now()) else (await self._renewed(period)).value

    async def renew(self, period: str) -> None:
        """Unless it is fresh; of those who want it at once, one makes it and the others wait."""
        await self._renewed(period)

    async def _renewed(self, period: str) -> Kept[T]:
        async with self._locks[period]:
            kept = self._kept.get(period)
            if kept is None or not kept.fresh(self._now()):
                at, began = self._now(), self._clock()
                value = await self._make(None if period == "all" else period)
                kept = self._kept[period] = Kept(value, at, timedelta(seconds=self._clock() - began))
            return kept
