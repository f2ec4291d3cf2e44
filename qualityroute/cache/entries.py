"""What the cache keeps: a key, an answer that was proved once, and what serving it again was worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from qualityroute.records import Tier


@dataclass(frozen=True, slots=True)
class CacheKey:
    """A question, within those who may share its answer."""

    tenant: str
    session: str
    """Empty: every session of the tenant."""
    task: str
    digest: str
    """Of the question, of everything that shapes its answer, and once more of the above: 64 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Sense:
    """A question as those in other words are compared with it."""

    space: str
    """Of all that has to be equal, its scope included: 64 hexadecimal digits."""
    text: str
    vector: bytes
    """Of the text, of length 1: float32, little-endian."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer that passed its gate, and how it came about."""

    key: CacheKey
    tier: Tier
    model: str
    """`provider/model` that answered."""
    answer: str
    """Its words; where JSON was wanted, the JSON that was checked."""
    at: datetime
    until: datetime
    """It is served before this."""
    decision_id: str
    """The decision that it answered first."""
    cost: Decimal | None
    """USD that this decision took, which serving it again saves; `None` is unknown."""
    sense: Sense | None = None
    """Where it may be served to a question in other words as well."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A decision that was answered from the cache."""

    decision_id: str
    source: str
    """The decision whose answer was served."""
    saved: Decimal | None
    """USD that the source took."""


@dataclass(frozen=True, slots=True)
class CacheSummary:
    """What the cache did for one task."""

    hits: int
    saved: Decimal
    """USD, of the hits whose source has a known cost."""
    unknown: int
    """Hits whose source has none."""
