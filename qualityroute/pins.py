"""When a session is held on the performance tier, and when it may try the efficiency tier again.

A pin is half-open like a circuit breaker: after `first` requests held, one request probes. Accepted
twice in a row releases the pin; rejected holds twice as many, up to `cap`. Pure: the store applies
`transition` to the row it reads inside its own transaction, so that concurrent requests add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from qualityroute.config import Pins
from qualityroute.records import Attempt, PinEffect, Reason, Route, Ruling, Tier

PROBES_TO_RELEASE = 2


class PinState(StrEnum):
    WATCHING = "watching"
    """Rejected, but not yet often enough for a pin."""
    HELD = "held"
    HALF_OPEN = "half_open"
    """Held long enough; the next request probes."""


@dataclass(frozen=True, slots=True)
class PinKey:
    tenant: str
    session: str
    task: str = ""
    """Empty: every task of the session."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A session on the performance tier: why, since when, until when, and how it fares."""

    key: PinKey
    reason: Reason
    since: datetime
    last_used: datetime
    until: datetime
    check: str = ""
    """The check that rejected the answer."""
    message: str = ""
    decision_id: str = ""
    model: str = ""
    """`provider/model` whose answer was rejected."""
    strikes: int = 1
    """Rejected answers in a row."""
    held: bool = True
    """False while only watching: fewer strikes than the policy wants."""
    hold: int = 0
    """Requests held between probes."""
    remaining: int = 0
    """Requests still held before the next probe."""
    served: int = 0
    passed_probes: int = 0
    """Accepted probes in a row."""
    failed_probes: int = 0
    probe_token: str | None = None
    probe_expires: datetime | None = None

    @property
    def tenant(self) -> str:
        return self.key.tenant

    @property
    def session(self) -> str:
        return self.key.session

    @property
    def task(self) -> str:
        """Empty: every task of the session."""
        return self.key.task

    @property
    def state(self) -> PinState:
        if not self.held:
            return PinState.WATCHING
        return PinState.HALF_OPEN if self.remaining == 0 and self.reason is not Reason.MANUAL else PinState.HELD


@dataclass(frozen=True, slots=True)
class Rejected:
    """An unpinned efficiency answer was rejected for its quality."""

    reason: Reason
    check: str = ""
    message: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An unpinned efficiency answer was accepted."""


@dataclass(frozen=True, slots=True)
class Held:
    """A pinned request went to the performance tier."""


@dataclass(frozen=True, slots=True)
class Probed:
    """A leased probe came back: accepted, rejected, or (`None`) without a word on quality."""

    token: str
    accepted: bool | None


PinEvent: TypeAlias = Rejected | Accepted | Held | Probed


def key_for(policy: Pins, tenant: str, session: str, task: str) -> PinKey:
    return PinKey(tenant, session, task if policy.scope == "task" else "")


def alive(pin: Pin | None, now: datetime) -> bool:
    return pin is not None and now < pin.until


def probe_due(pin: Pin, policy: Pins, now: datetime) -> bool:
    """May a request of this session try the efficiency tier? The lease decides which one does."""
    if pin.reason is Reason.MANUAL or (pin.probe_expires is not None and now < pin.probe_expires):
        return False
    match policy.probe:
        case "requests":
            return pin.remaining == 0
        case "idle":
            return pin.passed_probes > 0 or now - pin.last_used >= policy.idle_ttl
        case "never":
            return False


def pin_after(route: Route, attempts: Sequence[Attempt], probe_token: str | None = None) -> PinEvent | None:
    """What a finished request means for its session's pin. Availability and trouble mean nothing."""
    first = attempts[0] if attempts else None
    match route:
        case Route.PINNED:
            # Performance did not serve it for want of money: that is no request held.
            return None if first is not None and first.reason is Reason.BUDGET else Held()
        case Route.PROBE:
            return Probed(probe_token or "", _probe_result(first))
        case Route.CASCADE | Route.UNJUDGED if first is not None and first.tier is Tier.EFFICIENCY:
            return _cascade_event(first)
        case Route.CASCADE | Route.UNJUDGED | Route.TASK | Route.ASKED | Route.EXPLORE | Route.BASELINE:
            return None
        case Route.COMPARE | Route.AUDIT | Route.UNCERTIFIED | Route.HARD_LIMIT | Route.LEARNED | Route.CACHED:
            return None


def _cascade_event(first: Attempt) -> PinEvent | None:
    if first.ruling is Ruling.ACCEPTED:
        return Accepted()
    if first.ruling is Ruling.REJECTED and first.reason is not None and first.reason.pins:
        verdict = first.failed_verdict
        return Rejected(first.reason, verdict.check if verdict else "", first.message, first.model or "")
    return None


def _probe_result(first: Attempt | None) -> bool | None:
    if first is None or first.ruling is Ruling.UNDECIDED:
        return None
    if first.ruling is Ruling.ACCEPTED:
        return True
    return False if first.reason is not None and first.reason.pins else None


@dataclass(frozen=True, slots=True)
class Transition:
    """A pin's next state (`None`: no pin), and what happened to it."""

    pin: Pin | None
    effect: PinEffect | None


def transition(
    pin: Pin | None, event: PinEvent, *, key: PinKey, decision_id: str, policy: Pins, now: datetime
) -> Transition:
    """The next state of a session's pin.

    Args:
        pin: the row as it stands now; one past its date counts as none.
        event: from `pin_after`.
        now: aware datetime; no pin that comes out has `until` later than `since + max_age`, and none
            is extended past it.
    """
    current = pin if alive(pin, now) else None
    match event:
        case Rejected():
            return _after_rejection(current, event, key, decision_id, policy, now)
        case Accepted():
            return Transition(None, PinEffect.CLEARED) if current and not current.held else Transition(current, None)
        case Held():
            return Transition(current and _used(current, policy, now), PinEffect.HELD if current else None)
        case Probed():
            return _after_probe(current, event, policy, now)


def _after_rejection(
    current: Pin | None, event: Rejected, key: PinKey, decision_id: str, policy: Pins, now: datetime
) -> Transition:
    if current is not None and current.held:  # a concurrent request of the session was quicker
        return Transition(current, None)
    strikes = (current.strikes if current else 0) + 1
    held = strikes >= policy.after
    pin = Pin(
        key=key, reason=event.reason, check=event.check, message=event.message, decision_id=decision_id,
        model=event.model, since=now, last_used=now, until=_end(now, now, policy), strikes=strikes, held=held,
        hold=policy.first, remaining=policy.first,
    )  # fmt: skip
    return Transition(pin, PinEffect.CREATED if held else PinEffect.WATCHED)


def _used(pin: Pin, policy: Pins, now: datetime) -> Pin:
    used = max(now, pin.last_used)
    until = pin.until if pin.reason is Reason.MANUAL else _end(pin.since, used, policy)
    return replace(pin, served=pin.served + 1, remaining=max(0, pin.remaining - 1), last_used=used, until=until)


def _after_probe(current: Pin | None, event: Probed, policy: Pins, now: datetime) -> Transition:
    if current is None or current.probe_token != event.token:  # released, or the lease ran out meanwhile
        return Transition(current, None)
    free = replace(current, probe_token=None, probe_expires=None, last_used=max(now, current.last_used))
    if event.accepted is None:
        return Transition(_dated(replace(free, remaining=max(1, free.hold)), policy), PinEffect.PROBE_VOID)
    if event.accepted:
        if free.passed_probes + 1 >= PROBES_TO_RELEASE:
            return Transition(None, PinEffect.RELEASED)
        passed = replace(free, passed_probes=free.passed_probes + 1, remaining=0)
        return Transition(_dated(passed, policy), PinEffect.PROBE_PASSED)
    hold = min(policy.cap, max(1, 2 * free.hold))
    failed = replace(free, hold=hold, remaining=hold, passed_probes=0, failed_probes=free.failed_probes + 1)
    return Transition(_dated(failed, policy), PinEffect.PROBE_FAILED)


def _dated(pin: Pin, policy: Pins) -> Pin:
    return pin if pin.reason is Reason.MANUAL else replace(pin, until=_end(pin.since, pin.last_used, policy))


def _end(since: datetime, last_used: datetime, policy: Pins) -> datetime:
    """Idle time ends a pin, and its age does at the latest."""
    oldest = since + policy.max_age
    # Under "idle" a session that comes back is what a probe waits for, so idle time must not end the pin.
    return oldest if policy.probe == "idle" else min(oldest, last_used + policy.idle_ttl)


def manual_pin(key: PinKey, *, message: str, policy: Pins, now: datetime, until: datetime | None = None) -> Pin:
    """A pin made by hand: never probed, held until its date or until somebody releases it."""
    return Pin(
        key=key, reason=Reason.MANUAL, message=message, since=now, last_used=now, strikes=0,
        until=until or now + policy.max_age,
    )  # fmt: skip
