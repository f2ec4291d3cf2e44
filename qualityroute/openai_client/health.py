"""When an endpoint is left alone: a cooldown it asked for, or a circuit breaker with half-open probes. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from qualityroute.client import BreakerState
from qualityroute.openai_client.trouble import Trouble
from qualityroute.records import Reason

FAILURES = 10
"""In a row, before an endpoint is left alone. Where three of ten fail by chance, ten in a row are one in 170,000."""
HANG = 2
"""A call that used up its time counts as so many: it kept its caller waiting for nothing."""
FIRST_REST = 5.0
LONGEST_REST = 60.0
LONGEST_ASKED = 300.0
"""Seconds that a `Retry-After` can keep everybody away; an endpoint may ask for a year by mistake."""


@dataclass(frozen=True, slots=True)
class Health:
    """Of one model at one provider. Times are seconds of the caller's clock."""

    failures: int = 0
    """In a row."""
    rests: int = 0
    """In a row, without a good answer between them; above 0 the breaker is open, after `until` half open."""
    until: float = 0.0
    """Not to be asked before."""
    probing: bool = False
    """Half open, and the one request that finds out is under way."""
    why: str = ""
    reason: Reason = Reason.PROVIDER_ERROR

    def rest(self, now: float) -> float:
        """Seconds until it may be asked."""
        return max(0.0, self.until - now)

    def state(self, now: float) -> BreakerState:
        """Open too where it asked to be left alone."""
        if self.rest(now) > 0:
            return BreakerState.OPEN
        return BreakerState.HALF_OPEN if self.rests > 0 else BreakerState.CLOSED

    def may_be_asked(self, now: float) -> bool:
        return self.rest(now) == 0 and not self.probing


def asked(health: Health) -> Health:
    """After a request left. Half open, it is the probe, and the others wait for what it finds."""
    return replace(health, probing=True) if health.rests > 0 else health


def after(health: Health, trouble: Trouble | None, now: float) -> Health:
    """After a request came back, well or in trouble; `None` is well."""
    if trouble is None or not trouble.is_of_the_endpoint:
        return Health()
    failures = health.failures + (HANG if trouble.reason is Reason.TIMEOUT and trouble.status is None else 1)
    told = replace(health, failures=failures, probing=False, why=trouble.message, reason=trouble.reason)
    if trouble.retry_after is not None:
        wish = min(LONGEST_ASKED, trouble.retry_after.total_seconds())
        return replace(told, until=max(health.until, now + wish))
    opens = health.probing or (failures >= FAILURES and health.rests == 0)
    # Others that were under way when it opened come back failed as well: they say nothing new.
    if not opens:
        return told
    rest = min(LONGEST_REST, FIRST_REST * 2.0**health.rests)
    return replace(told, rests=health.rests + 1, until=max(health.until, now + rest))


def given_up(health: Health) -> Health:
    """After a request whose caller went away: the next may probe."""
    return replace(health, probing=False)
