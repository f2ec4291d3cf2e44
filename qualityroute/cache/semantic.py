"""When an earlier answer may be served to a question in other words. Pure; see `docs/cache.md`.

A vector's nearness only says which earlier questions are worth a look. Then both have to be read whole by what makes
the vectors, nothing that `likeness` sees may differ, the answer has to pass the free checks of the gate with the new
input, and the judge is asked of it: always, until so many were right that at most a share of `false_hits` is wrong with
confidence 0.95; of a share of them afterwards. The method is that of vCache (arXiv:2502.03771), pooled by pipeline
instead of by entry, since an entry of its own is seldom met often enough to learn from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from qualityroute.cache.entries import CacheKey, Stored
from qualityroute.cache.likeness import difference, likeness
from qualityroute.calibration import one_look, upper_bound

DELTA = 0.05
"""One minus the confidence of the bound."""
NEWEST = 1_000
"""Answers that the judge was asked of, by which the bound goes: older ones say less of today."""
MOST_NEIGHBOURS = 16
"""Earlier questions that are looked at, the nearest first."""


class Fate(StrEnum):
    """What looking for an answer to a question like it came to."""

    SERVED = "served"
    """Without asking the judge."""
    CONFIRMED = "confirmed"
    """Served; the judge was asked, and found it right."""
    WRONG = "wrong"
    """The judge found it wrong."""
    UNDECIDED = "undecided"
    """The judge could not say."""
    REFUSED = "refused"
    """A free check of the gate did not pass it."""
    ALONE = "alone"
    """No earlier question is near enough."""
    WINDOW = "window"
    """The question is longer than what makes the vectors reads."""
    FAILED = "failed"
    """There was no vector, or no time."""
    NUMBERS = "numbers"
    DATES = "dates"
    UNITS = "units"
    QUOTED = "quoted"
    NAMES = "names"
    POLARITY = "polarity"
    ASKS = "asks"
    ORDER = "order"
    WORDS = "words"

    @property
    def told(self) -> str:
        """In words, for people."""
        return _TOLD[self]

    @property
    def is_hit(self) -> bool:
        return self in (Fate.SERVED, Fate.CONFIRMED)

    @property
    def was_checked(self) -> bool:
        return self in (Fate.CONFIRMED, Fate.WRONG)


_TOLD: dict[Fate, str] = {
    Fate.SERVED: "served, the judge unasked",
    Fate.CONFIRMED: "served, the judge agreed",
    Fate.WRONG: "the judge found it wrong",
    Fate.UNDECIDED: "the judge could not say",
    Fate.REFUSED: "a free check refused it",
    Fate.ALONE: "no question is near enough",
    Fate.WINDOW: "longer than the embeddings model reads",
    Fate.FAILED: "no vector, or no time",
    Fate.NUMBERS: "other numbers",
    Fate.DATES: "other dates",
    Fate.UNITS: "other units",
    Fate.QUOTED: "other quotations",
    Fate.NAMES: "other names",
    Fate.POLARITY: "the opposite",
    Fate.ASKS: "another kind of question",
    Fate.ORDER: "the same words, put together differently",
    Fate.WORDS: "other words",
}


@dataclass(frozen=True, slots=True)
class Space:
    """Questions that are alike in all but the text that is compared, and one of them."""

    key: CacheKey
    text: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An earlier question's vector."""

    decision_id: str
    vector: bytes
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """An earlier question, and its answer."""

    text: str
    stored: Stored


@dataclass(frozen=True, slots=True)
class Likening:
    """What looking for an answer came to, for the ledger."""

    fingerprint: str
    """Of the pipeline, and of what likens questions."""
    fate: Fate
    similarity: float | None = None
    """Of the nearest one, or of the one that was served or judged."""
    propensity: float | None = None
    """The chance with which the judge was to be asked; `None` where nothing came so far."""
    source: str | None = None
    """The decision whose answer it was."""
    cost: Decimal | None = Decimal(0)
    """USD that looking took; `None` is unknown."""
    saved: Decimal | None = None
    """USD that the answer took when it was given, of hits."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of answers in question that the judge was asked of."""

    checked: int = 0
    wrong: int = 0

    @property
    def bound(self) -> float:
        """At most this share is wrong, with confidence 0.95 (Clopper and Pearson): 3/`checked`, if none was."""
        return upper_bound(self.wrong, self.checked, delta=DELTA) if self.checked else 1.0


@dataclass(frozen=True, slots=True)
class LikeningSummary:
    """What looking for answers in other words came to, for one task."""

    fates: dict[Fate, int]
    cost: Decimal
    """USD of vectors and judge, as far as it is known."""
    unknown: int
    """How often it is not."""
    saved: Decimal
    """USD that the hits' answers took when they were given, as far as that is known."""


def propensity(evidence: Evidence, *, false_hits: float, recheck: float) -> float:
    """The chance with which the judge is to be asked of the next answer."""
    proven = evidence.checked > 0 and one_look(evidence.wrong, evidence.checked, false_hits, DELTA)
    return recheck if proven else 1.0


def is_too_long(text: str, window: int) -> bool:
    """Longer than an encoder reads, whichever it is: a word is no less than a token, and none has 32 characters."""
    return len(text) > 32 * window or len(text.split()) >= window


def is_whole(text: str, window: int, counted: int | None) -> bool:
    """Was the text read to its end?

    Args:
        counted: tokens that the endpoint says it read; a cut text fills the window. `None` where it does not say: then
            only what is short enough in bytes is, since a token is one at least, and two are the text's ends.
    """
    tokens = counted if counted else len(text.encode("utf-8", "surrogatepass")) + 2
    return tokens < window


T = TypeVar("T", bound=Candidate)


def alike(text: str, candidates: Iterable[T]) -> tuple[list[T], Fate]:
    """Those with nothing against them, in their order; and what speaks against the first of the others."""
    asked, found, objection = likeness(text), list[T](), None
    for candidate in candidates:
        why = difference(likeness(candidate.text), asked)
        if why is None:
            found.append(candidate)
        else:
            objection = objection or Fate(why)
    return found, objection or Fate.ALONE
