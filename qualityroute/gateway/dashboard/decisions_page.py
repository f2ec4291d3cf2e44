"""The latest decisions, looked for by what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from qualityroute.gateway.dashboard.doorkeeper import PATH
from qualityroute.gateway.dashboard.layout import Page
from qualityroute.gateway.dashboard.rows import decisions_table
from qualityroute.gateway.dashboard.search import Asked
from qualityroute.page.markup import Child, Markup, tag
from qualityroute.quantities import counted
from qualityroute.records import Outcome, Reason
from qualityroute.render.words import moment_text, reason_words
from qualityroute.store import Found

HERE = f"{PATH}/decisions"
ROWS = 50


def decisions_page(asked: Asked, found: Found, tasks: Iterable[str], models: Iterable[str], now: datetime) -> Page:
    return Page(
        "Decisions",
        [
            _form(asked, tasks, models, closed=not asked.told),
            tag("section", _results(asked, found, now), aria_label="Found", class_="card"),
        ],
        below=_told(asked),
        here=HERE,
    )


def unsearchable_page(asked: Asked, why: str, tasks: Iterable[str], models: Iterable[str]) -> Page:
    """Says what is wrong with what was asked, over the form that can be put right."""
    trouble = tag("p", why, role="alert", class_="unknown")
    return Page("Decisions", [trouble, _form(asked, tasks, models, closed=False)], here=HERE, status=400)


def _told(asked: Asked) -> Child:
    place = f", before {moment_text(asked.before.at)}" if asked.before else ""
    if not asked.told:
        return f"The newest first{place}."
    told = [f"{field} {value}" for field, value in asked.told.items()]
    return f"With {', '.join(told)}{place}; the newest first."


def _results(asked: Asked, found: Found, now: datetime) -> Child:
    shown: list[Child] = []
    if found.decisions:
        shown.append(decisions_table(found.decisions, now, _caption(found)))
    elif found.rest is None:
        shown.append(tag("p", "No decision is like this." if asked.told else "No decision is recorded yet."))
    if found.rest is not None:
        shown.append(_onward(asked, found))
    return shown


def _caption(found: Found) -> str:
    return f"{counted(len(found.decisions), 'decision')}{', and older ones may follow' if found.rest else ''}"


def _onward(asked: Asked, found: Found) -> Markup:
    assert found.rest is not None
    cut = len(found.decisions) < ROWS
    words = f"Looked back to {moment_text(found.rest.at)}. " if cut else None
    link = tag("a", "Look further back" if cut else "Older decisions", href=asked.path_to(found.rest), rel="next")
    return tag("p", words, link, class_="onward")


def _form(asked: Asked, tasks: Iterable[str], models: Iterable[str], *, closed: bool) -> Markup:
    told = asked.told
    fields = [
        _field("session", "Session", told),
        _field("task", "Task", told, options=tasks),
        _choice("outcome", "Outcome", told, [(outcome.value, outcome.value) for outcome in Outcome]),
        _choice("reason", "Reason", told, [(reason.value, reason_words(reason)) for reason in Reason]),
        _field("model", "Answered by", told, options=models, hint="provider/model"),
        _field("tenant", "Tenant", told),
        _field("since", "Since", told, hint="7d or 2026-11-01"),
        _field("id", "Decision id", {}),
    ]
    clear = None if closed else tag("a", "Clear", href=HERE)
    buttons = tag("p", tag("button", "Search", type="submit"), clear, class_="buttons")
    return tag(
        "form",
        tag("div", fields, class_="fields"),
        buttons,
        role="search",
        aria_label="Decisions",
        action=HERE,
        class_="search card",
    )


def _field(name: str, label: str, told: Mapping[str, str], *, options: Iterable[str] = (), hint: str = "") -> Markup:
    value = told.get(name, "")
    known = sorted(set(options))
    listed = f"{name}-known" if known else None
    given = tag(
        "input", id=f"find-{name}", name=name, value=value, list=listed, placeholder=hint or None, autocomplete="off"
    )
    choices = tag("datalist", [tag("option", value=option) for option in known], id=listed) if known else None
    return tag("div", tag("label", label, for_=f"find-{name}"), given, choices)


def _choice(name: str, label: str, told: Mapping[str, str], options: Sequence[tuple[str, str]]) -> Markup:
    chosen = told.get(name)
    listed = [tag("option", words, value=value, selected=value == chosen) for value, words in (("", "any"), *options)]
    return tag("div", tag("label", label, for_=f"find-{name}"), tag("select", listed, id=f"find-{name}", name=name))
