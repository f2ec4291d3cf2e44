"""What the closed sessions of a task say of the efficiency tier at a known break-even rate, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from math import exp, log

from qualityroute.signal.betting import (
    NEEDED,
    SessionCounts,
    forecast,
    log_evidence_of_gain,
    log_evidence_of_loss,
)

FEWEST_SESSIONS = 5
"""Mean costs of fewer sessions are no measurement, so f* is not one either. Waiting only lowers the error rates."""
ENOUGH_SESSIONS = 500
"""From here on a rate near f* is called break-even rather than unknown."""
NEAR = 0.05
E_CAP = 1e300
"""E-values are cut here, so that they stay numbers in JSON."""


class Finding(Enum):
    LOSES = auto()
    SAVES = auto()
    NEAR = auto()
    OPEN = auto()


@dataclass(frozen=True, slots=True)
class Evidence:
    counts: SessionCounts
    break_even: float
    loss: float
    """E-value against "does not lose money"."""
    gain: float
    """E-value against "does not save money"."""

    @classmethod
    def of(cls, counts: SessionCounts, break_even: float) -> Evidence:
        loss, gain = log_evidence_of_loss(counts, break_even), log_evidence_of_gain(counts, break_even)
        return cls(counts, break_even, loss=_e_value(loss), gain=_e_value(gain))

    @property
    def finding(self) -> Finding:
        if self.counts.sessions < FEWEST_SESSIONS:
            return Finding.OPEN
        if self.loss >= NEEDED:
            return Finding.LOSES
        if self.gain >= NEEDED:
            return Finding.SAVES
        return Finding.NEAR if self.is_near and self.counts.sessions >= ENOUGH_SESSIONS else Finding.OPEN

    @property
    def is_near(self) -> bool:
        return self.counts.rate is not None and abs(self.counts.rate - self.break_even) < NEAR

    @property
    def sessions_to_go(self) -> int | None:
        """About how many more sessions until there is a finding, if they go on as so far."""
        if self.finding is not Finding.OPEN:
            return 0
        waits = [forecast(self.counts, self.break_even)]
        if self.is_near:
            waits.append(ENOUGH_SESSIONS - self.counts.sessions)
        known = [max(wait, FEWEST_SESSIONS - self.counts.sessions) for wait in waits if wait is not None]
        return min(known, default=None)

    @property
    def why(self) -> str:
        match self.finding:
            case Finding.LOSES:
                return self._meaning_of_a_loss
            case Finding.SAVES:
                return self._meaning_of_a_saving
            case Finding.NEAR:
                return f"within {NEAR} of the break-even rate {self.break_even:.3f}, so it hardly matters"
            case Finding.OPEN:
                return f"undecided at break-even {self.break_even:.3f}: {self._what_is_missing}"

    @property
    def _meaning_of_a_loss(self) -> str:
        if self.break_even <= 0:
            return (
                f"at break-even {self.break_even:.3f} an attempt costs at least the performance call "
                "it could save, so no fallback rate lets it pay"
            )
        return f"efficiency pays only below {self.break_even:.3f}: it loses (E = {self.loss:.3g}, {NEEDED:g} needed)"

    @property
    def _meaning_of_a_saving(self) -> str:
        if self.break_even >= 1:
            return "an attempt costs nothing, so no fallback rate makes it lose"
        return f"efficiency pays below {self.break_even:.3f}: it saves (E = {self.gain:.3g}, {NEEDED:g} needed)"

    @property
    def _what_is_missing(self) -> str:
        if self.counts.sessions < FEWEST_SESSIONS:
            return f"no verdict is given before {FEWEST_SESSIONS} sessions"
        return f"E = {self.loss:.3g} for a loss, {self.gain:.3g} for a saving, {NEEDED:g} needed"


def _e_value(logarithm: float) -> float:
    return exp(min(logarithm, log(E_CAP)))
