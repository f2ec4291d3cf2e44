"""Evidence that a task loses or saves money on the efficiency tier, gained by betting on its sessions.

The unit is the session, counted once it is closed. A is its number of attempts up to and including the first failure,
at most 4; F is 1 if that last attempt failed. Against sending everything to performance such a session saves

    Z = f*·A - F

performance calls (of c_P·(1-q) each). Sessions are independent of each other where attempts, because of pins, are
not. Somebody who bets the same share λ of a purse on each session, at fair odds if the task neither loses nor saves,
then owns

    E_loss = mean over 8 bets of Π (1 - λ·Z)     λ up to .95/(4 f*)      against "does not lose money"
    E_gain = mean over 8 bets of Π (1 + λ·Z)     λ up to .95/(1 - f*)    against "does not save money"

and by Ville's inequality owns 40 times the first purse ever, at any look, with probability 1/40 at most (judging.md
C3; betting: arXiv:2010.09686, always-valid tests: arXiv:1512.04922). The products depend only on how many sessions
there were of each kind (A, F), so eight counters are the whole state, and a change of prices only means to evaluate
them again at another f*. Both purses cannot be above 1 together: ln(1 + x) <= x, so they follow the sign of ΣZ.

When f* <= 0 every Z is 0 or less: no risk limits the bet against "does not lose", and the first session with Z < 0
proves the loss outright. The same holds the other way round when f* >= 1 (the attempt is free).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p

MOST_ATTEMPTS = 4
"""Attempts of one session that count."""
BETS = tuple(0.02 * (0.95 / 0.02) ** (step / 7) for step in range(8))
"""Shares of the largest bet that cannot ruin the purse: geometric from .02 to .95."""
NEEDED = 40.0
"""The E-value that decides: 2/δ, each side at half of δ = .05."""
FORECAST_LIMIT = 100_000
"""Sessions beyond which a forecast says nothing."""

KINDS = tuple((attempts, failed) for failed in (0, 1) for attempts in range(1, MOST_ATTEMPTS + 1))
"""The kinds of session (A, F), in the order in which they are counted."""

Growths = tuple[tuple[float, ...], ...]
"""For each kind of session, what each bet adds to the logarithm of its purse."""


@dataclass(frozen=True, slots=True)
class SessionCounts:
    """How many closed sessions of each kind in `KINDS`: all that the betting needs to know of a task."""

    counts: tuple[int, ...] = (0,) * len(KINDS)

    def __post_init__(self) -> None:
        if len(self.counts) != len(KINDS) or min(self.counts) < 0:
            raise ValueError(f"session counts {self.counts!r}; right are {len(KINDS)} whole numbers from 0 up")

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, int]]) -> SessionCounts:
        """From rows (A, F, sessions), such as a GROUP BY gives; a kind may come more than once."""
        counts = [0] * len(KINDS)
        for attempts, failed, sessions in rows:
            counts[kind_index(attempts, failed)] += sessions
        return cls(tuple(counts))

    @property
    def sessions(self) -> int:
        return sum(self.counts)

    @property
    def attempts(self) -> int:
        return sum(count * attempts for (attempts, _), count in zip(KINDS, self.counts, strict=True))

    @property
    def failures(self) -> int:
        return sum(count * failed for (_, failed), count in zip(KINDS, self.counts, strict=True))

    @property
    def rate(self) -> float | None:
        """Failures per attempt, the rate that f* is compared with; biased low as a measure of difficulty."""
        return self.failures / self.attempts if self.attempts else None


def kind_index(attempts: int, failed: int) -> int:
    """Where a kind of session stands in `KINDS`."""
    if not 1 <= attempts <= MOST_ATTEMPTS or failed not in (0, 1):
        raise ValueError(f"session ({attempts}, {failed}); right is 1 to {MOST_ATTEMPTS} attempts, and 0 or 1 failed")
    return attempts - 1 + MOST_ATTEMPTS * failed


def savings(break_even: float) -> tuple[float, ...]:
    """Z = f*·A - F for each kind of session."""
    return tuple(break_even * attempts - failed for attempts, failed in KINDS)


def mean_saving(counts: SessionCounts, break_even: float) -> float | None:
    """Performance calls saved per session (lost, when negative)."""
    if counts.sessions == 0:
        return None
    return (break_even * counts.attempts - counts.failures) / counts.sessions


def loss_growths(break_even: float) -> Growths:
    """Log growth of the purses that bet on a loss."""
    return _growths([-saving for saving in savings(break_even)])


def gain_growths(break_even: float) -> Growths:
    """Log growth of the purses that bet on a saving."""
    return _growths(savings(break_even))


def log_evidence_of_loss(counts: SessionCounts, break_even: float) -> float:
    """ln E_loss."""
    return log_mean_exp(purses(counts, loss_growths(break_even)))


def log_evidence_of_gain(counts: SessionCounts, break_even: float) -> float:
    """ln E_gain."""
    return log_mean_exp(purses(counts, gain_growths(break_even)))


def forecast(counts: SessionCounts, break_even: float) -> int | None:
    """About how many more sessions until a side is proven, if they go on as so far; `None` when that is not in sight.

    The counts are grown in proportion. ln E is convex in the growth and starts at 0, so it crosses at most once.
    """
    waits = [
        _growth_needed(purses(counts, growths), counts.sessions)
        for growths in (loss_growths(break_even), gain_growths(break_even))
    ]
    return min((wait for wait in waits if wait is not None), default=None)


def purses(counts: SessionCounts, growths: Growths) -> tuple[float, ...]:
    """The logarithm of each bet's purse after these sessions."""
    # A kind that did not occur is left out because nothing times infinite growth is not a number.
    seen = [(count, growth) for count, growth in zip(counts.counts, growths, strict=True) if count]
    return tuple(sum(count * growth[bet] for count, growth in seen) for bet in range(len(BETS)))


def log_mean_exp(logarithms: Sequence[float]) -> float:
    """ln of the mean of the purses, without leaving the logarithm."""
    top = max(logarithms)
    if top == inf:
        return inf
    return top + log(sum(exp(value - top) for value in logarithms) / len(logarithms))


def _growths(stakes: Sequence[float]) -> Growths:
    worst = -min(stakes)
    if worst <= 0:
        return tuple((inf if stake > 0 else 0.0,) * len(BETS) for stake in stakes)
    return tuple(tuple(_log_growths(stake / worst)) for stake in stakes)


def _log_growths(stake: float) -> Iterator[float]:
    return (log1p(bet * stake) for bet in BETS)


def _growth_needed(logarithms: Sequence[float], sessions: int) -> int | None:
    if sessions == 0:
        return None

    def proven(more: int) -> bool:
        grown = 1 + more / sessions
        return log_mean_exp([grown * value for value in logarithms]) >= log(NEEDED)

    more = bisect_left(range(FORECAST_LIMIT), True, key=proven)
    return more if more < FORECAST_LIMIT else None
