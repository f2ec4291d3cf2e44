"""What is written down of one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from qualityroute.budgets import Owed
from qualityroute.cache import Hit, Likening, Stored
from qualityroute.complexity import Forecast
from qualityroute.config import Pins
from qualityroute.labels import Fact
from qualityroute.pins import PinEvent, PinKey
from qualityroute.records import Decision


@dataclass(frozen=True, slots=True)
class Entry:
    """One finished request, as it goes into the ledger, with what it means for its pin."""

    decision: Decision
    pin_key: PinKey | None = None
    event: PinEvent | None = None
    policy: Pins = field(default_factory=Pins)
    payloads: Mapping[str, str] = field(default_factory=dict)
    """Prompts and answers to keep, by kind; empty when they are not kept."""
    facts: Sequence[Fact] = ()
    """What it adds to the ground truth."""
    forecast: Forecast | None = None
    """What was predicted of it; its outcome goes into the forecast's cells. `None`: nothing was."""
    owed: Sequence[Owed] = ()
    """Costs of its calls that are not counted as spent yet."""
    keeps: Stored | None = None
    """Its answer, to be served again; in place of the one that is kept under its key and tier."""
    hit: Hit | None = None
    """The answer that it was served again."""
    likening: Likening | None = None
    """What looking for an earlier answer to a question like it came to. `None`: nobody looked."""
