"""Limits of requests and tokens in a minute, kept before the provider has to say so. Pure but for its own counts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MINUTE = 60.0
ROUNDING = 1e-6
"""Seconds: who waits as long as told is at the end of the minute, whatever the sums of floats come to."""


@dataclass(slots=True)
class Taken:
    """What one request took, when; put right once the provider has counted."""

    at: float
    amount: int
    counts: bool = True
    """Until a minute has passed."""


class Window:
    """At most `limit` in any minute, however the minute is laid. Times are seconds of the caller's clock.

    >>> window = Window(2)
    >>> taken = window.take(0.0, 1), window.take(10.0, 1)
    >>> window.wait(30.0, 1)
    30.0
    """

    def __init__(self, limit: int | None) -> None:
        """`None` is no limit."""
        self._limit = limit
        self._taken: deque[Taken] = deque()
        self._total = 0

    def wait(self, now: float, amount: int) -> float:
        """Seconds until `amount` more may be taken; more than the whole limit may be taken alone."""
        if self._limit is None:
            return 0.0
        self._forget(now)
        room, wait = self._limit - self._total, 0.0
        for taken in self._taken:
            if amount <= room:
                break
            room, wait = room + taken.amount, taken.at + MINUTE - now
        return wait

    def take(self, now: float, amount: int) -> Taken:
        taken = Taken(now, amount)
        if self._limit is not None:
            self._taken.append(taken)
            self._total += amount
        return taken

    def settle(self, taken: Taken, amount: int) -> None:
        """It was `amount` in truth."""
        if self._limit is not None and taken.counts:
            self._total += amount - taken.amount
            taken.amount = amount

    def _forget(self, now: float) -> None:
        while self._taken and self._taken[0].at + MINUTE - now <= ROUNDING:
            gone = self._taken.popleft()
            gone.counts = False
            self._total -= gone.amount
