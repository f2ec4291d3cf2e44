"""Sessions held on the performance tier, why, and the button that lets one go."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime

from qualityroute.gateway.dashboard.doorkeeper import PATH, Visit
from qualityroute.gateway.dashboard.layout import Page, form
from qualityroute.gateway.dashboard.rows import decision_path, search_link, when
from qualityroute.page.markup import Child, Markup, stranger, tag
from qualityroute.page.tables import stacking_table
from qualityroute.pins import Pin, PinKey
from qualityroute.render.safe import visible
from qualityroute.render.words import reason_words

HERE = f"{PATH}/pins"
RELEASE = f"{HERE}/release"
ROWS = 200
MOST_OF_A_NAME = 60
MOST_OF_A_MESSAGE = 160
DONE = {
    "released": "The pin is released: its session starts on the efficiency tier again.",
    "gone": "That pin was gone already: its session starts on the efficiency tier.",
}


def pins_page(pins: Sequence[Pin], session: str, done: str, visit: Visit, now: datetime) -> Page:
    """`pins`: up to `ROWS` and one more, which only says that there are more."""
    shown = pins[:ROWS]
    more = f"Only the newest {ROWS} are listed; look for a session to find others." if len(pins) > ROWS else None
    return Page(
        "Pins",
        [
            tag("p", DONE[done], role="status", class_="done") if done in DONE else None,
            _form(session),
            tag(
                "section",
                _table(shown, visit, now) if shown else tag("p", _none(session)),
                tag("p", more, class_="why") if more else None,
                aria_label="Active pins",
                class_="card",
            ),
        ],
        below="Sessions held on the performance tier after a rejected answer, or by hand.",
        here=HERE,
    )


def _none(session: str) -> Child:
    if not session:
        return "No session is pinned: each starts on the efficiency tier."
    return ["Session ", stranger(session, MOST_OF_A_NAME), " has no pin: it starts on the efficiency tier."]


def _form(session: str) -> Markup:
    given = tag("input", id="find-session", name="session", value=session, autocomplete="off")
    label = tag("label", "Session", for_="find-session")
    clear = tag("a", "Clear", href=HERE) if session else None
    buttons = tag("p", tag("button", "Search", type="submit"), clear, class_="buttons")
    return tag(
        "form",
        tag("div", tag("div", label, given), class_="fields"),
        buttons,
        role="search",
        aria_label="Pins",
        action=HERE,
        class_="search card short",
    )


def _table(pins: Sequence[Pin], visit: Visit, now: datetime) -> Markup:
    tenants = any(pin.tenant != "default" for pin in pins)
    tasks = any(pin.task for pin in pins)
    optional = [name for name, shown in (("tenant", tenants), ("task", tasks)) if shown]
    columns = ["session", *optional, "why", "since", "until", "served", "failed probes", "release"]
    rows = [_row(pin, visit, now, tenants=tenants, tasks=tasks) for pin in pins]
    return stacking_table("Active pins, the newest first", columns, rows)


def _row(pin: Pin, visit: Visit, now: datetime, *, tenants: bool, tasks: bool) -> list[Child]:
    tenant = [stranger(pin.tenant, MOST_OF_A_NAME)] if tenants else []
    task = [stranger(pin.task, MOST_OF_A_NAME) if pin.task else "every task"] if tasks else []
    return [
        search_link(pin.session, "session"),
        *tenant,
        *task,
        [reason_words(pin.reason), _message(pin), _decision(pin)],
        when(pin.since, now),
        when(pin.until, now),
        f"{pin.served:,}",
        f"{pin.failed_probes:,}",
        _button(pin, visit),
    ]


def _message(pin: Pin) -> Child:
    return tag("span", stranger(pin.message, MOST_OF_A_MESSAGE), class_="message") if pin.message else None


def _decision(pin: Pin) -> Child:
    return tag("a", "the decision", href=decision_path(pin.decision_id), class_="small") if pin.decision_id else None


def _button(pin: Pin, visit: Visit) -> Markup:
    name = f"Release session {visible(pin.session, MOST_OF_A_NAME)}"
    button = tag("button", "Release", type="submit", aria_label=name)
    return form(RELEASE, visit, tag("input", type="hidden", name="pin", value=written(pin.key)), button)


def written(key: PinKey) -> str:
    """A pin's key as a form carries it: letters that neither a browser nor a page changes."""
    return urlsafe_b64encode(json.dumps([key.tenant, key.session, key.task]).encode()).decode()


def key_of(text: str) -> PinKey | None:
    """The key that was written; `None` where the text is no key."""
    try:
        found = json.loads(urlsafe_b64decode(text.encode()))
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list) and len(found) == 3 and all(isinstance(part, str) for part in found):
        return PinKey(*found)
    return None
