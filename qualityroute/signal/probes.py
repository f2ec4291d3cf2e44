"""Do failures persist inside a session, and does holding a session on performance therefore pay?"""

from __future__ import annotations

from dataclasses import dataclass

from qualityroute.signal.intervals import Interval, always_valid


@dataclass(frozen=True, slots=True)
class Persistence:
    """What the half-open probes of pinned sessions say."""

    probes: int
    failed: int
    interval: Interval
    """Of P(fail | fail), at 95 % for any number of looks; probes of one session are taken as independent."""
    correlation: float | None
    """rho: 0 when a failure says nothing of the session's next request, 1 when all of them fail."""
    pins_pay: bool | None
    """Is P(fail | fail) above f*? `None` while the interval covers f*, or f* is unknown."""

    @property
    def rate(self) -> float | None:
        """P(fail | fail), as found."""
        return self.failed / self.probes if self.probes else None


def persistence(*, probes: int, failed: int, difficulty: float | None, break_even: float | None) -> Persistence:
    """rho = (P(fail | fail) - f) / (1 - f), with f the failure rate of session-first attempts (judging.md D).

    A request held on performance would have saved f* - P(fail | fail) performance calls, so pins save money only
    where P(fail | fail) = f + rho·(1-f) is above f*. Without probes neither can ever be known.
    """
    interval = always_valid(failed, probes)
    return Persistence(
        probes=probes,
        failed=failed,
        interval=interval,
        correlation=_correlation(probes, failed, difficulty),
        pins_pay=_above(interval, break_even),
    )


def _correlation(probes: int, failed: int, difficulty: float | None) -> float | None:
    if probes == 0 or difficulty is None or difficulty >= 1:
        return None
    return (failed / probes - difficulty) / (1 - difficulty)


def _above(interval: Interval, break_even: float | None) -> bool | None:
    if break_even is None or break_even in interval:
        return None
    return interval.low > break_even
