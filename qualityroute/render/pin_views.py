"""Pins as people read them: a table of all, a card of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.box import Box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from qualityroute.pins import Pin, PinState
from qualityroute.quantities import counted
from qualityroute.records import Reason
from qualityroute.render.safe import safe_text
from qualityroute.render.tables import Stacking, facts, table
from qualityroute.render.words import distance, moment_text, reason_words

MOST_OF_A_MESSAGE = 90
LEAST_FOR_WHY = 24
"""Characters of a line: with fewer, a reason is a word a line."""
LONGEST_TIME = len("119 min ago")


def pin_table(pins: Sequence[Pin], now: datetime, box: Box | None = None) -> RenderableType:
    """One line for each pin, the reason in words."""
    if not pins:
        return Text("No session is pinned: each starts on the efficiency tier.")
    tenants = {pin.key.tenant for pin in pins} != {"default"}
    tasks = any(pin.key.task for pin in pins)
    shown = table(box)
    for name, wanted in (("session", True), ("tenant", tenants), ("task", tasks)):
        if wanted:
            shown.add_column(name, overflow="fold")
    shown.add_column("why", overflow="fold", min_width=LEAST_FOR_WHY)
    for name in ("since", "until"):
        shown.add_column(name, no_wrap=True, min_width=LONGEST_TIME)
    shown.add_column("served", no_wrap=True, justify="right")
    for pin in pins:
        _add(shown, pin, now, tenants=tenants, tasks=tasks)
    return Stacking(shown)


def _add(shown: Table, pin: Pin, now: datetime, *, tenants: bool, tasks: bool) -> None:
    cells = [safe_text(pin.key.session, most=60)]
    cells += [safe_text(pin.key.tenant, most=60)] if tenants else []
    cells += [safe_text(pin.key.task)] if tasks else []
    times = [Text(distance(pin.since, now)), Text(distance(pin.until, now)), Text(str(pin.served))]
    shown.add_row(*cells, why(pin), *times)


def why(pin: Pin) -> Text:
    """`the judge said no: supported`, or what the person who pinned it wrote."""
    text = Text(reason_words(pin.reason))
    return text.append(": ").append_text(safe_text(pin.message, "dim", most=MOST_OF_A_MESSAGE)) if pin.message else text


def pin_card(pin: Pin, now: datetime) -> RenderableType:
    """Everything about one pin."""
    heading = Text.assemble("Session ", safe_text(pin.key.session, "bold", most=300), f" is {_held(pin)}.")
    rows: list[tuple[str, RenderableType]] = [
        ("why", _why_in_full(pin)),
        ("answer of", safe_text(pin.model)),
        ("decision", safe_text(pin.decision_id)),
        ("tenant", safe_text(pin.key.tenant)),
        ("task", safe_text(pin.key.task or "every task of the session")),
        ("since", _when(pin.since, now)),
        ("until", _when(pin.until, now)),
        ("served", Text(counted(pin.served, "request") + " on the performance tier")),
        ("next probe", Text(_next_probe(pin))),
    ]
    return Group(heading, facts([(name, value) for name, value in rows if str(value)]))


def _why_in_full(pin: Pin) -> Text:
    text = Text(reason_words(pin.reason))
    if pin.check and pin.reason is not Reason.JUDGED:  # whose words name the check already
        text.append_text(Text.assemble(", by ", safe_text(pin.check)))
    return text.append(": ").append_text(safe_text(pin.message, most=1000)) if pin.message else text


def _held(pin: Pin) -> str:
    match pin.state:
        case PinState.HELD:
            return "held on the performance tier"
        case PinState.HALF_OPEN:
            return "held on the performance tier, and its next request probes efficiency"
        case PinState.WATCHING:
            return "watched, not pinned yet"


def _next_probe(pin: Pin) -> str:
    if pin.reason is Reason.MANUAL:
        return "never: it was pinned by hand"
    so_far = _probes_so_far(pin)
    if pin.remaining:
        return f"after {counted(pin.remaining, 'more request')}{f' ({so_far})' if so_far else ''}"
    return f"with the next request{f' ({so_far})' if so_far else ''}"


def _probes_so_far(pin: Pin) -> str:
    passed = f"{pin.passed_probes} passed in a row" if pin.passed_probes else ""
    failed = f"{pin.failed_probes} failed" if pin.failed_probes else ""
    return ", ".join(filter(None, (passed, failed)))


def _when(moment: datetime, now: datetime) -> Text:
    return Text.assemble(moment_text(moment), (f" ({distance(moment, now)})", "dim"))
