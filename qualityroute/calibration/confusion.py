"""How good a gate is at one threshold: what it let through, and what it sent away for nothing (judging.md E)."""

from __future__ import annotations

from dataclasses import dataclass

from qualityroute.calibration.proof import upper_bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Labelled cases by what the gate did and what the answer was. A share of nothing is `None`."""

    accepted_good: int = 0
    accepted_bad: int = 0
    rejected_good: int = 0
    rejected_bad: int = 0

    @property
    def cases(self) -> int:
        return self.accepted + self.rejected_good + self.rejected_bad

    @property
    def accepted(self) -> int:
        return self.accepted_good + self.accepted_bad

    @property
    def coverage(self) -> float | None:
        return _share(self.accepted, self.cases)

    @property
    def risk(self) -> float | None:
        """Bad ones among the accepted: the quantity that a certificate bounds."""
        return _share(self.accepted_bad, self.accepted)

    def risk_bound(self, delta: float) -> float:
        """Clopper and Pearson's upper bound of the risk, for a threshold chosen beforehand."""
        return upper_bound(self.accepted_bad, self.accepted, delta=delta)

    @property
    def false_accept_rate(self) -> float | None:
        """Accepted ones among the bad."""
        return _share(self.accepted_bad, self.accepted_bad + self.rejected_bad)

    @property
    def false_reject_rate(self) -> float | None:
        """Rejected ones among the good: money thrown away."""
        return _share(self.rejected_good, self.accepted_good + self.rejected_good)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
