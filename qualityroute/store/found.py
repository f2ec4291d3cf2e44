"""Decisions as they are looked for, and found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from qualityroute.records import Decision, Outcome, Reason


@dataclass(frozen=True, slots=True)
class Search:
    """Which decisions are looked for; `None` is any."""

    session: str | None = None
    task: str | None = None
    outcome: Outcome | None = None
    reason: Reason | None = None
    tenant: str | None = None
    model: str | None = None
    """`provider/model` that answered."""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A decision's place in the ledger, which is in the order of times, then ids."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Found:
    """A page of decisions, the newest first, without their attempts."""

    decisions: tuple[Decision, ...]
    rest: Place | None = None
    """Where to look on; `None` where there is nothing older. A page that is not full ends where looking ended."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision with what the ledger says beside it."""

    decision: Decision
    """Without completions and outputs."""
    session_attempt: int | None
    """Which judged attempt of its session it was."""
    payloads: Mapping[str, str] = field(default_factory=dict)
