"""Names of what a work reads and then changes: two works that have one in common must not run at once.

They say which works of one transaction may leave their rows to be written together. A database that does not lock
itself as a whole takes them all at the beginning of a transaction and in order, so that no two transactions wait for
each other.
"""

from __future__ import annotations

from collections.abc import Iterable

from qualityroute.budgets import Pot
from qualityroute.labels import Audit, Fact
from qualityroute.pins import PinKey
from qualityroute.store.entry import Entry


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


PRUNING = ("cache",)
"""Answers that expired; two processes must not remove the same ones in another order."""


def of_entry(entry: Entry) -> list[str]:
    locks: list[str] = []
    if entry.facts:
        locks += of_facts(entry.facts)
    for owed in entry.owed:
        locks += of_pots(owed.reservation.pots)
    if entry.forecast is not None:
        locks.append(CELLS)
    if entry.keeps is not None:  # of two that answer the same, each in a batch with others
        locks.append(f"answer\\0{entry.keeps.key.digest}")
    told = entry.decision
    if told.session is not None:
        locks.append(of_session(told.tenant, told.session))
    if entry.pin_key is not None and (entry.pin_key.tenant, entry.pin_key.session) != (told.tenant, told.session):
        locks += of_pin(entry.pin_key)
    return locks
