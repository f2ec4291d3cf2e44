"""What takes long to add up, kept for a moment: made anew at most every few seconds, and shared by all who look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")

FRESH = timedelta(seconds=5)
"""What is this young is not made anew."""
GOOD_ENOUGH = timedelta(minutes=1)
"""What is this young is shown, and made anew afterwards: adding up a large ledger takes a second."""

PERIODS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "all": "all time"}
USUAL_PERIOD = "7d"


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    value: T
    at: datetime


class Shelf(Generic[T]):
    """One thing of each period; `make` gets the period as `Engine.report` takes it."""

    def __init__(self, make: Callable[[str | None], Awaitable[T]], now: Callable[[], datetime]) -> None:
        self._make, self._now = make, now
        self._kept: dict[str, Kept[T]] = {}
        self._locks = {period: anyio.Lock() for period in PERIODS}

    async def of(self, period: str) -> T:
        """Of one of `PERIODS`; at most a minute old."""
        kept = self._young(period, GOOD_ENOUGH)
        return kept.value if kept is not None else (await self._renewed(period)).value

    async def renew(self, period: str) -> None:
        """Unless it is fresh; of those who want it at once, one makes it and the others wait."""
        await self._renewed(period)

    async def _renewed(self, period: str) -> Kept[T]:
        async with self._locks[period]:
            kept = self._young(period, FRESH)
            if kept is None:
                at = self._now()
                kept = self._kept[period] = Kept(await self._make(None if period == "all" else period), at)
            return kept

    def _young(self, period: str, age: timedelta) -> Kept[T] | None:
        kept = self._kept.get(period)
        return kept if kept is not None and timedelta(0) <= self._now() - kept.at < age else None
