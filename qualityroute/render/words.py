"""The product's words as people read them: reasons, outcomes, money, shares, times."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from qualityroute.records import Outcome, PinEffect, Reason, Route

UNKNOWN = "unknown"

_REASONS: dict[Reason, str] = {
    Reason.EMPTY: "empty answer",
    Reason.NOT_JSON: "not JSON",
    Reason.SCHEMA: "breaks the schema",
    Reason.CHECK: "fails your check",
    Reason.UNGROUNDED: "value not in the source",
    Reason.DISAGREEMENT: "models disagree",
    Reason.JUDGED: "the judge said no",
    Reason.TRUNCATED: "cut off",
    Reason.REFUSED: "refused",
    Reason.FILTERED: "filtered by the provider",
    Reason.INJECTION: "instructions in the data",
    Reason.PROVIDER_ERROR: "endpoint failed",
    Reason.TIMEOUT: "endpoint timed out",
    Reason.RATE_LIMITED: "rate limited",
    Reason.CONTEXT_OVERFLOW: "too long for the model",
    Reason.JUDGE_ERROR: "the judge was in trouble",
    Reason.CHECK_ERROR: "your check raised",
    Reason.DEADLINE: "out of time",
    Reason.BUDGET: "the budget is used up",
    Reason.CANCELLED: "cancelled",
    Reason.INTERNAL: "an unforeseen error",
    Reason.MANUAL: "pinned by hand",
}
_OUTCOMES: dict[Outcome, str] = {
    Outcome.ACCEPTED: "the efficiency answer passed its gate and was served",
    Outcome.FALLBACK: "the gate rejected the efficiency answer; performance was served",
    Outcome.PINNED: "the session was pinned; performance was served at once",
    Outcome.FAILOVER: "efficiency or its judge was in trouble; performance was served",
    Outcome.PERFORMANCE: "performance was served, as the task, the caller or the log says",
    Outcome.CACHED: "an earlier answer was served",
    Outcome.UNPROVEN: "the budget or the time was used up; the best answer was served, which its gate had not accepted",
    Outcome.REJECTED: "no answer passed its checks; the caller got AnswerRejected",
    Outcome.FAILED: "no answer came; the caller got an error",
    Outcome.CANCELLED: "the caller went away",
}
_ROUTES: dict[Route, str] = {
    Route.CASCADE: "efficiency first, performance if its answer fails",
    Route.PINNED: "straight to performance: the session is pinned",
    Route.PROBE: "a pinned session's try of efficiency",
    Route.TASK: "straight to performance: the task says so",
    Route.ASKED: "the tier the caller asked for",
    Route.EXPLORE: "efficiency is tried although the task is on performance",
    Route.BASELINE: "straight to performance, kept as reference",
    Route.COMPARE: "efficiency is held against a reference; nobody is served",
    Route.AUDIT: "performance is asked again, to audit an accepted answer",
    Route.UNCERTIFIED: "straight to performance: no certificate is in force",
    Route.HARD_LIMIT: "straight to performance: efficiency cannot answer such a request",
    Route.LEARNED: "straight to performance: by the log, trying efficiency first does not pay",
    Route.UNJUDGED: "efficiency first without the judge: by the log, judging does not pay",
    Route.CACHED: "to no tier: the same question was answered before",
}
_EFFECTS: dict[PinEffect, str] = {
    PinEffect.WATCHED: "the session is watched; one more rejection counts",
    PinEffect.CREATED: "the session was pinned to performance",
    PinEffect.HELD: "the session's pin held",
    PinEffect.PROBE_PASSED: "the probe passed; one more releases the pin",
    PinEffect.PROBE_FAILED: "the probe failed; the pin holds for twice as many requests",
    PinEffect.PROBE_VOID: "the probe said nothing about quality; the pin holds",
    PinEffect.RELEASED: "the probes passed; the pin was released",
    PinEffect.CLEARED: "an accepted answer cleared the session's strikes",
}


def reason_words(reason: Reason) -> str:
    return _REASONS[reason]


def outcome_words(outcome: Outcome) -> str:
    return _OUTCOMES[outcome]


def route_words(route: Route) -> str:
    return _ROUTES[route]


def effect_words(effect: PinEffect) -> str:
    return _EFFECTS[effect]


def dollars(amount: Decimal | None) -> str:
    """Two digits behind the point from a dollar on, enough to see something below a cent.

    >>> dollars(Decimal("0.000194")), dollars(Decimal("12.5")), dollars(None)
    ('$0.00019', '$12.50', 'unknown')
    """
    if amount is None:
        return UNKNOWN
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    if size >= 1:
        return f"{sign}${size:,.2f}"
    if size == 0:
        return "$0"
    digits = min(8, max(4, 1 - size.adjusted()))
    return f"{sign}${size:.{digits}f}"


def percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{100 * share:.0f} %"


def seconds(duration: timedelta) -> str:
    """>>> seconds(timedelta(milliseconds=12)), seconds(timedelta(seconds=3.21))
    ('12 ms', '3.2 s')
    """
    value = duration.total_seconds()
    return f"{value:.1f} s" if value >= 1 else f"{1000 * value:.0f} ms"


def seconds_text(value: float) -> str:
    """The same of a number of seconds."""
    return seconds(timedelta(seconds=value))


def moment_text(moment: datetime) -> str:
    """In universal time, to the second."""
    offset = moment.utcoffset() or timedelta(0)
    return f"{moment - offset:%Y-%m-%d %H:%M:%S} UTC"


def distance(moment: datetime, now: datetime) -> str:
    """How far away a moment is: `in 29 min`, `3 h ago`."""
    away = moment - now
    size = abs(away.total_seconds())
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if size >= 2 * length:
            amount = f"{size / length:.0f} {unit}"
            break
    else:
        amount = f"{size:.0f} s"
    return f"in {amount}" if away > timedelta(0) else f"{amount} ago"
