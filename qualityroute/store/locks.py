"""Names of what a work reads and then changes: two works that have one in common must not run at once.

A database that locks itself as a whole needs none of them. One that does not takes them all at the beginning of a
transaction and in order, so that no two transactions wait for each other.
"""

from __future__ import annotations

from collections.abc import Iterable

from qualityroute.budgets import Pot
from qualityroute.labels import Audit, Fact
from qualityroute.pins import PinKey
from qualityroute.store.interface import Entry


def of_session(tenant: str, session: str) -> str:
    """Its pins, and the numbers of its judged attempts."""
    return f"session\0{tenant}\0{session}"


def of_pin(key: PinKey) -> list[str]:
    return [of_session(key.tenant, key.session)]


def of_pots(pots: Iterable[Pot]) -> list[str]:
    """What is spent and reserved of each."""
    return [f"pot\0{pot.scope}\0{pot.tenant}\0{pot.name}\0{pot.day or ''}" for pot in pots]


def of_facts(facts: Iterable[Fact]) -> list[str]:
    """The certificates that audits watch over."""
    return [f"certificate\0{fact.certificate}" for fact in facts if isinstance(fact, Audit) and fact.certificate]


CELLS = "cells"
"""Of all tasks, since the outcomes of all of them go into one cell besides their own."""


def of_entry(entry: Entry) -> list[str]:
    locks = [*of_facts(entry.facts), *of_pots(pot for owed in entry.owed for pot in owed.reservation.pots)]
    if entry.forecast is not None:
        locks.append(CELLS)
    if entry.decision.session is not None:
        locks.append(of_session(entry.decision.tenant, entry.decision.session))
    return locks if entry.pin_key is None else [*locks, *of_pin(entry.pin_key)]
