"""The sessions that are held on the performance tier now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from qualityroute.page.markup import Child, Markup, stranger, tag
from qualityroute.page.tables import stacking_table
from qualityroute.pins import Pin, alive
from qualityroute.render.words import distance, moment_text, reason_words

MOST_ROWS = 200
MOST_OF_A_SESSION = 60
MOST_OF_A_MESSAGE = 160


def pins_section(pins: Sequence[Pin], now: datetime) -> Markup:
    """Newest first; a page is no place for thousands."""
    active = sorted((pin for pin in pins if pin.held and alive(pin, now)), key=lambda pin: pin.since, reverse=True)
    return tag(
        "section",
        tag("h2", "Active pins", id="pins-heading"),
        _table(active[:MOST_ROWS], now) if active else tag("p", "No session is pinned: each starts on efficiency."),
        _more(len(active) - MOST_ROWS),
        id="pins",
        aria_labelledby="pins-heading",
        class_="card",
    )


def _table(pins: Sequence[Pin], now: datetime) -> Markup:
    tenants = {pin.key.tenant for pin in pins} != {"default"}
    columns = ["session", *(["tenant"] if tenants else []), "task", "why", "since", "until", "served", "failed probes"]
    return stacking_table("Sessions held on performance", columns, [_row(pin, now, tenants=tenants) for pin in pins])


def _row(pin: Pin, now: datetime, *, tenants: bool) -> list[Child]:
    tenant = [stranger(pin.key.tenant, MOST_OF_A_SESSION)] if tenants else []
    return [
        stranger(pin.key.session, MOST_OF_A_SESSION),
        *tenant,
        stranger(pin.key.task, MOST_OF_A_SESSION) if pin.key.task else "every task",
        [reason_words(pin.reason), _message(pin)],
        _when(pin.since, now),
        _when(pin.until, now),
        f"{pin.served:,}",
        f"{pin.failed_probes:,}",
    ]


def _message(pin: Pin) -> Child:
    return tag("span", stranger(pin.message, MOST_OF_A_MESSAGE), class_="message") if pin.message else None


def _when(moment: datetime, now: datetime) -> Markup:
    return tag("time", distance(moment, now), datetime=moment.isoformat(), title=moment_text(moment))


def _more(number: int) -> Markup | None:
    if number <= 0:
        return None
    return tag("p", f"And {number:,} more: ", tag("code", "qualityroute pins list"), " shows all.")
