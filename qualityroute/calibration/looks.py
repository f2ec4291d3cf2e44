"""How often labels were looked at, and how much of the confidence that took.

The exact test is for one look: asked again whenever a few labels have arrived, it certifies a useless judge far more
often than in a share delta of cases (judging.md B3). So each look has a level of its own, and by the union bound the
levels together are the chance of a false certificate, whatever the looks have in common. A certificate promises a
confidence of 1 - delta where all looks at one pipeline's labels, its own among them, spent no more than delta. The
anytime test spends its level once, however often it is asked, as long as its thresholds stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import fsum
from typing import Literal

Test = Literal["exact", "anytime"]
LEAST_LEVEL = 1e-6
"""What is left by rounding is nothing left."""


@dataclass(frozen=True, slots=True)
class Look:
    """One time that labels of a pipeline were looked at."""

    task: str
    pipeline: str
    at: datetime
    test: Test
    level: float
    """The chance of a false certificate that this look took."""
    cases: int
    thresholds: tuple[float, ...] = ()
    """Of the anytime test: fixed at its first look, from scores alone."""


def spent(looks: Sequence[Look]) -> float:
    """The levels of all looks; further ones of the anytime test cost nothing."""
    exact = [look.level for look in looks if look.test == "exact"]
    anytime = [look.level for look in looks if look.test == "anytime"]
    return fsum([*exact, *anytime[:1]])


def anytime_look(looks: Sequence[Look]) -> Look | None:
    """The first look of the anytime test, whose thresholds and level hold for all its others."""
    return next((look for look in looks if look.test == "anytime"), None)


def level_left(looks: Sequence[Look], delta: float, *, planned: int = 1) -> float | None:
    """The level of the next look, for a certificate of confidence 1 - delta; `None` where nothing is left.

    Args:
        looks: those taken at this pipeline's labels so far.
        planned: how many looks the rest is to be shared by, this one among them.
    """
    left = delta - spent(looks)
    return left / planned if left > LEAST_LEVEL else None
