"""Time and chance, handed in, so that no test has to sleep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Surroundings:
    sleep: Callable[[float], Awaitable[None]]
    clock: Callable[[], float]
    """Seconds, monotonic."""
    now: Callable[[], datetime]
    random: Callable[[], float]
