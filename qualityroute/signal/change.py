"""On which date did a task's failure rate change? A Bernoulli likelihood ratio over buckets of first attempts.

The stream is the first attempt of each session, in order, in buckets of 20 (only full ones). After each bucket the
last 200 buckets of the epoch are split at every point τ, and

    G = max over τ of  L(k1, n1) + L(k2, n2) - L(k, n),    L(k, n) = k·ln(k/n) + (n-k)·ln(1 - k/n)

says how much better two rates explain them than one. The alarm is at G >= 11 with rates at least .05 apart; the new
epoch begins at the maximising τ, and the search goes on from there (judging.md C4; Bernoulli GLR: arXiv:1902.01575,
with the threshold lowered by simulation: about 3 % false alarms in 20,000 attempts).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, islice
from math import log

BUCKET = 20
"""Session-first attempts in a bucket."""
REACH = 200
"""Buckets looked back."""
THRESHOLD = 11.0
LEAST_STEP = 0.05
"""A smaller difference of rates is no change worth a word."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the failure rate."""

    bucket: int
    """Index of the first bucket of the new epoch."""
    before: float
    after: float
    """Rates on both sides when the alarm was raised, inside its reach."""
    seen: int
    """Index of the bucket that raised the alarm."""
    strength: float
    """G at the alarm."""

    @property
    def attempt(self) -> int:
        """Index of the session-first attempt that begins the new epoch; its date is the date of the change."""
        return self.bucket * BUCKET

    @property
    def worse(self) -> bool:
        return self.after > self.before


def bucket_failures(failures: Iterable[bool]) -> list[int]:
    """Failures in each full bucket of session-first attempts, in order; what does not fill a bucket is left out."""
    stream = iter(failures)
    buckets = []
    while len(bucket := list(islice(stream, BUCKET))) == BUCKET:
        buckets.append(sum(bucket))
    return buckets


def find_changes(failures: Sequence[int]) -> tuple[Change, ...]:
    """Every change in a stream of buckets, one after another; `failures` counts the failures of each bucket."""
    if any(not 0 <= count <= BUCKET for count in failures):
        raise ValueError(f"a bucket holds {BUCKET} attempts; right is 0 to {BUCKET} failures in each")
    sums = list(accumulate(failures, initial=0))
    changes: list[Change] = []
    epoch = 0
    for end in range(2, len(sums)):
        change = _change_within(sums, max(epoch, end - REACH), end)
        if change is not None:
            changes.append(change)
            epoch = change.bucket
    return tuple(changes)


def _change_within(sums: Sequence[int], start: int, end: int) -> Change | None:
    gains = _gains(sums, start, end)
    strength = max(gains)
    if strength < THRESHOLD:
        return None
    bucket = start + 1 + gains.index(strength)
    before = (sums[bucket] - sums[start]) / (BUCKET * (bucket - start))
    after = (sums[end] - sums[bucket]) / (BUCKET * (end - bucket))
    if abs(after - before) < LEAST_STEP:
        return None
    return Change(bucket=bucket, before=before, after=after, seen=end - 1, strength=strength)


def _gains(sums: Sequence[int], start: int, end: int) -> list[float]:
    """G for a split before each bucket after the first. L(k, n) = k·ln k + (n-k)·ln(n-k) - n·ln n, from a table."""
    table = _times_log()
    below, total, attempts = sums[start], sums[end] - sums[start], BUCKET * (end - start)
    whole = _log_likelihood(total, attempts)
    return [
        table[failed := reached - below]
        + table[(first := BUCKET * place) - failed]
        - table[first]
        + table[rest := total - failed]
        + table[(last := attempts - first) - rest]
        - table[last]
        - whole
        for place, reached in enumerate(sums[start + 1 : end], 1)
    ]


def _log_likelihood(failures: int, attempts: int) -> float:
    table = _times_log()
    return table[failures] + table[attempts - failures] - table[attempts]


@cache
def _times_log() -> tuple[float, ...]:
    """x·ln x for every count that a window can hold."""
    return (0.0, *(count * log(count) for count in range(1, BUCKET * REACH + 1)))
