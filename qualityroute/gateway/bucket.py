"""A limit of requests in a minute that costs the same two numbers whatever the limit. Pure.

`openai_client.pacing` remembers each request of the last minute, because a provider counts by the minute and what we
send must not exceed it. A caller's limit may be of many thousands, for as many keys; here only what is left counts.
"""

from __future__ import annotations

from dataclasses import dataclass

MINUTE = 60.0
ROUNDING = 1e-9
"""Requests: who waits as long as told is let in, whatever the sums of floats come to."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Room for `limit` requests at once, which comes back evenly over a minute. Times are seconds of a clock.

    >>> bucket, wait = Bucket(limit=2, at=0.0).take(0.0)
    >>> bucket, wait = bucket.take(0.0)
    >>> bucket.take(0.0)[1], bucket.take(30.0)[1]
    (30.0, 0.0)
    """

    limit: int
    at: float
    used: float = 0.0
    """Of the limit, at `at`."""

    def used_at(self, now: float) -> float:
        return max(0.0, self.used - max(0.0, now - self.at) * self.limit / MINUTE)

    def take(self, now: float) -> tuple[Bucket, float]:
        """The bucket after one more request, and 0; or the same bucket, and the seconds until there is room."""
        used = self.used_at(now)
        beyond = used + 1 - self.limit
        if beyond > ROUNDING:
            return self, beyond * MINUTE / self.limit
        return Bucket(self.limit, now, used + 1), 0.0
