"""An alarm for a certificate that no longer holds, raised by audits of accepted answers (judging.md B6).

Each audit adds ln 2 when the answer is bad and ln((1 - 2α)/(1 - α)) when it is not: the logarithm of how much better a
risk of 2α explains it than one of α. A sum below zero starts anew, so good times do not hide bad ones. At h = ln 10⁴ a
risk of exactly α raises a false alarm within 10,000 audits in about 1 % of cases, and a risk of 3α is found after about
150 audits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log, log1p

THRESHOLD = log(10**4)


@dataclass(frozen=True, slots=True)
class Cusum:
    """The state after some audits. An alarm stays: what comes after it belongs to the next certificate."""

    alpha: float
    level: float = 0.0
    audits: int = 0
    since_zero: int = 0
    """The newest audits that the level is made of; after an alarm, those that calibration can begin with."""

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 0.5:
            raise ValueError(f"alpha = {self.alpha!r}; right for audits is a number between 0 and 0.5, such as 0.05")

    @property
    def alarm(self) -> bool:
        return self.level >= THRESHOLD

    def add(self, bad: bool) -> Cusum:
        """The state after one more audit of an accepted answer."""
        if self.alarm:
            return self
        step = log(2) if bad else log1p(-self.alpha / (1 - self.alpha))
        since_zero = self.since_zero + 1 if self.level > 0 else 1
        return Cusum(self.alpha, max(0.0, self.level) + step, self.audits + 1, since_zero)

    def add_all(self, audits: Iterable[bool]) -> Cusum:
        """The state after more audits, in the order of their requests."""
        state = self
        for bad in audits:
            state = state.add(bad)
        return state
