"""In what state a store is, and what tidying it up has done."""

from __future__ import annotations

from dataclasses import dataclass

from qualityroute.store.found import Place


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a store that must not be."""

    what: str
    examples: tuple[str, ...] = ()
    """Some of those concerned, such as ids of decisions."""
    remedy: str = ""
    """What to do about it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and what is wrong with it."""

    decisions: int | None
    """`None` where the tables could not be looked at."""
    pins: int | None
    version: int
    """Migrations that were applied."""
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one step of pruning did."""

    decisions: int
    rest: Place | None
    """From where the next step goes on; `None` when nothing is left that is old enough."""
