"""The state of a task: does it belong on the tier it is on, and how sure is that?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from qualityroute.quantities import counted
from qualityroute.records import Tier
from qualityroute.signal.betting import SessionCounts, mean_saving
from qualityroute.signal.change import Change
from qualityroute.signal.evidence import Evidence, Finding


class State(StrEnum):
    MISCLASSIFIED = "MISCLASSIFIED"
    """On efficiency, and proven to lose money there."""
    HEALTHY = "HEALTHY"
    """Proven to belong where it is."""
    BREAK_EVEN = "BREAK_EVEN"
    """Many sessions, and the rate is so near f* that it hardly matters."""
    INSUFFICIENT = "INSUFFICIENT"
    """Not enough is known."""
    COULD_TRY_EFFICIENCY = "COULD_TRY_EFFICIENCY"
    """On performance, and its explored share proves that efficiency would save money."""


class Flag(StrEnum):
    CHANGED = "CHANGED"
    """The failure rate changed; the counts begin at the change."""
    UNCERTIFIED = "UNCERTIFIED"
    """The judge's threshold is not proven on labels."""
    REVOKED = "REVOKED"
    """The judge's certificate no longer holds."""


_STATES = {
    Tier.EFFICIENCY: {
        Finding.LOSES: State.MISCLASSIFIED,
        Finding.SAVES: State.HEALTHY,
        Finding.NEAR: State.BREAK_EVEN,
        Finding.OPEN: State.INSUFFICIENT,
    },
    Tier.PERFORMANCE: {
        Finding.LOSES: State.HEALTHY,
        Finding.SAVES: State.COULD_TRY_EFFICIENCY,
        Finding.NEAR: State.BREAK_EVEN,
        Finding.OPEN: State.INSUFFICIENT,
    },
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the closed sessions of a task prove about its tier."""

    state: State
    flags: tuple[Flag, ...]
    why: str
    """The reason in plain numbers."""
    break_even: float | None
    """f*; `None` when unknown, and then so is all that needs money."""
    rate: float | None
    """Failures per counted attempt."""
    sessions: int
    attempts: int
    failures: int
    saving: float | None = None
    """Performance calls (of c_P·(1-q)) that trying efficiency saves per session; negative is a loss."""
    e_loss: float | None = None
    """E-value against "does not lose money"."""
    e_gain: float | None = None
    """E-value against "does not save money"."""
    sessions_to_go: int | None = None
    """About how many more closed sessions until there is a verdict: 0 when there is one, `None` when not in sight."""


def assess(
    counts: SessionCounts,
    break_even: float | None,
    *,
    tier: Tier = Tier.EFFICIENCY,
    change: Change | None = None,
    flags: Iterable[Flag] = (),
) -> Assessment:
    """The state of a task from the closed sessions of its current epoch (judging.md C3 and C5).

    A task on performance is judged by the sessions that it explores. `flags` says what is known of its certificate.

    >>> assess(SessionCounts.of([(1, 1, 30)]), 0.5).state
    <State.MISCLASSIFIED: 'MISCLASSIFIED'>
    """
    raised = {*flags, Flag.CHANGED} if change else set(flags)
    ordered = tuple(flag for flag in Flag if flag in raised)
    if break_even is None:
        return _without_costs(counts, ordered)
    evidence = Evidence.of(counts, break_even)
    return Assessment(
        state=_STATES[tier][evidence.finding],
        flags=ordered,
        why=f"{_counted(counts)}; {evidence.why}",
        break_even=break_even,
        rate=counts.rate,
        sessions=counts.sessions,
        attempts=counts.attempts,
        failures=counts.failures,
        saving=mean_saving(counts, break_even),
        e_loss=evidence.loss,
        e_gain=evidence.gain,
        sessions_to_go=evidence.sessions_to_go,
    )


def _without_costs(counts: SessionCounts, flags: tuple[Flag, ...]) -> Assessment:
    return Assessment(
        state=State.INSUFFICIENT,
        flags=flags,
        why=_counted(counts) + (f"; {_NO_COSTS}" if counts.rate is not None else ""),
        break_even=None,
        rate=counts.rate,
        sessions=counts.sessions,
        attempts=counts.attempts,
        failures=counts.failures,
    )


_NO_COSTS = "what it costs is not all known, so the rate at which trying efficiency stops paying is unknown"


def _counted(counts: SessionCounts) -> str:
    if counts.rate is None:
        return "no closed session has tried efficiency"
    failed = f"{counts.failures:,} of {counted(counts.attempts, 'attempt')} failed ({counts.rate:.3f})"
    return f"{failed} in {counted(counts.sessions, 'closed session')}, each up to its first failure"
